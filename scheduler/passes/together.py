"""The next step of many runs at once, as far as it is the same for all: launch them, see them run, see them end.

What a hundred runs need of the database is asked for, and written, with a few statements. Whatever is out of the
ordinary is left to the pass of the single run (`runs.advance`), which may come at any time before, after or meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from polyaxon.actions.log_shipments import open_shipments
from polyaxon.actions.runs import WAITING
from polyaxon.actions.statuses import Move, carry_out
from polyaxon.db.models import Experiment, Job, PodState, Token
from polyaxon.db.writes import insertion
from polyaxon.lifecycles import tables as s
from polyaxon.pods.seen import PodPhase
from scheduler.configured import configured_runner
from scheduler.passes import launching, queue, runs, transitions
from scheduler.passes.queue import Run
from scheduler.passes.replicas import locked_rows
from scheduler.runners.base import LaunchSpec, Observation, Phase

AT_ONCE = 500  # SQLite bounds the parameters of a query
LAUNCHING = timedelta(seconds=5)


# A status with its time and message.
Change = tuple[str, datetime | None, str | None]

# -- launches --


def launch_all(kind: str, keys: Collection[int]) -> list[int]:
    """Launch those of the runs that were dispatched; returns those that are left to the pass of each."""
    model = queue.model_of(kind)
    if model is not Experiment:  # by its status it is told whether it was submitted
        return list(keys)
    with runs.all_ours(runs.turn(model, pk) for pk in keys) as ours:
        # Read inside the turn: what was true before may not be so any more.
        found = queue.find_all(model, [pk for _, pk in ours])
        launched = _launch([run for run in found if run.status == s.SCHEDULED and run.stop_requested_at is None])
    return sorted(set(keys) - launched)


def _launch(waiting: Sequence[Run]) -> set[int]:
    """Those that are launched now, or never can be."""
    at = timezone.now()
    prepared = list(_prepared(waiting))
    wanted = _starting(prepared, at)
    runs.submit_all([(run, spec) for run, spec, _ in prepared if run.pk in wanted])
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
    rows = {row.pk: row for row in locked_rows(Experiment, [run.pk for run, _, _ in prepared])}
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
        transitions.copy(rows[run.pk], run)
    return {run.pk for run in wanted}


# -- following --


def follow_all(kind: str, keys: Collection[int]) -> list[int]:
    """Have rows say what became of the runs' pods; returns those whose next step is for the pass of each."""
    return [run.pk for run in _follow(queue.model_of(kind), keys)]


def _follow(model: type[Run], keys: Collection[int]) -> list[Run]:
    found = [run for run in queue.find_begun(model, keys) if not run.is_done and run.status not in WAITING]
    if model not in (Experiment, Job):
        return found
    seen = configured_runner().observe_all([runs.attempt_of(run) for run in found])
    steps = [(run, next_step(run, seen.get(runs.attempt_of(run)))) for run in found]
    try:
        with transitions.gathered():
            for run, statuses in steps:
                for status, at, message in statuses or ():
                    transitions.move(run, status, message=message, at=at)
    except transitions.Unsettled:
        return [run for run, statuses in steps if statuses != []]
    return [run for run, statuses in steps if statuses is None]


def next_step(run: Run, seen: Observation | None) -> list[Change] | None:
    """The statuses that follow of it; None if that is for the pass of the run to say."""
    if seen is None or run.stop_requested_at is not None or runs.is_overdue(run, seen):
        return None
    runs_now: list[Change] = []
    if run.status != s.RUNNING and seen.started_at is not None:
        runs_now.append((s.RUNNING, seen.started_at, None))
    if seen.phase is Phase.RUNNING:
        return runs_now
    if seen.phase is Phase.EXITED and seen.exit_code == 0 and seen.stop_reason is None:
        return [*runs_now, (s.SUCCEEDED, seen.finished_at, None)]
    if seen.phase is Phase.STARTING:
        is_said = seen.message is None or run.status in {s.WARNING, s.RUNNING}
        return [] if is_said else [(s.WARNING, None, runs.why_it_waits(seen.message))]
    return None


def _as_their_pods() -> Q:
    """Runs under way of which nothing is wanted, with pods that run and nothing else."""
    pods = PodState.objects.filter(run=OuterRef("uuid"), attempt=OuterRef("attempt"), forgotten_at=None)
    ordinary = Q(phase=PodPhase.RUNNING, trouble=None, deleting_until=None, is_over=False, is_gone=False)
    nothing_wanted = Q(status=s.RUNNING, stop_requested_at=None, timeout=None)
    return nothing_wanted & Exists(pods) & ~Exists(pods.exclude(ordinary))


def look_at_all() -> list[Run]:
    """Follow every run under way; returns those that need a pass of their own.

    On a cluster those are left out that were dispatched a moment ago, since somebody launches them just now, and those
    that run as their pods do.
    """
    left: list[Run] = []
    fresh = Q(status__in=(s.SCHEDULED, s.STARTING), updated_at__gt=timezone.now() - LAUNCHING)
    left_out = (fresh | _as_their_pods()) if configured_runner().is_watched() else fresh
    for model in queue.KINDS:
        rows = queue.under_way(model).exclude(left_out) if settings.CONFIG.on_cluster else queue.under_way(model)
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        for start in range(0, len(keys), AT_ONCE):
            left += _follow(model, keys[start : start + AT_ONCE])
    return left
