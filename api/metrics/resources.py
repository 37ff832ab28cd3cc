"""What runs take of the machine: the last sample of each replica, and the history of the samples."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from api.experiments.jobs import _ReplicaView
from api.metrics.history import HistoryView
from api.views import ItemView
from polyaxon.actions import resources
from polyaxon.db.models import Job, MetricSeries

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet
    from rest_framework.request import Request


class SampleSerializer(serializers.Serializer[Any]):
    """A sample. Memory in bytes; 100 percent is one core."""

    job_uuid = serializers.CharField()
    experiment_uuid = serializers.CharField()
    job_name = serializers.CharField()
    container_id = serializers.CharField()
    n_cpus = serializers.IntegerField()
    cpu_percentage = serializers.FloatField()
    percpu_percentage = serializers.ListField(child=serializers.FloatField())
    memory_used = serializers.IntegerField()
    memory_limit = serializers.IntegerField()
    gpu_resources = serializers.ListField(child=serializers.DictField(), allow_null=True)


class ExperimentResourcesView(ItemView):
    """The last sample of each replica."""

    @extend_schema(responses={200: SampleSerializer(many=True)})
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(resources.experiment_samples(self.item))


class JobResourcesView(ItemView):
    """The last sample of a job; 404 before the first."""

    model = Job

    @extend_schema(responses={200: SampleSerializer})
    def get(self, request: Request, **kwargs: Any) -> Response:
        return _message(resources.job_sample(self.item))


class ReplicaResourcesView(_ReplicaView):
    """The last sample of a replica; 404 before the first."""

    @extend_schema(responses={200: SampleSerializer})
    def get(self, request: Request, **kwargs: Any) -> Response:
        return _message(resources.replica_sample(self.replica))


def _message(sample: dict[str, Any] | None) -> Response:
    if sample is None:
        raise Http404("Nothing was measured yet.")
    return Response(sample)


class _SamplesView(HistoryView):
    """Histories of samples: CPU in percent of a core, memory in bytes, number of processes."""

    def rows(self) -> QuerySet[MetricSeries]:
        return MetricSeries.objects.filter(run__in=self.runs(), kind=MetricSeries.RESOURCE)

    def runs(self) -> list[uuid.UUID]:
        raise NotImplementedError


class ExperimentSamplesView(_SamplesView):
    """The history of each replica's samples."""

    def runs(self) -> list[uuid.UUID]:
        return list(self.item.jobs.values_list("uuid", flat=True))


class JobSamplesView(_SamplesView):
    """The history of a job's samples."""

    model = Job

    def runs(self) -> list[uuid.UUID]:
        return [self.item.uuid]


class ReplicaSamplesView(_ReplicaView, _SamplesView):  # type: ignore[misc] # both are of experiments
    """The history of a replica's samples."""

    def runs(self) -> list[uuid.UUID]:
        return [self.replica.uuid]
