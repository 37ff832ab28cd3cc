"""Serializers that several resources share."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from api.fields import HexUUIDField, JSONObjectField, TextField, TimeField
from api.kept_fields import KeptFields
from polyaxon.db.models import (
    BuildJobStatus,
    CodeReference,
    ExperimentGroupStatus,
    ExperimentJobStatus,
    ExperimentStatus,
    JobStatus,
    NotebookJobStatus,
    StatusRecord,
    TensorboardJobStatus,
)

STATUS_FIELDS = ("id", "uuid", "created_at", "message", "traceback", "status")


class _StatusSerializer(KeptFields, serializers.ModelSerializer[StatusRecord]):
    uuid = HexUUIDField()


class ExperimentStatusSerializer(_StatusSerializer):
    class Meta:
        model = ExperimentStatus
        fields = (*STATUS_FIELDS, "experiment")


class GroupStatusSerializer(_StatusSerializer):
    class Meta:
        model = ExperimentGroupStatus
        fields = (*STATUS_FIELDS, "experiment_group")


class JobStatusSerializer(_StatusSerializer):
    class Meta:
        model = JobStatus
        fields = (*STATUS_FIELDS, "details", "job")


class BuildJobStatusSerializer(_StatusSerializer):
    class Meta:
        model = BuildJobStatus
        fields = (*STATUS_FIELDS, "details", "job")


class NotebookJobStatusSerializer(_StatusSerializer):
    class Meta:
        model = NotebookJobStatus
        fields = (*STATUS_FIELDS, "details", "job")


class TensorboardJobStatusSerializer(_StatusSerializer):
    class Meta:
        model = TensorboardJobStatus
        fields = (*STATUS_FIELDS, "details", "job")


class ExperimentJobStatusSerializer(_StatusSerializer):
    class Meta:
        model = ExperimentJobStatus
        fields = (*STATUS_FIELDS, "details", "job")


class NewStatusSerializer(serializers.Serializer[Any]):
    """A posted status. Which statuses there are depends on the kind: `context["statuses"]`."""

    status = serializers.CharField(default="created")
    message = TextField()
    traceback = TextField()
    details = JSONObjectField(required=False, allow_null=True)
    created_at = TimeField(required=False, allow_null=True)

    def validate_status(self, value: str) -> str:
        known = self.context["statuses"]
        if value not in known:
            raise serializers.ValidationError(f"{value!r} is no status. Use one of {', '.join(sorted(known))}.")
        return value


class ChangedStatusSerializer(serializers.Serializer[Any]):
    """What may be said about a status afterwards. Sending the status itself is no error while it is the same."""

    status = serializers.CharField(required=False)
    message = TextField()
    traceback = TextField()
    details = JSONObjectField(required=False)


class CodeReferenceSerializer(serializers.ModelSerializer[CodeReference]):
    branch = TextField(max_length=124, default="master")
    commit = TextField(max_length=40, required=False)
    head = TextField(max_length=40, required=False)
    git_url = TextField(max_length=256, required=False)
    is_dirty = serializers.BooleanField(required=False)

    class Meta:
        model = CodeReference
        fields = ("id", "repo", "external_repo", "branch", "commit", "head", "is_dirty", "git_url")
        read_only_fields = ("repo", "external_repo")
        validators: ClassVar[list[Any]] = []  # the constraint is that of uploaded code


# What 0.6 answers for a run without code.
NO_CODE_REFERENCE = {
    "repo": None,
    "external_repo": None,
    "branch": "",
    "commit": "",
    "head": "",
    "is_dirty": False,
    "git_url": "",
}


class CloneSerializer(serializers.Serializer[Any]):
    """What a restart, resume or copy may change."""

    content = TextField()
    update_code = serializers.BooleanField(default=False)
    description = TextField(required=False)
    ttl = serializers.IntegerField(required=False, allow_null=True, min_value=0)


class IdsSerializer(serializers.Serializer[Any]):
    """Several rows at once."""

    ids = serializers.ListField(child=serializers.IntegerField(), required=False, default=list)
