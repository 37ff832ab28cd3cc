"""Shapes of notebooks."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import JSONObjectField, TextField
from api.plugins import (
    PLUGIN_FIELDS,
    STARTED_FIELDS,
    ChangedPluginSerializer,
    PluginDetailSerializer,
    PluginSerializer,
)
from polyaxon.db.models import NotebookJob


class NotebookSerializer(PluginSerializer):
    """A row of a list."""

    class Meta:
        model = NotebookJob
        fields: tuple[str, ...] = (*PLUGIN_FIELDS, "backend")


class NotebookDetailSerializer(PluginDetailSerializer):
    class Meta(NotebookSerializer.Meta):
        fields = (*NotebookSerializer.Meta.fields, "content", "resources", "data_refs")


class NotebookStartedSerializer(PluginSerializer):
    class Meta(NotebookSerializer.Meta):
        fields = (*STARTED_FIELDS, "data_refs")


class ChangedNotebookSerializer(ChangedPluginSerializer):
    data_refs = JSONObjectField(required=False, allow_null=True)
    backend = TextField(max_length=16)


class StopNotebookSerializer(serializers.Serializer[Any]):
    """`commit` is accepted for clients that send it: notebooks do not write to the project's repository."""

    commit = serializers.BooleanField(required=False, default=True)
