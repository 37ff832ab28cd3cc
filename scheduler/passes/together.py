"""The next step of many runs at once, as far as it is the same for all: launch them, see them run, see them end.

What a hundred runs need of the database is asked for, and written, with a few statements. Whatever is out of the
ordinary is left to the pass of the single run (`runs.advance`), which may come at any time before, after or meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from polyaxon.actions.log_shipments import open_shipments
from polyaxon.actions.runs import WAITING
from polyaxon.actions.statuses import Move, carry_out, lock_all, may_move
from polyaxon.db.advisory import all_held_alone
from polyaxon.db.models import Experiment, ExperimentJob, Job, Token
from polyaxon.db.models.abstract import Stateful
from polyaxon.db.writes import insertion
from polyaxon.lifecycles import tables as s
from scheduler import turns
from scheduler.configured import configured_runner
from scheduler.passes import launching, queue, runs
from scheduler.passes.queue import Run
from scheduler.runners.base import Attempt, LaunchSpec, Observation, Phase

AT_ONCE = 500  # SQLite bounds the parameters of a query


class Step(NamedTuple):
    """Statuses that follow for a run from what was seen of its attempt."""

    run: Run
    statuses: Sequence[tuple[str, datetime | None, str | None]]  # with time and message


# -- launches --


def launch_all(kind: str, keys: Collection[int]) -> list[int]:
    """Launch those of the runs that were dispatched; returns those that are left to the pass of each."""
    model = queue.model_of(kind)
    if model is not Experiment:  # by its status it is told whether it was submitted
        return list(keys)
    with ExitStack() as stack:
        ours = [pk for pk in keys if stack.enter_context(turns.runs.take(runs.turn(model, pk)))]
        alone = stack.enter_context(all_held_alone([("run", *runs.turn(model, pk)) for pk in ours]))
        # Read inside the turn: what was true before may not be so any more.
        found = queue.find_all(model, [int(str(key[-1])) for key in alone])
        launched = _launch([run for run in found if run.status == s.SCHEDULED and run.stop_requested_at is None])
    return sorted(set(keys) - launched)


def _launch(waiting: Sequence[Run]) -> set[int]:
    """Those that are launched now, or never can be."""
    at = timezone.now()
    prepared = list(_prepared(waiting))
    wanted = _starting(prepared, at)
    begun = [(run, spec) for run, spec, _ in prepared if run.pk in wanted]
    errors = configured_runner().submit_all([spec for _, spec in begun])
    for (run, _), error in zip(begun, errors, strict=True):
        runs.after_submit(run, error)
    return wanted


def _prepared(waiting: Iterable[Run]) -> Iterable[tuple[Run, LaunchSpec, Token | None]]:
    for run in waiting:
        try:
            spec, token = launching.prepare(run)
        except (launching.Refused, launching.NotYet):
            continue  # said by the pass of its own
        if spec.cluster is not None and len(spec.cluster.replicas) == 1:
            yield run, spec, token


@transaction.atomic(savepoint=False)
def _starting(prepared: Sequence[tuple[Run, LaunchSpec, Token | None]], at: datetime) -> set[int]:
    """Have rows say that their attempts begin, unless they are not wanted any more. See `runs.advance` for why now."""
    rows = lock_all([run for run, _, _ in prepared])
    moves, tokens, wanted = [], [], []
    for run, _, token in prepared:
        row = rows.get(run.pk)
        if row is None or row.attempt != run.attempt or row.status != s.SCHEDULED or row.stop_requested_at is not None:
            continue
        moves.append(Move(row, s.STARTING, at=at))
        tokens += [token] if token else []
        wanted.append(run)
    open_shipments(wanted)
    carry_out(moves, first=[insertion([token]) for token in tokens])
    for run in wanted:
        runs.copy(rows[run.pk], run)
    return {run.pk for run in wanted}


# -- following --


def follow_all(kind: str, keys: Collection[int]) -> list[int]:
    """Have rows say what became of the runs' pods; returns those whose next step is for the pass of each."""
    return [run.pk for run in _follow(queue.model_of(kind), keys)]


def _follow(model: type[Run], keys: Collection[int]) -> list[Run]:
    found = [run for run in queue.find_all(model, keys) if not run.is_done and run.status not in WAITING]
    if model not in (Experiment, Job):
        return found
    seen = configured_runner().observe_all([_attempt(run) for run in found])
    steps, left = [], []
    for run in found:
        step = next_step(run, seen.get(_attempt(run)))
        if step is None:
            left.append(run)
        elif step.statuses:
            steps.append(step)
    if steps:
        left += _move_all(steps)
    return left


def next_step(run: Run, seen: Observation | None) -> Step | None:
    """What follows of it; None if that is for the pass of the run to say."""
    if seen is None or run.stop_requested_at is not None or runs.is_overdue(run, seen):
        return None
    runs_now = [(s.RUNNING, seen.started_at, None)] if run.status != s.RUNNING and seen.started_at is not None else []
    if seen.phase is Phase.RUNNING:
        return Step(run, runs_now)
    if seen.phase is Phase.EXITED and seen.exit_code == 0 and seen.stop_reason is None:
        return Step(run, [*runs_now, (s.SUCCEEDED, seen.finished_at, None)])
    if seen.phase is Phase.STARTING:
        is_said = seen.message is None or run.status in {s.WARNING, s.RUNNING}
        return Step(run, [] if is_said else [(s.WARNING, None, runs.why_it_waits(seen.message))])
    return None


def _attempt(run: Run) -> Attempt:
    return run.uuid.hex, run.attempt


@transaction.atomic(savepoint=False)
def _move_all(steps: Sequence[Step]) -> list[Run]:
    """Those that changed meanwhile are left."""
    rows = lock_all([step.run for step in steps])
    masters = _masters([row for row in rows.values() if isinstance(row, Experiment)])
    left = []
    moves: list[list[Move]] = [[], []]  # a row moves once in each
    for run, statuses in steps:
        row = rows.get(run.pk)
        if row is None or row.attempt != run.attempt or row.status != run.status or row.stop_requested_at is not None:
            left.append(run)
            continue
        both: list[Stateful] = [row, *([masters[row.pk]] if row.pk in masters else [])]
        for place, (status, at, message) in enumerate(statuses):
            moves[place] += [Move(each, status, message, at=at) for each in both]
    for part in moves:
        carry_out([move for move in part if may_move(move.row, move.status)], observed=True)
    return left


def _masters(experiments: Sequence[Experiment]) -> dict[int, ExperimentJob]:
    """The master replica of each locked experiment, locked too."""
    rows = ExperimentJob._base_manager.select_for_update(no_key=True).filter(
        experiment__in=[each.pk for each in experiments], role=ExperimentJob.MASTER, sequence=0
    )
    owners = {each.pk: each for each in experiments}
    found = {}
    for row in rows.order_by("experiment", "pk"):
        row.experiment = owners[row.experiment_id]
        found[row.experiment_id] = row
    return found


def look_at_all() -> list[Run]:
    """Follow every run under way; returns those that need a pass of their own."""
    left: list[Run] = []
    for model in queue.KINDS:
        keys = list(queue.under_way(model).order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), AT_ONCE):
            left += _follow(model, keys[start : start + AT_ONCE])
    return left
