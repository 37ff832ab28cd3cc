"""Rows for tests, made the way the platform makes them: through its actions."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from polyaxon.actions.experiments import NewExperiment, create_experiment
from polyaxon.actions.groups import NewGroup, create_group
from polyaxon.actions.jobs import NewJob, create_job
from polyaxon.actions.metrics import log_metrics
from polyaxon.actions.projects import create_project
from polyaxon.actions.users import create_user
from polyaxon.stores.series import Row

if TYPE_CHECKING:
    from polyaxon.db.models import Experiment, ExperimentGroup, Job, Project, User

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
