"""External repositories and CI."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.repos.serializers import CISerializer, NewExternalRepoSerializer
from api.views import ProjectView
from polyaxon.actions import ci, external_repos
from polyaxon.db.models import CI, ExternalRepo
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from rest_framework.request import Request

NOT_TRIGGERED = "CI has nothing new to run."


class ExternalRepoView(ProjectView):
    """Has the project's code come from a git repository elsewhere."""

    verbs = {"POST": Verb.MAINTAIN}
    serializer_class = NewExternalRepoSerializer

    @extend_schema(responses={201: None, 200: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(NewExternalRepoSerializer)
        _, is_new = external_repos.set_external(
            self.project, self.caller, values["git_url"], is_public=values["is_public"]
        )
        return Response(None, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class SyncView(ProjectView):
    """Fetches the external repository, and runs its newest commit if CI is enabled and has not."""

    @extend_schema(request=None, responses={201: None, 200: str})
    def post(self, request: Request, **kwargs: Any) -> Response:
        repo = ExternalRepo.objects.filter(project=self.project).first()
        if repo is None:
            raise Http404("The project has no external repository.")
        repo.project = self.project
        if not CI.objects.filter(project=self.project).exists():
            external_repos.fetch_if_gone(repo)
            return Response(NOT_TRIGGERED)
        return synced(started=ci.sync(self.project))


def synced(*, started: bool) -> Response:
    """201 if CI started something, 200 and a text if not."""
    return Response(None, status=status.HTTP_201_CREATED) if started else Response(NOT_TRIGGERED)


class CIView(ProjectView):
    """Whether, and how, new commits run."""

    verbs = {"POST": Verb.MAINTAIN}
    serializer_class = CISerializer

    @property
    def ci(self) -> CI:
        """Raises 404 while it is not enabled."""
        row = CI.objects.filter(project=self.project).first()
        if row is None:
            raise Http404("CI is not enabled.")
        row.project = self.project
        return row

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.ci).data)

    @extend_schema(responses={201: CISerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        row = ci.enable(self.project, self.caller, self.valid(CISerializer).get("config"))
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def _change(self) -> Response:
        row = self.ci
        changes = self.valid(CISerializer)
        if "config" in changes:
            ci.configure(row, self.caller, changes["config"])
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        ci.disable(self.ci, self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)
