"""Replicas of an experiment."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework.response import Response

from api.experiments.serializers import ExperimentJobDetailSerializer, ExperimentJobSerializer
from api.fields import hex_uuid
from api.items import LogsView, StatusesView
from api.serializers import ExperimentJobStatusSerializer
from api.views import ItemView
from polyaxon.db.models import Experiment, ExperimentJob

if TYPE_CHECKING:
    from rest_framework.request import Request


class ExperimentJobsView(ItemView):
    """Those of one experiment, last updated first."""

    lists = True
    model = Experiment
    serializer_class = ExperimentJobSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.item.jobs.order_by("-updated_at", "-id")
        return self.paged(rows, ExperimentJobSerializer, experiment=self.item)


class _ReplicaView(ItemView):
    """Below one replica."""

    model = Experiment
    replica: ExperimentJob

    def load(self, request: Request) -> None:
        super().load(request)
        replica = self.item.jobs.filter(pk=self.kwargs["job_id"]).first()
        if replica is None:
            raise Http404(f"The experiment has no job {self.kwargs['job_id']}.")
        replica.experiment = self.item
        self.replica = replica


class ExperimentJobView(_ReplicaView):
    """One replica."""

    serializer_class = ExperimentJobDetailSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        context = {**self.get_serializer_context(), "experiment": self.item}
        return Response(ExperimentJobDetailSerializer(self.replica, context=context).data)


class ExperimentJobStatusesView(_ReplicaView, StatusesView):
    """History of a replica."""

    serializer_class = ExperimentJobStatusSerializer

    @property
    def subject(self) -> ExperimentJob:
        return self.replica


class ExperimentJobStatusView(_ReplicaView):
    """One status of a replica."""

    serializer_class = ExperimentJobStatusSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        uuid = hex_uuid(self.kwargs["uuid"])
        record = self.replica.statuses.filter(uuid=uuid).first() if uuid else None
        if record is None:
            raise Http404("There is no such status.")
        return Response(self.get_serializer(record).data)


class ExperimentJobLogsView(_ReplicaView, LogsView):
    """The log of a run with one replica is the run's."""
