"""The code of a project."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION, run_token
from api.files import attachment
from api.repos.external import synced
from api.repos.serializers import ExternalRepoSerializer, RepoSerializer, UploadOptionsSerializer
from api.views import ProjectView
from polyaxon import storage
from polyaxon.actions import ci, code, external_repos
from polyaxon.db.models import ExternalRepo, Repo
from polyaxon.errors import InvalidInput
from polyaxon.security import code_tokens
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

COMMIT_HEADER = "X-Polyaxon-Commit"
BRANCHES = frozenset({"", "master", "HEAD"})
_SHA = re.compile(r"[0-9a-f]{40}\Z")
# Bytes of an upload's other parts and boundaries beside the archive.
UPLOAD_ROOM = 64 * 1024


ANY_REPO = PolymorphicProxySerializer("AnyRepo", [RepoSerializer, ExternalRepoSerializer], None)


class RepoView(ProjectView):
    """The project's repository: the external one if there is one, else that of its uploads."""

    serializer_class = RepoSerializer

    @extend_schema(responses=ANY_REPO)
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self._shown(self.repo)

    @extend_schema(request=ExternalRepoSerializer, responses=ANY_REPO)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(request=ExternalRepoSerializer, responses=ANY_REPO)
    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        repo = self.repo
        if isinstance(repo, ExternalRepo):
            external_repos.delete_external(repo, self.caller)
        else:
            code.delete_repo(repo, self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @property
    def repo(self) -> Repo | ExternalRepo:
        """Raises 404 for a project without code."""
        of_project = {"project": self.project}
        repo = ExternalRepo.objects.filter(**of_project).first() or Repo.objects.filter(**of_project).first()
        if repo is None:
            raise Http404("The project has no code. Upload some first.")
        repo.project = self.project
        return repo

    def _change(self) -> Response:
        repo = self.repo
        if isinstance(repo, ExternalRepo):
            changes = self.valid(ExternalRepoSerializer, partial=True)
            url, is_public = changes.get("git_url"), changes.get("is_public")
            external_repos.update_external(repo, self.caller, git_url=url, is_public=is_public)
        elif changes := self.valid(RepoSerializer, partial=True):
            code.update_repo(repo, self.caller, is_public=changes["is_public"])
        return self._shown(repo)

    @staticmethod
    def _shown(repo: Repo | ExternalRepo) -> Response:
        shape = ExternalRepoSerializer(repo) if isinstance(repo, ExternalRepo) else RepoSerializer(repo)
        return Response(shape.data)


class UploadView(ProjectView):
    """An archive of the whole code, which becomes a commit unless nothing changed."""

    verbs = {"PUT": Verb.RUN}  # code to run
    parser_classes = (MultiPartParser,)

    def max_bytes(self) -> int:
        return int(settings.CONFIG.limits.upload_max_bytes) + UPLOAD_ROOM

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"repo": {"type": "string", "format": "binary"}, "json": {"type": "string"}},
                "required": ["repo"],
            }
        },
        responses={200: str, 201: None},
    )
    def put(self, request: Request, **kwargs: Any) -> Response:
        archive = request.FILES.get("repo")
        if not isinstance(archive, UploadedFile) or archive.file is None:
            raise InvalidInput("Send the archive as the part `repo` of a multipart form.", field="repo")
        options = _options(request.POST.get("json"))
        reference = code.upload(self.project, self.caller, archive.file)
        answer = synced(started=ci.sync(self.project)) if options["sync"] else Response(None)
        answer.headers[COMMIT_HEADER] = reference.commit or ""
        return answer


def _options(text: Any) -> dict[str, Any]:
    """The part `json` of an upload. Raises 400."""
    try:
        values = json.loads(text) if isinstance(text, str) and text else {}
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidInput("The part `json` must be a JSON object.", field="json")
    checked = UploadOptionsSerializer(data=values)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


class RepoDownloadView(RepoView):
    """The code of one commit as tar.gz."""

    authentication_classes = SERVICE_AUTHENTICATION
    http_method_names = ["get", "head", "options"]

    def check_permissions(self, request: Request) -> None:
        token = run_token(request)
        if token is None or not code_tokens.is_one(token):
            super().check_permissions(request)
        elif not code_tokens.opens(token, self.kwargs["owner"], self.kwargs["project"], self.wanted):
            raise PermissionDenied("This token is good for the code of its run only.")

    @property
    def wanted(self) -> str:
        """The commit that is asked for; empty: the newest."""
        return self.request.query_params.get("commit", "").strip()

    @extend_schema(
        parameters=[OpenApiParameter("commit", str, description="All 40 digits; default: the newest.")],
        responses={(200, "application/gzip"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        wanted = self.wanted
        project = self.repo.project
        repository = storage.mirror(project) if isinstance(self.repo, ExternalRepo) else storage.repository(project)
        sha = repository.head() if wanted in BRANCHES else wanted.lower()
        if sha is None or not _SHA.match(sha) or not repository.contains(sha):
            raise Http404(f"The project's code has no commit {wanted or 'yet'}.")
        return attachment(repository.archive(sha), f"{self.project.name}-{wanted or 'master'}.tar.gz")
