"""Shapes of jobs."""

from __future__ import annotations

from rest_framework import serializers

from api.fields import JSONObjectField, TextField
from api.run_fields import ChangedItemSerializer, ItemSerializer, NewRunSerializer, ResourcesField, RunSerializer
from polyaxon.actions.waiting import reason
from polyaxon.db.models import Job
from polyaxon.db.models.experiments import CLONING_STRATEGIES


class JobSerializer(RunSerializer):
    pod_id = serializers.CharField(read_only=True)

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            "id",
            "uuid",
            "name",
            "unique_name",
            "pod_id",
            "user",
            "description",
            "created_at",
            "updated_at",
            "last_status",
            "started_at",
            "finished_at",
            "original",
            "cloning_strategy",
            "tags",
            "project",
            "build_job",
            "backend",
            "is_managed",
            "bookmarked",
        )

    def get_original(self, job: Job) -> str | None:
        original = job.original_job_id
        return f"{job.project.unique_name}.jobs.{original}" if original else None


class JobDetailSerializer(JobSerializer):
    is_clone = serializers.BooleanField(read_only=True)
    resources = ResourcesField()
    reason = serializers.SerializerMethodField()

    class Meta(JobSerializer.Meta):
        fields = (
            *JobSerializer.Meta.fields,
            "is_clone",
            "readme",
            "content",
            "resources",
            "data_refs",
            "node_scheduled",
            "reason",
        )

    def get_reason(self, job: Job) -> str | None:
        """What holds it back, or what was last said of its status."""
        return reason(job)


class JobCreatedSerializer(ItemSerializer):
    """The answer to a creation. Times and status are left out, as in 0.6."""

    class Meta:
        model = Job
        fields = (
            "id",
            "unique_name",
            "user",
            "project",
            "name",
            "build_job",
            "description",
            "readme",
            "backend",
            "is_managed",
            "data_refs",
            "content",
            "tags",
        )


class NewJobSerializer(NewRunSerializer):
    """A new job."""


class ChangedJobSerializer(ChangedItemSerializer):
    content = TextField()
    data_refs = JSONObjectField(required=False, allow_null=True)
    node_scheduled = TextField(max_length=256)
    original_job = serializers.IntegerField(required=False, allow_null=True)
    cloning_strategy = serializers.ChoiceField(CLONING_STRATEGIES, required=False, allow_null=True)
