"""How a search stands before it gets more trials, and the numbers of the rows of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import JSONField, QuerySet
from django.db.models.expressions import RawSQL

from polyaxon.db.durability import unsynced
from polyaxon.db.models import Experiment, ExperimentGroup, ExperimentGroupIteration, ExperimentJob, SearchDecision
from polyaxon.db.sequences import next_number
from polyaxon.db.server_side import answers, quoted
from polyaxon.db.writes import Statement, execute
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.lifecycles import tables as s

MOST_DRAWN = 8  # trials

Bounds = tuple[int, int]
"""The lowest and the highest index of the trials that are to be added."""


@dataclass(frozen=True, slots=True)
class SearchState:
    """What a search is asked before it gets more trials."""

    status: str
    stop_requested_at: datetime | None
    suggestions_complete: bool
    iterations: int
    has_replaced: bool  # trials that a stop interrupted, and that others have taken the place of since
    present: frozenset[int]  # those of the suggested indexes that have trials

    @property
    def takes_more(self) -> bool:
        is_done = self.status in ExperimentGroup.LIFECYCLE.done
        return not (is_done or self.stop_requested_at is not None or self.suggestions_complete)


_NAMES = {
    "groups": ExperimentGroup._meta.db_table,
    "iterations": ExperimentGroupIteration._meta.db_table,
    "experiments": Experiment._meta.db_table,
    "decisions": SearchDecision._meta.db_table,
    "replaced": SearchDecision.REPLACED,
}


def _named(sql: str) -> str:
    return sql.format(**_NAMES)


_NOW = _named("""
SELECT g.status, g.stop_requested_at, g.suggestions_complete,
       COALESCE((SELECT MAX(number) + 1 FROM {iterations} i WHERE i.experiment_group_id = g.id), 0),
       EXISTS (SELECT 1 FROM {decisions} d WHERE d.experiment_group_id = g.id AND d.kind = '{replaced}'),
       e.trial_index
FROM {groups} g
LEFT JOIN {experiments} e ON e.experiment_group_id = g.id AND e.trial_index BETWEEN %s AND %s
WHERE g.id = %s
""")


def _now(group: ExperimentGroup, rows: Sequence[tuple[Any, ...]]) -> SearchState:
    """From the rows that `_NOW` gives. Raises ExperimentGroup.DoesNotExist."""
    if not rows:
        raise ExperimentGroup.DoesNotExist(f"ExperimentGroup {group.pk} is gone.")
    status, stopping, complete, iterations, has_replaced, _ = rows[0]
    present = frozenset(index for *_, index in rows if index is not None)
    return SearchState(status, stopping, bool(complete), iterations, bool(has_replaced), present)


# -- if nobody else is at it --


class Numbers(NamedTuple):
    """Numbers for rows that are to be stored. Drawn before the search is locked, they need not be in order."""

    iteration: int
    trials: Sequence[int]
    replicas: Sequence[int]


def draw(group: ExperimentGroup, bounds: Bounds, trials: int, replicas: int) -> tuple[Numbers, SearchState]:
    """Numbers for so many rows. Raises ExperimentGroup.DoesNotExist."""
    rows = answers(_now_numbered(), trials, replicas, *bounds, group.pk)
    now = _now(group, [row[3:] for row in rows])
    return Numbers(*rows[0][:3]), now


def with_numbers_drawn(groups: QuerySet[ExperimentGroup]) -> QuerySet[ExperimentGroup]:
    """Searches, each read with what `draw` gives if it has room for few trials: they are to be added then.

    Numbers that are not used are left out for good. On Postgres.
    """
    return groups.annotate(_drawn=RawSQL(_drawn_ahead(), [], output_field=JSONField()))  # noqa: S611 - fixed


def as_drawn(group: ExperimentGroup, many: int) -> tuple[Numbers, SearchState] | None:
    """Of a search that was read so; once, and not if there are too few."""
    read = group.__dict__.pop("_drawn", None)
    if read is None or len(read[1]) < many:
        return None
    iteration, trials, replicas, iterations, has_replaced = read
    stands = (group.status, group.stop_requested_at, group.suggestions_complete, iterations, has_replaced)
    # None of the suggested indexes is taken, or the database refuses them.
    return Numbers(iteration, trials[:many], replicas[:many]), SearchState(*stands, present=frozenset())


@cache
def _now_numbered() -> str:
    """The same with numbers for the rows that are to be stored."""
    return f"""
    WITH numbers AS MATERIALIZED (
      SELECT {next_number(ExperimentGroupIteration)} AS iteration,
             ARRAY(SELECT {next_number(Experiment)} FROM generate_series(1, %s)) AS trials,
             ARRAY(SELECT {next_number(ExperimentJob)} FROM generate_series(1, %s)) AS replicas
    )
    SELECT numbers.iteration, numbers.trials, numbers.replicas, now.* FROM numbers, ({_NOW}) now
    """  # noqa: S608 - names of sequences


@cache
def _drawn_ahead() -> str:
    """An array of the fields of `Numbers`, of the number of the next iteration, and whether trials were replaced."""
    is_open = f"trial_index IS NOT NULL AND status IN ({quoted(EXPERIMENT.open)})"
    room = f"""
    SELECT g.id, GREATEST(COALESCE((g.hptuning ->> 'concurrency')::numeric::int, 1), 1)
      - (SELECT COUNT(*) FROM {{experiments}} WHERE experiment_group_id = g.id AND {is_open}) AS room
    FROM {{groups}} g
    WHERE g.id = {{groups}}.id AND g.status = '{s.RUNNING}' AND g.stop_requested_at IS NULL
      AND NOT g.suggestions_complete
    """  # noqa: S608 - names of tables and statuses
    return _named(f"""(
      SELECT JSONB_BUILD_ARRAY(
        {next_number(ExperimentGroupIteration)},
        ARRAY(SELECT {next_number(Experiment)} FROM generate_series(1, search.room)),
        ARRAY(SELECT {next_number(ExperimentJob)} FROM generate_series(1, search.room)),
        COALESCE((SELECT MAX(number) + 1 FROM {{iterations}} i WHERE i.experiment_group_id = search.id), 0),
        EXISTS (SELECT 1 FROM {{decisions}} d WHERE d.experiment_group_id = search.id AND d.kind = '{{replaced}}')
      )
      FROM ({room}) search WHERE search.room BETWEEN 1 AND {MOST_DRAWN}
    )""")  # noqa: S608 - names of tables and sequences


def as_read(group: ExperimentGroup, state: SearchState) -> Statement:
    """Locks a search that takes more, and fails if it has changed since in anything that matters here."""
    return Statement(_AS_READ, [group.pk, state.status])


_AS_READ = _named("""
SELECT 1 / COUNT(*) FROM (
  SELECT 1 FROM {groups}
  WHERE id = %s AND status = %s AND stop_requested_at IS NULL AND NOT suggestions_complete FOR NO KEY UPDATE
) locked
""")


# -- under the lock --


# On SQLite the transaction itself has the only lock there is.
_LOCK = _named("SELECT 1 FROM {groups} WHERE id = %s")


def lock_search(group: ExperimentGroup, bounds: Bounds) -> SearchState:
    """Lock the search, and look how it stands now: in one round trip on Postgres, for each trial waits for it.

    Raises ExperimentGroup.DoesNotExist.
    """
    locking = " FOR NO KEY UPDATE" if connection.features.has_select_for_update else ""
    # A statement of its own, so that it sees what others have written before they gave up the lock. By the rows the
    # same trials follow again, so that the commit need not wait for the disk.
    asked = [
        *unsynced(), Statement(_LOCK + locking, [group.pk]), Statement(_NOW, [*bounds, group.pk])
    ]  # fmt: skip
    return _now(group, execute(asked))
