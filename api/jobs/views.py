"""Jobs: lists, details, restarts."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api import query
from api.experiments.views import LIST_PARAMETERS
from api.idempotency import repeatable
from api.items import DetailView, checked_file
from api.jobs.serializers import (
    ChangedJobSerializer,
    JobCreatedSerializer,
    JobDetailSerializer,
    JobSerializer,
    NewJobSerializer,
)
from api.serializers import CloneSerializer
from api.views import ItemView, ProjectView
from polyaxon.actions import jobs
from polyaxon.actions.creation import sibling
from polyaxon.db.models import BuildJob, Job

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


def listed(rows: QuerySet[Job]) -> QuerySet[Job]:
    """`rows` with what a list shows of them."""
    heavy = ("content", "readme", "run_env", "data_refs", "resources", "status_message", "definition")
    return rows.select_related("user", "project__owner").defer(*heavy)


class JobsView(ProjectView):
    """Jobs of a project."""

    lists = True
    serializer_class = JobSerializer

    @extend_schema(parameters=LIST_PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = query.filtered(
            Job.objects.filter(project=self.project, deleted=False),
            request.query_params.get("query"),
            query.JOBS,
        )
        return self.paged(listed(query.ordered(rows, request.query_params.get("sort"))), JobSerializer)

    @extend_schema(request=NewJobSerializer, responses={201: JobCreatedSerializer})
    @repeatable(JobCreatedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewJobSerializer)
        values["build_job"] = sibling(BuildJob, self.project, values.get("build_job"), field="build_job")
        job = jobs.create_job(self.project, self.caller, jobs.NewJob(**values))
        return Response(JobCreatedSerializer(job).data, status=status.HTTP_201_CREATED)


class JobView(DetailView):
    """One job."""

    model = Job
    changed = ChangedJobSerializer
    serializer_class = JobDetailSerializer

    def complete(self, changes: dict[str, Any]) -> None:
        checked_file(changes, kind="job")
        if "original_job" in changes:
            changes["original_job"] = sibling(Job, self.project, changes["original_job"], field="original_job")


class CloneJobView(ItemView):
    """Restart, resume or copy."""

    model = Job
    related = ("project__owner", "original_job__project__owner")
    run_token_writes = False
    strategy = ""
    serializer_class = JobSerializer

    @extend_schema(request=CloneSerializer, responses={201: JobSerializer})
    @repeatable(JobSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(CloneSerializer)
        job = jobs.clone_job(
            self.item,
            self.caller,
            self.strategy,
            content=values.get("content"),
            update_code=values["update_code"],
            description=values.get("description"),
            ttl=values.get("ttl"),
        )
        return Response(self.get_serializer(job).data, status=status.HTTP_201_CREATED)
