"""Shapes of projects."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import HexUUIDField, TagsField, TextField
from api.kept_fields import KeptFields
from api.page_fields import BookmarkedField
from api.plugin_fields import TensorboardFields
from polyaxon.actions.plugins import latest_notebook
from polyaxon.db.models import Project
from polyaxon.db.models.abstract import NAME_LENGTH

_FIELDS = (
    "id",
    "uuid",
    "user",
    "name",
    "owner",
    "unique_name",
    "description",
    "tags",
    "created_at",
    "updated_at",
    "is_public",
)


class ProjectSerializer(KeptFields, serializers.ModelSerializer[Project]):
    """A row of a list."""

    uuid = HexUUIDField()
    user = serializers.SerializerMethodField()
    owner = serializers.CharField(source="owner.name", read_only=True)
    unique_name = serializers.CharField(read_only=True)
    tags = TagsField(read_only=True)
    bookmarked = BookmarkedField()

    class Meta:
        model = Project
        fields: tuple[str, ...] = (*_FIELDS, "bookmarked")

    def get_user(self, project: Project) -> str:
        """Who made it, or, when that account is gone, who owns it: clients need a name here."""
        return project.user.username if project.user else project.owner.name


class ProjectCreatedSerializer(ProjectSerializer):
    class Meta(ProjectSerializer.Meta):
        fields = (*_FIELDS, "readme")


class ProjectDetailSerializer(TensorboardFields, ProjectSerializer):
    """`context["counts"]` has the numbers of live rows and `has_code`."""

    notebook = serializers.SerializerMethodField()
    has_notebook = serializers.SerializerMethodField()

    class Meta(ProjectSerializer.Meta):
        fields = (
            *ProjectSerializer.Meta.fields,
            "readme",
            "tensorboard",
            "notebook",
            "has_tensorboard",
            "has_notebook",
        )

    def get_notebook(self, project: Project) -> int | None:
        return self.newest(latest_notebook, project)[0]

    def get_has_notebook(self, project: Project) -> bool | None:
        return self.newest(latest_notebook, project)[1]

    def to_representation(self, instance: Project) -> dict[str, Any]:
        return {**super().to_representation(instance), **self.context["counts"]}


class ProjectNameSerializer(serializers.ModelSerializer[Project]):
    user = serializers.CharField(source="owner.name", read_only=True)
    unique_name = serializers.CharField(read_only=True)

    class Meta:
        model = Project
        fields = ("user", "unique_name")


class NewProjectSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=NAME_LENGTH)
    description = TextField()
    readme = TextField()
    tags = TagsField()
    is_public = serializers.BooleanField(required=False, allow_null=True, default=True)
    owner = serializers.CharField(required=False, allow_null=True, max_length=150, help_text="An organization.")

    def validate_is_public(self, value: bool | None) -> bool:
        return True if value is None else value


class ChangedProjectSerializer(serializers.Serializer[Any]):
    """A PATCH may leave out what a PUT needs: the name."""

    name = serializers.CharField(max_length=NAME_LENGTH)
    description = TextField()
    readme = TextField()
    tags = TagsField()
    is_public = serializers.BooleanField(required=False)
    merge = serializers.BooleanField(required=False)
