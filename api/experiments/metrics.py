"""Metrics of an experiment: the path that a training loop waits for, so nothing here is slow."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

import math
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
import numpy as np
from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION
from api.batches import BATCH, batch_of
from api.experiments.serializers import MetricSerializer
from api.fields import FIRST_YEAR, LAST_YEAR, aware, wire_time
from api.inflating import plain_body
from api.metrics.schema import POSTED_SCHEMA
from api.pagination import LargePagination
from api.parsers import loads
from api.renderers import wire_number
from api.throttling import HighRate
from api.views import ItemView
from polyaxon.actions.metrics import log_columns, log_metrics, log_row
from polyaxon.db.models import Experiment
from polyaxon.errors import InvalidInput
from polyaxon.stores import series
from polyaxon.stores.binary_copy import MICROSECONDS
from polyaxon.stores.columns import Column
from polyaxon.stores.logged_rows import LoggedRow, LoggedRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from rest_framework.request import Request

_NOT_FINITE = {
    "nan": math.nan,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
    "inf": math.inf,
    "-inf": -math.inf,
}
_FLOAT = frozenset({float})
_FIRST_SECOND = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_LAST_SECOND = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()
_STORED = "The row as GET shows it. A list of rows, or a batch of series, is answered without a body."
_Step = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Posted(msgspec.Struct):
    """One row as it is posted."""

    values: dict[str, float | str | None]
    created_at: datetime | None = None
    step: _Step | None = None


class PostedSeries(msgspec.Struct):
    """Values of one series of a batch. `times`: Unix time in seconds."""

    name: str
    values: list[float | str | None]
    steps: list[_Step] | None = None
    times: list[float] | None = None


class PostedBatch(msgspec.Struct):
    """Several series, column by column."""

    series: list[PostedSeries]
    batch: str | None = None


class _Object(msgspec.Struct):
    """One row or one batch: msgspec tells structs in a union apart by a tag only, and these have none."""

    values: dict[str, float | str | None] | msgspec.UnsetType = msgspec.UNSET
    created_at: datetime | None = None
    step: _Step | None = None
    series: list[PostedSeries] | msgspec.UnsetType = msgspec.UNSET
    batch: str | None = None


Posted = list[_Posted] | _Posted | PostedBatch
_DECODER: msgspec.json.Decoder[list[_Posted] | _Object] = msgspec.json.Decoder(list[_Posted] | _Object)


class MetricsView(ItemView):
    """All rows, oldest first. POST records a row, a list of rows, or a batch of series, all or none."""

    lists = True
    model = Experiment
    related = ("project__owner",)
    columns = ("uuid", "experiment_group")
    authentication_classes = SERVICE_AUTHENTICATION
    throttle_classes = (HighRate,)
    pagination_class = LargePagination
    serializer_class = MetricSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        page = self.paginate_queryset(cast("Any", LoggedRows([self.item.pk])))
        return self.get_paginated_response(wire_rows(page or [], {self.item.pk: self.item.uuid}))

    @extend_schema(
        parameters=[BATCH],
        request={"application/json": POSTED_SCHEMA},
        responses={201: OpenApiResponse(MetricSerializer, description=_STORED)},
    )
    def post(self, request: Request, **kwargs: Any) -> Response:
        posted = decode(plain_body(request))
        batch = batch_of(request, posted.batch if isinstance(posted, PostedBatch) else None)
        if isinstance(posted, PostedBatch):
            log_columns(self.item, columns_of(posted), batch=batch)
            return Response(None, status=status.HTTP_201_CREATED)
        if isinstance(posted, list):
            log_metrics(self.item, rows_of(posted), batch=batch)
            return Response(None, status=status.HTTP_201_CREATED)
        return Response(self._logged(rows_of([posted]), batch), status=status.HTTP_201_CREATED)

    def _logged(self, rows: Sequence[series.Row], batch: uuid.UUID | None) -> dict[str, Any]:
        """Store a row, and show it as a GET does; without a number if it has no values or was stored before."""
        if not rows:
            return _wire(None, self.item.pk, self.item.uuid, datetime.now(UTC), 0, {})
        row = rows[0]
        identifier, step = log_row(self.item, row, batch=batch) or (None, 0)
        return _wire(identifier, self.item.pk, self.item.uuid, row.time, step, row.values)


def decode(body: bytes) -> Posted:
    """The rows or the batch of a body. Raises `InvalidInput` that names what is wrong."""
    try:
        try:
            return _told_apart(_DECODER.decode(body))
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, RecursionError):
            # The literals NaN and Infinity of old clients, or no JSON at all.
            return _told_apart(msgspec.convert(loads(body), list[_Posted] | _Object))
    except msgspec.ValidationError as error:
        raise InvalidInput(_explained(str(error))) from error


def _told_apart(body: list[_Posted] | _Object) -> Posted:
    if isinstance(body, list):
        return body
    if body.series is not msgspec.UNSET:
        return PostedBatch(body.series, body.batch)
    if body.values is msgspec.UNSET:
        raise msgspec.ValidationError("Object missing required field `values` (a row) or `series` (a batch)")
    return _Posted(body.values, body.created_at, body.step)


def _explained(text: str) -> str:
    what, _, path = text.partition(" - at `$")
    path = path.rstrip("`")
    if path.startswith(".series"):
        return f"{path.lstrip('.')}: {what}. Nothing was stored."
    index, _, rest = path.removeprefix("[").partition("]")
    place = f"Row {index}" if path.startswith("[") else "The row"
    inner = (rest if path.startswith("[") else path).strip(".").replace("[...]", "")
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
        moment = now + timedelta(microseconds=place) if row.created_at is None else _moment(row.created_at, place)
        rows.append(series.Row(values, moment, row.step))
    _check_number(points)
    return rows


def columns_of(posted: PostedBatch) -> list[Column]:
    """What is to be stored of a batch. Raises `InvalidInput`."""
    _check_number(sum(len(series.values) for series in posted.series))
    now = time.time_ns() // 1000
    columns = [_column(series, f"series[{place}]", now) for place, series in enumerate(posted.series) if series.values]
    names = {column.name for column in columns}
    if len(names) < len(columns):
        raise InvalidInput("A batch names each series once. Nothing was stored.")
    return columns


def _column(series: PostedSeries, place: str, now: int) -> Column:
    values = np.array(_floats(series.values, place), dtype=np.float64)
    for name in ("steps", "times"):
        given = getattr(series, name)
        if given is not None and len(given) != len(values):
            raise InvalidInput(f"{place}: {len(values)} values with {len(given)} {name}. Nothing was stored.")
    steps = None if series.steps is None else np.array(series.steps, dtype=np.int64)
    return Column(series.name, values, _times(series.times, len(values), place, now), steps)


def _floats(values: list[float | str | None], place: str) -> list[float]:
    """Unlike in rows null is a value, NaN: the arrays keep their lengths."""
    if _FLOAT.issuperset(map(type, values)):
        return cast("list[float]", values)
    numbers = []
    for index, value in enumerate(values):
        number = value if type(value) is float else _NOT_FINITE.get(str(value).lower() if value is not None else "nan")
        if number is None:
            raise InvalidInput(f"{place}.values[{index}]: {value!r} is not a number. Nothing was stored.")
        numbers.append(number)
    return numbers


def _times(times: list[float] | None, count: int, place: str, now: int) -> npt.NDArray[np.int64]:
    if times is None:
        # A microsecond apart, so that values of one place are shown as one row.
        return np.arange(now, now + count)
    seconds = np.array(times, dtype=np.float64)
    if not np.all((seconds >= _FIRST_SECOND) & (seconds < _LAST_SECOND)):
        raise InvalidInput(
            f"{place}.times: the year must be between {FIRST_YEAR} and {LAST_YEAR}; "
            "times are Unix time in seconds. Nothing was stored."
        )
    return np.rint(seconds * MICROSECONDS).astype(np.int64)


def _check_number(points: int) -> None:
    limit = settings.CONFIG.limits.metrics_batch_max
    if points > limit:
        raise InvalidInput(f"{points} points in one request; at most {limit} are taken. Send parts.")


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


def wire_rows(rows: Sequence[LoggedRow], uuids: dict[int, uuid.UUID]) -> list[dict[str, Any]]:
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
