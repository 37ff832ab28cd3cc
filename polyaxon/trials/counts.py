"""How many trials a search has, by what has become of them: one statement, whatever their number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import JSONField
from django.db.models.expressions import RawSQL

from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, ExperimentGroup
from polyaxon.db.server_side import answers
from polyaxon.lifecycles import EXPERIMENT


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
    return counts_of(by_status)


def numbers() -> RawSQL:
    """An expression for queries for groups: what `counts_of` makes counts of."""
    return RawSQL(_by_status(f"{ExperimentGroup._meta.db_table}.id"), [], output_field=JSONField())  # noqa: S611 - fixed


def counts_of(by_status: str | Mapping[str, int] | None) -> Counts:
    """Counts by how many trials have each status."""
    found: Mapping[str, int] = json.loads(by_status) if isinstance(by_status, str) else by_status or {}

    def having(statuses: frozenset[str]) -> int:
        return sum(number for status, number in found.items() if status in statuses)

    return Counts(sum(found.values()), having(WAITING), having(EXPERIMENT.open), having(EXPERIMENT.failed))


def _by_status(group: str) -> str:
    """An object of the numbers of a group's trials; null if it has none."""
    to_object = "jsonb_object_agg" if connection.vendor == "postgresql" else "json_group_object"
    return f"""(
      SELECT {to_object}(status, number) FROM (
        SELECT status, COUNT(*) AS number FROM {Experiment._meta.db_table}
        WHERE experiment_group_id = {group} AND trial_index IS NOT NULL GROUP BY status
      ) counted
    )"""  # noqa: S608 - names of tables
