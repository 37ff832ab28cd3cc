"""Replicas of an experiment: their rows, made for a launch or by hand, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from polyaxon.actions.statuses import first_status, first_statuses, lock, set_status
from polyaxon.db.models import Experiment, ExperimentJob, ExperimentJobStatus
from polyaxon.db.writes import execute
from polyaxon.errors import InvalidInput
from polyaxon.lifecycles import tables as s

Resources = Mapping[str, Mapping[str, float]]


@transaction.atomic
def add_replica(experiment: Experiment, *, role: str = ExperimentJob.MASTER, **values: Any) -> ExperimentJob:
    """A new replica with status `created`, the next one of its role."""
    lock(experiment)  # two at once would get one number
    last = experiment.jobs.filter(role=role).order_by("-sequence").first()
    sequence = last.sequence + 1 if last else 0
    uuid = ExperimentJob.replica_uuid(experiment.uuid, role, sequence)
    replica = ExperimentJob.objects.create(experiment=experiment, role=role, sequence=sequence, uuid=uuid, **values)
    first_status(replica)
    return replica


def update_replica(replica: ExperimentJob, changes: dict[str, Any]) -> None:
    """Change what describes a replica; its number within its role stays."""
    for key, value in changes.items():
        setattr(replica, key, value)
    replica.save(update_fields=[*changes, "updated_at"])


def delete_replica(replica: ExperimentJob) -> None:
    """Delete the row at once. What runs is the experiment's business, which can be stopped."""
    replica.delete()


def annotate_status(record: ExperimentJobStatus, changes: dict[str, Any]) -> None:
    """Change what is said about a status. Raises `InvalidInput` for another status: what happened stays."""
    if changes.pop("status", record.status) != record.status:
        raise InvalidInput(f"This was {record.status}. Post another status instead of changing it.", field="status")
    for key, value in changes.items():
        setattr(record, key, value)
    record.save(update_fields=list(changes))


@transaction.atomic
def ensure_replicas(experiment: Experiment, wanted: Sequence[tuple[str, int, Resources]]) -> None:
    """Have a row for each replica (role, index, what it asks for) of the attempt that is about to begin.

    Names derive from the experiment, so a launch that is repeated makes nothing twice. What ended with an earlier
    attempt begins anew. The master's row was made when the experiment got its slot.
    """
    row = lock(experiment)
    known = {(each.role, each.sequence): each for each in row.jobs.select_for_update().order_by("pk")}
    missing = [_replica(row, *each) for each in wanted if each[:2] not in known]
    made = ExperimentJob.objects.bulk_create(missing)
    execute([first_statuses(made)] if made else [])
    for role, index, resources in wanted:
        found = known.get((role, index))
        if found is not None and found.resources != (dict(resources) or None):
            found.resources = dict(resources) or None
            found.save(update_fields=["resources"])
    attempt = f"Attempt {row.attempt}." if row.attempt > 1 else None
    for each in [*made, *(known[each[:2]] for each in wanted if each[:2] in known)]:
        _begin(each, attempt)


def _replica(experiment: Experiment, role: str, index: int, resources: Resources) -> ExperimentJob:
    return ExperimentJob(
        uuid=ExperimentJob.replica_uuid(experiment.uuid, role, index),
        experiment=experiment,
        role=role,
        sequence=index,
        resources=dict(resources) or None,
    )


def _begin(replica: ExperimentJob, message: str | None) -> None:
    if replica.status == s.SCHEDULED or (replica.role, replica.sequence) == (ExperimentJob.MASTER, 0):
        return  # the master goes with its experiment
    if replica.is_done:
        ExperimentJob.objects.filter(pk=replica.pk).update(started_at=None, finished_at=None)
    set_status(replica, s.SCHEDULED, message=message, enforce=not replica.is_done)


def log_path(replica: ExperimentJob) -> str:
    """Where its log is: the log of a run with one replica is the run's."""
    is_one = replica.role == ExperimentJob.MASTER and replica.experiment.jobs.count() <= 1
    return replica.experiment.sub_path if is_one else replica.sub_path
