"""Shapes of experiments."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import HexUUIDField, JSONObjectField, TextField
from api.plugin_fields import TensorboardFields
from api.run_fields import ChangedItemSerializer, ItemSerializer, NewRunSerializer, ResourcesField, RunSerializer
from polyaxon.actions.waiting import reason
from polyaxon.db.models import Experiment, ExperimentJob
from polyaxon.db.models.experiments import CLONING_STRATEGIES
from polyaxon.stores import series
from polyaxon.trials.places import place_of

DETAIL_DIGITS = 7
ROLES = ("master", "chief", "worker", "ps", "server", "scheduler")

_FIELDS = (
    "id",
    "uuid",
    "name",
    "unique_name",
    "user",
    "description",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "last_status",
    "original",
    "cloning_strategy",
    "project",
    "experiment_group",
    "build_job",
    "backend",
    "is_managed",
    "framework",
    "tags",
    "last_metric",
    "params",
)


class ExperimentSerializer(RunSerializer):
    """A row of a list. `context["metrics"]` has the last metrics by experiment id."""

    experiment_group = serializers.SerializerMethodField()
    last_metric = serializers.SerializerMethodField()

    class Meta:
        model = Experiment
        fields: tuple[str, ...] = (*_FIELDS, "bookmarked")

    def get_original(self, experiment: Experiment) -> str | None:
        original = experiment.original_experiment
        if original is None:
            return None
        # Clones are made within a project, so this one is loaded already.
        original.project = experiment.project
        return original.unique_name

    def get_experiment_group(self, experiment: Experiment) -> str | None:
        group = experiment.experiment_group_id
        return f"{experiment.project.unique_name}.{group}" if group else None

    def get_last_metric(self, experiment: Experiment) -> dict[str, float] | None:
        metrics: dict[str, float] = self.context["metrics"].get(experiment.pk, {})
        return metrics


class ExperimentLastMetricSerializer(ExperimentSerializer):
    class Meta(ExperimentSerializer.Meta):
        fields = ("id", "uuid", "name", "unique_name", "last_metric", "started_at", "finished_at")


class ExperimentParamsSerializer(ItemSerializer):
    class Meta:
        model = Experiment
        fields = ("id", "uuid", "name", "unique_name", "params")


class TrialPlaceSerializer(serializers.Serializer[Any]):
    """Where a trial stands in its search; `parent` is the index of the trial that it goes on from."""

    index = serializers.IntegerField()
    bracket = serializers.IntegerField()
    rung = serializers.IntegerField()
    parent = serializers.IntegerField(allow_null=True)  # type: ignore[assignment]  # the base class's is its owner


class ExperimentDetailSerializer(TensorboardFields, ExperimentSerializer):
    resources = ResourcesField()
    num_jobs = serializers.SerializerMethodField()
    is_clone = serializers.BooleanField(read_only=True)
    trial = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta(ExperimentSerializer.Meta):
        fields = (
            *ExperimentSerializer.Meta.fields,
            "readme",
            "content",
            "resources",
            "run_env",
            "data_refs",
            "num_jobs",
            "is_clone",
            "code_reference",
            "tensorboard",
            "has_tensorboard",
            "trial",
            "reason",
        )

    def get_reason(self, experiment: Experiment) -> str | None:
        """What holds it back, or what was last said of its status."""
        return reason(experiment)

    @extend_schema_field(TrialPlaceSerializer(allow_null=True))
    def get_trial(self, experiment: Experiment) -> dict[str, int | None] | None:
        return place_of(experiment)

    def get_last_metric(self, experiment: Experiment) -> dict[str, float] | None:
        metrics = series.summaries([experiment])[experiment.pk]
        return {name: _rounded(value) for name, value in metrics.items()} or None

    def get_num_jobs(self, experiment: Experiment) -> int:
        return experiment.jobs.count()


def _rounded(value: float) -> float:
    return round(value, DETAIL_DIGITS) if math.isfinite(value) else value


class ExperimentCreatedSerializer(ItemSerializer):
    """The answer to a creation. Times and status are left out, as in 0.6."""

    class Meta:
        model = Experiment
        fields = (
            "id",
            "unique_name",
            "project",
            "user",
            "name",
            "description",
            "readme",
            "original_experiment",
            "experiment_group",
            "build_job",
            "content",
            "params",
            "backend",
            "framework",
            "is_managed",
            "run_env",
            "data_refs",
            "tags",
        )


class NewExperimentSerializer(NewRunSerializer):
    params = JSONObjectField(required=False, allow_null=True)
    framework = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=16)
    experiment_group = serializers.IntegerField(required=False, allow_null=True)
    original_experiment = serializers.IntegerField(required=False, allow_null=True)


class ChangedExperimentSerializer(ChangedItemSerializer):
    params = JSONObjectField(required=False, allow_null=True)
    data_refs = JSONObjectField(required=False, allow_null=True)
    run_env = JSONObjectField(required=False, allow_null=True)
    framework = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=16)
    original_experiment = serializers.IntegerField(required=False, allow_null=True)
    code_reference = serializers.IntegerField(required=False, allow_null=True)
    cloning_strategy = serializers.ChoiceField(CLONING_STRATEGIES, required=False, allow_null=True)


class MetricSerializer(serializers.Serializer[Any]):
    """What was logged in one call. Values that are not finite are texts."""

    id = serializers.IntegerField(read_only=True)
    uuid = HexUUIDField()
    experiment = serializers.IntegerField(read_only=True)
    created_at = serializers.DateTimeField(required=False)
    step = serializers.IntegerField(required=False)
    values = serializers.DictField(child=serializers.FloatField())


class ExperimentJobSerializer(serializers.ModelSerializer[ExperimentJob]):
    """A replica. `context["experiment"]` is its experiment, loaded with its project."""

    uuid = HexUUIDField()
    unique_name = serializers.SerializerMethodField()
    pod_id = serializers.SerializerMethodField()
    last_status = serializers.CharField(source="status", read_only=True)

    class Meta:
        model = ExperimentJob
        fields: tuple[str, ...] = (
            "id",
            "uuid",
            "unique_name",
            "role",
            "experiment",
            "last_status",
            "created_at",
            "updated_at",
            "started_at",
            "finished_at",
            "resources",
            "node_scheduled",
            "pod_id",
        )

    def get_unique_name(self, job: ExperimentJob) -> str:
        return self._complete(job).unique_name

    def get_pod_id(self, job: ExperimentJob) -> str:
        return self._complete(job).pod_id

    def _complete(self, job: ExperimentJob) -> ExperimentJob:
        job.experiment = self.context["experiment"]
        return job


class _AmountSerializer(serializers.Serializer[Any]):
    requests = serializers.FloatField(required=False, allow_null=True)
    limits = serializers.FloatField(required=False, allow_null=True)


class JobResourcesSerializer(serializers.Serializer[Any]):
    """What a replica asks for and may use at most."""

    cpu = _AmountSerializer(required=False, allow_null=True)
    memory = _AmountSerializer(required=False, allow_null=True)
    gpu = _AmountSerializer(required=False, allow_null=True)
    tpu = _AmountSerializer(required=False, allow_null=True)


class NewExperimentJobSerializer(serializers.Serializer[Any]):
    """What may be set of a replica."""

    role = serializers.ChoiceField(ROLES, default=ExperimentJob.MASTER)
    definition = JSONObjectField(required=False)
    node_scheduled = TextField(max_length=256)
    resources = JobResourcesSerializer(required=False, allow_null=True)


class ExperimentJobDetailSerializer(ExperimentJobSerializer):
    class Meta(ExperimentJobSerializer.Meta):
        fields = (*ExperimentJobSerializer.Meta.fields, "definition")
