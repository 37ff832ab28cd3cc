"""Rows for tests, made the way the platform makes them: through its actions."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polyaxon.actions.builds import NewBuild, create_build
from polyaxon.actions.experiments import NewExperiment, create_experiment
from polyaxon.actions.groups import NewGroup, create_group
from polyaxon.actions.jobs import NewJob, create_job
from polyaxon.actions.metrics import log_metrics
from polyaxon.actions.plugins import NewPlugin, Target, start_notebook, start_tensorboard
from polyaxon.actions.projects import create_project
from polyaxon.actions.users import create_user
from polyaxon.stores.series import Row

if TYPE_CHECKING:
    from polyaxon.db.models import (
        BuildJob,
        Experiment,
        ExperimentGroup,
        Job,
        NotebookJob,
        Project,
        TensorboardJob,
        User,
    )

PASSWORD = "correct horse battery staple"

BUILD = {"image": "python:3.11"}
EXPERIMENT = json.dumps(
    {
        "version": 1,
        "kind": "experiment",
        "params": {"lr": 0.1},
        "build": BUILD,
        "run": {"cmd": "python train.py"},
    }
)
JOB = json.dumps({"version": 1, "kind": "job", "build": BUILD, "run": {"cmd": "python prepare.py"}})
GROUP = json.dumps(
    {
        "version": 1,
        "kind": "group",
        "hptuning": {"matrix": {"lr": {"values": [0.1, 0.2, 0.3]}}, "concurrency": 2},
        "build": BUILD,
        "run": {"cmd": "python train.py --lr={{ lr }}"},
    }
)
BUILD_FILE = json.dumps({"version": 1, "kind": "build", "image": "python:3.11"})
NOTEBOOK = json.dumps({"version": 1, "kind": "notebook", "build": {"image": "jupyter/base-notebook:1"}})

_numbers = itertools.count(1)


def make_user(username: str | None = None, **fields: Any) -> User:
    return create_user(username or f"user-{next(_numbers)}", PASSWORD, **fields)


def make_project(user: User | None = None, name: str | None = None, **fields: Any) -> Project:
    return create_project(user or make_user(), name or f"quick-{next(_numbers)}", **fields)


def make_experiment(project: Project | None = None, user: User | None = None, **fields: Any) -> Experiment:
    """One that the platform runs; with `is_managed=False` one that it only tracks."""
    if fields.get("is_managed", True):
        fields.setdefault("content", EXPERIMENT)
    project = project or make_project()
    return create_experiment(project, user or _maker(project), NewExperiment(**fields))


def make_job(project: Project | None = None, user: User | None = None, **fields: Any) -> Job:
    if fields.get("is_managed", True):
        fields.setdefault("content", JOB)
    project = project or make_project()
    return create_job(project, user or _maker(project), NewJob(**fields))


def make_group(project: Project | None = None, user: User | None = None, **fields: Any) -> ExperimentGroup:
    """A search over three values."""
    fields.setdefault("content", GROUP)
    project = project or make_project()
    return create_group(project, user or _maker(project), NewGroup(**fields))


def make_selection(project: Project, *members: Experiment, user: User | None = None) -> ExperimentGroup:
    new = NewGroup(is_managed=False, experiment_ids=[member.pk for member in members])
    return create_group(project, user or _maker(project), new)


def make_metrics(experiment: Experiment, *rows: dict[str, float], start: datetime | None = None) -> None:
    """Log `rows`, each at a time of its own."""
    first = start or datetime(2024, 1, 1, tzinfo=UTC)
    times = (first.replace(microsecond=place) for place in range(len(rows)))
    log_metrics(experiment, [Row(row, time) for row, time in zip(rows, times, strict=True)])


def _maker(project: Project) -> User:
    assert project.user is not None
    return project.user


def make_build(project: Project | None = None, user: User | None = None, **fields: Any) -> BuildJob:
    """One that the platform makes; with `is_managed=False` one that it only tracks."""
    if fields.get("is_managed", True):
        fields.setdefault("content", BUILD_FILE)
    project = project or make_project()
    return create_build(project, user or _maker(project), NewBuild(**fields))


def make_notebook(project: Project, user: User | None = None, **fields: Any) -> NotebookJob:
    fields.setdefault("content", NOTEBOOK)
    return start_notebook(project, user or _maker(project), NewPlugin(**fields))[0]


def make_tensorboard(
    project: Project,
    *,
    experiment: Experiment | None = None,
    group: ExperimentGroup | None = None,
    user: User | None = None,
    **fields: Any,
) -> TensorboardJob:
    target = Target(experiment=experiment, experiment_group=group)
    return start_tensorboard(project, user or _maker(project), NewPlugin(**fields), target)[0]
