"""Rates of requests.

One counter per caller and window, which opens with the caller's first request: two small cache operations a request,
however high the rate. Processes share the counters when they share a cache.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from rest_framework.throttling import SimpleRateThrottle

from api.addresses import client_address
from api.authentication import InternalUser, run_token

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class Rate(SimpleRateThrottle):
    """Base: subclasses name their scope, which is that of a setting, and whom they count."""

    num_requests: int | None
    duration: int | None
    opened: str | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.get_cache_key(request, view)
        if key is None or self.num_requests is None:
            return True
        return self._count(key) <= self.num_requests

    def _count(self, key: str) -> int:
        """Number of requests in the open window, this one included."""
        assert self.duration is not None
        self.opened = f"{key}:until"
        for _ in range(2):  # the window may be closed just now, or opened by another
            with suppress(ValueError):
                return int(self.cache.incr(key))
            if self.cache.add(key, 1, self.duration):
                self.cache.set(self.opened, time.time() + self.duration, self.duration)
                break
        return 1

    def wait(self) -> float | None:
        """Seconds until the window closes."""
        until = self.cache.get(self.opened)
        return max(1.0, until - time.time()) if until else 1.0

    def get_ident(self, request: Request) -> str:
        return client_address(request)

    def bucket(self, ident: object) -> str:
        return self.cache_format % {"scope": self.scope, "ident": ident}


class AnonymousRate(Rate):
    """Requests without credentials."""

    scope = "anon"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        return None if request.user and request.user.is_authenticated else self.bucket(self.get_ident(request))


class UserRate(Rate):
    """Requests of one user. Runs are not slowed: their number is bounded by what was started."""

    scope = "user"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        if isinstance(request.user, InternalUser) or run_token(request):
            return None
        return self.bucket(
            request.user.pk if request.user and request.user.is_authenticated else self.get_ident(request)
        )


class AdminRate(UserRate):
    """Changes of other people's accounts."""

    scope = "admin"


class HighRate(UserRate):
    """Metrics that a user posts, apart from the user's other requests."""

    scope = "high"


class _ServiceRate(Rate):
    """Requests of one service from one address: a busy one does not slow the others."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        user = request.user
        return self.bucket(f"{user.service}:{self.get_ident(request)}") if isinstance(user, InternalUser) else None


class InternalRate(_ServiceRate):
    """What the platform's own services ask."""

    scope = "internal"


class ImpersonateRate(_ServiceRate):
    """Tokens that services ask for in the name of a run."""

    scope = "impersonate"


class LoginRate(Rate):
    """Attempts to log in from one address."""

    scope = "login"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        del view
        return self.bucket(self.get_ident(request))


class LoginNameRate(Rate):
    """Attempts to log in as one user, from wherever."""

    scope = "login_name"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        name = request.user.get_username() if request.user and request.user.is_authenticated else _posted_name(request)
        return self.bucket(hashlib.sha256(name.lower().encode("utf-8", "replace")).hexdigest()) if name else None


def _posted_name(request: Request) -> str:
    name = request.data.get("username") if hasattr(request.data, "get") else None
    return name if isinstance(name, str) else ""


# Whoever tries passwords meets both.
LOGIN_RATES = (LoginRate, LoginNameRate)


class ChecksRate(Rate):
    """Health and status, from one address."""

    scope = "checks"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        del view
        return self.bucket(self.get_ident(request))
