"""Ranking the trials of a group, and what its search settings say about goal and size."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from polyaxon_cli import times

__all__ = [
    "Goal",
    "Progress",
    "algorithm_of",
    "best_trial",
    "change_of_trials",
    "expected_trials",
    "goal_of",
    "metric_names",
    "rank",
    "search_settings",
    "value_of",
]

# As `polyaxon_schemas.hptuning` has them, which takes long to import.
ALGORITHMS = (
    *("grid_search", "random_search", "hyperband", "bo", "asha", "tpe", "cma_es", "qmc", "nsga2", "pbt"),
    "custom",
)
NO_PLAN = ("hyperband", "asha", "custom")
# What adds up to the number of trials, where that is not `n_experiments`.
_COUNTS = {"bo": ("n_initial_trials", "n_iterations")}
FINISHED_COUNTS = ("num_succeeded_experiments", "num_failed_experiments", "num_stopped_experiments")


@dataclass(frozen=True)
class Goal:
    """Which metric is better high (or low)."""

    metric: str
    minimize: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a group is; `total` is None while the number of trials is not known.

    `left` is the estimate of the seconds until the end: those per finished trial so far, for the trials to come.
    """

    status: str
    finished: int
    running: int
    failed: int
    total: int | None
    left: float | None = None

    @classmethod
    def of(cls, group: Mapping[str, Any], now: datetime | None = None) -> Progress:
        """From the server's group detail."""
        finished = sum(int(group.get(name) or 0) for name in FINISHED_COUNTS)
        return cls(
            status=str(group.get("last_status")),
            finished=finished,
            running=int(group.get("num_running_experiments") or 0),
            failed=int(group.get("num_failed_experiments") or 0),
            total=expected_trials(group),
            left=_seconds_left(group, finished, now or datetime.now(timezone.utc)),
        )

    def __str__(self) -> str:
        total = "" if self.total is None else f"/{self.total}"
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.finished}{total} trials done, {self.running} running{failed}"

    @property
    def estimate(self) -> str:
        """`, about 5m 3s left`, or nothing."""
        return "" if self.left is None else f", about {times.span(self.left)} left"


def _seconds_left(group: Mapping[str, Any], finished: int, now: datetime) -> float | None:
    started, total = times.parse(group.get("started_at")), expected_trials(group)
    if group.get("finished_at") or started is None or total is None or not 0 < finished < total:
        return None
    return (now - started).total_seconds() / finished * (total - finished)


def value_of(trial: Mapping[str, Any], metric: str) -> float | None:
    """The trial's last value of `metric`; None when it has none or one that is no number (NaN)."""
    raw: Any = (trial.get("last_metric") or {}).get(metric)
    try:
        value = float(raw)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def rank(trials: Iterable[Mapping[str, Any]], goal: Goal) -> list[Mapping[str, Any]]:
    """Trials from best to worst, those without a value last; equal values keep the order of their ids."""

    def key(trial: Mapping[str, Any]) -> tuple[bool, float, int]:
        value = value_of(trial, goal.metric)
        directed = 0.0 if value is None else (value if goal.minimize else -value)
        return value is None, directed, int(trial.get("id") or 0)

    return sorted(trials, key=key)


def best_trial(trials: Iterable[Mapping[str, Any]], goal: Goal) -> Mapping[str, Any] | None:
    """The best trial that has a value; None without one."""
    ranked = rank(trials, goal)
    return ranked[0] if ranked and value_of(ranked[0], goal.metric) is not None else None


def metric_names(trials: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of all metrics that some trial has recorded."""
    return sorted({name for trial in trials for name in trial.get("last_metric") or {}})


def search_settings(group: Mapping[str, Any]) -> dict[str, Any]:
    """The `hptuning` section of a group, from its own field or from its content."""
    settings = group.get("hptuning") or _of_content(group.get("content"))
    return dict(settings) if isinstance(settings, Mapping) else {}


def algorithm_of(settings: Mapping[str, Any]) -> str:
    """The key of the search algorithm; grid search when the section names none."""
    return next((name for name in ALGORITHMS if settings.get(name) is not None), "grid_search")


def goal_of(group: Mapping[str, Any]) -> Goal | None:
    """The metric that the group's search optimises or its early stopping looks at; None without one."""
    settings = search_settings(group)
    section = settings.get(algorithm_of(settings)) or {}
    for metric in [section.get("metric"), *(section.get("metrics") or [])]:
        if metric:
            return _goal(metric.get("name"), metric.get("optimization"))
    policies = [policy for policy in settings.get("early_stopping") or [] if policy.get("metric")]
    return _goal(policies[0]["metric"], policies[0].get("optimization")) if policies else None


def expected_trials(group: Mapping[str, Any]) -> int | None:
    """How many trials the search will make at most; None where that depends on its course, and has no limit."""
    settings = search_settings(group)
    known = [_planned(settings), _whole((settings.get("budget") or {}).get("max_trials"))]
    return min((count for count in known if count is not None), default=None)


def change_of_trials(group: Mapping[str, Any], trials: int) -> dict[str, Any] | None:
    """The part of the search's section that makes it have so many trials; None where it has no such number."""
    settings = search_settings(group)
    algorithm = algorithm_of(settings)
    section = settings.get(algorithm) or {}
    *first, last = _COUNTS.get(algorithm, ("n_experiments",))
    if _whole(section.get(last)) is None:
        return None
    return {algorithm: {last: trials - sum(_whole(section.get(key)) or 0 for key in first)}}


def _planned(settings: Mapping[str, Any]) -> int | None:
    """What the algorithm itself would make. How many trials hyperband and asha promote depends on what they report."""
    algorithm = algorithm_of(settings)
    section = settings.get(algorithm) or {}
    if algorithm in NO_PLAN:
        return None
    if algorithm == "pbt":
        return _population(section)
    wanted = [_whole(section.get(key)) for key in _COUNTS.get(algorithm, ("n_experiments",))]
    most = None if None in wanted else sum(count or 0 for count in wanted)
    size = _grid_size(settings.get("matrix") or {})  # no algorithm tries a point twice
    return min((count for count in (most, size) if count is not None), default=None)


def _population(section: Mapping[str, Any]) -> int | None:
    """Members times generations."""
    size, most, interval = (_whole(section.get(key)) for key in ("population_size", "max_iter", "interval"))
    return size * math.ceil(most / interval) if size and most and interval else None


def _goal(name: Any, optimization: Any) -> Goal | None:
    return Goal(str(name), minimize=str(optimization).lower() == "minimize") if name else None


def _grid_size(matrix: Mapping[str, Any]) -> int | None:
    """Number of combinations where every option lists its values."""
    values: Sequence[Any] = [option.get("values") for option in matrix.values() if isinstance(option, Mapping)]
    if not values or not all(isinstance(listed, list) for listed in values):
        return None
    return math.prod(len(listed) for listed in values)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _of_content(content: Any) -> Any:
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError:
            return None
    return content.get("hptuning") if isinstance(content, Mapping) else None
