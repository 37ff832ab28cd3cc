"""Sessions of browsers, and passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.middleware.csrf import get_token
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.throttling import LOGIN_RATES, AnonymousRate, UserRate
from api.views import BaseView
from polyaxon.actions.passwords import change_password
from polyaxon.db.models import Token, User
from polyaxon.errors import InvalidInput

if TYPE_CHECKING:
    from rest_framework.request import Request


SESSION_BACKEND = "django.contrib.auth.backends.ModelBackend"


class SecretField(serializers.CharField):
    """A password: taken as it is, never given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, max_length=4096, write_only=True, **options)


class SignInSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = SecretField()


class SessionSerializer(serializers.Serializer[Any]):
    """`user` is null without a session."""

    user = serializers.CharField(allow_null=True, read_only=True)
    csrf_token = serializers.CharField(read_only=True, help_text="For the header X-CSRFToken.")


class PasswordSerializer(serializers.Serializer[Any]):
    old = SecretField()
    new = SecretField()


def sign_in(request: Request, username: str, password: str) -> User:
    """The active user of that name and password. Raises 400."""
    user = authenticate(request._request, username=username, password=password)  # noqa: SLF001
    if not isinstance(user, User):
        raise InvalidInput("The name or the password is wrong.", field="non_field_errors")
    return user


def open_session(request: Request, user: User) -> None:
    """A session of `user` in this browser; one that was open before is closed."""
    login(request._request, user, backend=SESSION_BACKEND)  # noqa: SLF001


def same_site(request: Request) -> None:
    """Raise 403 when a page of another site makes a browser log in: it would then work in a stranger's name."""
    origin = request.headers.get("Origin")
    own = f"{'https' if request.is_secure() else 'http'}://{request.get_host()}"
    if origin and origin != own and origin not in settings.CSRF_TRUSTED_ORIGINS:
        raise PermissionDenied(f"Pages of {origin} may not open a session here.")


class SessionView(BaseView):
    """The session of a browser. Opening and ending it need the CSRF token that GET gives."""

    authentication_classes = (SessionAuthentication,)
    permission_classes = (AllowAny,)
    serializer_class = SessionSerializer

    def get_throttles(self) -> list[Any]:
        rates = LOGIN_RATES if self.request.method == "POST" else (AnonymousRate, UserRate)
        return [rate() for rate in rates]

    def get(self, request: Request) -> Response:
        return self._answer(request)

    @extend_schema(request=SignInSerializer, responses={200: SessionSerializer})
    def post(self, request: Request) -> Response:
        SessionAuthentication().enforce_csrf(request)
        user = sign_in(request, **self.valid(SignInSerializer))
        open_session(request, user)
        return self._answer(request)

    @extend_schema(responses={200: None})
    def delete(self, request: Request) -> Response:
        SessionAuthentication().enforce_csrf(request)
        logout(request._request)  # noqa: SLF001
        answer = Response(None)
        for name in ("token", "user"):
            answer.delete_cookie(name, samesite="Lax")
        return answer

    def _answer(self, request: Request) -> Response:
        user = request._request.user  # noqa: SLF001 - the session's, also right after the login
        csrf = get_token(request._request)  # noqa: SLF001
        return Response({"user": user.get_username() or None, "csrf_token": csrf})


class PasswordView(BaseView):
    """A new password. The caller's other tokens and sessions end."""

    throttle_classes = LOGIN_RATES
    serializer_class = PasswordSerializer

    @extend_schema(responses={200: None})
    def post(self, request: Request) -> Response:
        values = self.valid(PasswordSerializer)
        current = request.auth if isinstance(request.auth, Token) else None
        change_password(self.caller, values["old"], values["new"], keep=current)
        if current is None:
            update_session_auth_hash(request._request, self.caller)  # noqa: SLF001
        return Response(None)
