"""Shapes of experiment groups."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import JSONObjectField, TextField
from api.page_fields import BookmarkedField
from api.plugin_fields import TensorboardFields
from api.run_fields import ChangedItemSerializer, ItemSerializer, NewItemSerializer
from polyaxon.db.models import ExperimentGroup

_FIELDS = (
    "id",
    "uuid",
    "name",
    "unique_name",
    "user",
    "project",
    "description",
    "last_status",
    "group_type",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "tags",
    "concurrency",
    "backend",
    "is_managed",
    "search_algorithm",
    "original",
    "cloning_strategy",
)
COUNTS = (
    "num_experiments",
    "num_pending_experiments",
    "num_running_experiments",
    "num_scheduled_experiments",
    "num_succeeded_experiments",
    "num_failed_experiments",
    "num_stopped_experiments",
)


class GroupSerializer(ItemSerializer):
    concurrency = serializers.IntegerField(read_only=True, allow_null=True)
    search_algorithm = serializers.CharField(read_only=True, allow_null=True)
    original = serializers.SerializerMethodField()
    bookmarked = BookmarkedField()

    class Meta:
        model = ExperimentGroup
        fields: tuple[str, ...] = (*_FIELDS, "bookmarked")

    def get_original(self, group: ExperimentGroup) -> str | None:
        original = group.original_group_id
        return f"{group.project.unique_name}.{original}" if original else None  # of the same project, as all clones


class GroupCreatedSerializer(GroupSerializer):
    class Meta(GroupSerializer.Meta):
        fields = (*_FIELDS, "readme", "content")


class GroupDetailSerializer(TensorboardFields, GroupSerializer):
    """`context["counts"]` has the numbers of experiments."""

    current_iteration = serializers.SerializerMethodField()

    class Meta(GroupSerializer.Meta):
        fields = (
            *GroupSerializer.Meta.fields,
            "readme",
            "current_iteration",
            "content",
            "hptuning",
            "tensorboard",
            "has_tensorboard",
        )

    def to_representation(self, instance: ExperimentGroup) -> dict[str, Any]:
        return {**super().to_representation(instance), **self.context["counts"]}

    def get_current_iteration(self, group: ExperimentGroup) -> int:
        return group.iterations.count()


class GroupCloneSerializer(serializers.Serializer[Any]):
    """What a restart or copy of a search may change."""

    content = TextField()
    update_code = serializers.BooleanField(default=False)
    description = TextField()


class NewGroupSerializer(NewItemSerializer):
    experiment_ids = serializers.ListField(child=serializers.IntegerField(), required=False, allow_null=True)


class ChangedGroupSerializer(ChangedItemSerializer):
    hptuning = JSONObjectField(required=False, allow_null=True)


class SelectionSerializer(serializers.Serializer[Any]):
    """A change of a selection's members; without an operation they are replaced."""

    operation = serializers.ChoiceField(["add", "remove"], required=False, allow_null=True)
    experiment_ids = serializers.ListField(child=serializers.IntegerField(), required=False, default=list)


class StopGroupSerializer(serializers.Serializer[Any]):
    pending = serializers.BooleanField(default=False)
