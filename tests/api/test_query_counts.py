"""No list asks the database more often the longer it is."""

# ruff: noqa: ARG005 - every case gets the same three

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from polyaxon.actions.bookmarks import add_bookmark
from polyaxon.actions.chart_views import create_chart_view
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.projects import archive_project
from polyaxon.actions.runs import archive
from polyaxon.actions.searches import save_search
from polyaxon.actions.statuses import first_status, set_status
from polyaxon.db.models import Experiment, ExperimentGroup, ExperimentJob, Job, Project, User
from polyaxon.events import emit
from tests.api.conftest import P, url
from tests.factories import make_experiment, make_group, make_job, make_metrics, make_project

if TYPE_CHECKING:
    from rest_framework.test import APIClient

MANY = 15


def trial(project: Project) -> Experiment:
    """One that has everything that a list shows."""
    group = make_group(project)
    original = make_experiment(project, group=group, tags=["a"])
    clone = clone_experiment(original, original.user, "restart")
    make_metrics(clone, {"loss": 0.5, "acc": 0.5})
    return clone


def replica(experiment: Experiment) -> None:
    first_status(ExperimentJob.objects.create(experiment=experiment))


def status(item: Experiment | ExperimentGroup | Job) -> None:
    set_status(item, "warning", enforce=False)


@pytest.fixture
def fixed(project: Project) -> dict[str, Experiment | ExperimentGroup | Job]:
    return {
        "experiment": make_experiment(project),
        "group": make_group(project),
        "job": make_job(project),
        "replica": make_experiment(project),
    }


Case = tuple[str, Callable[[Project, User, dict], object]]

CASES: dict[str, Case] = {
    "projects": (url("olga"), lambda project, owner, fixed: make_project(owner)),
    "project names": (url("olga/projects/names"), lambda project, owner, fixed: make_project(owner)),
    "all experiments": (url("experiments"), lambda project, owner, fixed: trial(project)),
    "experiments": (f"{P}/experiments", lambda project, owner, fixed: trial(project)),
    "filtered": (
        f"{P}/experiments?query=metrics.loss:<1,tags:a|b&sort=-metric.loss",
        lambda project, owner, fixed: trial(project),
    ),
    "metrics": (f"{P}/experiments?metrics=1", lambda project, owner, fixed: trial(project)),
    "params": (f"{P}/experiments?params=1", lambda project, owner, fixed: trial(project)),
    "groups": (f"{P}/groups", lambda project, owner, fixed: make_group(project)),
    "jobs": (f"{P}/jobs", lambda project, owner, fixed: make_job(project)),
    "replicas": (
        f"{P}/experiments/{{replica}}/jobs",
        lambda project, owner, fixed: replica(fixed["replica"]),
    ),
    "statuses": (
        f"{P}/experiments/{{experiment}}/statuses",
        lambda project, owner, fixed: status(fixed["experiment"]),
    ),
    "group statuses": (
        f"{P}/groups/{{group}}/statuses",
        lambda project, owner, fixed: status(fixed["group"]),
    ),
    "job statuses": (f"{P}/jobs/{{job}}/statuses", lambda project, owner, fixed: status(fixed["job"])),
    "points": (
        f"{P}/experiments/{{experiment}}/metrics",
        lambda project, owner, fixed: make_metrics(fixed["experiment"], {"loss": 1.0}),
    ),
    "group points": (
        f"{P}/groups/{{group}}/metrics",
        lambda project, owner, fixed: make_metrics(make_experiment(project, group=fixed["group"]), {"loss": 1.0}),
    ),
    "bookmarked projects": (
        url("bookmarks/olga/projects"),
        lambda project, owner, fixed: add_bookmark(owner, make_project(owner)),
    ),
    "bookmarked experiments": (
        url("bookmarks/olga/experiments"),
        lambda project, owner, fixed: add_bookmark(owner, trial(project)),
    ),
    "bookmarked groups": (
        url("bookmarks/olga/groups"),
        lambda project, owner, fixed: add_bookmark(owner, make_group(project)),
    ),
    "bookmarked jobs": (
        url("bookmarks/olga/jobs"),
        lambda project, owner, fixed: add_bookmark(owner, make_job(project)),
    ),
    "archived projects": (
        url("archives/olga/projects"),
        lambda project, owner, fixed: archive_project(make_project(owner), owner),
    ),
    "archived experiments": (
        url("archives/olga/experiments"),
        lambda project, owner, fixed: archive(trial(project), owner),
    ),
    "archived groups": (
        url("archives/olga/groups"),
        lambda project, owner, fixed: archive(make_group(project), owner),
    ),
    "archived jobs": (url("archives/olga/jobs"), lambda project, owner, fixed: archive(make_job(project), owner)),
    "searches": (
        url("searches/olga/digits/jobs"),
        lambda project, owner, fixed: save_search(project, owner, "jobs", query={}, name=None, meta={}),
    ),
    "chart views": (
        f"{P}/groups/{{group}}/chartviews",
        lambda project, owner, fixed: create_chart_view(fixed["group"], owner, {"charts": []}),
    ),
    "history": (url("historylogs"), lambda project, owner, fixed: emit("viewed", trial(project), actor=owner)),
    "activity": (url("activitylogs"), lambda project, owner, fixed: trial(project)),
    "project activity": (url("activitylogs/olga/digits"), lambda project, owner, fixed: trial(project)),
    "project": (P, lambda project, owner, fixed: trial(project)),
    "group": (
        f"{P}/groups/{{group}}",
        lambda project, owner, fixed: make_experiment(project, group=fixed["group"]),
    ),
}


def queries(client: APIClient, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path, {} if "?" in path else {"limit": 100})
    assert answer.status_code == 200, answer.content
    return len(captured)


@pytest.mark.parametrize("name", CASES)
def test_queries_do_not_grow(client: APIClient, project: Project, owner: User, fixed: dict, name: str) -> None:
    pattern, add = CASES[name]
    path = pattern.format(**{key: row.pk for key, row in fixed.items()})
    add(project, owner, fixed)
    one = queries(client, path)
    for _ in range(MANY - 1):
        add(project, owner, fixed)
    assert queries(client, path) == one
