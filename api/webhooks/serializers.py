"""Shapes of webhooks."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import HexUUIDField
from polyaxon.db.models import Webhook, WebhookDelivery
from polyaxon.db.models.webhooks import URL_LENGTH

SECRET_MIN, SECRET_MAX = 16, 200


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    """A webhook without its secret."""

    events = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Webhook
        fields = ("id", "url", "events", "enabled", "created_at", "updated_at")


class CreatedWebhookSerializer(WebhookSerializer):
    """The secret is shown here and never again: `context["secret"]`."""

    secret = serializers.SerializerMethodField()

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]

    def get_secret(self, webhook: Webhook) -> str:
        del webhook
        return str(self.context["secret"])


class NewWebhookSerializer(serializers.Serializer[Any]):
    """Which events: `*`, `experiment.*`, `*.done`, `experiment.new_status`; all if none is named."""

    url = serializers.CharField(max_length=URL_LENGTH)
    events = serializers.ListField(
        child=serializers.CharField(max_length=64), required=False, default=list, max_length=100
    )
    enabled = serializers.BooleanField(required=False, default=True)
    secret = serializers.CharField(
        required=False, min_length=SECRET_MIN, max_length=SECRET_MAX, help_text="Made by the server if absent."
    )


class ChangedWebhookSerializer(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    url = serializers.CharField(max_length=URL_LENGTH, required=False)
    events = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=100)
    enabled = serializers.BooleanField(required=False)
    secret = serializers.CharField(required=False, min_length=SECRET_MIN, max_length=SECRET_MAX)


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One event for one webhook."""

    uuid = HexUUIDField()

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "uuid",
            "event_type",
            "payload",
            "status",
            "attempts",
            "due_at",
            "response_code",
            "error",
            "created_at",
            "finished_at",
        )
