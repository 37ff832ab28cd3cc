"""Shapes of catalog entries."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import HexUUIDField, TagsField
from polyaxon.db.models import CatalogEntry, DataStore, GitAccess, K8SConfigMap, K8SSecret, RegistryAccess
from polyaxon.db.models.abstract import NAME_LENGTH

_COMMON = ("id", "uuid", "name", "description", "readme", "tags", "created_at", "updated_at")


class _EntrySerializer(serializers.ModelSerializer[Any]):
    uuid = HexUUIDField()
    # Whether it is free is decided by the database.
    name = serializers.CharField(max_length=NAME_LENGTH)
    tags = TagsField()


class _ReferenceSerializer(_EntrySerializer):
    items = serializers.ListField(
        child=serializers.CharField(max_length=256), required=False, help_text="Keys of the object; none: all of them."
    )


class SecretSerializer(_ReferenceSerializer):
    class Meta:
        model = K8SSecret
        fields = (*_COMMON, "k8s_ref", "items")
        read_only_fields = ("created_at",)


class ConfigMapSerializer(_ReferenceSerializer):
    class Meta:
        model = K8SConfigMap
        fields = (*_COMMON, "k8s_ref", "items")
        read_only_fields = ("created_at",)


class _WithSecretSerializer(_EntrySerializer):
    k8s_secret = serializers.PrimaryKeyRelatedField(
        queryset=K8SSecret.objects.filter(deleted=False), required=False, allow_null=True
    )


class DataStoreSerializer(_WithSecretSerializer):
    class Meta:
        model = DataStore
        fields = (
            *_COMMON,
            "type",
            "mount_path",
            "host_path",
            "volume_claim",
            "bucket",
            "k8s_secret",
            "read_only",
        )
        read_only_fields = ("created_at",)


class _AccessSerializer(_WithSecretSerializer):
    """`context["default"]` is the id of the default entry."""

    is_default = serializers.SerializerMethodField()

    def get_is_default(self, entry: CatalogEntry) -> bool:
        return bool(entry.pk == self.context.get("default"))


class GitAccessSerializer(_AccessSerializer):
    class Meta:
        model = GitAccess
        fields = (*_COMMON, "host", "k8s_secret", "is_default")
        read_only_fields = ("created_at",)


class RegistryAccessSerializer(_AccessSerializer):
    class Meta:
        model = RegistryAccess
        fields = (*_COMMON, "host", "insecure", "k8s_secret", "is_default")
        read_only_fields = ("created_at",)


class EntryNameSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    name = serializers.CharField()
