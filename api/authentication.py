"""Who asks: users by token or session, runs by a token of their own, services by the internal token."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed

from polyaxon.db.models import Token, User
from polyaxon.security import ephemeral, tokens
from polyaxon.settings import secrets_file

if TYPE_CHECKING:
    from rest_framework.request import Request

INTERNAL_SERVICES = frozenset({"dockerizer", "initializer", "sidecar", "helper", "runner", "controller"})
EPHEMERAL_SERVICES = frozenset({"runner"})
INTERNAL_HEADER = "X-Polyaxon-Internal"


class InternalUser(AnonymousUser):
    """One of the platform's own services. It may use the endpoints that accept it, on every project."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    @property
    def is_authenticated(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_anonymous(self) -> bool:  # type: ignore[override]
        return False

    def __str__(self) -> str:
        return f"service {self.service}"


class _KeywordAuthentication(BaseAuthentication):
    """`Authorization: <keyword> <key>`, the keyword in any case."""

    keyword: str

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != self.keyword.lower().encode():
            return None
        if len(parts) != 2:  # noqa: PLR2004 - keyword and key
            raise AuthenticationFailed(f"The Authorization header must read `{self.keyword} <key>`.")
        try:
            key = parts[1].decode()
        except UnicodeDecodeError:
            raise AuthenticationFailed("The token has characters that no token has.") from None
        return self.check(key, request)

    def check(self, key: str, request: Request) -> tuple[Any, Any] | None:
        raise NotImplementedError

    def authenticate_header(self, request: Request) -> str:
        del request
        return self.keyword


class TokenAuthentication(_KeywordAuthentication):
    """A token of a user or of a run; `request.auth` is its row."""

    keyword = "Token"

    def check(self, key: str, request: Request) -> tuple[User, Token]:
        del request
        token = tokens.find(key)
        if token is None:
            raise AuthenticationFailed("The token is unknown or has expired. Log in again.")
        return token.user, token


class InternalTokenAuthentication(_KeywordAuthentication):
    """The secret shared by the platform's services, together with the name of the service."""

    keyword = "Internaltoken"  # written so in 401 answers; in any case in requests

    def check(self, key: str, request: Request) -> tuple[InternalUser, None] | None:
        service = request.headers.get(INTERNAL_HEADER, "")
        if service not in INTERNAL_SERVICES:
            return None
        if not secrets.compare_digest(key.encode(), internal_secret().encode()):
            raise AuthenticationFailed("The internal token is wrong.")
        return InternalUser(service), None


class EphemeralUser(InternalUser):
    """A run that has not its own token yet. Only the view that gives it one lets it in."""

    def __init__(self, service: str, scope: list[str]) -> None:
        super().__init__(service)
        self.scope = scope


class EphemeralAuthentication(_KeywordAuthentication):
    """A token for one use, together with the name of the service. Looking at it uses it up."""

    keyword = "EphemeralToken"

    def check(self, key: str, request: Request) -> tuple[EphemeralUser, None] | None:
        service = request.headers.get(INTERNAL_HEADER, "")
        if service not in EPHEMERAL_SERVICES:
            return None
        scope = ephemeral.consume(key)
        if scope is None:
            raise AuthenticationFailed("The token is wrong, has expired or was used before.")
        return EphemeralUser(service, scope), None


USER_AUTHENTICATION = (TokenAuthentication, SessionAuthentication)
# The order matters: the first one names the scheme in the 401.
SERVICE_AUTHENTICATION = (TokenAuthentication, InternalTokenAuthentication, SessionAuthentication)


def internal_secret() -> str:
    """The configured secret, or one that was generated into the data folder; never empty."""
    configured: str = settings.CONFIG.core.secret_internal_token
    return configured or _generated_secret()


@cache
def _generated_secret() -> str:
    return secrets_file.read_or_create(settings.CONFIG.data_dir, "internal-token")


def run_token(request: Request) -> Token | None:
    """The token with which a run asks; None when somebody else does."""
    token = request.auth
    return token if isinstance(token, Token) and token.run is not None else None
