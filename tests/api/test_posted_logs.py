"""Log lines that clients hand in for the runs that they run themselves."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection

from polyaxon import storage
from polyaxon.actions.log_shipments import unfinished
from polyaxon.actions.logs import append_lines
from polyaxon.db.models import Experiment, LogShipment, MetricBatch
from tests.api.conftest import P, client_of
from tests.factories import make_build, make_experiment, make_job, make_project, make_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.test import APIClient

    from polyaxon.db.models import Project
    from polyaxon.stores.logs import LogWriter

MAKERS = {"experiments": make_experiment, "jobs": make_job, "builds": make_build}


@pytest.fixture(params=MAKERS)
def path(project: Project, request: Any) -> str:
    """Where the log of an unmanaged run of each kind is."""
    return f"{P}/{request.param}/{MAKERS[request.param](project, is_managed=False).pk}/logs"


def post(client: APIClient, path: str, *lines: str, batch: str = "") -> int:
    headers = {"HTTP_X_POLYAXON_BATCH": batch} if batch else {}
    return int(client.post(path, list(lines), format="json", **headers).status_code)


def stored(client: APIClient, path: str) -> list[str]:
    return b"".join(client.get(path).streaming_content).decode().splitlines()


def test_a_batch_is_stored_once(client: APIClient, path: str) -> None:
    batch = uuid.uuid4().hex
    assert [post(client, path, "one", "two", batch=batch) for _ in range(3)] == [200] * 3
    assert post(client, path, "three", batch=str(uuid.uuid4())) == 200
    assert stored(client, path) == ["one", "two", "three"]


def test_without_a_batch_everything_is_stored(client: APIClient, path: str) -> None:
    for _ in range(2):
        assert post(client, path, "same") == 200
    assert stored(client, path) == ["same", "same"]


def test_a_batch_of_lines_is_another_than_one_of_metrics(client: APIClient, project: Project) -> None:
    run = f"{P}/experiments/{make_experiment(project, is_managed=False).pk}"
    batch = uuid.uuid4().hex
    assert post(client, f"{run}/logs", "line", batch=batch) == 200
    headers = {"HTTP_X_POLYAXON_BATCH": batch}
    assert client.post(f"{run}/metrics", [{"values": {"a": 1}}], format="json", **headers).status_code == 201
    assert client.get(f"{run}/metrics").json()["count"] == 1


def test_the_same_batch_of_two_runs_is_two(client: APIClient, project: Project) -> None:
    batch = uuid.uuid4().hex
    paths = [f"{P}/experiments/{make_experiment(project, is_managed=False).pk}/logs" for _ in range(2)]
    assert [post(client, path, "x", batch=batch) for path in paths] == [200, 200]
    assert [stored(client, path) for path in paths] == [["x"], ["x"]]


def test_what_is_no_batch_is_refused(client: APIClient, path: str) -> None:
    assert post(client, path, "x", batch="once") == 400
    assert stored(client, path) == []


def test_refused_lines_use_no_batch_up(client: APIClient, path: str) -> None:
    batch = uuid.uuid4().hex
    assert client.post(path, [1], format="json", HTTP_X_POLYAXON_BATCH=batch).status_code == 400
    assert post(client, path, "x", batch=batch) == 200
    assert stored(client, path) == ["x"]


def test_lines_that_could_not_be_stored_may_come_again(
    client: APIClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = uuid.uuid4().hex
    with monkeypatch.context() as broken:
        broken.setattr("polyaxon.stores.logs.os.write", _no_space)
        client.raise_request_exception = False
        assert post(client, path, "x", batch=batch) == 500
    assert post(client, path, "x", batch=batch) == 200
    assert stored(client, path) == ["x"]


def test_lines_of_a_process_that_died_before_it_said_so_are_taken_away(client: APIClient, path: str) -> None:
    run = path.removeprefix("/api/v1/").removesuffix("/logs")
    batch = uuid.uuid4().hex
    storage.logs().append(run, ["older than the count"])
    assert post(client, path, "one", batch=uuid.uuid4().hex) == 200
    storage.logs().append(run, ["two", "thr"])  # what it left: no batch is noted
    assert [post(client, path, "two", "three", batch=batch) for _ in range(2)] == [200, 200]
    assert stored(client, path) == ["older than the count", "one", "two", "three"]


def test_lines_of_a_first_batch_that_was_not_committed_are_taken_away(client: APIClient, path: str) -> None:
    batch = uuid.uuid4().hex
    client.raise_request_exception = False
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr("polyaxon.actions.logs.add_posted", _written_but_not_committed)
        assert post(client, path, "one", "two", batch=batch) == 500
    assert stored(client, path) == ["one", "two"]
    assert post(client, path, "one", "two", batch=batch) == 200
    assert stored(client, path) == ["one", "two"]


def _written_but_not_committed(row: LogShipment, log: LogWriter, lines: Sequence[str]) -> None:
    log.rewrite(0, lines)
    raise OperationalError("server closed the connection unexpectedly")


def test_posted_logs_are_no_work_for_who_follows_pods(client: APIClient, path: str) -> None:
    assert post(client, path, "x") == 200
    row = LogShipment.objects.get()
    assert (row.size, row.done_at is not None, unfinished([row.path])) == (2, True, set())


def _no_space(descriptor: int, data: bytes) -> int:
    raise OSError(28, "No space left on device")


def test_managed_runs_take_no_lines(client: APIClient, experiment: Experiment) -> None:
    assert post(client, f"{P}/experiments/{experiment.pk}/logs", "x", batch=uuid.uuid4().hex) == 403
    assert not MetricBatch.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_comes_twice_at_once_is_stored_once() -> None:
    user = make_user("olga")
    run = make_experiment(make_project(user, "digits"), is_managed=False)
    batch = uuid.uuid4()

    def append(_: int) -> bool:
        try:
            return append_lines(Experiment.objects.select_related("project__owner").get(pk=run.pk), ["x"], batch=batch)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(append, range(8))) == [False] * 7 + [True]
    assert stored(client_of(user), f"{P}/experiments/{run.pk}/logs") == ["x"]
    assert storage.logs().size(run.sub_path) == 2
