"""Replicas of an experiment that somebody else than the platform's scheduler makes, changes or describes."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from polyaxon.actions.statuses import first_status, lock
from polyaxon.db.models import Experiment, ExperimentJob, ExperimentJobStatus
from polyaxon.errors import InvalidInput


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
