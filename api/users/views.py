"""The account of the caller, and logging in."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import authenticate, login, logout
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.response import Response

from api.throttling import AnonymousRate, LoginRate
from api.views import BaseView, no_body
from polyaxon.db.models import User
from polyaxon.errors import InvalidInput
from polyaxon.security import tokens

if TYPE_CHECKING:
    from rest_framework.request import Request


class UserSerializer(serializers.ModelSerializer[User]):
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
    throttle_classes = (LoginRate,)
    serializer_class = CredentialsSerializer

    @extend_schema(responses={200: TokenSerializer})
    def post(self, request: Request) -> Response:
        values = self.valid(CredentialsSerializer)
        user = authenticate(request._request, username=values["username"], password=values["password"])  # noqa: SLF001
        if user is None:
            raise InvalidInput("The name or the password is wrong.", field="non_field_errors")
        if values["login"]:
            login(request._request, user)  # noqa: SLF001
        return Response({"token": tokens.issue(user)})


class LogoutView(BaseView):
    """Ends the session, if there is one. Tokens stay valid."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (AnonymousRate,)

    @no_body
    def get(self, request: Request) -> Response:
        logout(request._request)  # noqa: SLF001
        answer = Response(None)
        for name in ("token", "user"):
            answer.delete_cookie(name)
        return answer
