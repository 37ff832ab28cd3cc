"""Find forgotten work. Losing every message costs at most the interval of this pass."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, EphemeralToken, MetricBatch, Token
from polyaxon.lifecycles import tables as s
from scheduler.configured import configured_runner
from scheduler.passes import purge, queue
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group
from scheduler.passes.reports import apply_reports
from scheduler.passes.runs import advance, tidy
from scheduler.passes.unsupported import end_unsupported

logger = logging.getLogger(__name__)

BATCHES_KEPT = timedelta(days=1)


def reconcile() -> None:
    """Everything that has work to do, whether or not anybody told us."""
    for group in queue.open_groups().select_related("project__owner", "user"):
        _guarded(partial(advance_group, group))
    for step in (dispatch, sync, apply_reports, end_unsupported, end_strays, end_zombies, purge.purge, forget_old_rows):
        _guarded(step)


def sync() -> None:
    """Advance every run that holds a slot."""
    for run in queue.active_runs():
        _guarded(partial(advance, run))


def _guarded(step: Callable[[], object]) -> None:
    """One row's trouble must not keep the pass from the others."""
    try:
        step()
    except DatabaseError as error:
        logger.warning("Put off until the next pass: %s", error)
    except Exception:
        logger.exception("A pass failed; it is tried again")


def end_strays() -> None:
    """Runs that the runner still has while their rows are done or gone."""
    runner = configured_runner()
    for run in runner.kept():
        rows = [row for model in queue.KINDS for row in model._base_manager.filter(uuid=run)]
        if not rows:
            logger.warning("Run %s has no row; it is ended", run)
            runner.discard(run, settings.CONFIG.runner.stop_grace_seconds)
        elif rows[0].is_done:
            tidy(rows[0])


def end_zombies() -> None:
    """Unmanaged runs whose client stopped sending heartbeats. Managed ones are observed, not guessed at."""
    limit = timezone.now() - timedelta(seconds=settings.CONFIG.scheduler.heartbeat_timeout)
    for model in (*queue.KINDS, BuildJob):
        silent = model.objects.filter(is_managed=False, status=s.RUNNING, heartbeat_at__lt=limit)
        for run in silent:
            set_status(run, s.FAILED, message=f"No heartbeat since {run.heartbeat_at:%Y-%m-%d %H:%M:%S %Z}.")


def forget_old_rows() -> None:
    """Rows that nobody asks for any more."""
    now = timezone.now()
    MetricBatch.objects.filter(created_at__lt=now - BATCHES_KEPT).delete()
    Token.objects.filter(expires_at__lt=now - timedelta(days=1)).delete()
    EphemeralToken.objects.filter(expires_at__lt=now).delete()
