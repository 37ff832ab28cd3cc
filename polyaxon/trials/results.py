"""What came out of a search: its best trial, its trade-offs between metrics, and which parameters mattered.

Only trials that succeeded count, with the last value of a metric, if that is a finite number. `members` are the trials
of a search, those that people added too, or what a selection holds.
"""

from __future__ import annotations

import json
import math
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from django.db.models import Count, QuerySet

from hpsearch import SearchError, SearchSpace, Trial, TrialState
from hpsearch.importance import importances
from hpsearch.pareto import pareto_front
from polyaxon.db.models import Experiment, ExperimentGroup, MetricSeries
from polyaxon.errors import InvalidInput
from polyaxon.lifecycles import tables as s
from polyaxon.stores.series import loaded
from polyaxon.trials.plans import plan_of
from polyaxon_schemas import parse
from polyaxon_schemas.search import Metric

Members = QuerySet[Experiment]

# Each trial may have to be compared with each other one.
MOST_COMPARED = 5_000
# A model of more takes long and tells no more.
MOST_MODELLED = 2_000
# Making a model takes a core for seconds: two at once would take as long, and keep all other requests waiting.
_ONE_MODEL = threading.Lock()


@dataclass(frozen=True, slots=True)
class Result:
    """A trial with what it reached. `index` is None for a run that a person added."""

    experiment: int
    index: int | None
    params: dict[str, Any]
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Front:
    """Trials that no other one beats in every metric. Of `finished` ones the newest `compared` were looked at."""

    results: list[Result]
    compared: int
    finished: int


@dataclass(frozen=True, slots=True)
class Importances:
    """The share of each parameter, the largest first. Of `finished` trials the newest `modelled` were looked at."""

    shares: dict[str, float]
    modelled: int
    finished: int


def own_metrics(group: ExperimentGroup) -> list[Metric]:
    """What a search optimises, the main metric first; else what ends it early; empty when it looks at none."""
    if group.group_type != ExperimentGroup.STUDY or group.content is None:
        return []
    hptuning = plan_of(group).hptuning
    ends = [Metric(name=rule.metric, optimization=rule.optimization) for rule in hptuning.early_stopping]
    return hptuning.metrics or ends[:1]


def best_result(members: Members, metric: Metric) -> Result | None:
    """The best trial, the first of equal ones; None when none has a value. Reads one value of each trial."""
    order = "last" if metric.optimization == "minimize" else "-last"
    found = _values(members, [metric.name]).order_by(order, "experiment").first()
    return _results([(_of(found), {metric.name: loaded(found.last)})])[0] if found else None


def front(members: Members, metrics: Sequence[Metric]) -> Front:
    """The non-dominated trials among the newest MOST_COMPARED, best first by the first metric."""
    values = _values(members, [metric.name for metric in metrics])
    known = _measured(values, len(metrics))
    compared = list(known)
    trials = [Trial(None, {}, TrialState.SUCCEEDED, known[key]) for key in compared]
    found = [(compared[place], known[compared[place]]) for place in pareto_front(trials, metrics)]
    sign = 1 if metrics[0].optimization == "minimize" else -1
    found.sort(key=lambda pair: sign * pair[1][metrics[0].name])
    return Front(_results(found), len(compared), _count(values, len(metrics)))


def group_importances(group: ExperimentGroup, members: Members, metric: Metric) -> Importances:
    """How much of a metric's variance each parameter explains. Raises `InvalidInput` when that cannot be said."""
    if group.group_type != ExperimentGroup.STUDY or group.content is None:
        raise InvalidInput(f"Group {group.pk} is no search with a polyaxonfile, so nobody knows its parameters.")
    values = _values(members, [metric.name])
    newest = list(values.order_by("-experiment")[:MOST_MODELLED])
    results = _results([(_of(series), {metric.name: loaded(series.last)}) for series in reversed(newest)])
    known = tuple((json.dumps(each.params), each.values[metric.name]) for each in results)
    with _ONE_MODEL:
        try:
            shares = _shares(group.content, metric.name, metric.optimization, known)
        except SearchError as error:
            raise InvalidInput(f"{error}.") from error
    return Importances(shares, len(results), values.count())


@lru_cache(maxsize=16)
def _shares(
    content: str, name: str, optimization: Literal["maximize", "minimize"], known: tuple[tuple[str, float], ...]
) -> dict[str, float]:
    """Of a search whose trials had these params and values. While none has changed, it is answered at once."""
    hptuning = parse(content, kind="group").hptuning
    assert hptuning is not None
    space = SearchSpace.from_matrix(hptuning.matrix)
    trials = [Trial(None, json.loads(params), TrialState.SUCCEEDED, {name: value}) for params, value in known]
    return importances(space, trials, Metric(name=name, optimization=optimization))


def _values(members: Members, names: Sequence[str]) -> QuerySet[MetricSeries]:
    succeeded = members.filter(status=s.SUCCEEDED).order_by().values("pk")
    rows = MetricSeries.objects.filter(experiment__in=succeeded, kind=MetricSeries.METRIC, name__in=names)
    return rows.filter(last__gt=-math.inf, last__lt=math.inf).only("experiment", "name", "last")


def _of(series: MetricSeries) -> int:
    assert series.experiment_id is not None
    return series.experiment_id


def _measured(values: QuerySet[MetricSeries], metrics: int) -> dict[int, dict[str, float]]:
    """The values of the newest MOST_COMPARED trials, by experiment; of those that have all of so many metrics."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    for series in values.order_by("-experiment")[: MOST_COMPARED * metrics]:
        found[_of(series)][series.name] = loaded(series.last)
    return {key: found[key] for key in sorted(found) if len(found[key]) == metrics}


def _count(values: QuerySet[MetricSeries], metrics: int) -> int:
    """How many trials have all of so many metrics."""
    return values.order_by().values("experiment").annotate(metrics=Count("pk")).filter(metrics=metrics).count()


def _results(values: Sequence[tuple[int, Mapping[str, float]]]) -> list[Result]:
    """In the order of `values`."""
    rows = Experiment.objects.filter(pk__in=[key for key, _ in values]).values_list("pk", "trial_index", "params")
    known = {key: (index, params) for key, index, params in rows}
    return [Result(key, known[key][0], known[key][1] or {}, dict(measured)) for key, measured in values if key in known]
