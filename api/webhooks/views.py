"""Webhooks of a project. Their addresses are nobody's business but that of those who run the project."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.permissions import check_write
from api.views import ProjectView
from api.webhooks.serializers import (
    ChangedWebhookSerializer,
    CreatedWebhookSerializer,
    DeliverySerializer,
    NewWebhookSerializer,
    WebhookSerializer,
)
from polyaxon.actions.webhooks import create_webhook, update_webhook
from polyaxon.db.models import Webhook
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from rest_framework.request import Request


class _AdminView(ProjectView):
    """Reading takes as much as writing."""

    def verb(self, request: Request) -> Verb:
        return Verb.ADMIN

    def least_verb(self, request: Request) -> Verb:
        return Verb.ADMIN

    def load(self, request: Request) -> None:
        self.project = self.find_project(request)
        check_write(request, self.project, verb=Verb.ADMIN)


class WebhooksView(_AdminView):
    """Webhooks of the project. The answer to POST is the only one with the secret."""

    lists = True
    serializer_class = WebhookSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(Webhook.objects.filter(project=self.project).order_by("id"), WebhookSerializer)

    @extend_schema(request=NewWebhookSerializer, responses={201: CreatedWebhookSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        hook, secret = create_webhook(self.project, self.actor, **self.valid(NewWebhookSerializer))
        context = {**self.get_serializer_context(), "secret": secret}
        return Response(CreatedWebhookSerializer(hook, context=context).data, status=status.HTTP_201_CREATED)


class _WebhookView(_AdminView):
    hook: Webhook

    def load(self, request: Request) -> None:
        super().load(request)
        hook = Webhook.objects.filter(project=self.project, pk=self.kwargs["id"]).first()
        if hook is None:
            raise Http404(f"The project has no webhook {self.kwargs['id']}.")
        self.hook = hook


class WebhookView(_WebhookView):
    """One webhook."""

    serializer_class = WebhookSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.hook).data)

    @extend_schema(request=ChangedWebhookSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        update_webhook(self.hook, self.valid(ChangedWebhookSerializer))
        return Response(self.get_serializer(self.hook).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        self.hook.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class DeliveriesView(_WebhookView):
    """What the webhook was told, newest first."""

    lists = True
    serializer_class = DeliverySerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.hook.deliveries.order_by("-id"), DeliverySerializer)
