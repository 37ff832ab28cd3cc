"""Statuses that a helper of a run reports when it ends.

What the platform observes itself is better, so a report waits and counts only if the run is not done by then: the case
where whoever observes was down, or the run's machine went away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone

from polyaxon import options
from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models import BuildJob, Experiment, ExperimentJob, Job, StatusReport
from polyaxon.db.models.abstract import Stateful
from polyaxon.errors import InvalidInput
from polyaxon.lifecycles import experiment_status

# A kind of run whose helper may report is one more row.
REPORTING: dict[str, type[Stateful]] = {"experiment_job": ExperimentJob, "job": Job, "build_job": BuildJob}


def report_status(row: Stateful, status: str, *, at: datetime | None = None) -> StatusReport:
    """Keep `status` until it is due. Raises `InvalidInput` when `row` has no such status."""
    if status not in row.LIFECYCLE.values:
        known = ", ".join(sorted(row.LIFECYCLE.values))
        raise InvalidInput(f"{status!r} is no status. Use one of {known}.", field="status")
    now = timezone.now()
    return StatusReport.objects.create(
        kind={model: kind for kind, model in REPORTING.items()}[type(row)],
        object_id=row.pk,
        status=status,
        reported_at=at or now,
        due_at=now + timedelta(seconds=options.value("SCHEDULER:RECONCILE_COUNTDOWN")),
    )


def due_reports() -> models.QuerySet[StatusReport]:
    """Those whose time has come, oldest first."""
    return StatusReport.objects.filter(due_at__lte=timezone.now()).order_by("due_at", "id")


@transaction.atomic
def apply_report(report: StatusReport) -> bool:
    """Give the run the reported status unless it is done or gone, and forget the report. Returns whether it counted."""
    if not StatusReport.objects.filter(pk=report.pk).delete()[0]:
        return False  # another pass was first
    row = REPORTING[report.kind]._base_manager.filter(pk=report.object_id).first()
    if row is None or row.is_done:
        return False
    record = set_status(row, report.status, at=report.reported_at, message="Reported by the run itself.")
    if record is not None and isinstance(row, ExperimentJob):
        _follow(row, report.reported_at)
    return record is not None


def _follow(replica: ExperimentJob, at: datetime) -> None:
    """Bring the experiment to what its replicas make of it."""
    experiment = lock(replica.experiment)
    assert isinstance(experiment, Experiment)
    status = experiment_status(list(experiment.jobs.order_by("id").values_list("status", flat=True)))
    if status is not None and status != experiment.status:
        set_status(experiment, status, at=at)
