"""Shapes of builds."""

from __future__ import annotations

from rest_framework import serializers

from api.fields import TextField, TtlField
from api.page_fields import BookmarkedField
from api.run_fields import ChangedItemSerializer, ItemSerializer, NewItemSerializer, ResourcesField
from polyaxon.db.models import BuildJob

_FIELDS = (
    "id",
    "uuid",
    "name",
    "unique_name",
    "pod_id",
    "user",
    "description",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "last_status",
    "tags",
    "project",
    "backend",
    "is_managed",
)


class BuildSerializer(ItemSerializer):
    """A row of a list."""

    pod_id = serializers.CharField(read_only=True)
    bookmarked = BookmarkedField()

    class Meta:
        model = BuildJob
        fields: tuple[str, ...] = (*_FIELDS, "bookmarked")


class BuildDetailSerializer(BuildSerializer):
    resources = ResourcesField()
    num_jobs = serializers.SerializerMethodField()
    num_experiments = serializers.SerializerMethodField()
    commit = serializers.CharField(source="code_reference.commit", read_only=True, allow_null=True, default=None)

    class Meta(BuildSerializer.Meta):
        fields = (
            *BuildSerializer.Meta.fields,
            "content",
            "resources",
            "node_scheduled",
            "num_jobs",
            "num_experiments",
            "dockerfile",
            "commit",
        )

    def get_num_jobs(self, build: BuildJob) -> int:
        return build.jobs.filter(deleted=False).count()

    def get_num_experiments(self, build: BuildJob) -> int:
        return build.experiments.filter(deleted=False).count()


class BuildCreatedSerializer(ItemSerializer):
    """The answer to a creation. Times and status are left out, as in 0.6."""

    class Meta:
        model = BuildJob
        fields = (
            "id",
            "user",
            "project",
            "name",
            "unique_name",
            "description",
            "content",
            "backend",
            "is_managed",
            "tags",
        )


class NewBuildSerializer(NewItemSerializer):
    """A new build."""

    ttl = TtlField()


class ChangedBuildSerializer(ChangedItemSerializer):
    readme = None  # type: ignore[assignment]
    dockerfile = TextField()
    node_scheduled = TextField(max_length=256)
