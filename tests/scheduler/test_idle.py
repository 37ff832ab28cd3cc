"""Notebooks and tensorboards that nobody uses are stopped, where the option says so."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from polyaxon.actions.options import change_options
from polyaxon.actions.plugins import note_use
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Project, TensorboardJob
from scheduler.passes.idle import stop_idle
from tests.factories import make_notebook, make_project, make_tensorboard
from tests.scheduler.test_services import _stand_in, ask, until  # noqa: F401 - a fixture among them

if TYPE_CHECKING:
    from polyaxon.db.models.plugins import Plugin

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = 3600


@pytest.fixture
def project() -> Project:
    return make_project()


@pytest.fixture
def notebook(project: Project) -> Any:
    return until(make_notebook(project), "running")


def unused(row: Plugin, seconds: float) -> None:
    """As if nobody had used it for so long."""
    at = timezone.now() - timedelta(seconds=seconds)
    type(row)._base_manager.filter(pk=row.pk).update(heartbeat_at=at)
    row.refresh_from_db()


def asked_to_stop(row: Plugin) -> bool:
    row.refresh_from_db()
    return row.stop_requested_at is not None


def test_unless_it_is_set_nothing_is_stopped(notebook: Plugin) -> None:
    unused(notebook, 1000 * HOUR)
    stop_idle()
    assert not asked_to_stop(notebook)


def test_one_that_nobody_uses_is_stopped_and_says_why(notebook: Plugin) -> None:
    change_options({"NOTEBOOKS:IDLE_TIMEOUT": 2 * HOUR})
    unused(notebook, HOUR)
    stop_idle()
    assert not asked_to_stop(notebook)
    unused(notebook, 2 * HOUR + 1)
    stop_idle()
    until(notebook, "stopped")
    assert notebook.status_message == "Stopped, because nobody has used it for 2 hours."


def test_use_is_noted_but_not_each_time(notebook: Plugin) -> None:
    change_options({"NOTEBOOKS:IDLE_TIMEOUT": HOUR})
    unused(notebook, 2 * HOUR)
    note_use(notebook)
    stop_idle()
    assert not asked_to_stop(notebook)
    noted = notebook.heartbeat_at
    note_use(notebook)
    notebook.refresh_from_db()
    assert notebook.heartbeat_at == noted


def test_one_that_a_user_stops_says_so(notebook: Plugin) -> None:
    request_stop(notebook)
    until(notebook, "stopped")
    assert "nobody" not in notebook.status_message


def test_an_owner_may_have_a_time_of_its_own(project: Project) -> None:
    row: TensorboardJob = until(make_tensorboard(project), "running")
    change_options({"TENSORBOARDS:IDLE_TIMEOUT": 60}, owner=project.owner)
    other: TensorboardJob = until(make_tensorboard(make_project()), "running")
    for each in (row, other):
        unused(each, 61)
    stop_idle()
    assert (asked_to_stop(row), asked_to_stop(other)) == (True, False)


def test_one_that_was_used_at_the_last_moment_goes_on(notebook: Plugin, monkeypatch: pytest.MonkeyPatch) -> None:
    change_options({"NOTEBOOKS:IDLE_TIMEOUT": 60})
    unused(notebook, 61)
    from scheduler.passes import idle

    locked = idle.lock

    def used_meanwhile(row: Any) -> Any:
        note_use(notebook)
        return locked(row)

    monkeypatch.setattr(idle, "lock", used_meanwhile)
    stop_idle()
    assert not asked_to_stop(notebook)
