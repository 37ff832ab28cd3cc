"""The next step of one run: launch it, follow it, end it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from polyaxon.actions.statuses import lock, set_status
from polyaxon.db.models import Experiment
from polyaxon.errors import UserError
from polyaxon.lifecycles import tables as s
from polyaxon.stores import RepoError
from polyaxon_schemas import PolyaxonfileError
from scheduler.configured import configured_runner
from scheduler.launch import launch_spec
from scheduler.passes.dispatch import replica
from scheduler.passes.queue import Run
from scheduler.runners.base import LaunchRefused, Observation, Phase, Runner, RunnerError, StopReason

logger = logging.getLogger(__name__)

KEPT_AFTER_END = timedelta(minutes=5)
STOPPED = "Stopped by a user."
INTERRUPTED = "Interrupted by a shutdown of the server; it is started again."


def advance(run: Run) -> None:
    """Do what `run` needs next. May be called at any time, also twice at once."""
    runner = configured_runner()
    if run.is_done:
        tidy(run)
    elif run.status not in run.LIFECYCLE.pending:
        _follow(run, runner)


def _follow(run: Run, runner: Runner) -> None:
    seen = runner.observe(run.uuid.hex, run.attempt)
    if seen.phase is Phase.ABSENT:
        _begin(run, runner)
    elif seen.phase is Phase.EXITED:
        _end(run, seen)
    elif seen.phase is Phase.LOST:
        _lost(run, seen)
    elif run.stop_requested_at is not None:
        runner.stop(run.uuid.hex, run.attempt, StopReason.USER, settings.CONFIG.runner.stop_grace_seconds)
    elif seen.phase is Phase.RUNNING:
        _running(run, seen.started_at)


def _begin(run: Run, runner: Runner) -> None:
    attempt = run.attempt
    run.refresh_from_db(fields=["status", "stop_requested_at", "attempt"])
    if run.is_done or run.attempt != attempt:
        return
    if run.stop_requested_at is not None:
        _move(run, s.STOPPED, message="Stopped before it started.")
        return
    if run.status == s.RUNNING:
        _move(run, s.FAILED, message="The run's state is gone from the runner's folder, so its end is unknown.")
        return
    begun = timezone.now()
    try:
        runner.submit(launch_spec(run))
    except (PolyaxonfileError, UserError, RepoError, LaunchRefused) as error:
        _move(run, s.FAILED, message=f"Could not be started: {error}")
        return
    except RunnerError as error:
        logger.warning("Run %s is not started yet, the next pass tries again: %s", run.uuid.hex, error)
        return
    if isinstance(run, Experiment):
        _move(run, s.STARTING, at=begun)
    _end_if_stopped_meanwhile(run, runner)


def _end_if_stopped_meanwhile(run: Run, runner: Runner) -> None:
    """A stop may have been carried out between our look at the row and the launch."""
    run.refresh_from_db(fields=["status", "stop_requested_at"])
    if run.is_done or run.stop_requested_at is not None:
        runner.stop(run.uuid.hex, run.attempt, StopReason.USER, settings.CONFIG.runner.stop_grace_seconds)


def _running(run: Run, at: datetime | None) -> None:
    if run.status != s.RUNNING:
        _move(run, s.RUNNING, at=at)


def _end(run: Run, seen: Observation) -> None:
    if seen.stop_reason is StopReason.SHUTDOWN and run.stop_requested_at is None:
        _again(run)
        return
    if seen.started_at is not None:
        _running(run, seen.started_at)
    if seen.stop_reason is not None:
        status, message = s.STOPPED, STOPPED
    elif seen.exit_code == 0:
        status, message = s.SUCCEEDED, None
    else:
        status, message = s.FAILED, seen.message
    _move(run, status, message=message, at=seen.finished_at)


def _lost(run: Run, seen: Observation) -> None:
    if seen.stop_reason is StopReason.SHUTDOWN and run.stop_requested_at is None:
        _again(run)
    elif seen.stop_reason is not None:
        _move(run, s.STOPPED, message=STOPPED)
    else:
        _move(run, s.FAILED, message=seen.message)


def _again(run: Run) -> None:
    """The platform ended it, not its user: the same run goes on with the same outputs."""
    with transaction.atomic():
        row = lock(run)
        if row.is_done or row.attempt != run.attempt:  # type: ignore[attr-defined]
            return  # another pass was first
        _move(run, s.WARNING, message=INTERRUPTED)
        _move(run, s.SCHEDULED, message=f"Attempt {run.attempt + 1}.")
        run.attempt += 1
        run.save(update_fields=["attempt"])


def _move(run: Run, status: str, *, message: str | None = None, at: datetime | None = None) -> None:
    """Set the run's status; an experiment's master replica has the same, as far as replicas know it."""
    with transaction.atomic():
        if isinstance(run, Experiment) and status != s.STARTING:
            set_status(replica(run), status, message=message, at=at)
        set_status(run, status, message=message, at=at)


def tidy(run: Run) -> None:
    """End what a finished run still has with the runner, and later remove what it left there.

    Not at once: a pass that read the row before it was done may be about to launch it, and only the runner's
    memory keeps it from starting a second time.
    """
    runner = configured_runner()
    if runner.observe(run.uuid.hex, run.attempt).phase in {Phase.STARTING, Phase.RUNNING}:
        runner.stop(run.uuid.hex, run.attempt, StopReason.USER, settings.CONFIG.runner.stop_grace_seconds)
    elif run.finished_at is not None and run.finished_at < timezone.now() - KEPT_AFTER_END:
        runner.clean(run.uuid.hex)
