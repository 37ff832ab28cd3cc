"""Shapes of tensorboards."""

from __future__ import annotations

from rest_framework import serializers

from api.plugins import (
    PLUGIN_FIELDS,
    STARTED_FIELDS,
    ChangedPluginSerializer,
    PluginDetailSerializer,
    PluginSerializer,
)
from polyaxon.db.models import TensorboardJob


class TensorboardSerializer(PluginSerializer):
    """A row of a list."""

    class Meta:
        model = TensorboardJob
        fields: tuple[str, ...] = (*PLUGIN_FIELDS, "experiment_group", "experiment")


class TensorboardDetailSerializer(PluginDetailSerializer):
    class Meta(TensorboardSerializer.Meta):
        fields = (*TensorboardSerializer.Meta.fields, "content", "resources")


class TensorboardStartedSerializer(PluginSerializer):
    class Meta(TensorboardSerializer.Meta):
        fields = STARTED_FIELDS


class ChangedTensorboardSerializer(ChangedPluginSerializer):
    experiment = serializers.IntegerField(required=False, allow_null=True)
    experiment_group = serializers.IntegerField(required=False, allow_null=True)
