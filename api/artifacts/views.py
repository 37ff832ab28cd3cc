"""Artifacts of a run: what there is, what is to be sent, and sending it."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.artifacts.serializers import (
    METADATA_BYTES,
    AnnouncedSerializer,
    ArtifactSerializer,
    ManifestSerializer,
    MisplacedSerializer,
)
from api.authentication import SERVICE_AUTHENTICATION
from api.items import PATH, outputs_path
from api.metrics.history import SeriesPagination
from api.parsers import JSONParser
from api.throttling import HighRate
from api.views import ItemView
from polyaxon.actions.artifacts import Announced, announce, path_of, receive
from polyaxon.db.models import Artifact
from polyaxon.db.models.artifacts import TYPES
from polyaxon.errors import InvalidInput
from polyaxon.security.scopes import Verb
from polyaxon.stores.errors import human_bytes, shown
from polyaxon.stores.incoming import Misplaced

if TYPE_CHECKING:
    from rest_framework.request import Request

TYPE = OpenApiParameter("type", str, many=True, enum=TYPES, description="Only those of this type; may be repeated.")
NAME = OpenApiParameter("name", str, description="Only those of this name, which are one for each step.")
PART = OpenApiParameter(
    "Content-Range", str, OpenApiParameter.HEADER, description="`bytes FIRST-LAST/SIZE`; without it the whole content."
)
_PART = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})\Z")


class ArtifactsView(ItemView):
    """Artifacts of a run. POST announces files; the answer says which of them, and from where on, are to be sent."""

    lists = True
    verbs = {"POST": Verb.RUN}
    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = (HighRate,)
    pagination_class = SeriesPagination
    serializer_class = ArtifactSerializer

    @extend_schema(parameters=[TYPE, NAME])
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = Artifact.objects.filter(run=self.item.uuid)
        if types := request.query_params.getlist("type"):
            rows = rows.filter(type__in=types)
        if name := request.query_params.get("name"):
            rows = rows.none() if "\x00" in name else rows.filter(name=name)
        return self.paged(rows.order_by("path"), ArtifactSerializer)

    @extend_schema(request=ManifestSerializer, responses={200: AnnouncedSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        files = [_announced(file) for file in self.valid(ManifestSerializer)["artifacts"]]
        rows = announce(self.item, outputs_path(self.item), files)
        return Response({"artifacts": ArtifactSerializer(rows, many=True).data})


class ArtifactContentView(ItemView):
    """The content of an artifact, whole or part by part."""

    verbs = {"PUT": Verb.RUN}
    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = (HighRate,)
    parser_classes = (JSONParser,)  # none is used: the body is read as it comes
    serializer_class = ArtifactSerializer

    @extend_schema(
        parameters=[PATH, PART],
        request={"application/octet-stream": {"type": "string", "format": "binary"}},
        responses={201: ArtifactSerializer, 202: ArtifactSerializer, 409: MisplacedSerializer},
    )
    def put(self, request: Request, **kwargs: Any) -> Response:
        artifact = self.artifact
        offset = self._offset(request, artifact)
        try:
            receive(artifact, outputs_path(self.item), offset, request._request)  # noqa: SLF001 - past the parsers
        except Misplaced as error:
            answer = {"detail": f"{error}.", "received": error.received}
            return Response(answer, status=status.HTTP_409_CONFLICT)
        code = status.HTTP_201_CREATED if artifact.stored else status.HTTP_202_ACCEPTED
        return Response(self.get_serializer(artifact).data, status=code)

    @property
    def artifact(self) -> Artifact:
        """The one that the address names. Raises 404, PathRefused."""
        path = self.request.query_params.get("path", "")
        found = Artifact.objects.filter(run=self.item.uuid, path=path_of(path)).first()
        if found is None:
            raise Http404(f"No artifact {shown(path)} was announced. Announce it first.")
        return found

    def _offset(self, request: Request, artifact: Artifact) -> int:
        """Where the part begins. Raises `InvalidInput` if it is not one of the artifact."""
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        text = request.headers.get("Content-Range")
        if text is None:
            if length != artifact.size:
                most = human_bytes(settings.CONFIG.limits.body_max_bytes)
                raise InvalidInput(
                    f"The body has {length} bytes, the artifact {artifact.size}. Send parts of at most {most} with "
                    "Content-Range."
                )
            return 0
        part = _PART.match(text)
        if part is None or int(part[3]) != artifact.size or int(part[2]) - int(part[1]) + 1 != length:
            raise InvalidInput(
                f"Content-Range must read `bytes FIRST-LAST/{artifact.size}` and fit the body of {length} bytes, "
                f"not {text!r}."
            )
        if int(part[2]) >= artifact.size:
            raise InvalidInput(f"Content-Range ends beyond the {artifact.size} bytes of the artifact.")
        return int(part[1])


def _announced(file: dict[str, Any]) -> Announced:
    if len(orjson.dumps(file.get("metadata"))) > METADATA_BYTES:
        raise InvalidInput(f"The metadata of {shown(file['path'])} have more than {human_bytes(METADATA_BYTES)}.")
    return Announced(
        path=file["path"],
        name=file.get("name") or path_of(file["path"])[:255],
        type=file["type"],
        size=file["size"],
        sha256=file["sha256"],
        step=file.get("step"),
        metadata=file.get("metadata"),
    )
