"""Why a run is where it is, in words for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q, QuerySet

from polyaxon import limits
from polyaxon.actions.runs import WAITING
from polyaxon.db.models import Experiment, Job
from polyaxon.lifecycles import tables as s

Run = Experiment | Job
_KINDS: tuple[type[Run], ...] = (Experiment, Job)


def reason(run: Run) -> str | None:
    """What holds a waiting run back; of another, what was last said of its status. None when there is nothing."""
    if run.status not in WAITING or not run.is_managed:
        return run.status_message or None
    return next(_reasons(run), "It is about to start.")


def _reasons(run: Run) -> Iterator[str]:
    if run.build_job is not None and run.build_job.status != s.SUCCEEDED:
        yield f"It waits for build {run.build_job.pk}, which is {run.build_job.status}."
        return
    yield from _group(run)
    for what, at_most, rows in _limited(run):
        if at_most is not None and (active := _active(rows)) >= at_most:
            yield f"{what} {active} of at most {at_most} runs; {_place(run, rows)}"
    total = limits.slots()
    if (active := _active({})) >= total:
        yield f"All {total} slots are taken; {_place(run, {'user': run.user_id})}"


def _group(run: Run) -> Iterator[str]:
    group = getattr(run, "experiment_group", None)
    if group is None or getattr(run, "trial_index", None) is None:
        return
    if group.status != s.RUNNING:
        yield f"Its group is {group.status}."
        return
    at_once = int((group.hptuning or {}).get("concurrency") or 1)
    active = group.experiments.filter(trial_index__isnull=False, **_under_way(Experiment)).count()
    if active >= at_once:
        yield f"Its group runs {active} of at most {at_once} trials at once; {_place(run, {'experiment_group': group})}"


def _limited(run: Run) -> Iterator[tuple[str, int | None, dict[str, Any]]]:
    """Each limit that concerns the run: whose it is, the number, and which rows count."""
    yield "Its project runs", limits.of_project(run.project), {"project": run.project_id}
    yield "Its user runs", limits.per_user(), {"user": run.user_id}
    yield f"Queue {run.queue!r} runs", limits.queue(run.queue).concurrency, {"queue": run.queue}


def _active(rows: dict[str, Any]) -> int:
    return sum(model._base_manager.filter(**rows, **_under_way(model)).count() for model in _KINDS)


def _under_way(model: type[Run]) -> dict[str, Any]:
    return {"is_managed": True, "status__in": sorted(model.LIFECYCLE.open - WAITING)}


def _place(run: Run, rows: dict[str, Any]) -> str:
    """How many of those that wait in the same line come before it."""
    kinds = (Experiment,) if "experiment_group" in rows else _KINDS
    before = sum(_before(run, model, rows).count() for model in kinds)
    whose = "of its user's runs " if "user" in rows else ""
    return f"{before} {whose}wait before it." if before else f"it is the next {whose}to start."


def _before(run: Run, model: type[Run], rows: dict[str, Any]) -> QuerySet[Run]:
    waiting = {"is_managed": True, "status__in": sorted(WAITING), "deleted": False, "stop_requested_at": None}
    older = Q(created_at__lt=run.created_at) | Q(created_at=run.created_at, pk__lt=run.pk)
    found: QuerySet[Run] = model._base_manager.filter(
        Q(priority__gt=run.priority) | Q(priority=run.priority) & older, **rows, **waiting
    )
    return found
