"""The schema of polyaxonfiles, for editors."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from api.platform.versions import PublicView
from api.renderers import dumps
from polyaxon_schemas.json_schema import polyaxonfile_schema

if TYPE_CHECKING:
    from rest_framework.request import Request


@cache
def _schema() -> bytes:
    return dumps(polyaxonfile_schema())


class PolyaxonfileSchemaView(PublicView):
    """JSON Schema of polyaxonfiles, with which editors complete and check them."""

    throttle_classes = ()  # the answer is in memory

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, **kwargs: Any) -> HttpResponse:
        return HttpResponse(
            _schema(), content_type="application/schema+json", headers={"Cache-Control": "public, max-age=3600"}
        )
