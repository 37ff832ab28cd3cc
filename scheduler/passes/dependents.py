"""Runs that wait for the image of a build: they show so, and follow a build that ends without one."""

from __future__ import annotations

from functools import partial

from django.db import transaction

from polyaxon.actions.runs import WAITING
from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models import BuildJob, Experiment, Job, NotebookJob, TensorboardJob
from polyaxon.lifecycles import tables as s
from scheduler.passes.guard import guarded

Dependent = Experiment | Job | NotebookJob | TensorboardJob
DEPENDENTS: tuple[type[Dependent], ...] = (Experiment, Job, NotebookJob, TensorboardJob)


def follow_builds() -> None:
    """Bring every run that waits for a build to what has become of that. Those of a finished one are dispatched."""
    for model in DEPENDENTS:
        rows = model._base_manager.filter(is_managed=True, build_job__isnull=False, status__in=WAITING)
        for row in rows.exclude(build_job__status=s.SUCCEEDED).select_related("build_job").order_by("pk"):
            guarded(partial(_follow, row))


@transaction.atomic
def _follow(row: Dependent) -> None:
    build, locked = row.build_job, lock(row)
    if build is None or locked.status not in WAITING:
        return  # it was stopped, or dispatched, meanwhile
    if not build.is_done:
        if locked.status != s.BUILDING:
            set_status(row, s.BUILDING, message=f"Waits for build {build.pk}.")
    elif build.status in build.LIFECYCLE.failed:
        set_status(row, s.FAILED, message=_told(build, "failed"))
    else:
        set_status(row, s.STOPPED, message=_told(build, f"was {build.status}"))


def _told(build: BuildJob, what: str) -> str:
    reason = f": {build.status_message}" if build.status_message else "."
    return f"Build {build.pk}, whose image this needs, {what}{reason}"
