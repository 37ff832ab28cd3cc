"""Numbers that clients give to what they send, so that what they send again is not stored again."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from api.fields import hex_uuid
from polyaxon.errors import InvalidInput

BATCH_HEADER = "X-Polyaxon-Batch"
BATCH = OpenApiParameter(
    BATCH_HEADER,
    str,
    OpenApiParameter.HEADER,
    description="A UUID of the client's choice: what is sent again with the same one is not stored again.",
)


def batch_of(request: Request, in_body: str | None = None) -> uuid.UUID | None:
    """The number of a batch, from its body or else the header; None without one. Raises `InvalidInput`."""
    text = in_body or request.headers.get(BATCH_HEADER)
    if not text:
        return None
    batch = hex_uuid(text)
    if batch is None:
        raise InvalidInput(f"`batch` and the header {BATCH_HEADER} must be UUIDs, not {text!r}.")
    return batch
