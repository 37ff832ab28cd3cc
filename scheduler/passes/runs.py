"""The next step of one run: launch it, follow it, end it.

Rows are read anew inside the run's turn, so a step never rests on what was true before another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from polyaxon.actions.log_shipments import all_settled, is_settled
from polyaxon.actions.runs import WAITING
from polyaxon.actions.statuses import lock
from polyaxon.actions.trials import decide, next_retry, why_stopped
from polyaxon.db.advisory import Key, all_held_alone, held_alone
from polyaxon.db.models import Experiment, SearchDecision
from polyaxon.db.models.abstract import Runnable
from polyaxon.lifecycles import tables as s
from polyaxon.wakeups import wake_row
from scheduler import turns
from scheduler.configured import configured_runner
from scheduler.passes import launching, queue, services
from scheduler.passes.guard import guarded
from scheduler.passes.queue import Run
from scheduler.passes.transitions import begin, move
from scheduler.runners.base import Attempt, LaunchSpec, Observation, Phase, Runner, RunnerError, StopReason

KEPT_AFTER_END = timedelta(minutes=5)
PATIENCE = timedelta(hours=1)  # with a launch that fails for a reason that may pass
STOPPED = "Stopped by a user."
INTERRUPTED = "Interrupted by a shutdown of the server; it is started again."


def advance(run: Run, *, launching: bool = True) -> bool:
    """Do what `run` needs next; False if another thread or process is at it. May be called at any time, also at once.

    With `launching=False` a run that is to be launched is handed to the pass of its own, since that may take long; what
    is left changes the row under its lock only, if its attempt and status still allow it.
    """
    with turns.runs.take(_key(run)) as ours:
        if not ours or _goes_on(run):
            return ours
        if not launching:
            _step(run, configured_runner(), launching=False)
            return True
        with _alone(run) as alone:
            if alone and _renew(run):
                _step(run, configured_runner(), launching=True)
            return alone


def _alone(run: Run) -> AbstractContextManager[bool]:
    """Whether no other process is at the run."""
    return held_alone("run", *_key(run))


def _goes_on(run: Run) -> bool:
    """Whether nothing has happened: the usual case, which costs no query."""
    if run.status != s.RUNNING or run.stop_requested_at is not None:
        return False
    seen = _observe(run, configured_runner())
    return seen.phase is Phase.RUNNING and not is_overdue(run, seen)


def turn(model: type[Run], pk: int) -> tuple[str, int]:
    """What whoever deals with the run takes."""
    return model.__name__, pk


@contextmanager
def all_ours(keys: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    """Those of the runs, by their `turn`, at which nobody else is; ours within the block."""
    with ExitStack() as stack:
        taken: dict[Key, tuple[str, int]] = {
            ("run", *key): key for key in keys if stack.enter_context(turns.runs.take(key))
        }
        yield [taken[key] for key in stack.enter_context(all_held_alone(list(taken)))]


def _key(run: Run) -> tuple[str, int]:
    return turn(type(run), run.pk)


def _renew(run: Run) -> bool:
    """Read the row again, with what a launch needs of others; whether it is still there."""
    fresh = queue.find(type(run), run.pk)
    if fresh is not None:
        run.__dict__.update(fresh.__dict__)
    return fresh is not None


def _observe(run: Run, runner: Runner) -> Observation:
    return runner.observe(*attempt_of(run))


def _step(run: Run, runner: Runner, *, launching: bool) -> None:
    if run.is_done:
        _tidy(run, runner)
    elif run.status not in WAITING:
        _follow(run, runner, launching=launching)


def _follow(run: Run, runner: Runner, *, launching: bool) -> None:
    seen = _observe(run, runner)
    if seen.phase is Phase.ABSENT:
        _absent(run, runner, launching=launching)
    elif seen.phase is Phase.EXITED:
        _end(run, seen)
    elif seen.phase is Phase.LOST:
        _lost(run, seen)
    elif run.stop_requested_at is not None:
        _stop(run, runner)
    elif seen.phase is Phase.RUNNING:
        _running(run, seen)
        if is_overdue(run, seen):
            _stop(run, runner, StopReason.TIMEOUT)
    elif seen.message is not None:
        _delayed(run, seen.message)


def is_overdue(run: Run, seen: Observation) -> bool:
    """Whether this attempt has run longer than the run's file allows."""
    if run.timeout is None or seen.started_at is None:
        return False
    return timezone.now() - seen.started_at > timedelta(seconds=run.timeout)


def _delayed(run: Run, reason: str) -> None:
    """Show why it has not begun yet, once."""
    if run.status not in {s.WARNING, s.RUNNING}:
        move(run, s.WARNING, message=why_it_waits(reason))


def why_it_waits(reason: str | None) -> str:
    """What a run's status says while its pod does not get along."""
    return f"Waits: {reason}"


def _absent(run: Run, runner: Runner, *, launching: bool) -> None:
    if run.stop_requested_at is not None:
        # Before the row says so, the runner knows: no launch of another process can come after this.
        _stop(run, runner)
        move(run, s.STOPPED, message="Stopped before it started.")
    elif run.status == s.RUNNING:
        move(run, s.FAILED, message="The run's state is gone from the runner's folder, so its end is unknown.")
    elif launching:
        _begin(run, runner)
    elif run.status != s.WARNING:  # else it failed to start a moment ago, and the reconcile pass tries again
        wake_row(run)


def _begin(run: Run, runner: Runner) -> None:
    begun = timezone.now()
    with _failure_told(run):
        spec, token = launching.prepare(run)
        if begin(run, token, begun):
            launching.submit(run, spec, runner)
            if run.status == s.WARNING:
                move(run, s.STARTING, at=begun)
        elif run.stop_requested_at is not None and not run.is_done:
            _absent(run, runner, launching=False)


def submit_all(begun: Sequence[tuple[Run, LaunchSpec]]) -> None:
    """Hand runs that have begun to the runner, and say so of those for which that fails."""
    errors = configured_runner().submit_all([spec for _, spec in begun])
    for (run, _), error in zip(begun, errors, strict=True):
        with _failure_told(run):
            launching.check(run, error)


@contextmanager
def _failure_told(run: Run) -> Iterator[None]:
    try:
        yield
    except launching.Refused as error:
        move(run, s.FAILED, message=f"Could not be started: {error}")
    except launching.NotYet as error:
        _not_yet(run, error)


def _not_yet(run: Run, error: launching.NotYet) -> None:
    """Show why it does not start, once, and give up when it takes too long."""
    scheduled = run.statuses.filter(status=s.SCHEDULED).order_by("-id").first()
    if scheduled is not None and scheduled.created_at < timezone.now() - PATIENCE:
        move(run, s.FAILED, message=f"Could not be started for an hour: {error}")
    elif run.status != s.WARNING:
        move(run, s.WARNING, message=f"Could not be started yet, it is tried again: {error}")


def _stop(run: Run, runner: Runner, reason: StopReason = StopReason.USER) -> None:
    runner.stop(run.uuid.hex, run.attempt, reason, settings.CONFIG.runner.stop_grace_seconds)


def _running(run: Run, seen: Observation) -> None:
    if run.status != s.RUNNING and seen.started_at is not None and services.is_up(run, seen):
        move(run, s.RUNNING, at=seen.started_at)


def _end(run: Run, seen: Observation) -> None:
    _running(run, seen)
    if seen.stop_reason is not None:
        _ended(run, seen, seen.stop_reason)
    elif seen.exit_code == 0:
        move(run, s.SUCCEEDED, at=seen.finished_at)
    elif run.retries_failures and _may_retry(run):
        _again(run, seen, f"Failed: {seen.message}", counts=True)
    else:
        _fail(run, seen)


def _lost(run: Run, seen: Observation) -> None:
    _running(run, seen)
    if seen.stop_reason is not None:
        _ended(run, seen, seen.stop_reason)
    elif _may_retry(run):
        _again(run, seen, f"Lost: {seen.message}", counts=True)
    else:
        _fail(run, seen)


def _ended(run: Run, seen: Observation, reason: StopReason) -> None:
    """It was asked to end, and did."""
    if reason is StopReason.SHUTDOWN and run.stop_requested_at is None:
        _again(run, seen, INTERRUPTED)
    elif reason is StopReason.TIMEOUT:
        move(run, s.FAILED, message=f"Ran longer than its timeout of {run.timeout} seconds.", at=seen.finished_at)
    else:
        move(run, s.STOPPED, message=why_stopped(run) or STOPPED, at=seen.finished_at)


def _may_retry(run: Run) -> bool:
    return run.retries < run.max_retries and run.stop_requested_at is None


def _after_retries(run: Run, message: str | None) -> str | None:
    return message if not run.retries else f"{message} (after {run.retries} of {run.max_retries} retries)"


def _fail(run: Run, seen: Observation) -> None:
    """A trial of a search is started again as often as that allows; whatever else fails has failed."""
    if not (isinstance(run, Experiment) and _retry(run, seen)):
        move(run, s.FAILED, message=_after_retries(run, seen.message), at=seen.finished_at)


@transaction.atomic
def _retry(trial: Experiment, seen: Observation) -> bool:
    row = lock(trial)
    assert isinstance(row, Experiment)
    number, most = next_retry(row)
    if number > most or row.stop_requested_at is not None or row.attempt != trial.attempt:
        return False
    reason = f"It is started again, retry {number} of {most}: {seen.message or 'it failed'}"
    decide(row, SearchDecision.RETRY, reason, {"retry": number, "attempt": row.attempt})
    _again(trial, seen, reason)
    return True


@transaction.atomic
def _again(run: Run, seen: Observation, why: str, *, counts: bool = False) -> None:
    """The same run goes on with the same outputs, in the slot that it has.

    What the platform itself ended, or a search starts again, `counts` as no retry of the run's own.
    """
    row = lock(run)
    assert isinstance(row, Runnable)
    if row.is_done or row.attempt != run.attempt:
        return
    run.retries = row.retries + counts
    number = f" (retry {run.retries} of {row.max_retries})" if counts else ""
    move(run, s.WARNING, message=f"{why}{number}", at=seen.finished_at)
    move(run, s.SCHEDULED, message=f"Attempt {row.attempt + 1}.")
    run.attempt = row.attempt + 1
    run.save(update_fields=["attempt", "retries", "updated_at"])
    wake_row(run)


def tidy_all(ended: Sequence[Run]) -> None:
    """The same as `tidy`, of many. What is left of those that ended some time ago is mostly removed together."""
    seen = configured_runner().observe_all([attempt_of(run) for run in ended if not _has_aged(run)])
    over = {attempt for attempt, found in seen.items() if found.phase in {Phase.EXITED, Phase.LOST}}
    left = [run for run in ended if attempt_of(run) not in over]
    cleaned: set[str] = set()
    guarded(lambda: cleaned.update(_clean([run for run in left if _has_aged(run)])))
    for run in left:
        if run.uuid.hex not in cleaned:
            guarded(partial(tidy, run))


def _clean(aged: Sequence[Run]) -> set[str]:
    """Those of which nothing is left now."""
    known = {_key(run): run for run in aged}
    with all_ours(known) as ours:
        settled = all_settled([known[key] for key in ours])
        return configured_runner().clean_all([run.uuid.hex for run in settled]) if settled else set()


def attempt_of(run: Run) -> Attempt:
    """By which the runner knows what the run does now."""
    return run.uuid.hex, run.attempt


def tidy(run: Run) -> None:
    """End what a finished run still has with the runner, and later remove what it left there.

    Not at once: what the runner remembers helps to find out what happened.
    """
    with turns.runs.take(_key(run)) as ours:
        if ours and run.is_done:  # which is final, so the row need not be read again
            with _alone(run) as alone:
                if alone:
                    _tidy(run, configured_runner())


def _tidy(run: Run, runner: Runner) -> None:
    if _observe(run, runner).phase in {Phase.STARTING, Phase.RUNNING}:
        _stop(run, runner)
    elif _has_aged(run) and is_settled(run, settings.CONFIG.kubernetes.k8s_logs_patience):
        runner.clean(run.uuid.hex)


def _has_aged(run: Run) -> bool:
    return run.finished_at is None or not -KEPT_AFTER_END < timezone.now() - run.finished_at < _kept(run)


def _kept(run: Run) -> timedelta:
    """How long the code and the state of a finished run stay: its own `ttl`, if it has one. Services leave nothing."""
    if isinstance(run, queue.SERVICES):
        return timedelta(0)
    return KEPT_AFTER_END if run.ttl is None else timedelta(seconds=run.ttl)


def forget(run: Run) -> bool:
    """Remove what the runner keeps of a finished run that is to be deleted; whether nothing is left."""
    with turns.runs.take(_key(run)) as ours, _alone(run) as alone:
        if not (ours and alone):
            return False
        runner = configured_runner()
        try:
            runner.clean(run.uuid.hex)
        except RunnerError:  # a process of it lives
            runner.discard(run.uuid.hex, settings.CONFIG.runner.stop_grace_seconds)
            return False
        return True
