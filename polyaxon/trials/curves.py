"""What trials reported while they ran, as far as a comparison of them needs it.

A curve is read at the multiples of an interval: the last value up to each. That takes one step down an index for each
value, however many points lie between, and values that were read once are kept.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import connection

from hpsearch.pruning import Curve
from polyaxon.db.models import Experiment, ExperimentGroup, MetricPoint, MetricSeries
from polyaxon.lifecycles import EXPERIMENT

# Looks at one trial. The interval of one that runs longer is doubled until they are enough.
MOST_LOOKS = 256
_KEPT_SERIES = 5_000
_AT_ONCE = 5_000  # values that one statement asks for


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trial's metric has come."""

    index: int
    running: bool
    series: int
    last_step: int


_PROGRESS = f"""
SELECT e.trial_index, e.status, e.stop_requested_at IS NULL, s.id, s.last_step
FROM {Experiment._meta.db_table} e
JOIN {MetricSeries._meta.db_table} s ON s.experiment_id = e.id AND s.name = %s AND s.kind = 'metric'
WHERE e.experiment_group_id = %s AND e.trial_index IS NOT NULL ORDER BY e.trial_index
"""  # noqa: S608 - names of tables


def progress(group: ExperimentGroup, metric: str) -> list[Progress]:
    """Of the suggested trials of `group` that have reported `metric`. One that is to stop does not run any more."""
    with connection.cursor() as cursor:
        cursor.execute(_PROGRESS, [metric, group.pk])
        return [
            Progress(index, status in EXPERIMENT.open and bool(wanted), series, last)
            for index, status, wanted, series, last in cursor.fetchall()
        ]


def widened(interval: int, trials: Sequence[Progress]) -> int:
    """`interval`, or the multiple of it that leaves each of the trials at most `MOST_LOOKS`."""
    longest = max((trial.last_step for trial in trials), default=0)
    while longest // interval > MOST_LOOKS:
        interval *= 2
    return interval


def curves(trials: Sequence[Progress], interval: int) -> list[Curve]:
    """The curve of each trial at the multiples of `interval`."""
    known = {trial.series: CURVES.known(trial.series, interval, trial.last_step // interval) for trial in trials}
    asked = [
        (trial.series, place)
        for trial in trials
        for place in range(len(known[trial.series]) + 1, trial.last_step // interval + 1)
    ]
    for series, value in _read(asked, interval):
        known[series].append(math.nan if value is None else value)
    for series, values in known.items():
        CURVES.keep(series, interval, values)
    return [Curve(trial.index, trial.running, list(_points(known[trial.series], interval))) for trial in trials]


def _points(values: Sequence[float], interval: int) -> Iterator[tuple[int, float]]:
    return ((place * interval, value) for place, value in enumerate(values, 1) if not math.isnan(value))


def _read(asked: Sequence[tuple[int, int]], interval: int) -> Iterator[tuple[int, float | None]]:
    """For each series and place, in the order asked for, the last value after the place before."""
    for start in range(0, len(asked), _AT_ONCE):
        part = asked[start : start + _AT_ONCE]
        rows = ", ".join(
            f"({number}, {series}, {(place - 1) * interval}, {place * interval})"
            for number, (series, place) in enumerate(part)
        )
        sql = f"""
        WITH asked (number, series, low, high) AS (VALUES {rows})
        SELECT asked.series, (
          SELECT p.value FROM {MetricPoint._meta.db_table} p
          WHERE p.series_id = asked.series AND p.step > asked.low AND p.step <= asked.high
          ORDER BY p.step DESC, p.id DESC LIMIT 1
        ) FROM asked ORDER BY asked.number
        """  # noqa: S608 - numbers
        with connection.cursor() as cursor:
            cursor.execute(sql)
            yield from cursor.fetchall()


class Kept:
    """Values by series, at the multiples of an interval; NaN where there is none. Those not asked for lately go."""

    def __init__(self, most: int = _KEPT_SERIES) -> None:
        self._series: OrderedDict[int, tuple[int, array[float]]] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def known(self, series: int, interval: int, count: int) -> array[float]:
        """The first values, at most `count`."""
        with self._lock:
            kept_interval, values = self._series.get(series, (interval, array("d")))
        every, rest = divmod(interval, kept_interval)
        return values[every - 1 :: every][:count] if every and not rest else array("d")

    def keep(self, series: int, interval: int, values: array[float]) -> None:
        """Remember `values`."""
        with self._lock:
            self._series[series] = (interval, values)
            self._series.move_to_end(series)
            while len(self._series) > self._most:
                self._series.popitem(last=False)


CURVES = Kept()
