"""The row of an experiment's master replica, which has the status of its experiment."""

from __future__ import annotations

from django.db.models import QuerySet

from polyaxon.db.models import Experiment, ExperimentJob
from polyaxon.db.prepared import Prepared


def _master(experiment: int) -> QuerySet[ExperimentJob]:
    rows = ExperimentJob._base_manager.select_for_update(no_key=True)
    return rows.filter(experiment=experiment, role=ExperimentJob.MASTER, sequence=0)


_MASTER = Prepared(_master, experiment=int)


def replica(experiment: Experiment) -> ExperimentJob:
    """The master replica of a locked experiment, locked too; a row that is not stored yet if there was none."""
    row = _MASTER.first(experiment=experiment.pk)
    if row is None:
        uuid = ExperimentJob.replica_uuid(experiment.uuid, ExperimentJob.MASTER, 0)
        # The runner starts one process for the whole experiment, so all that its file asks for is this one's.
        return ExperimentJob(uuid=uuid, experiment=experiment, resources=experiment.resources)
    row.experiment = experiment
    return row
