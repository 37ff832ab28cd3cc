"""Notebooks and tensorboards: started at most once per target, and stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from polyaxon import options
from polyaxon.actions import code
from polyaxon.actions.creation import NewRunnable, insert
from polyaxon.actions.images import image_for
from polyaxon.actions.outputs_refs import outputs_refs
from polyaxon.actions.runs import beat, request_stop
from polyaxon.actions.specs import check_renders, parse_content
from polyaxon.db.models import (
    Experiment,
    ExperimentGroup,
    NotebookJob,
    Project,
    TensorboardJob,
    User,
)
from polyaxon.db.models.plugins import Plugin
from polyaxon.db.prepared import Prepared
from polyaxon.errors import InvalidInput
from polyaxon.wakeups import wake
from polyaxon_schemas import Specification

PluginT = TypeVar("PluginT", NotebookJob, TensorboardJob)


@dataclass(slots=True, kw_only=True)
class NewPlugin(NewRunnable):
    """What a notebook or tensorboard is made from. Without `content` it runs the configured image."""

    data_refs: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Whose outputs a tensorboard shows: an experiment's, a group's, or with neither the whole project's."""

    experiment: Experiment | None = None
    experiment_group: ExperimentGroup | None = None


def start_notebook(project: Project, user: User, new: NewPlugin) -> tuple[NotebookJob, bool]:
    """The project's notebook, and whether it is new: an active one is not started twice. Raises `InvalidInput`."""
    active = active_notebook(project)
    if active is not None:
        return active, False
    specification = _filled(project, new, "notebook")
    build = specification.build
    new.code_reference = code.pin(project, build.commit, build.branch) if build else None
    new.backend = specification.backend or options.value("NOTEBOOKS:BACKEND", owner=project.owner)
    with transaction.atomic():
        _lock(project)
        active = active_notebook(project)
        if active is not None:
            return active, False
        rendered = check_renders(specification)
        outputs_refs(project, user, rendered.environment)
        image = image_for(project, user, rendered, new.code_reference)
        return _insert(NotebookJob, project, user, new, data_refs=new.data_refs, build_job=image), True


def start_tensorboard(project: Project, user: User, new: NewPlugin, target: Target) -> tuple[TensorboardJob, bool]:
    """The tensorboard of `target`, and whether it is new: an active one is not started twice. Raises `InvalidInput`."""
    _filled(project, new, "tensorboard")
    with transaction.atomic():
        _lock(project)
        active = active_tensorboard(project, target)
        if active is not None:
            return active, False
        shown = {"experiment": target.experiment, "experiment_group": target.experiment_group}
        return _insert(TensorboardJob, project, user, new, **shown), True


def _lock(project: Project) -> None:
    """Only one at a time looks whether there is an active one, and makes it."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _filled(project: Project, new: NewPlugin, kind: str) -> Specification:
    if not new.content:
        image = options.value(f"{kind.upper()}S:DOCKER_IMAGE", owner=project.owner)
        if not image:
            raise InvalidInput(
                f"A {kind} needs `content`, a polyaxonfile of kind {kind}: the server has no default image for it."
            )
        new.content = json.dumps({"version": 1, "kind": kind, "build": {"image": image}})
    specification = parse_content(new.content, kind=kind)
    new.ask(check_renders(specification))
    new.tags = new.tags if new.tags is not None else (specification.tags or None)
    return specification


def _insert(model: type[PluginT], project: Project, user: User, new: NewPlugin, **fields: Any) -> PluginT:
    row = insert(model, project, user, new, action="started", **new.asked, **fields)
    wake("dispatch")
    return row


def latest_notebook(project: Project) -> NotebookJob | None:
    """The project's newest notebook, whatever has become of it."""
    return _newest(NotebookJob, "project").first(project=project.pk)


def latest_tensorboard(project: Project, target: Target) -> TensorboardJob | None:
    """The newest tensorboard of `target`."""
    if target.experiment is not None:
        return _newest(TensorboardJob, "experiment").first(experiment=target.experiment.pk)
    if target.experiment_group is not None:
        return _newest(TensorboardJob, "experiment_group").first(experiment_group=target.experiment_group.pk)
    return _newest(TensorboardJob, "project", experiment=None, experiment_group=None).first(project=project.pk)


@cache
def _newest(model: type[PluginT], of: str, **others: None) -> Prepared[PluginT]:
    """Finds the newest row of one parent; `others` that it could have are null."""

    def build(**parent: int) -> QuerySet[PluginT]:
        rows = model._default_manager.filter(deleted=False, **parent, **others)
        return rows.select_related("user", "project__owner").order_by("-id")[:1]

    return Prepared(build, **{of: int})


def active_notebook(project: Project) -> NotebookJob | None:
    """The notebook that is wanted to run: also one that has not started yet, but none that is to stop."""
    return _active(latest_notebook(project))


def active_tensorboard(project: Project, target: Target) -> TensorboardJob | None:
    """The same of a tensorboard."""
    return _active(latest_tensorboard(project, target))


def _active(row: PluginT | None) -> PluginT | None:
    return None if row is None or row.is_done or row.stop_requested_at is not None else row


def stop(row: Plugin | None, user: User | None) -> None:
    """Ask a notebook or tensorboard to end; nothing to stop is fine."""
    if row is not None:
        request_stop(row, user)


def latest_of(item: Project | Experiment | ExperimentGroup) -> TensorboardJob | None:
    """The newest tensorboard of a project, a group or an experiment."""
    if isinstance(item, Project):
        return latest_tensorboard(item, Target())
    if isinstance(item, Experiment):
        return latest_tensorboard(item.project, Target(experiment=item))
    return latest_tensorboard(item.project, Target(experiment_group=item))


# -- use --

KINDS: tuple[type[Plugin], ...] = (NotebookJob, TensorboardJob)
NOTED_EVERY = 30.0  # seconds: use is written down no oftener


def idle_timeout(row: Plugin) -> int:
    """Seconds without use after which it is stopped; 0: never. `row.project.owner` is at hand."""
    return int(options.value(f"{row.WORD.upper()}S:IDLE_TIMEOUT", owner=row.project.owner) or 0)


def note_use(row: Plugin) -> None:
    """Somebody uses it. A sign of life like that of runs, stored in the same place."""
    timeout = idle_timeout(row)
    interval = min(NOTED_EVERY, timeout / 4) if timeout else NOTED_EVERY
    if row.heartbeat_at is None or timezone.now() - row.heartbeat_at > timedelta(seconds=interval):
        beat(row)
