"""Metrics of an experiment: the path that a training loop waits for, so nothing here is slow."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from django.conf import settings
from django.db.models import F
from django.http.request import RawPostDataException
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION
from api.experiments.serializers import MetricSerializer
from api.fields import FIRST_YEAR, LAST_YEAR, aware, hex_uuid, wire_time
from api.pagination import LargePagination
from api.parsers import loads
from api.renderers import wire_number
from api.views import ItemView
from polyaxon.actions.metrics import log_metrics
from polyaxon.db.models import Experiment, MetricPoint, MetricSeries
from polyaxon.errors import InvalidInput
from polyaxon.stores import series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request

BATCH_HEADER = "X-Polyaxon-Batch"
_NOT_FINITE = {
    "nan": math.nan,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
    "inf": math.inf,
    "-inf": -math.inf,
}
_FLOAT = frozenset({float})
_Step = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Posted(msgspec.Struct):
    """One row as it is posted."""

    values: dict[str, float | str | None]
    created_at: datetime | None = None
    step: _Step | None = None


_DECODER: msgspec.json.Decoder[list[_Posted] | _Posted] = msgspec.json.Decoder(list[_Posted] | _Posted)


class MetricsView(ItemView):
    """All rows, oldest first. POST records one row or a list of them, all or none."""

    lists = True
    model = Experiment
    related = ("project__owner",)
    columns = ("uuid", "project__owner__user")
    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = ()
    pagination_class = LargePagination
    serializer_class = MetricSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(series.logged_rows([self.item.pk]))
        return self.get_paginated_response(wire_rows(page or [], {self.item.pk: self.item.uuid}))

    @extend_schema(parameters=[OpenApiParameter(BATCH_HEADER, str, OpenApiParameter.HEADER)])
    def post(self, request: Request, **kwargs: Any) -> Response:
        posted = decode(_body(request))
        rows = rows_of(posted if isinstance(posted, list) else [posted])
        log_metrics(self.item, rows, batch=_batch(request))
        body = None if isinstance(posted, list) else self._stored(rows)
        return Response(body, status=status.HTTP_201_CREATED)

    def _stored(self, rows: Sequence[series.Row]) -> dict[str, Any]:
        """The row as a GET shows it; without a number if it had no values."""
        if not rows:
            return _wire(None, self.item.pk, self.item.uuid, datetime.now(UTC), 0, {})
        row = rows[0]
        point = (
            MetricPoint.objects.filter(
                series__run=self.item.uuid,
                series__kind=MetricSeries.METRIC,
                series__name=next(iter(row.values)),
                step=F("series__last_step"),  # just written, and found by the index
                time=row.time,
            )
            .order_by("-id")
            .values_list("id", "step")
            .first()
        ) or (None, 0)
        return _wire(point[0], self.item.pk, self.item.uuid, row.time, point[1], row.values)


def _body(request: Request) -> bytes:
    try:
        return request._request.body  # noqa: SLF001 - past the parsers on purpose
    except RawPostDataException:
        raise UnsupportedMediaType(request.content_type) from None


def decode(body: bytes) -> list[_Posted] | _Posted:
    """The rows of a body. Raises `InvalidInput` that names the wrong one."""
    try:
        try:
            return _DECODER.decode(body)
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError):
            # The literals NaN and Infinity of old clients, or no JSON at all.
            lenient: list[_Posted] | _Posted = msgspec.convert(loads(body), list[_Posted] | _Posted)
            return lenient
    except msgspec.ValidationError as error:
        raise InvalidInput(_explained(str(error))) from error


def _explained(text: str) -> str:
    what, _, path = text.partition(" - at `$")
    index, _, rest = path.rstrip("`").removeprefix("[").partition("]")
    place = f"Row {index}" if path.startswith("[") else "The row"
    inner = (rest if path.startswith("[") else path.rstrip("`")).strip(".").replace("[...]", "")
    return f"{place}{f', {inner}' if inner else ''}: {what}. Nothing was stored."


def rows_of(posted: Sequence[_Posted]) -> list[series.Row]:
    """What is to be stored. Raises `InvalidInput`."""
    now = datetime.now(UTC)
    rows = []
    points = 0
    for place, row in enumerate(posted):
        values = _numbers(row.values, place)
        if not values:
            continue
        points += len(values)
        # A microsecond apart, so that rows without a time stay rows.
        time = now + timedelta(microseconds=place) if row.created_at is None else _moment(row.created_at, place)
        rows.append(series.Row(values, time, row.step))
    limit = settings.CONFIG.limits.metrics_batch_max
    if points > limit:
        raise InvalidInput(f"{points} points in one request; at most {limit} are taken. Send parts.")
    return rows


def _numbers(values: dict[str, float | str | None], place: int) -> dict[str, float]:
    """Null records nothing; NaN and infinity come as texts."""
    if _FLOAT.issuperset(map(type, values.values())):
        return cast("dict[str, float]", values)
    numbers: dict[str, float] = {}
    for name, value in values.items():
        if type(value) is float:
            numbers[name] = value
        elif value is not None:
            known = _NOT_FINITE.get(str(value).lower())
            if known is None:
                raise InvalidInput(f"Row {place}, {name}: {value!r} is not a number. Nothing was stored.")
            numbers[name] = known
    return numbers


def _moment(time: datetime, place: int) -> datetime:
    if time.tzinfo is UTC and FIRST_YEAR <= time.year <= LAST_YEAR:
        return time
    try:
        return aware(time)
    except ValueError as error:
        raise InvalidInput(f"Row {place}, created_at: {error}. Nothing was stored.") from error


def _batch(request: Request) -> uuid.UUID | None:
    text = request.headers.get(BATCH_HEADER)
    if not text:
        return None
    batch = hex_uuid(text)
    if batch is None:
        raise InvalidInput(f"The header {BATCH_HEADER} must be a UUID, not {text!r}.")
    return batch


def wire_rows(rows: Sequence[series.LoggedRow], uuids: dict[int, uuid.UUID]) -> list[dict[str, Any]]:
    """Rows as answers show them; `uuids` are those of the experiments."""
    return [_wire(row.id, row.experiment_id, uuids[row.experiment_id], row.time, row.step, row.values) for row in rows]


def _wire(
    identifier: int | None, experiment: int, run: uuid.UUID, time: datetime, step: int, values: Any
) -> dict[str, Any]:
    return {
        "id": identifier,
        "uuid": uuid.uuid5(run, str(identifier)).hex,
        "experiment": experiment,
        "created_at": wire_time(time),
        "step": step,
        "values": {name: wire_number(value) for name, value in values.items()},
    }
