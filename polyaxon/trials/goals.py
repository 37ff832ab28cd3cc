"""Which trial has come as far as its search was to get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import connection

from hpsearch import Trial, TrialState
from polyaxon.db.models import Experiment, ExperimentGroup, MetricSeries
from polyaxon_schemas.hptuning import EarlyStopping

# The extremes leave out what is not finite; the last value may be infinite.
_BEST = """
SELECT e.trial_index,
       CASE WHEN s.{extreme} IS NULL OR s.last {better} s.{extreme} THEN s.last ELSE s.{extreme} END AS value
FROM {experiments} e JOIN {series} s ON s.experiment_id = e.id AND s.name = %s AND s.kind = 'metric'
WHERE e.experiment_group_id = %s AND (s.{extreme} {better}= %s OR s.last {better}= %s)
ORDER BY value {order}, e.id LIMIT 1
"""


def best_trials(group: ExperimentGroup, items: Sequence[EarlyStopping]) -> Iterator[Trial]:
    """Of each rule with a value the best trial, if one has reached it: at any time, not only with its last value."""
    for item in items:
        if item.value is None or item.policy is not None:
            continue
        maximizes = item.optimization == "maximize"
        sql = _BEST.format(
            experiments=Experiment._meta.db_table,
            series=MetricSeries._meta.db_table,
            extreme="max" if maximizes else "min",
            better=">" if maximizes else "<",
            order="DESC" if maximizes else "ASC",
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, [item.metric, group.pk, item.value, item.value])
            row = cursor.fetchone()
        if row is not None:
            yield Trial(row[0], {}, TrialState.RUNNING, {item.metric: row[1]})
