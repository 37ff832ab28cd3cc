"""The code of a project."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION
from api.files import attachment
from api.views import ProjectView
from polyaxon import storage
from polyaxon.actions import code
from polyaxon.db.models import Repo
from polyaxon.errors import InvalidInput

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

COMMIT_HEADER = "X-Polyaxon-Commit"
BRANCHES = frozenset({"", "master", "HEAD"})
_SHA = re.compile(r"[0-9a-f]{40}\Z")


class RepoSerializer(serializers.ModelSerializer[Repo]):
    project = serializers.CharField(source="project.name", read_only=True)

    class Meta:
        model = Repo
        fields = ("project", "created_at", "updated_at", "is_public")
        read_only_fields = ("created_at", "updated_at")


class RepoView(ProjectView):
    """The project's repository."""

    serializer_class = RepoSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.repo).data)

    def patch(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    def put(self, request: Request, **kwargs: Any) -> Response:
        return self._change()

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        code.delete_repo(self.repo, self.caller)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @property
    def repo(self) -> Repo:
        """Raises 404 for a project without code."""
        repo = Repo.objects.filter(project=self.project).first()
        if repo is None:
            raise Http404("The project has no code. Upload some first.")
        repo.project = self.project
        return repo

    def _change(self) -> Response:
        repo = self.repo
        changes = self.valid(RepoSerializer, partial=True)
        if changes:
            code.update_repo(repo, self.caller, is_public=changes["is_public"])
        return Response(self.get_serializer(repo).data)


class UploadView(ProjectView):
    """An archive of the whole code, which becomes a commit unless nothing changed."""

    parser_classes = (MultiPartParser,)

    def max_bytes(self) -> int:
        # The other parts and the boundaries need some room beside the archive.
        return int(settings.CONFIG.limits.upload_max_bytes) + 64 * 1024

    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "properties": {"repo": {"type": "string", "format": "binary"}, "json": {"type": "string"}},
                "required": ["repo"],
            }
        },
        responses={200: None},
    )
    def put(self, request: Request, **kwargs: Any) -> Response:
        archive = request.FILES.get("repo")
        if not isinstance(archive, UploadedFile) or archive.file is None:
            raise InvalidInput("Send the archive as the part `repo` of a multipart form.", field="repo")
        reference = code.upload(self.project, self.caller, archive.file)
        return Response(None, headers={COMMIT_HEADER: reference.commit or ""})


class RepoDownloadView(RepoView):
    """The code of one commit as tar.gz."""

    authentication_classes = SERVICE_AUTHENTICATION
    http_method_names = ["get", "head", "options"]

    @extend_schema(
        parameters=[OpenApiParameter("commit", str, description="All 40 digits; default: the newest.")],
        responses={200: OpenApiTypes.BINARY},
    )
    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        wanted = request.query_params.get("commit", "").strip()
        repository = storage.repository(self.repo.project)
        sha = repository.head() if wanted in BRANCHES else wanted.lower()
        if sha is None or not _SHA.match(sha) or not repository.contains(sha):
            raise Http404(f"The project's code has no commit {wanted or 'yet'}.")
        return attachment(repository.archive(sha), f"{self.project.name}-{wanted or 'master'}.tar.gz")
