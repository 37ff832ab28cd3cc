"""What the serializers of experiments, groups and jobs have in common."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import HexUUIDField, JSONObjectField, TagsField, TextField, TtlField
from api.kept_fields import KeptFields
from api.page_fields import BookmarkedField, UsernameField
from polyaxon.db.models.abstract import NAME_LENGTH


@extend_schema_field({"type": ["string", "null"], "readOnly": True})
class BuildJobField(serializers.Field[str | None, Any, str | None, Any]):
    """Unique name of the build whose image a run uses. It is written as an id, and of the same project."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> str | None:
        return f"{value.project.unique_name}.builds.{value.build_job_id}" if value.build_job_id else None


class ResourcesField(serializers.DictField):
    """What the file of a run asks for, all replicas together: cpu, memory, gpu, tpu; null if it asks for nothing."""

    child = serializers.DictField(child=serializers.FloatField())

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **kwargs)


class ItemSerializer(KeptFields, serializers.ModelSerializer[Any]):
    """What lists and details tell of an item of a project."""

    # The project has to be loaded with its rows.

    uuid = HexUUIDField()
    unique_name = serializers.CharField(read_only=True)
    user = UsernameField()
    project = serializers.CharField(source="project.unique_name", read_only=True)
    last_status = serializers.CharField(source="status", read_only=True)
    tags = TagsField(read_only=True)


class RunSerializer(ItemSerializer):
    """Reading a run."""

    original = serializers.SerializerMethodField()
    build_job = BuildJobField()
    bookmarked = BookmarkedField()

    def get_original(self, run: Any) -> str | None:
        raise NotImplementedError


class NewItemSerializer(KeptFields):
    """What every new item may have. Clients send nulls for what they do not set."""

    name = TextField(max_length=NAME_LENGTH)
    description = TextField()
    readme = TextField()
    tags = TagsField()
    content = TextField()
    backend = TextField(max_length=16)
    is_managed = serializers.BooleanField(required=False, allow_null=True, default=True)

    def validate_is_managed(self, value: bool | None) -> bool:
        return True if value is None else value

    def validate_content(self, value: str | None) -> str | None:
        return value or None


class NewRunSerializer(NewItemSerializer):
    """And every new run."""

    run_env = JSONObjectField(required=False, allow_null=True)
    data_refs = JSONObjectField(required=False, allow_null=True)
    build_job = serializers.IntegerField(required=False, allow_null=True)
    ttl = TtlField()


class ChangedItemSerializer(KeptFields):
    """What may be changed of every item. Only what is sent counts."""

    name = TextField(max_length=NAME_LENGTH)
    description = TextField()
    readme = TextField()
    tags = TagsField()
    backend = TextField(max_length=16)
    is_managed = serializers.BooleanField(required=False)
    merge = serializers.BooleanField(required=False)
