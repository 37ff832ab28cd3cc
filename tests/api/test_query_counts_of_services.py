"""Lists and details of builds, notebooks and tensorboards ask as often for many rows as for one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, NotebookJob, Project, TensorboardJob
from tests.api.conftest import P
from tests.api.test_query_counts import MANY, queries
from tests.factories import make_build, make_experiment, make_job, make_notebook, make_tensorboard

if TYPE_CHECKING:
    from rest_framework.test import APIClient


def notebook(project: Project) -> None:
    make_notebook(project, tags=["a"])
    NotebookJob.objects.update(status="stopped")


def tensorboard(project: Project) -> None:
    make_tensorboard(project, experiment=make_experiment(project))


def built(project: Project) -> None:
    build = make_build(project)
    make_experiment(project, build_job=build)
    make_job(project, build_job=build)


CASES: dict[str, Callable[[Project], None]] = {
    "builds": built,
    "builds?query=status:created,tags:~a&sort=-started_at": built,
    "notebooks": notebook,
    "tensorboards": tensorboard,
    "experiments": built,
    "experiments?query=build.name:~a": built,
    "jobs": built,
    "": tensorboard,
}


@pytest.mark.parametrize("path", CASES)
def test_queries_do_not_grow(client: APIClient, project: Project, path: str) -> None:
    address = f"{P}/{path}".rstrip("/")
    CASES[path](project)
    one = queries(client, address)
    for _ in range(MANY - 1):
        CASES[path](project)
    assert queries(client, address) == one


def test_details_do_not_grow_with_their_history(client: APIClient, project: Project) -> None:
    rows: list[BuildJob | NotebookJob | TensorboardJob] = [
        make_build(project),
        make_notebook(project),
        make_tensorboard(project),
    ]
    for kind, row in zip(("builds", "notebooks", "tensorboards"), rows, strict=True):
        before = queries(client, f"{P}/{kind}/{row.pk}"), queries(client, f"{P}/{kind}/{row.pk}/statuses")
        for _ in range(MANY):
            set_status(row, "warning", enforce=False)
        after = queries(client, f"{P}/{kind}/{row.pk}"), queries(client, f"{P}/{kind}/{row.pk}/statuses")
        assert after == before
