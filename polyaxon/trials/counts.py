"""How many trials a search has, by what has become of them, and where.

None of it takes longer for a search of many trials. Those that have ended well are not counted by their status, and of
all a process counts each once: they stay, but for what the group's `history_revision` tells of. Where suggestions have
been left out that may still become trials, all are counted each time.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import IntegerField, JSONField, QuerySet
from django.db.models.expressions import RawSQL

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.db.server_side import answers, quoted
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.trials.kept import LONGEST_KEPT, Kept


class Places(NamedTuple):
    """Which suggestions have trials: how many there are, and the lowest and highest index."""

    number: int
    first: int | None
    last: int | None
    revision: int | None  # the group's `history_revision`

    @property
    def whole(self) -> bool:
        """Whether nothing is missing below the last one."""
        return not self.number or (self.first == 0 and self.last == self.number - 1)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the trials that were suggested; those that people added are not counted."""

    trials: int = 0
    waiting: int = 0  # not dispatched yet
    open: int = 0  # waiting or under way
    failed: int = 0

    @property
    def done(self) -> int:
        return self.trials - self.open


def count_trials(group: ExperimentGroup) -> Counts:
    """Counts of `group` as it is now."""
    ((by_status, number),) = answers(f"SELECT {_by_status('%s')}, {_above('%s')}", group.pk, group.pk, _NONE)
    return _counts_of(by_status, number)


@dataclass(frozen=True, slots=True)
class Counted:
    """Trials of a group that a process has counted: `number` up to the index `last`."""

    group: UUID
    revision: int  # the group's `history_revision` then
    begun: float  # when all of them were counted, by a clock in seconds
    last: int
    number: int

    def fits(self, group: ExperimentGroup, now: float) -> bool:
        """Whether there are as many to that index now."""
        is_dense, is_young = self.number == self.last + 1, now - self.begun < LONGEST_KEPT
        return (self.group, self.revision) == (group.uuid, group.history_revision) and is_dense and is_young

    def __len__(self) -> int:
        return 1  # whatever their number it takes no more memory


_NONE = -1  # below any index
NOTHING_COUNTED = Counted(UUID(int=0), -1, -math.inf, _NONE, 0)
COUNTED: Kept[Counted] = Kept(most_searches=1_000, most_trials=1_000)


def counted(group: int) -> Counted:
    """What has been counted of a group."""
    return COUNTED.get(group) or NOTHING_COUNTED


def with_numbers(groups: QuerySet[ExperimentGroup], last: Any) -> QuerySet[ExperimentGroup]:
    """Groups, each with its counts beside what was counted to the index `last`, and which suggestions have trials."""
    group = f"{ExperimentGroup._meta.db_table}.id"
    return groups.annotate(
        _more_trials=RawSQL(_above(group), [last], output_field=IntegerField()),  # noqa: S611 - fixed
        _trials=RawSQL(_by_status(group), [], output_field=JSONField()),  # noqa: S611 - fixed
        _first_trial=RawSQL(_end("MIN", group), [], output_field=IntegerField()),  # noqa: S611 - fixed
        _last_trial=RawSQL(_end("MAX", group), [], output_field=IntegerField()),  # noqa: S611 - fixed
    )


def number_as_read(group: ExperimentGroup, known: Counted) -> int:
    """How many trials a group has that was read `with_numbers` beside what was `known` to be counted."""
    now, last = time.monotonic(), group.__dict__["_last_trial"]
    if known.fits(group, now):
        number, begun = known.number + group.__dict__["_more_trials"], known.begun
    else:
        (((number,),), begun) = answers(f"SELECT {_above('%s')}", group.pk, _NONE), now
    if last is not None:
        COUNTED.put(group.pk, Counted(group.uuid, group.history_revision, begun, last, number))
    return int(number)


def counts_as_read(group: ExperimentGroup, number: int) -> Counts:
    """Of a group that was read `with_numbers` and has so many trials."""
    return _counts_of(group.__dict__["_trials"], number)


def places_as_read(group: ExperimentGroup, number: int) -> Places:
    """The same."""
    known = group.__dict__
    return Places(number, known["_first_trial"], known["_last_trial"], group.history_revision)


def read_places(group: ExperimentGroup) -> Places:
    """Of `group` as it is now."""
    (row,) = answers(_PLACES, group.pk, group.pk)
    return Places(*row)


_PLACES = f"""
SELECT COUNT(trial_index), MIN(trial_index), MAX(trial_index),
       (SELECT history_revision FROM {ExperimentGroup._meta.db_table} WHERE id = %s)
FROM {Experiment._meta.db_table} WHERE experiment_group_id = %s
"""  # noqa: S608 - names of tables


def _counts_of(by_status: str | Mapping[str, int] | None, number: int) -> Counts:
    """Counts of so many trials, by how many have each status but for those that have ended well."""
    found: Mapping[str, int] = json.loads(by_status) if isinstance(by_status, str) else by_status or {}

    def having(statuses: frozenset[str]) -> int:
        return sum(number for status, number in found.items() if status in statuses)

    return Counts(number, having(WAITING), having(EXPERIMENT.open), having(EXPERIMENT.failed))


def _end(function: str, group: str) -> str:
    """The lowest or highest index of a group's trials; null if it has none."""
    return f"(SELECT {function}(trial_index) FROM {Experiment._meta.db_table} WHERE experiment_group_id = {group})"  # noqa: S608


def _above(group: str) -> str:
    """The number of a group's trials above an index, which is its value. The planner is to use the index of both."""
    table, most = Experiment._meta.db_table, 2**31 - 1
    among = f"trial_index BETWEEN (SELECT %s + 1) AND {most}"
    return f"(SELECT COUNT(*) FROM {table} WHERE experiment_group_id = {group} AND {among})"  # noqa: S608 - names


def _by_status(group: str) -> str:
    """An object of the numbers of a group's trials that have not ended, or failed; null if it has none."""
    to_object = "jsonb_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    return f"""(
      SELECT {to_object}(status, number) FROM (
        SELECT status, COUNT(*) AS number FROM {Experiment._meta.db_table}
        WHERE experiment_group_id = {group} AND trial_index IS NOT NULL
          AND status IN ({quoted(EXPERIMENT.open | EXPERIMENT.failed)})
        GROUP BY status
      ) counted
    )"""  # noqa: S608 - names of tables
