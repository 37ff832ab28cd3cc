"""Find forgotten work. Losing every message costs at most the interval of this pass."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import cast
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from polyaxon.actions.projects import archive_strays
from polyaxon.db.lookups import listed
from polyaxon.db.models import EphemeralToken, ExperimentGroup, MetricBatch, Token
from polyaxon.lifecycles import EXPERIMENT, GROUP
from scheduler.configured import configured_runner
from scheduler.passes import purge, queue, together, zombies
from scheduler.passes.dependents import follow_builds
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group, stop_abandoned
from scheduler.passes.guard import guarded
from scheduler.passes.reports import apply_reports
from scheduler.passes.runs import advance, tidy_all
from scheduler.passes.transitions import Unsettled, gathered

logger = logging.getLogger(__name__)

BATCHES_KEPT = timedelta(days=1)
AT_ONCE = 500  # SQLite bounds the parameters of a query
WRITTEN_AT_ONCE = 50  # their rows are locked meanwhile


def reconcile() -> None:
    """Everything that has work to do, whether or not anybody told us."""
    for group in queue.open_groups().select_related("project__owner", "user"):
        guarded(partial(advance_group, group))
    steps = (archive_strays, end_abandoned, follow_builds, dispatch, launch, apply_reports)
    for step in (*steps, zombies.end_zombies, purge.purge):
        guarded(step)


def tidy_up() -> None:
    """What nobody waits for, and costs more the more runs there were lately."""
    for step in (end_strays, forget_batches, forget_tokens):
        guarded(step)


def sync() -> None:
    """Follow every run that holds a slot. Launches may take long, so they are left to the passes of single runs."""
    try:
        for part in _parts(queue.active_runs()):
            with gathered():
                _follow(part)
    except Unsettled:  # somebody else changes them, too
        _follow(queue.active_runs())


def _parts(runs: Iterator[queue.Run]) -> Iterator[list[queue.Run]]:
    while part := list(islice(runs, WRITTEN_AT_ONCE)):
        yield part


def _follow(runs: Iterable[queue.Run]) -> None:
    for run in runs:
        guarded(partial(advance, run, launching=False))


def launch() -> None:
    """The same, with launches. Those of which there is nothing out of the ordinary to say are seen to together."""
    for run in together.look_at_all():
        guarded(partial(advance, run))


def end_abandoned() -> None:
    """Trials that wait for a search that has ended."""
    waiting = {"experiments__status__in": EXPERIMENT.pending, "experiments__trial_index__isnull": False}
    for group in ExperimentGroup.objects.filter(status__in=GROUP.done, **waiting).distinct():
        stop_abandoned(group)


def end_strays() -> None:
    """Runs that the runner still has while their rows are done or gone."""
    kept = configured_runner().kept()
    for start in range(0, len(kept), AT_ONCE):
        part = kept[start : start + AT_ONCE]
        known, done = _known_and_done(part)
        for run in part:
            if UUID(run) not in known:
                guarded(partial(_discard, run))
        if done:
            guarded(partial(tidy_all, [row for model in queue.KINDS for row in _rows(model, done)]))


def _known_and_done(runs: Sequence[str]) -> tuple[set[UUID], list[UUID]]:
    """Those that have rows, and those of them that are done. Most are neither gone nor done, and not read whole."""
    statuses = {
        uuid: (model, status)
        for model in queue.KINDS
        for uuid, status in _rows(model, runs).values_list("uuid", "status")
    }
    return set(statuses), [uuid for uuid, (model, status) in statuses.items() if status in model.LIFECYCLE.done]


def _rows(model: type[queue.Run], uuids: Sequence[UUID | str]) -> QuerySet[queue.Run]:
    return cast("QuerySet[queue.Run]", model._base_manager.filter(uuid__among=listed(uuids)))


def _discard(run: str) -> None:
    logger.warning("Run %s has no row; it is ended", run)
    configured_runner().discard(run, settings.CONFIG.runner.stop_grace_seconds)


def forget_batches() -> None:
    """Numbers of batches that no client sends again."""
    MetricBatch.objects.filter(created_at__lt=timezone.now() - BATCHES_KEPT).delete()


def forget_tokens() -> None:
    """Tokens that have expired, and those of runs that have ended or are gone."""
    Token.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()
    EphemeralToken.objects.filter(expires_at__lt=timezone.now()).delete()
    tokens = Token.objects.filter(run__isnull=False).values_list("run", flat=True)
    runs = list({run for run in tokens if run is not None})
    for start in range(0, len(runs), AT_ONCE):
        part = runs[start : start + AT_ONCE]
        Token.objects.filter(run__in=set(part) - _open_among(part)).delete()


def _open_among(uuids: Sequence[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    for model in queue.KINDS:
        rows = model._base_manager.filter(uuid__in=uuids, status__in=model.LIFECYCLE.open)
        found.update(rows.values_list("uuid", flat=True))
    return found
