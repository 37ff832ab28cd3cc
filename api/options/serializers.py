"""Shapes of options."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from polyaxon import options
from polyaxon.db.models import ConfigOption


@extend_schema_field(OpenApiTypes.ANY)
class AnyField(serializers.ReadOnlyField):
    """Any JSON."""


class OptionSerializer(serializers.Serializer[Any]):
    """One option with the value that holds for the cluster."""

    key = serializers.CharField()
    typing = serializers.CharField()
    is_list = serializers.BooleanField()
    is_secret = serializers.BooleanField()
    value = AnyField()
    description = serializers.CharField()


class OwnOptionSerializer(serializers.ModelSerializer[ConfigOption]):
    """One value of an owner."""

    option = serializers.SerializerMethodField()
    is_secret = serializers.SerializerMethodField()

    class Meta:
        model = ConfigOption
        fields = ("key", "option", "is_secret")

    @extend_schema_field(OpenApiTypes.ANY)
    def get_option(self, row: ConfigOption) -> Any:
        return options.stored(row)

    def get_is_secret(self, row: ConfigOption) -> bool:
        return row.secret is not None
