"""Projects."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.activity.viewed import record_view
from api.idempotency import repeatable
from api.pagination import LargePagination
from api.permissions import readable_projects
from api.projects.counts import counts
from api.projects.serializers import (
    ChangedProjectSerializer,
    NewProjectSerializer,
    ProjectCreatedSerializer,
    ProjectDetailSerializer,
    ProjectNameSerializer,
    ProjectSerializer,
)
from api.views import BaseView, ProjectView, no_body
from polyaxon.actions import projects
from polyaxon.db.models import Owner
from polyaxon.security.permissions import visible_owners
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from rest_framework.request import Request


class ProjectsView(BaseView):
    """New projects of the caller, or of an organization that the caller may create projects in."""

    verbs = {"POST": Verb.MAINTAIN}
    serializer_class = NewProjectSerializer

    @extend_schema(responses={201: ProjectCreatedSerializer})
    @repeatable(ProjectCreatedSerializer)
    def post(self, request: Request) -> Response:
        project = projects.create_project(self.caller, **self.valid(NewProjectSerializer))
        return Response(ProjectCreatedSerializer(project).data, status=status.HTTP_201_CREATED)


class OwnerView(BaseView):
    """Projects of an owner that the caller may read."""

    lists = True
    serializer_class = ProjectSerializer

    def get(self, request: Request, owner: str) -> Response:
        return self.paged(self.projects(request, owner), type(self).serializer_class)

    @staticmethod
    def projects(request: Request, owner: str) -> QuerySet[Any]:
        if not Owner.objects.filter(visible_owners(request.user), name=owner).exists():
            raise Http404(f"There is no owner {owner}.")
        rows = readable_projects(request).filter(owner__name=owner)
        return rows.select_related("user", "owner").defer("readme").order_by("-updated_at", "-id")


class ProjectNamesView(OwnerView):
    """Names of the projects of an owner that the caller may read."""

    serializer_class = ProjectNameSerializer  # type: ignore[assignment]
    pagination_class = LargePagination


class ProjectDetailView(ProjectView):
    """One project."""

    verbs = {"DELETE": Verb.ADMIN}
    serializer_class = ProjectDetailSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        record_view(request, self.project)
        return self._detail()

    @extend_schema(request=ChangedProjectSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change(partial=True)

    @extend_schema(request=ChangedProjectSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change(partial=False)

    def _change(self, *, partial: bool) -> Response:
        changes = self.valid(ChangedProjectSerializer, partial=partial)
        merge = changes.pop("merge", False)
        projects.update_project(self.project, self.caller, changes, merge=merge)
        return self._detail()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        projects.archive_project(self.project, self.caller, delete=True)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _detail(self) -> Response:
        context = {**self.get_serializer_context(), "counts": counts(self.project)}
        return Response(ProjectDetailSerializer(self.project, context=context).data)


class ArchiveProjectView(ProjectView):
    """Hides a project with its items and stops what runs."""

    verbs = {"POST": Verb.ADMIN}

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        projects.archive_project(self.project, self.caller)
        return Response(None)


class RestoreProjectView(ProjectView):
    """Shows an archived project again, with all of its items."""

    finds_archived = True
    verbs = {"POST": Verb.ADMIN}

    @no_body
    def post(self, request: Request, **kwargs: Any) -> Response:
        projects.restore_project(self.project, self.caller)
        return Response(None)
