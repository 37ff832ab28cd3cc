"""Rates of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from api.authentication import InternalUser, run_token

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class _PeerAddress(SimpleRateThrottle):
    """Counts by the peer's address: a forwarded-for header could name a new one with each request."""

    def get_ident(self, request: Request) -> str:
        return str(request.META.get("REMOTE_ADDR"))


class AnonymousRate(_PeerAddress, AnonRateThrottle):
    """Requests without credentials."""


class UserRate(_PeerAddress, UserRateThrottle):
    """Requests of one user. Runs and services are not slowed: their number is bounded by what was started."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        if isinstance(request.user, InternalUser) or run_token(request):
            return True
        return super().allow_request(request, view)


class LoginRate(_PeerAddress):
    """Attempts to log in."""

    scope = "login"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        del view
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
