"""`Idempotency-Key`: a creation that is sent again makes nothing again."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.serializers import ModelSerializer

from api.renderers import dumps
from polyaxon.actions import repeats
from polyaxon.db.models import IdempotencyKey, User
from polyaxon.db.models.idempotency import KEY_LENGTH
from polyaxon.errors import InvalidInput

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request

    from api.views import BaseView

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_HELP = (
    "A text of the client's choice, such as a UUID: a request that is repeated with it makes nothing new and gets the "
    "first answer again."
)
Post = Callable[..., "HttpResponseBase"]


class KeyOfAnother(APIException):
    """422."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = f"This {HEADER} was sent before with another request. Take a new one for each thing to create."


class UnderWay(APIException):
    """409."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = f"The first request with this {HEADER} is still under way. Ask again in a moment."
    wait = 1  # for Retry-After


def repeatable(serializer: type[ModelSerializer[Any]]) -> Callable[[Post], Post]:
    """Make a view's `post`, which creates a row and answers 201 as `serializer` shows it, safe to be sent again."""

    def decorate(post: Post) -> Post:
        @functools.wraps(post)
        def repeated(view: BaseView, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            key = request.headers.get(HEADER)
            if key is None or not isinstance(request.user, User):
                return post(view, request, *args, **kwargs)
            digest = _digest(request)
            with repeats.working(request.user, _checked(key)) as alone:
                claim = repeats.claim(request.user, key, digest, alone=alone)
                if claim is None or not claim.is_mine:
                    return _again(claim, digest)
                return _first(claim.row, functools.partial(post, view, request, *args, **kwargs), view, serializer)

        parameter = OpenApiParameter(HEADER, str, OpenApiParameter.HEADER, description=_HELP)
        documented: Post = extend_schema(parameters=[parameter])(repeated)
        return documented

    return decorate


def _first(
    row: IdempotencyKey, post: Callable[[], HttpResponseBase], view: BaseView, serializer: type[ModelSerializer[Any]]
) -> HttpResponseBase:
    def store(made: models.Model) -> None:
        if isinstance(made, serializer.Meta.model):
            context = {**view.get_serializer_context(), "metrics": {}}
            body = dumps(serializer(made, context=context).data).decode()
            repeats.answer(row, status.HTTP_201_CREATED, body)

    try:
        with repeats.told(store):
            return post()
    finally:
        repeats.release(row)


def _again(claim: repeats.Claim | None, digest: str) -> HttpResponse:
    if claim is not None and claim.row.digest != digest:
        raise KeyOfAnother
    if claim is None or claim.row.code is None:
        raise UnderWay
    headers = {REPLAYED: "true"}
    return HttpResponse(claim.row.body, status=claim.row.code, content_type="application/json", headers=headers)


def _checked(key: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidInput(f"{HEADER} has 1 to {KEY_LENGTH} printable ASCII characters.")
    return key


def _digest(request: Request) -> str:
    """Of what is asked for, however the body is written."""
    body = json.dumps(request.data, sort_keys=True, default=str)
    return hashlib.sha256(f"{request.method} {request.path.rstrip('/')} {body}".encode()).hexdigest()
