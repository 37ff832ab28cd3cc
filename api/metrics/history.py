"""Series of a run or of a group: summaries, down-sampled histories, and every point page by page."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import orjson
from django.http import Http404
from django.utils.http import urlencode
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from api.authentication import SERVICE_AUTHENTICATION
from api.fields import HexUUIDField
from api.flags import number
from api.pagination import Pagination
from api.renderers import wire_number
from api.views import Item, ItemView
from polyaxon.db.models import Experiment, ExperimentGroup, MetricSeries
from polyaxon.errors import InvalidInput
from polyaxon.stores.history import METHODS, History, Method, histories
from polyaxon.stores.points import HIGHEST, LOWEST, Floats, Ints, Points, Position, Range, read_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request

DEFAULT_POINTS, MOST_POINTS = 1000, 10_000
DEFAULT_PAGE, LARGEST_PAGE = 10_000, 100_000
# Of all series together: those that are read for triangles, which need a whole series, and those that are shown.
MOST_READ = 1_000_000

NAME = OpenApiParameter("name", str, many=True, description="Only series of this name; may be repeated.")
FROM = OpenApiParameter("from_step", int, description="First step.")
TO = OpenApiParameter("to_step", int, description="Last step.")
POINTS = OpenApiParameter("points", int, description=f"Most points of a series (default {DEFAULT_POINTS}).")
METHOD = OpenApiParameter(
    "method",
    str,
    enum=METHODS,
    description="How a longer series is made shorter: `minmax` (last, smallest and largest value of each bucket of "
    "steps; the default), `lttb` (largest triangle three buckets), `last` (last point of each bucket).",
)


class SeriesPagination(Pagination):
    """Series by the hundred."""

    default_limit = 100
    max_limit = 1000


class SummarySerializer(serializers.ModelSerializer[MetricSeries]):
    """A series without its points."""

    run = HexUUIDField()
    experiment = serializers.IntegerField(source="experiment_id", allow_null=True)

    class Meta:
        model = MetricSeries
        fields = (
            "name",
            "run",
            "experiment",
            "count",
            "last",
            "last_step",
            "last_time",
            "min",
            "min_step",
            "max",
            "max_step",
        )

    def to_representation(self, instance: MetricSeries) -> dict[str, Any]:
        data = super().to_representation(instance)
        # NULL is what NaN is stored as.
        return {**data, "last": "NaN" if instance.last is None else instance.last}


class _ArraysSerializer(serializers.Serializer[Any]):
    steps = serializers.ListField(child=serializers.IntegerField())
    times = serializers.ListField(child=serializers.FloatField(), help_text="Unix time in seconds.")
    values = serializers.ListField(child=serializers.FloatField())


class HistorySerializer(_ArraysSerializer):
    """A series with as many points as were asked for."""

    name = serializers.CharField()
    run = HexUUIDField()
    experiment = serializers.IntegerField(allow_null=True)
    count = serializers.IntegerField(help_text="Points stored in the asked range.")
    sampled = serializers.BooleanField(help_text="Whether these are fewer.")
    min = serializers.ListField(child=serializers.FloatField(), required=False, help_text="With method `minmax`.")
    max = serializers.ListField(child=serializers.FloatField(), required=False)


class PointsSerializer(_ArraysSerializer):
    """Every point of a series, one page."""

    name = serializers.CharField()
    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")


class _SeriesView(ItemView):
    """Below one experiment: its metrics."""

    model: type[Item] = Experiment
    related: ClassVar[tuple[str, ...]] = ("project__owner",)
    columns: ClassVar[tuple[str, ...]] = ("uuid",)
    authentication_classes = SERVICE_AUTHENTICATION
    pagination_class = SeriesPagination

    def rows(self) -> QuerySet[MetricSeries]:
        """The series that there are."""
        return MetricSeries.objects.filter(experiment=self.item, kind=MetricSeries.METRIC)

    def chosen(self, request: Request) -> QuerySet[MetricSeries]:
        names = request.query_params.getlist("name")
        if any("\x00" in name for name in names):
            raise InvalidInput("name: the character NUL is in no name. Remove it.")
        rows = self.rows().filter(name__in=names) if names else self.rows()
        return rows.order_by("experiment_id", "run", "id")


class SeriesView(_SeriesView):
    """Summaries of the series, in the order in which they began."""

    lists = True
    serializer_class = SummarySerializer

    @extend_schema(parameters=[NAME])
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.chosen(request), SummarySerializer)


class HistoryView(_SeriesView):
    """The series with their points, made fewer where there are more than asked for."""

    lists = True
    serializer_class = HistorySerializer

    @extend_schema(parameters=[NAME, FROM, TO, POINTS, METHOD])
    def get(self, request: Request, **kwargs: Any) -> Response:
        points = min(number(request, "points") or DEFAULT_POINTS, MOST_POINTS)
        method = _method(request)
        rows: list[MetricSeries] = self.paginate_queryset(self.chosen(request)) or []
        _check_cost(rows, method, points)
        found = histories(rows, method, points, *_bounds(request))
        return self.get_paginated_response([_wire(row, part) for row, part in zip(rows, found, strict=True)])


class PointsView(_SeriesView):
    """Every point of one series by step."""

    serializer_class = PointsSerializer

    @extend_schema(
        parameters=[
            OpenApiParameter("name", str, required=True),
            FROM,
            TO,
            OpenApiParameter("limit", int, description=f"Points of a page (default {DEFAULT_PAGE})."),
            OpenApiParameter("after", str, description="Where the page begins, as `next` names it."),
        ]
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.chosen(request)[:2]
        if len(request.query_params.getlist("name")) != 1 or len(rows) > 1:
            raise InvalidInput("Name one series with `?name=`.")
        if not rows:
            raise Http404("There is no such series.")
        limit = min(number(request, "limit") or DEFAULT_PAGE, LARGEST_PAGE)
        points, after = read_page(Range(rows[0].pk, *_bounds(request)), limit, _position(request))
        return Response({"name": rows[0].name, **_arrays(points), "next": after and self._next(request, after)})

    def _next(self, request: Request, after: Position) -> str:
        parameters = {**request.query_params.dict(), "after": f"{after.step}.{after.id}"}
        return request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")


class GroupHistoryView(HistoryView):
    """The series of a group with their points: one series for each experiment and name."""

    model = ExperimentGroup
    columns = ()
    related = ItemView.related

    def rows(self) -> QuerySet[MetricSeries]:
        of_group = (
            {"experiment__selections": self.item}
            if self.item.group_type == ExperimentGroup.SELECTION
            else {"experiment__experiment_group": self.item}
        )
        return MetricSeries.objects.filter(kind=MetricSeries.METRIC, experiment__deleted=False, **of_group)


def _bounds(request: Request) -> tuple[int, int]:
    """First and last of the asked steps."""
    return _step(request, "from_step", LOWEST), _step(request, "to_step", HIGHEST)


def _step(request: Request, name: str, default: int) -> int:
    """A step, which may be negative. Raises `InvalidInput`."""
    text = request.query_params.get(name, "").strip()
    if not text:
        return default
    if not text.removeprefix("-").isdecimal() or len(text) > 20:  # noqa: PLR2004 - characters of a 64-bit number
        raise InvalidInput(f"{name} must be a whole number, not {text!r}.")
    return min(max(int(text), LOWEST), HIGHEST)


def _method(request: Request) -> Method:
    asked = request.query_params.get("method") or "minmax"
    for method in METHODS:
        if method == asked:
            return method
    raise InvalidInput(f"method must be one of {', '.join(METHODS)}, not {asked!r}.")


def _check_cost(rows: Sequence[MetricSeries], method: Method, points: int) -> None:
    read = sum(row.count if method == "lttb" else min(row.count, points) for row in rows)
    if read > MOST_READ:
        raise InvalidInput(
            f"{read} points would be read at once; at most {MOST_READ} are. Name fewer series, ask for fewer points, "
            "or use the method minmax."
        )


def _position(request: Request) -> Position | None:
    text = request.query_params.get("after", "")
    if not text:
        return None
    before, _, identifier = text.partition(".")
    digits = before.removeprefix("-")
    if not (digits.isdecimal() and identifier.isdecimal() and max(int(digits), int(identifier)) <= HIGHEST):
        raise InvalidInput("after must be taken from `next` as it is.")
    return Position(int(before), int(identifier))


def _wire(row: MetricSeries, history: History) -> dict[str, Any]:
    bounds = {"min": history.low, "max": history.high}
    return {
        "name": row.name,
        "run": row.run.hex,
        "experiment": row.experiment_id,
        "count": history.count,
        "sampled": len(history.points) < history.count,
        **_arrays(history.points),
        **{name: _array(values) for name, values in bounds.items() if values is not None},
    }


def _arrays(points: Points) -> dict[str, Any]:
    return {"steps": _array(points.steps), "times": _array(points.times), "values": _array(points.values)}


def _array(numbers: Ints | Floats) -> Any:
    """Written at once: looking at each number for those that JSON lacks costs more than all the rest."""
    if np.isfinite(numbers).all():
        return orjson.Fragment(orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY))
    return [wire_number(number) for number in numbers.tolist()]
