"""Tokens of the caller."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response

from api.views import BaseView
from polyaxon.db.models import Token
from polyaxon.security import tokens
from polyaxon.security.scopes import SCOPES

if TYPE_CHECKING:
    from rest_framework.request import Request

SCOPES_HELP = (
    "What the token allows; each includes those before it. `read`: looking and downloading. `runs`: starting and "
    "stopping runs, posting what they report, uploading code. `write`: changing and deleting runs, creating and "
    "changing projects. `admin`: everything that the user may do. Without scopes: everything, too."
)


class TokenRowSerializer(serializers.ModelSerializer[Token]):
    """`current` marks the token that the request came with."""

    expires = serializers.DateTimeField(source="expires_at", read_only=True)
    current = serializers.SerializerMethodField()

    class Meta:
        model = Token
        fields: tuple[str, ...] = ("id", "name", "scopes", "created_at", "expires", "current")

    def get_current(self, token: Token) -> bool:
        return bool(token == self.context["request"].auth)


class NewTokenSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=128)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(list(SCOPES)), required=False, max_length=len(SCOPES), help_text=SCOPES_HELP
    )
    expires = serializers.DateTimeField(required=False, help_text="Without it the installation's usual life applies.")

    def validate_expires(self, value: datetime) -> datetime:
        if value <= timezone.now():
            raise serializers.ValidationError("This lies in the past.")
        return value


class CreatedTokenSerializer(TokenRowSerializer):
    """`token` is the key. It is shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenRowSerializer.Meta):
        fields = (*TokenRowSerializer.Meta.fields, "token")


class TokensView(BaseView):
    """Tokens of the caller, newest first, without those of runs."""

    lists = True
    serializer_class = TokenRowSerializer

    def get(self, request: Request) -> Response:
        return self.paged(own_tokens(request).order_by("-created_at", "-id"), TokenRowSerializer)

    @extend_schema(request=NewTokenSerializer, responses={201: CreatedTokenSerializer})
    def post(self, request: Request) -> Response:
        values = self.valid(NewTokenSerializer)
        key, token = tokens.create(self.caller, **values)
        data = TokenRowSerializer(token, context=self.get_serializer_context()).data
        return Response({**data, "token": key}, status=status.HTTP_201_CREATED)


class TokenRowView(BaseView):
    """One token of the caller."""

    serializer_class = TokenRowSerializer

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        token = own_tokens(request).filter(pk=self.kwargs["id"]).first()
        if token is None:
            raise Http404("There is no such token.")
        token.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


def own_tokens(request: Request) -> Any:
    return Token.objects.filter(user=request.user.pk, run=None)
