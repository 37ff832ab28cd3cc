"""All trials of a group. Of those that are done a process reads each once, and again when it has changed."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from hpsearch import Stage, Trial
from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment, ExperimentGroup, MetricSeries, SearchDecision
from polyaxon.db.server_side import answers
from polyaxon.stores.series import last_values
from polyaxon.trials.finished import FINISHED, MOST_GROUPS, MOST_TRIALS, Sign, make_room
from polyaxon.trials.states import state_of

_NAMES = {
    "groups": ExperimentGroup._meta.db_table,
    "experiments": Experiment._meta.db_table,
    "decisions": SearchDecision._meta.db_table,
    "series": MetricSeries._meta.db_table,
    # Neither what a resumed search made anew, nor what a person added and then archived.
    "is_member": f"""(e.trial_index IS NOT NULL OR NOT e.deleted AND NOT EXISTS (
      SELECT 1 FROM {SearchDecision._meta.db_table} d
      WHERE d.experiment_id = e.id AND d.kind = '{SearchDecision.REPLACED}'
    ))""",  # noqa: S608 - names of tables
    # A trial of before decisions were stored has none, and stands at the first stage.
    "columns": "e.trial_index, e.status, e.params, COALESCE(d.bracket, 0), COALESCE(d.rung, 0), d.parent_index,"
    " d.numbers",
}


def named(sql: str) -> str:
    """With the names of tables, and of what is asked of trials."""
    return sql.format(**_NAMES)


TRIALS = named("""
SELECT e.id, {columns}
FROM {experiments} e LEFT JOIN {decisions} d ON d.experiment_id = e.id AND d.kind = 'start'
""")


def members_of(group: ExperimentGroup) -> list[Trial]:
    """Every trial of a group by the id of its experiment."""
    return _by_mark(group) if connection.vendor == "postgresql" else _by_sign(group)


def trials_of(rows: Sequence[tuple[Any, ...]]) -> dict[int, Trial]:
    """Trials by the id of the experiment, in the order of `rows`, which `TRIALS` gave."""
    metrics: dict[int, dict[str, float]] = defaultdict(dict)
    for experiment, name, last in last_values([row[0] for row in rows]):
        metrics[experiment][name] = math.nan if last is None else last
    return {row[0]: _trial(row[1:], metrics.get(row[0], {})) for row in rows}


def _trial(row: Sequence[Any], metrics: dict[str, float]) -> Trial:
    index, status, params, bracket, rung, parent, numbers = row
    params, numbers = _loaded(params), _loaded(numbers)
    if index is None:
        return Trial(None, params, state_of(status), metrics)
    return Trial(index, params, state_of(status), metrics, Stage(bracket, rung), parent, numbers)


def _loaded(value: Any) -> dict[str, Any]:
    """A JSON column as it comes past the ORM."""
    return (json.loads(value) if isinstance(value, str) else value) or {}


# -- each compared here --


_SIGNS = named("""
SELECT e.id, e.trial_index, e.status, e.updated_at, (SELECT late_values FROM {groups} WHERE id = %s)
FROM {experiments} e WHERE e.experiment_group_id = %s AND {is_member} ORDER BY e.id
""")


def _by_sign(group: ExperimentGroup) -> list[Trial]:
    signs = {key: Sign(*rest) for key, *rest in answers(_SIGNS, group.pk, group.pk)}
    known = FINISHED.known(group.pk, signs)
    wanted = [key for key in signs if key not in known]
    fresh = trials_of(fetch(f"{TRIALS} WHERE e.id IN ({_numbers(wanted)})")) if wanted else {}
    done = {key: trial for key, trial in fresh.items() if trial.state.is_done}
    FINISHED.keep(group.pk, {key: (signs[key], trial) for key, trial in done.items()})
    both = known | fresh
    return [both[key] for key in signs if key in both]


def _numbers(keys: Iterable[int]) -> str:
    return ", ".join(map(str, map(int, keys)))


def fetch(sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """The rows that a statement gives whose text is another each time."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


# -- compared by the database --


@dataclass(frozen=True, slots=True)
class Members:
    """What a process has read of a group. `marks`: the sum of what tells whether those that are done have changed."""

    late: int | None = None  # how often values had come for trials that had ended
    newest: int = 0
    open: tuple[int, ...] = ()
    done: Mapping[int, Trial] = field(default_factory=dict)
    marks: int = 0

    def __len__(self) -> int:
        return len(self.done)


class Kept:
    """What was read, by group. Those that were not asked for lately go first."""

    def __init__(self, most_groups: int = MOST_GROUPS, most_trials: int = MOST_TRIALS) -> None:
        self._groups: OrderedDict[UUID, Members] = OrderedDict()
        self._lock = threading.Lock()
        self._most_groups = most_groups
        self._most_trials = most_trials

    def get(self, group: UUID) -> Members:
        with self._lock:
            return self._groups.get(group, Members())

    def put(self, group: UUID, members: Members) -> None:
        with self._lock:
            self._groups[group] = members
            self._groups.move_to_end(group)
            make_room(self._groups, self._most_groups, self._most_trials)


MEMBERS = Kept()

# In one round trip, however many trials there are: the sum of the marks of those that were done, and the others whole.
_LOOK = named("""
WITH member AS MATERIALIZED (
  SELECT e.id, e.id > %s OR e.id = ANY(%s::bigint[]) AS is_read,
         hashtextextended(e.status, timestamp_hash_extended(
           e.updated_at AT TIME ZONE 'UTC', e.id # COALESCE(e.trial_index, -1)::bigint
         )) AS mark
  FROM {experiments} e WHERE e.experiment_group_id = %s AND {is_member}
)
SELECT NULL, SUM(mark), (SELECT late_values FROM {groups} WHERE id = %s),
       NULL, NULL::jsonb, NULL, NULL, NULL, NULL::jsonb, NULL, NULL
FROM member WHERE NOT is_read
UNION ALL
SELECT e.id, member.mark, {columns},
       ARRAY(SELECT name FROM {series} WHERE experiment_id = e.id AND kind = 'metric' ORDER BY id),
       ARRAY(SELECT last FROM {series} WHERE experiment_id = e.id AND kind = 'metric' ORDER BY id)
FROM member JOIN {experiments} e ON e.id = member.id
LEFT JOIN {decisions} d ON d.experiment_id = e.id AND d.kind = 'start'
WHERE member.is_read
""")


def _by_mark(group: ExperimentGroup) -> list[Trial]:
    known = MEMBERS.get(group.uuid)
    found, late, marks = _look(group, known)
    if late != known.late or marks != known.marks:
        known = Members(late)
        found, late, _ = _look(group, known)
    trials = {key: trial for key, (trial, _) in found.items()}
    ended = {key: mark for key, (trial, mark) in found.items() if trial.state.is_done}
    both = {**known.done, **trials}
    MEMBERS.put(
        group.uuid,
        Members(
            late=late,
            newest=max(both, default=0),
            open=tuple(key for key in trials if key not in ended),
            done={**known.done, **{key: trials[key] for key in ended}},
            marks=known.marks + sum(ended.values()),
        ),
    )
    return [both[key] for key in sorted(both)]


def _look(group: ExperimentGroup, known: Members) -> tuple[dict[int, tuple[Trial, int]], int | None, int]:
    """What is new or was open, with the mark of each; then `late_values`, and the sum of the other marks now."""
    found: dict[int, tuple[Trial, int]] = {}
    late, marks = None, 0
    for key, mark, *columns, names, values in answers(_LOOK, known.newest, listed(known.open), group.pk, group.pk):
        if key is None:
            late, marks = columns[0], int(mark or 0)
        else:
            last = [math.nan if value is None else value for value in values]
            found[key] = _trial(columns, dict(zip(names, last, strict=True))), int(mark)
    return found, late, marks
