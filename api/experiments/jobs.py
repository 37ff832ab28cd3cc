"""Replicas of an experiment."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.activity.viewed import record_view
from api.experiments.serializers import (
    ExperimentJobDetailSerializer,
    ExperimentJobSerializer,
    NewExperimentJobSerializer,
)
from api.fields import hex_uuid
from api.items import LogsView, StatusesView
from api.reports import ReportView
from api.serializers import ChangedStatusSerializer, ExperimentJobStatusSerializer
from api.views import ItemView
from polyaxon.actions import replicas
from polyaxon.db.models import Experiment, ExperimentJob, ExperimentJobStatus

if TYPE_CHECKING:
    from rest_framework.request import Request


class _ReplicasMixin(ItemView):
    model = Experiment

    def detail(self, replica: ExperimentJob, code: int = status.HTTP_200_OK) -> Response:
        context = {**self.get_serializer_context(), "experiment": self.item}
        return Response(ExperimentJobDetailSerializer(replica, context=context).data, status=code)


class ExperimentJobsView(_ReplicasMixin):
    """Replicas of one experiment, last updated first. POST adds one by hand."""

    lists = True
    serializer_class = ExperimentJobSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.item.jobs.order_by("-updated_at", "-id")
        return self.paged(rows, ExperimentJobSerializer, experiment=self.item)

    @extend_schema(request=NewExperimentJobSerializer, responses={201: ExperimentJobDetailSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        replica = replicas.add_replica(self.item, **self.valid(NewExperimentJobSerializer))
        return self.detail(replica, status.HTTP_201_CREATED)


class _ReplicaView(_ReplicasMixin):
    """Below one replica."""

    replica: ExperimentJob

    def load(self, request: Request) -> None:
        super().load(request)
        replica = self.find_replica()
        if replica is None:
            raise Http404("The experiment has no such job.")
        replica.experiment = self.item
        self.replica = replica

    def find_replica(self) -> ExperimentJob | None:
        replica: ExperimentJob | None = self.item.jobs.filter(pk=self.kwargs["job_id"]).first()
        return replica


class ExperimentJobView(_ReplicaView):
    """One replica."""

    serializer_class = ExperimentJobDetailSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        record_view(request, self.replica)
        return self.detail(self.replica)

    @extend_schema(request=NewExperimentJobSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(request=NewExperimentJobSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def _change(self) -> Response:
        replicas.update_replica(self.replica, self.valid(NewExperimentJobSerializer, partial=True))
        return self.detail(self.replica)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        replicas.delete_replica(self.replica)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExperimentJobStatusesView(_ReplicaView, StatusesView):
    """History of a replica."""

    serializer_class = ExperimentJobStatusSerializer

    @property
    def subject(self) -> ExperimentJob:
        return self.replica


class ExperimentJobStatusView(_ReplicaView):
    """One status of a replica. What is said about it may be changed, which status it was may not."""

    serializer_class = ExperimentJobStatusSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self._record()).data)

    @extend_schema(request=ChangedStatusSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(request=ChangedStatusSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def _change(self) -> Response:
        record = self._record()
        replicas.annotate_status(record, self.valid(ChangedStatusSerializer))
        return Response(self.get_serializer(record).data)

    def _record(self) -> ExperimentJobStatus:
        uuid = hex_uuid(self.kwargs["uuid"])
        record = self.replica.statuses.filter(uuid=uuid).first() if uuid else None
        if record is None:
            raise Http404("There is no such status.")
        return record


class ExperimentJobLogsView(_ReplicaView, LogsView):
    """The log of a run with one replica is the run's."""

    @property
    def log_path(self) -> str:
        return replicas.log_path(self.replica)


class ExperimentJobReportView(_ReplicaView, ReportView):
    """How a replica says that it ended."""

    def find_replica(self) -> ExperimentJob | None:
        replica: ExperimentJob | None = self.item.jobs.filter(uuid=hex_uuid(self.kwargs["job_uuid"])).first()
        return replica

    @property
    def subject(self) -> ExperimentJob:
        return self.replica
