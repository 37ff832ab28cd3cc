"""Notebooks and tensorboards as the scheduler runs them: real processes of this machine."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from polyaxon import storage
from polyaxon.actions.plugins import stop
from polyaxon.actions.runs import archive
from polyaxon.db.models import NotebookJob, TensorboardJob, Token
from polyaxon.security.service_tokens import service_token
from scheduler.configured import configured_runner
from scheduler.passes import purge, queue, reconcile
from scheduler.passes.dispatch import dispatch
from tests.factories import make_experiment, make_group, make_job, make_notebook, make_project, make_tensorboard
from tests.scheduler.test_passes import settle

pytestmark = pytest.mark.django_db(transaction=True)

STAND_IN = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).parents[1] / 'service_stand_in.py'))}"

SHORT = '{"version": 1, "kind": "job", "run": {"cmd": "true"}}'


@pytest.fixture(autouse=True)
def _stand_in(settings: Any) -> None:
    configure(settings, notebooks_command=STAND_IN, tensorboards_command=STAND_IN)


def configure(settings: Any, **code: str) -> None:
    config = settings.CONFIG
    settings.CONFIG = replace(config, code=config.code.model_copy(update=code))


def until(row: Any, *statuses: str) -> Any:
    deadline = time.monotonic() + 100
    while row.status not in statuses:
        assert time.monotonic() < deadline, (row.status, row.status_message)
        reconcile.reconcile()
        row.refresh_from_db()
        time.sleep(0.05)
    return row


def ask(row: NotebookJob | TensorboardJob, path: str = "") -> Any:
    return httpx.get(f"http://{row.address}{row.proxy_path}{path}", trust_env=False, timeout=60).json()


def statuses(row: Any) -> list[str]:
    return list(row.statuses.order_by("id").values_list("status", flat=True))


def test_a_notebook_from_start_to_stop() -> None:
    row = make_notebook(make_project())
    assert row.address is None
    until(row, "running")
    assert statuses(row) == ["created", "scheduled", "running"]
    told = ask(row)["environment"]
    assert told["POLYAXON_SERVICE_PATH"] == f"/notebook/proxy/plx-notebook-{row.uuid.hex}/"
    assert told["POLYAXON_SERVICE_TOKEN"] == service_token(row.uuid)
    assert told["POLYAXON_RUN_OUTPUTS_PATH"] == str(storage.outputs().local_path(row.sub_path))
    assert Token.objects.filter(run=row.uuid).count() == 1
    address = str(row.address)
    stop(row, None)
    until(row, "stopped")
    reconcile.tidy_up()
    assert configured_runner().kept() == []  # nothing of it is left, at once
    assert not Token.objects.filter(run=row.uuid).exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{address}/", trust_env=False)


def test_it_takes_no_slot_and_waits_for_none(settings: Any) -> None:
    settings.CONFIG = replace(
        settings.CONFIG, runner=settings.CONFIG.runner.model_copy(update={"local_concurrency": 1})
    )
    project = make_project()
    first = make_job(project, content=SHORT)
    dispatch()
    first.refresh_from_db()
    notebook, second = make_notebook(project), make_job(project, content=SHORT)
    until(notebook, "running")
    settle(first)
    assert queue.count_active() <= 1
    until(second, "succeeded")


def test_a_program_that_is_not_installed_is_told_in_one_line(settings: Any, monkeypatch: Any, tmp_path: Path) -> None:
    configure(settings, notebooks_command="", tensorboards_command="")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(configured_runner(), "_python_path", [str(tmp_path)])
    project = make_project()
    for row, package in ((make_notebook(project), "notebook"), (make_tensorboard(project), "tensorboard")):
        until(row, "failed")
        assert row.status_message.startswith("Could not be started: this machine has no program `")
        assert row.status_message.endswith(f"install it beside the server: pip install {package}")


def test_one_that_ends_by_itself() -> None:
    row = until(make_notebook(make_project()), "running")
    with pytest.raises(httpx.HTTPError):
        ask(row, "end?code=3")
    until(row, "failed")
    assert "3" in row.status_message


def test_one_that_a_server_left_is_found_again() -> None:
    row = until(make_notebook(make_project()), "running")
    address = row.address
    configured_runner.cache_clear()
    reconcile.sync()
    row.refresh_from_db()
    assert (row.status, row.address) == ("running", address)
    stop(row, None)
    until(row, "stopped")


def test_a_tensorboard_sees_its_target_and_nothing_else() -> None:
    project = make_project()
    experiment, group = make_experiment(project), make_group(project)
    other = make_experiment(project)
    for run, name in ((experiment, "events.1"), (other, "events.2")):
        place = storage.outputs().local_path(run.sub_path)
        place.mkdir(parents=True)
        (place / name).touch()
    trial = storage.outputs().local_path(f"{project.owner.name}/{project.name}/groups/{group.pk}/9")
    trial.mkdir(parents=True)
    (trial / "events.3").touch()
    of_experiment = until(make_tensorboard(project, experiment=experiment), "running")
    assert ask(of_experiment, "folder")["files"] == ["events.1"]
    of_group = until(make_tensorboard(project, group=group), "running")
    assert "9/events.3" in ask(of_group, "folder")["files"]
    of_project = until(make_tensorboard(project), "running")
    assert {"events.1", "events.2", "events.3"} <= {
        path.rpartition("/")[2] for path in ask(of_project, "folder")["files"]
    }
    told = ask(of_project)["environment"]
    assert not {"POLYAXON_SECRET_USER_TOKEN", "POLYAXON_SERVICE_TOKEN"} & told.keys()


def test_a_deleted_notebook_goes_with_all_it_had() -> None:
    row = until(make_notebook(make_project()), "running")
    outputs = storage.outputs().local_path(row.sub_path)
    assert outputs.is_dir()
    archive(row, row.user, delete=True)
    until_gone(row)
    assert not outputs.exists()
    assert row.uuid.hex not in configured_runner().kept()
    reconcile.tidy_up()
    assert configured_runner().kept() == []


def until_gone(row: NotebookJob) -> None:
    deadline = time.monotonic() + 100
    while NotebookJob._base_manager.filter(pk=row.pk).exists():
        assert time.monotonic() < deadline
        reconcile.reconcile()
        purge.purge()
        time.sleep(0.05)
