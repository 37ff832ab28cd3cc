"""What came out of a group: its best trial, trade-offs between metrics, and which parameters mattered.

Only trials that succeeded count, with the last value of a metric, if that is a finite number.
"""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, cast

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from api.groups.views import GroupItemView, members
from polyaxon.errors import InvalidInput
from polyaxon.trials import results
from polyaxon_schemas.search import Metric

if TYPE_CHECKING:
    from rest_framework.request import Request

_OPTIMIZATIONS = ("maximize", "minimize")
Optimization = Literal["maximize", "minimize"]
# More say nothing: then hardly any trial is worse than another in all of them.
MOST_METRICS = 10
PARAMETERS = [
    OpenApiParameter("metric", str, description="Default: what the search optimises, or else what ends it early."),
    OpenApiParameter(
        "optimization", str, enum=_OPTIMIZATIONS, description="Default: the search's own, or else `maximize`."
    ),
]
METRICS = OpenApiParameter(
    "metrics",
    str,
    description="Names with commas between; of one that follows a `-` less is better, of the others as the search has "
    "it, or else more. Default: the metrics that the search optimises.",
)


class GoalSerializer(serializers.Serializer[Any]):
    """A metric, and whether more of it is better."""

    name = serializers.CharField()
    optimization = serializers.ChoiceField(_OPTIMIZATIONS)


class TrialResultSerializer(serializers.Serializer[Any]):
    """A trial with what it reached; `index` is null for a run that a person added."""

    experiment = serializers.IntegerField()
    index = serializers.IntegerField(allow_null=True)
    params = serializers.DictField()
    values = serializers.DictField(child=serializers.FloatField(), help_text="By metric.")


class BestTrialSerializer(serializers.Serializer[Any]):
    experiment = serializers.IntegerField()
    index = serializers.IntegerField(allow_null=True)
    params = serializers.DictField()
    value = serializers.FloatField()


class GroupBestSerializer(serializers.Serializer[Any]):
    """The best trial; null when none has a value."""

    metric = serializers.CharField()
    optimization = serializers.ChoiceField(_OPTIMIZATIONS)
    trial = BestTrialSerializer(allow_null=True)


class GroupParetoSerializer(serializers.Serializer[Any]):
    """Trials that no other one beats in every metric; of `finished` ones the newest `compared` were looked at."""

    metrics = GoalSerializer(many=True)
    finished = serializers.IntegerField(help_text="Trials that have a value of each metric.")
    compared = serializers.IntegerField(max_value=results.MOST_COMPARED)
    trials = TrialResultSerializer(many=True)


class ParamImportanceSerializer(serializers.Serializer[Any]):
    param = serializers.CharField()
    importance = serializers.FloatField(min_value=0, max_value=1)


class GroupImportancesSerializer(serializers.Serializer[Any]):
    """Shares of the parameters in a metric's variance, the largest first; they add up to 1.

    Of `finished` trials the newest `modelled` were looked at.
    """

    metric = serializers.CharField()
    optimization = serializers.ChoiceField(_OPTIMIZATIONS)
    finished = serializers.IntegerField(help_text="Trials that have a value of the metric.")
    modelled = serializers.IntegerField(max_value=results.MOST_MODELLED)
    importances = ParamImportanceSerializer(many=True)


class OneMetricView(GroupItemView):
    """What is asked of one metric."""

    def asked_metric(self, request: Request) -> Metric:
        """The metric of the query, or the search's own. Raises `InvalidInput`."""
        own = results.own_metrics(self.item)
        name, optimization = request.query_params.get("metric", ""), request.query_params.get("optimization", "")
        if optimization not in ("", *_OPTIMIZATIONS):
            raise InvalidInput(
                f"optimization is {' or '.join(_OPTIMIZATIONS)}, not {optimization!r}.", field="optimization"
            )
        if not name and not own:
            raise InvalidInput("This group optimises no metric. Name one with `?metric=`.", field="metric")
        metric = _metric(name, own, "metric") if name else own[0]
        return _with(metric, optimization) if optimization else metric


class BestView(OneMetricView):
    """The best trial by one metric. Costs the reading of one value of each trial."""

    serializer_class = GroupBestSerializer

    @extend_schema(parameters=PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        metric = self.asked_metric(request)
        found = results.best_result(members(self.item), metric)
        trial = found and {**asdict(found), "value": found.values[metric.name]}
        return Response(GroupBestSerializer({**_goal(metric), "trial": trial}).data)


class ImportancesView(OneMetricView):
    """How much of a metric each parameter explains. Models the newest 2000 trials, which takes seconds."""

    serializer_class = GroupImportancesSerializer

    @extend_schema(parameters=PARAMETERS)
    def get(self, request: Request, **kwargs: Any) -> Response:
        metric = self.asked_metric(request)
        found = results.group_importances(self.item, members(self.item), metric)
        shares = [{"param": name, "importance": min(1.0, share)} for name, share in found.shares.items()]
        answer = {"finished": found.finished, "modelled": found.modelled, "importances": shares}
        return Response(GroupImportancesSerializer({**_goal(metric), **answer}).data)


class ParetoView(GroupItemView):
    """The trials that no other one beats in every metric. Compares the newest 5000 with each other."""

    serializer_class = GroupParetoSerializer

    @extend_schema(parameters=[METRICS])
    def get(self, request: Request, **kwargs: Any) -> Response:
        metrics = self._asked_metrics(request)
        found = results.front(members(self.item), metrics)
        answer = {
            "metrics": [metric.model_dump() for metric in metrics],
            "finished": found.finished,
            "compared": found.compared,
            "trials": [asdict(result) for result in found.results],
        }
        return Response(GroupParetoSerializer(answer).data)

    def _asked_metrics(self, request: Request) -> list[Metric]:
        own = results.own_metrics(self.item)
        names = [name for name in request.query_params.get("metrics", "").split(",") if name.strip("-")]
        metrics = [_metric(name, own, "metrics") for name in names] or own
        if not metrics:
            raise InvalidInput("This group optimises no metric. Name some with `?metrics=`.", field="metrics")
        if len({metric.name for metric in metrics}) < len(metrics) or len(metrics) > MOST_METRICS:
            raise InvalidInput(f"Name at most {MOST_METRICS} metrics, each once.", field="metrics")
        return metrics


def _metric(name: str, own: list[Metric], field: str) -> Metric:
    """`loss`, or among several `-loss`."""
    if "\x00" in name:
        raise InvalidInput("The character NUL is in no name. Remove it.", field=field)
    if field == "metrics" and name.startswith("-"):
        return Metric(name=name[1:], optimization="minimize")
    return next((metric for metric in own if metric.name == name), Metric(name=name))


def _goal(metric: Metric) -> dict[str, str]:
    return {"metric": metric.name, "optimization": metric.optimization}


def _with(metric: Metric, optimization: str) -> Metric:
    return Metric(name=metric.name, optimization=cast("Optimization", optimization))
