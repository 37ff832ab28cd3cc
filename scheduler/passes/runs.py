"""The next step of one run: launch it, follow it, end it."""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment
from polyaxon.errors import UserError
from polyaxon.lifecycles import tables as s
from polyaxon.stores import RepoError
from polyaxon_schemas import PolyaxonfileError
from scheduler.launch import launch_spec
from scheduler.passes.dispatch import replica
from scheduler.passes.queue import Run
from scheduler.runners.base import LaunchRefused, Observation, Phase, Runner, RunnerError, StopReason
from scheduler.runners.configured import configured_runner

logger = logging.getLogger(__name__)

INTERRUPTED = "Interrupted by a shutdown of the server; it is started again."


def advance(run: Run) -> None:
    """Do what `run` needs next. May be called at any time, also twice at once."""
    runner = configured_runner()
    if run.is_done:
        _tidy(run, runner)
    elif run.status not in run.LIFECYCLE.pending:
        _follow(run, runner)


def _follow(run: Run, runner: Runner) -> None:
    seen = runner.observe(run.uuid.hex, run.attempt)
    if seen.phase is Phase.ABSENT:
        _begin(run, runner)
    elif seen.phase is Phase.EXITED:
        _end(run, seen)
    elif seen.phase is Phase.LOST:
        _move(run, s.FAILED, message=seen.message, at=seen.finished_at)
    elif run.stop_requested_at is not None:
        runner.stop(run.uuid.hex, run.attempt, StopReason.USER, settings.CONFIG.runner.stop_grace_seconds)
    elif seen.phase is Phase.RUNNING:
        _running(run, seen.started_at)
    if run.is_done:
        _tidy(run, runner)


def _begin(run: Run, runner: Runner) -> None:
    if run.stop_requested_at is not None:
        _move(run, s.STOPPED, message="Stopped before it started.")
        return
    if run.status == s.RUNNING:
        _move(run, s.FAILED, message="The run's state is gone from the runner's folder, so its end is unknown.")
        return
    try:
        runner.submit(launch_spec(run))
    except (PolyaxonfileError, UserError, RepoError, LaunchRefused) as error:
        _move(run, s.FAILED, message=f"Could not be started: {error}")
        return
    except RunnerError as error:
        logger.warning("Run %s is not started yet, the next pass tries again: %s", run.uuid.hex, error)
        return
    if isinstance(run, Experiment):
        _move(run, s.STARTING)
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
        status, message = s.STOPPED, "Stopped by a user."
    elif seen.exit_code == 0:
        status, message = s.SUCCEEDED, None
    else:
        status, message = s.FAILED, seen.message
    _move(run, status, message=message, at=seen.finished_at)


def _again(run: Run) -> None:
    """The platform ended it, not its user: the same run goes on with the same outputs."""
    with transaction.atomic():
        _move(run, s.WARNING, message=INTERRUPTED)
        _move(run, s.SCHEDULED, message=f"Attempt {run.attempt + 1}.")
        type(run).objects.filter(pk=run.pk, attempt=run.attempt).update(attempt=run.attempt + 1)


def _move(run: Run, status: str, *, message: str | None = None, at: datetime | None = None) -> None:
    """Set the run's status; an experiment's master replica has the same, as far as replicas know it."""
    with transaction.atomic():
        if isinstance(run, Experiment) and status != s.STARTING:
            set_status(replica(run), status, message=message, at=at)
        set_status(run, status, message=message, at=at)


def _tidy(run: Run, runner: Runner) -> None:
    """What a finished run has left with the runner."""
    if not run.is_managed or not run.attempt:
        return
    phase = runner.observe(run.uuid.hex, run.attempt).phase
    if phase in {Phase.STARTING, Phase.RUNNING}:
        runner.stop(run.uuid.hex, run.attempt, StopReason.USER, settings.CONFIG.runner.stop_grace_seconds)
    elif phase in {Phase.EXITED, Phase.LOST}:
        runner.clean(run.uuid.hex)
