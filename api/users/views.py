"""The account of the caller, and logging in."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.permissions import StaffOnly
from api.throttling import LOGIN_RATES, AdminRate, AnonymousRate
from api.users.sessions import open_session, same_site, sign_in
from api.views import BaseView, no_body
from polyaxon.actions import users
from polyaxon.db.models import User
from polyaxon.security import tokens

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request


class UserSerializer(serializers.ModelSerializer[User]):
    email = serializers.EmailField(read_only=True, allow_null=True)

    class Meta:
        model = User
        fields = ("username", "email", "is_superuser")


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(trim_whitespace=False, max_length=4096)
    login = serializers.BooleanField(default=False, help_text="Also open a session.")


class TokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()


class UserView(BaseView):
    """Who asks."""

    serializer_class = UserSerializer

    def get(self, request: Request) -> Response:
        data = dict(UserSerializer(self.caller).data)
        # Clients refuse an empty address, but not a missing one.
        return Response({**data, "email": data["email"] or None})


class TokenView(BaseView):
    """A new token for a name and a password."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = LOGIN_RATES
    serializer_class = CredentialsSerializer

    @extend_schema(responses={200: TokenSerializer})
    def post(self, request: Request) -> Response:
        values = self.valid(CredentialsSerializer)
        if values["login"]:
            same_site(request)
        user = sign_in(request, values["username"], values["password"])
        key = tokens.issue(user)
        answer = Response({"token": key})
        if values["login"]:
            open_session(request, user)
            set_cookies(answer, token=key, user=user.get_username())
        return answer


PAGES = "/app"


def set_cookies(answer: HttpResponseBase, **values: str) -> None:
    """For pages of 0.6, which read them; the server itself does not, so that they give no way around CSRF checks.

    They are for `/app` alone: programs of notebooks, which are served by this host too, must not read them.
    """
    life = settings.SESSION_COOKIE_AGE
    for name, value in values.items():
        answer.set_cookie(name, value, max_age=life, secure=settings.SESSION_COOKIE_SECURE, samesite="Lax", path=PAGES)


def forget_cookies(answer: HttpResponseBase) -> None:
    """Remove them."""
    for name in ("token", "user"):
        answer.delete_cookie(name, samesite="Lax", path=PAGES)


class LogoutView(BaseView):
    """Ends the session, if there is one. Tokens stay valid."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate,)

    @no_body
    def get(self, request: Request) -> Response:
        logout(request._request)  # noqa: SLF001
        answer = Response(None)
        forget_cookies(answer)
        return answer


class SessionRefreshView(BaseView):
    """Begins the caller's session anew: cookies `sessionid` and `csrftoken`."""

    @no_body
    def post(self, request: Request) -> Response:
        request._request.session.cycle_key()  # noqa: SLF001 - an id that somebody saw is worth nothing then
        open_session(request, self.caller)
        return Response(None)


class _AccountView(BaseView):
    """Below one account. For administrators."""

    permission_classes = (*BaseView.permission_classes, StaffOnly)
    throttle_classes = (*BaseView.throttle_classes, AdminRate)

    def account(self) -> User:
        user = User.objects.filter(username=self.kwargs["username"]).first()
        if user is None:
            raise Http404(f"There is no user {self.kwargs['username']}.")
        return user


class ActivateView(_AccountView):
    """Lets an account log in."""

    @no_body
    def post(self, request: Request, username: str) -> Response:
        users.activate(self.account(), self.caller)
        return Response(None)


class DeleteView(_AccountView):
    """Deletes an account for good, with its projects."""

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, username: str) -> Response:
        users.delete_user(self.account(), self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)


class GrantView(_AccountView):
    """Makes an account an administrator."""

    @no_body
    def post(self, request: Request, username: str) -> Response:
        users.grant_superuser(self.account(), self.caller)
        return Response(None)


class RevokeView(_AccountView):
    """Makes an administrator a plain account again."""

    @no_body
    def post(self, request: Request, username: str) -> Response:
        users.revoke_superuser(self.account(), self.caller)
        return Response(None)
