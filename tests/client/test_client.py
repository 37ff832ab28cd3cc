"""The requests behind the methods of the API client."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from polyaxon_client import exceptions
from polyaxon_client.client import PolyaxonClient
from polyaxon_client.settings import Settings
from tests.client.recorder import Answer, Recorder

if TYPE_CHECKING:
    from pathlib import Path

RUN = ("ada", "digits", 12)


@pytest.fixture
def client(recorder: Recorder) -> Iterator[PolyaxonClient]:
    client = PolyaxonClient(Settings({}, {}, {}), host="127.0.0.1", port=recorder.port, token="abc", reraise=True)
    yield client
    client.close()


Call = Callable[[PolyaxonClient], Any]
CALLS: list[tuple[Call, str, str, Any]] = [
    (lambda c: c.auth.get_user(), "GET", "users/", None),
    (lambda c: c.version.get_cli_version(), "GET", "versions/cli/", None),
    (lambda c: c.version.get_log_handler(), "GET", "log_handler/", None),
    (lambda c: c.cluster.get_node(2), "GET", "nodes/2/", None),
    (lambda c: c.user.grant_superuser("bob"), "POST", "superusers/grant/bob/", None),
    (lambda c: c.bookmark.groups("ada"), "GET", "bookmarks/ada/groups/", None),
    (lambda c: c.project.list_projects("ada"), "GET", "ada/", None),
    (lambda c: c.project.get_project("ada", "digits"), "GET", "ada/digits/", None),
    (lambda c: c.project.create_project({"name": "x"}), "POST", "projects/", {"name": "x"}),
    (lambda c: c.project.update_project("ada", "digits", {"tags": []}), "PATCH", "ada/digits/", {"tags": []}),
    (lambda c: c.project.delete_project("ada", "digits"), "DELETE", "ada/digits/", None),
    (
        lambda c: c.project.create_experiment("ada", "digits", {"content": "{}"}, group=3),
        "POST",
        "ada/digits/experiments/",
        {"content": "{}", "experiment_group": 3},
    ),
    (lambda c: c.project.create_experiment_group("ada", "digits", {}), "POST", "ada/digits/groups/", {}),
    (lambda c: c.project.create_job("ada", "digits", {}), "POST", "ada/digits/jobs/", {}),
    (lambda c: c.experiment.get_experiment(*RUN), "GET", "ada/digits/experiments/12/", None),
    (
        lambda c: c.experiment.update_experiment(*RUN, {"name": "n"}),
        "PATCH",
        "ada/digits/experiments/12/",
        {"name": "n"},
    ),
    (lambda c: c.experiment.delete_experiment(*RUN), "DELETE", "ada/digits/experiments/12/", None),
    (lambda c: c.experiment.get_statuses(*RUN), "GET", "ada/digits/experiments/12/statuses/", None),
    (
        lambda c: c.experiment.create_status(*RUN, "failed", "m", "t"),
        "POST",
        "ada/digits/experiments/12/statuses/",
        {"status": "failed", "message": "m", "traceback": "t"},
    ),
    (lambda c: c.experiment.get_metrics(*RUN), "GET", "ada/digits/experiments/12/metrics/", None),
    (
        lambda c: c.experiment.create_metric(*RUN, {"a": math.nan}, step=3),
        "POST",
        "ada/digits/experiments/12/metrics/",
        {"values": {"a": "NaN"}, "step": 3},
    ),
    (
        lambda c: c.experiment.send_logs(*RUN, ["a", "b"]),
        "POST",
        "ada/digits/experiments/12/logs/",
        "a\nb",
    ),
    (lambda c: c.experiment.list_jobs(*RUN), "GET", "ada/digits/experiments/12/jobs/", None),
    (
        lambda c: c.experiment.restart(*RUN, content={"a": True}, update_code=True),
        "POST",
        "ada/digits/experiments/12/restart/",
        {"content": '{"a": true}', "update_code": True},
    ),
    (lambda c: c.experiment.resume(*RUN), "POST", "ada/digits/experiments/12/resume/", {}),
    (lambda c: c.experiment.copy(*RUN), "POST", "ada/digits/experiments/12/copy/", {}),
    (lambda c: c.experiment.stop(*RUN), "POST", "ada/digits/experiments/12/stop/", None),
    (lambda c: c.experiment.bookmark(*RUN), "POST", "ada/digits/experiments/12/bookmark/", None),
    (lambda c: c.experiment.unbookmark(*RUN), "DELETE", "ada/digits/experiments/12/unbookmark/", None),
    (lambda c: c.experiment_job.get_job(*RUN, 5), "GET", "ada/digits/experiments/12/jobs/5/", None),
    (lambda c: c.experiment_group.get_experiment_group(*RUN), "GET", "ada/digits/groups/12/", None),
    (lambda c: c.experiment_group.stop(*RUN), "POST", "ada/digits/groups/12/stop/", None),
    (
        lambda c: c.experiment_group.stop(*RUN, pending=True),
        "POST",
        "ada/digits/groups/12/stop/",
        {"pending": True},
    ),
    (lambda c: c.job.get_job(*RUN), "GET", "ada/digits/jobs/12/", None),
    (
        lambda c: c.job.create_code_reference(*RUN, {"commit": "f"}),
        "POST",
        "ada/digits/jobs/12/coderef/",
        {"commit": "f"},
    ),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_methods_and_paths(recorder: Recorder, client: PolyaxonClient, number: int) -> None:
    call, method, path, body = CALLS[number]
    call(client)
    (asked,) = recorder.asked
    assert (asked.method, asked.path) == (method, path)
    assert (asked.json if asked.body else None) == body
    assert asked.headers["authorization"] == "Token abc"


def test_pages_and_filters(recorder: Recorder, client: PolyaxonClient) -> None:
    client.project.list_experiments("ada", "digits", page=3, query="status:failed", sort="-metric.loss", metrics=True)
    client.project.list_experiments("ada", "digits")
    client.experiment_group.list_experiments("ada", "digits", 4, limit=100, page=2)
    assert [dict(parse_qsl(one.query)) for one in recorder.asked] == [
        {"offset": "40", "query": "status:failed", "sort": "-metric.loss", "metrics": "true"},
        {},
        {"group": "4", "limit": "100", "offset": "100"},
    ]


def test_login_is_form_encoded_and_sets_the_token(recorder: Recorder, client: PolyaxonClient) -> None:
    recorder.route("POST", "users/token/", {"token": "fresh"})
    assert client.auth.login({"username": "ada", "password": "p&w"}, set_token=True) == "fresh"
    assert recorder.asked[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(recorder.asked[0].body.decode())) == {"username": "ada", "password": "p&w"}
    client.auth.get_user()
    assert recorder.asked[1].headers["authorization"] == "Token fresh"
    client.auth.get_user(token="third")
    assert recorder.asked[2].headers["authorization"] == "Token third"


def test_without_reraise_failures_are_logged_except_401(
    recorder: Recorder, client: PolyaxonClient, caplog: pytest.LogCaptureFixture
) -> None:
    client.set_reraise(False)
    recorder.route("GET", "ada/digits/", Answer(404, b'{"detail": "gone"}'))
    recorder.route("GET", "ada/", Answer(403))
    with caplog.at_level(logging.ERROR):
        assert client.project.get_project("ada", "digits") is None
        assert client.project.list_projects("ada") == []
    assert "gone" in caplog.text
    recorder.route("GET", "users/", Answer(401))
    with pytest.raises(exceptions.AuthenticationError, match="polyaxon login"):
        client.auth.get_user()


def test_answers_as_objects(recorder: Recorder) -> None:
    client = PolyaxonClient(
        Settings({}, {}, {}), host="127.0.0.1", port=recorder.port, reraise=True, schema_response=True
    )
    recorder.route("GET", "ada/", {"count": 1, "results": [{"name": "digits"}]})
    page = client.project.list_projects("ada")
    assert (page.count, page.results[0].name, page.next) == (1, "digits", None)
    client.close()


def test_background_requests_arrive_in_order(recorder: Recorder, client: PolyaxonClient) -> None:
    recorder.failures = [Answer(503)]
    for status in ("running", "succeeded"):
        assert client.experiment.create_status(*RUN, status, background=True) is None
    assert client.background.flush(60)
    assert recorder.statuses() == ["running", "succeeded"]


def test_files_of_the_outputs(recorder: Recorder, client: PolyaxonClient, tmp_path: Path) -> None:
    recorder.route("GET", "ada/digits/experiments/12/outputs/files/", Answer(200, b"png"))
    recorder.route("GET", "ada/digits/experiments/12/outputs/tree/", {"files": [["a", 3]], "dirs": []})
    assert client.experiment.outputs_tree(*RUN, "sub")["files"] == [["a", 3]]
    done = client.experiment.download_outputs_file(*RUN, "sub/a b.png", tmp_path / "a.png")
    assert done is not None
    assert done.read_bytes() == b"png"
    assert dict(parse_qsl(recorder.asked[1].query)) == {"path": "sub/a b.png"}


def test_logs_to_a_handler(recorder: Recorder, client: PolyaxonClient) -> None:
    recorder.route("GET", "ada/digits/jobs/12/", {"last_status": "succeeded"})
    recorder.route("GET", "ada/digits/jobs/12/logs/", Answer(200, b"one\ntwo\n"))
    lines: list[str] = []
    client.job.logs(*RUN, message_handler=lines.append)
    assert lines == ["one", "two"]
    assert client.job.logs(*RUN, stream=False) == "one\ntwo\n"


def test_what_makes_something_has_a_key_of_its_own(client: PolyaxonClient, recorder: Recorder) -> None:
    client.project.create_project({"name": "digits"})
    client.project.create_experiment("ada", "digits", {"name": "a"})
    client.project.create_job("ada", "digits", {"name": "a"})
    client.project.create_experiment_group("ada", "digits", {"name": "a"})
    client.experiment.restart("ada", "digits", 3)
    keys = [asked.headers.get("idempotency-key") for asked in recorder.asked]
    assert None not in keys
    assert len(set(keys)) == 5
    client.experiment.stop("ada", "digits", 3)
    assert "idempotency-key" not in recorder.asked[-1].headers


def test_signs_of_life_go_to_any_address_until_they_are_unset(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEALTH_CHECK_INTERVAL", "0.05")
    monkeypatch.setenv("POLYAXON_INTERNAL_HEALTH_CHECK_URL", "/api/v1/ada/digits/jobs/4/_heartbeat/")
    with closing(PolyaxonClient(host=recorder.url, token="abc")) as client:
        url = client.experiment.get_heartbeat_url("ada", "digits", 3)
        client.set_health_check(url)
        client.set_health_check(url)
        client.set_internal_health_check()
        [first, *_] = recorder.wait_for("POST", "ada/digits/experiments/3/_heartbeat/", 2)
        recorder.wait_for("POST", "ada/digits/jobs/4/_heartbeat/", 2)
        client.unset_health_check(url)
        client.unset_health_check("http://never.set/")
        # They are sent one after another: what was under way is over when another round has come.
        recorder.wait_for("POST", "jobs/4/_heartbeat/", len(recorder.of("POST", "jobs/4/_heartbeat/")) + 2)
        before = len(recorder.of("POST", "experiments/3/_heartbeat/"))
        recorder.wait_for("POST", "jobs/4/_heartbeat/", len(recorder.of("POST", "jobs/4/_heartbeat/")) + 3)
        assert len(recorder.of("POST", "experiments/3/_heartbeat/")) == before
    assert first.headers["authorization"] == "Token abc"


def test_reconcile_tells_status_and_time(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(PolyaxonClient(host=recorder.url, token="abc")) as client:
        assert client.reconcile("failed") is None
        assert recorder.asked == []
    monkeypatch.setenv("POLYAXON_INTERNAL_RECONCILE_URL", f"{recorder.url}/api/v1/ada/digits/jobs/4/_reconcile/")
    with closing(PolyaxonClient(host=recorder.url, token="abc")) as client:
        client.reconcile("failed")
    [request] = recorder.asked
    assert request.path == "ada/digits/jobs/4/_reconcile/"
    assert request.json["status"] == "failed"
    assert abs((datetime.now(UTC) - datetime.fromisoformat(request.json["created_at"])).total_seconds()) < 60
