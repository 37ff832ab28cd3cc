"""How many trials a search has, by what has become of them: one statement, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass

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
    sql = f"""
    SELECT status, COUNT(*) FROM {Experiment._meta.db_table}
    WHERE experiment_group_id = %s AND trial_index IS NOT NULL GROUP BY status
    """  # noqa: S608 - a table's name
    by_status: dict[str, int] = dict(answers(sql, group.pk))

    def having(statuses: frozenset[str]) -> int:
        return sum(number for status, number in by_status.items() if status in statuses)

    return Counts(sum(by_status.values()), having(WAITING), having(EXPERIMENT.open), having(EXPERIMENT.failed))
