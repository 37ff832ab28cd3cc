"""Which running trials do so badly that they are stopped.

The median rule is that of D. Golovin, B. Solnik, S. Moitra, G. Kochanski, J. Karro, D. Sculley: Google Vizier: a
service for black-box optimization. KDD 2017. The others differ from it in what a trial is compared with; and here these
are all trials that have come as far, not only those that are done.

A trial is looked at every ``evaluation_interval`` steps of its metric, with what it and the others had up to that step.
So an answer depends on the curves alone: asked again it is the same, and a trial that was stopped meanwhile still
counts among the others.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from polyaxon_schemas.hptuning import AveragePolicy, MedianPolicy, PercentilePolicy, TruncationPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from polyaxon_schemas.hptuning import EarlyStopping, Policy

_MEDIAN = 50.0


@dataclass(frozen=True)
class Curve:
    """The metric of one trial: ``points`` are (step, value) with ascending steps, without NaN."""

    index: int
    running: bool
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Stop:
    """A trial to be stopped: ``reason`` is one line for people, ``numbers`` (plain JSON) are what it rests on."""

    index: int
    reason: str
    numbers: Mapping[str, Any]


def prune(item: EarlyStopping, curves: Sequence[Curve]) -> list[Stop]:
    """The running trials that the policy of ``item`` stops, by index. ``item`` must have a policy."""
    assert item.policy is not None
    sign = 1.0 if item.optimization == "maximize" else -1.0
    courses = sorted((_Course.of(curve, sign) for curve in curves), key=lambda course: course.index)
    stops = []
    for step, due in sorted(_due(item.policy, courses).items()):
        standings = [_Standing(each.index, *each.until(step)) for each in courses if each.last_step >= step]
        for course in due:
            stop = _judged(item, step, course.index, standings)
            if stop is not None:
                stops.append(stop)
    return sorted(stops, key=lambda stop: stop.index)


@dataclass(frozen=True)
class _Course:
    """A curve whose values are the better the greater they are, with what is known after each of its points."""

    index: int
    running: bool
    steps: Sequence[int]
    bests: Sequence[float]
    averages: Sequence[float]

    @classmethod
    def of(cls, curve: Curve, sign: float) -> _Course:
        """Infinity in the good direction is an error of the trial's, like NaN; in the bad one it is very bad."""
        usable = [(step, sign * value) for step, value in curve.points if -math.inf <= sign * value < math.inf]
        bests, averages = [], []
        best, average = -math.inf, 0.0
        for count, (_, value) in enumerate(usable, 1):
            best, average = max(best, value), _average(average, value, count)
            bests.append(best)
            averages.append(average)
        return cls(curve.index, curve.running, [step for step, _ in usable], bests, averages)

    @property
    def last_step(self) -> int:
        return self.steps[-1] if self.steps else -1

    def until(self, step: int) -> tuple[float, float]:
        """The best value and the average of those up to ``step``; the worst there is when there are none."""
        count = bisect_right(self.steps, step)
        return (self.bests[count - 1], self.averages[count - 1]) if count else (-math.inf, -math.inf)


def _average(before: float, value: float, count: int) -> float:
    """The average of ``count`` values, of which ``before`` is that of all but the last; free of overflow."""
    if math.isinf(before) or math.isinf(value):
        return -math.inf
    return before + (value / count - before / count)


@dataclass(frozen=True)
class _Standing:
    """A trial at one step."""

    index: int
    best: float
    average: float


def _due(policy: Policy, courses: Sequence[_Course]) -> dict[int, list[_Course]]:
    """The running trials by the last step at which they are to be looked at."""
    found: dict[int, list[_Course]] = {}
    for course in courses:
        step = course.last_step - course.last_step % policy.evaluation_interval
        if course.running and course.steps and step >= max(policy.warmup_steps, policy.evaluation_interval):
            found.setdefault(step, []).append(course)
    return found


def _judged(item: EarlyStopping, step: int, index: int, standings: Sequence[_Standing]) -> Stop | None:
    """The end of trial ``index``, if it is to be; ``standings`` are of all trials that have come to this step."""
    policy = item.policy
    assert policy is not None
    others = [each for each in standings if each.index != index]
    if len(others) < policy.min_trials:
        return None
    if isinstance(policy, TruncationPolicy):
        return _truncated(item, policy, step, index, standings)
    own = next(each for each in standings if each.index == index)
    bar, name = _bar(policy, others)
    if bar is None or own.best >= bar:
        return None
    best, limit = _shown(item, own.best), _shown(item, bar)
    reason = f"{policy.kind} policy at step {step}: best {item.metric} = {best:g} is worse than the {name} of "
    numbers = {"step": step, "best": _plain(best), "bar": _plain(limit), "others": len(others), "policy": policy.kind}
    return Stop(index, f"{reason}{len(others)} others, {limit:g}", numbers)


def _bar(
    policy: MedianPolicy | AveragePolicy | PercentilePolicy, others: Sequence[_Standing]
) -> tuple[float | None, str]:
    """What a trial must reach, and what it is called."""
    if isinstance(policy, PercentilePolicy):
        return percentile([each.best for each in others], policy.percentile), f"percentile {policy.percentile:g}"
    averages = [each.average for each in others]
    if isinstance(policy, MedianPolicy):
        return percentile(averages, _MEDIAN), "median average"
    finite = [value for value in averages if math.isfinite(value)]  # one diverged trial would let all others go on
    return (math.fsum(value / len(finite) for value in finite) if finite else None), "mean average"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` percent of ``values`` (at least one) are, between two of them if need be."""
    ordered = sorted(values)
    place = share / 100 * (len(ordered) - 1)
    below = min(math.floor(place), len(ordered) - 1)
    above, part = min(below + 1, len(ordered) - 1), place - math.floor(place)
    if part == 0 or ordered[below] == ordered[above] or math.isinf(ordered[below]):
        return ordered[below]
    return (1 - part) * ordered[below] + part * ordered[above]


def _truncated(
    item: EarlyStopping, policy: TruncationPolicy, step: int, index: int, standings: Sequence[_Standing]
) -> Stop | None:
    order = sorted(standings, key=lambda each: (-each.best, each.index))
    cut = len(order) * policy.percent // 100
    rank = next(rank for rank, each in enumerate(order, 1) if each.index == index)
    if rank <= len(order) - cut:
        return None
    best = _shown(item, order[rank - 1].best)
    reason = (
        f"truncation policy at step {step}: best {item.metric} = {best:g} is {rank} of {len(order)}, "
        f"the worst {cut} are stopped"
    )
    numbers = {"step": step, "best": _plain(best), "rank": rank, "of": len(order), "cut": cut, "policy": policy.kind}
    return Stop(index, reason, numbers)


def _shown(item: EarlyStopping, value: float) -> float:
    return value if item.optimization == "maximize" else -value


def _plain(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
