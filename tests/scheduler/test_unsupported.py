"""What the local runner cannot execute ends with a reason, and without losing what can be."""

from __future__ import annotations

import pytest

from polyaxon.actions.runs import archive, request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import BuildJob, NotebookJob, Project, TensorboardJob
from scheduler.passes import purge, reconcile
from tests.factories import make_build, make_notebook, make_project, make_tensorboard

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_build_fails_and_says_why() -> None:
    build = make_build(make_project())
    for _ in range(2):
        reconcile.reconcile()
    build.refresh_from_db()
    assert build.status == "failed"
    assert "The server runs on the local runner, which builds no images." in build.status_message
    assert list(build.statuses.values_list("status", flat=True)) == ["created", "scheduled", "failed"]


def test_one_that_is_to_stop_is_stopped() -> None:
    build = make_build(make_project())
    set_status(build, "running")
    request_stop(build)
    reconcile.reconcile()
    build.refresh_from_db()
    assert build.status == "stopped"


def test_what_others_manage_is_left_alone() -> None:
    build = make_build(make_project(), is_managed=False)
    set_status(build, "running", enforce=False)
    reconcile.reconcile()
    build.refresh_from_db()
    assert build.status == "running"


def test_deleted_ones_go_for_good(project_with_all: Project) -> None:
    for model in (BuildJob, NotebookJob, TensorboardJob):
        for row in model.objects.all():
            archive(row, project_with_all.user, delete=True)
    purge.purge()
    assert not BuildJob.objects.exists()
    assert not NotebookJob.objects.exists()
    assert not TensorboardJob.objects.exists()


@pytest.fixture
def project_with_all() -> Project:
    project = make_project()
    for make in (make_build, make_notebook, make_tensorboard):
        make(project)
    return project
