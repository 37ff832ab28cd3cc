"""Builds: lists, details, and what is done to them."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api import query
from api.authentication import SERVICE_AUTHENTICATION
from api.builds.serializers import (
    BuildCreatedSerializer,
    BuildDetailSerializer,
    BuildSerializer,
    ChangedBuildSerializer,
    NewBuildSerializer,
)
from api.experiments.views import LIST_PARAMETERS
from api.idempotency import repeatable
from api.items import DetailView
from api.views import ItemView, ProjectView, no_body
from polyaxon.actions import builds
from polyaxon.db.models import BuildJob
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


def listed(rows: QuerySet[BuildJob]) -> QuerySet[BuildJob]:
    """`rows` with what a list shows of them."""
    heavy = ("content", "readme", "run_env", "data_refs", "resources", "status_message", "definition", "dockerfile")
    return rows.select_related("user", "project__owner").defer(*heavy)


class BuildsView(ProjectView):
    """Builds of a project."""

    lists = True
    serializer_class = BuildSerializer

    @extend_schema(parameters=LIST_PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = query.filtered(
            BuildJob.objects.filter(project=self.project, deleted=False),
            request.query_params.get("query"),
            query.BUILDS,
        )
        return self.paged(listed(query.ordered(rows, request.query_params.get("sort"))), BuildSerializer)

    @extend_schema(request=NewBuildSerializer, responses={201: BuildCreatedSerializer})
    @repeatable(BuildCreatedSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewBuildSerializer)
        build = builds.create_build(self.project, self.caller, builds.NewBuild(**values))
        return Response(BuildCreatedSerializer(build).data, status=status.HTTP_201_CREATED)


class BuildView(DetailView):
    """One build."""

    model = BuildJob
    related = (*ItemView.related, "code_reference")
    authentication_classes = SERVICE_AUTHENTICATION
    changed = ChangedBuildSerializer
    serializer_class = BuildDetailSerializer


class InvalidateView(ItemView):
    """Never reuse this build."""

    model = BuildJob
    run_token_writes = False
    verbs = {"POST": Verb.MAINTAIN}

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        builds.invalidate(self.item, self.caller)
        return Response(None)


class InvalidateAllView(ProjectView):
    """Never reuse any build that the project has now."""

    verbs = {"POST": Verb.MAINTAIN}

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        builds.invalidate_all(self.project, self.caller)
        return Response(None)
