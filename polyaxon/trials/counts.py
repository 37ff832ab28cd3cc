"""How many trials a search has, by what has become of them, and where: one statement, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection
from django.db.models import IntegerField, JSONField, QuerySet
from django.db.models.expressions import RawSQL

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.db.server_side import answers
from polyaxon.lifecycles import EXPERIMENT


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
    ((by_status,),) = answers(f"SELECT {_by_status('%s')}", group.pk)
    return _counts_of(by_status)


def with_numbers(groups: QuerySet[ExperimentGroup]) -> QuerySet[ExperimentGroup]:
    """Groups, each read together with its counts, and with which suggestions have trials."""
    group = f"{ExperimentGroup._meta.db_table}.id"
    return groups.annotate(
        _trials=RawSQL(_by_status(group), [], output_field=JSONField()),  # noqa: S611 - fixed
        _first_trial=RawSQL(_end("MIN", group), [], output_field=IntegerField()),  # noqa: S611 - fixed
        _last_trial=RawSQL(_end("MAX", group), [], output_field=IntegerField()),  # noqa: S611 - fixed
    )


def counts_as_read(group: ExperimentGroup) -> Counts:
    """Of a group that was read `with_numbers`."""
    return _counts_of(group.__dict__["_trials"])


def places_as_read(group: ExperimentGroup) -> Places:
    """The same."""
    known = group.__dict__
    return Places(counts_as_read(group).trials, known["_first_trial"], known["_last_trial"], group.history_revision)


def read_places(group: ExperimentGroup) -> Places:
    """Of `group` as it is now."""
    (row,) = answers(_PLACES, group.pk, group.pk)
    return Places(*row)


_PLACES = f"""
SELECT COUNT(trial_index), MIN(trial_index), MAX(trial_index),
       (SELECT history_revision FROM {ExperimentGroup._meta.db_table} WHERE id = %s)
FROM {Experiment._meta.db_table} WHERE experiment_group_id = %s
"""  # noqa: S608 - names of tables


def _counts_of(by_status: str | Mapping[str, int] | None) -> Counts:
    """Counts by how many trials have each status."""
    found: Mapping[str, int] = json.loads(by_status) if isinstance(by_status, str) else by_status or {}

    def having(statuses: frozenset[str]) -> int:
        return sum(number for status, number in found.items() if status in statuses)

    return Counts(sum(found.values()), having(WAITING), having(EXPERIMENT.open), having(EXPERIMENT.failed))


def _end(function: str, group: str) -> str:
    """The lowest or highest index of a group's trials; null if it has none."""
    return f"(SELECT {function}(trial_index) FROM {Experiment._meta.db_table} WHERE experiment_group_id = {group})"  # noqa: S608


def _by_status(group: str) -> str:
    """An object of the numbers of a group's trials; null if it has none."""
    to_object = "jsonb_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    return f"""(
      SELECT {to_object}(status, number) FROM (
        SELECT status, COUNT(*) AS number FROM {Experiment._meta.db_table}
        WHERE experiment_group_id = {group} AND trial_index IS NOT NULL GROUP BY status
      ) counted
    )"""  # noqa: S608 - names of tables
