from __future__ import annotations

import logging
from email import message_from_bytes
from typing import TYPE_CHECKING

import pytest

from polyaxon_client import exceptions
from polyaxon_client.settings import Connection
from polyaxon_client.transport import Transport
from tests.client.recorder import Answer, Recorder

if TYPE_CHECKING:
    from pathlib import Path


def test_paths_end_in_a_slash_and_are_escaped(transport: Transport) -> None:
    assert transport.path("/ada/", "digits", 3) == "ada/digits/3/"
    assert transport.path("a b", "x?y#z") == "a%20b/x%3Fy%23z/"
    assert transport.root_url + "/api/v1/" == transport.base_url


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, exceptions.ValidationError),
        (401, exceptions.AuthenticationError),
        (403, exceptions.ForbiddenError),
        (404, exceptions.NotFoundError),
        (429, exceptions.TooManyRequestsError),
        (500, exceptions.ServerError),
        (503, exceptions.ServerError),
        (409, exceptions.PolyaxonHTTPError),
    ],
)
def test_errors_are_typed(recorder: Recorder, transport: Transport, status: int, kind: type) -> None:
    recorder.route("POST", "x/", Answer(status, b'{"detail": "because"}'))
    with pytest.raises(kind) as caught:
        transport.post("x")
    assert caught.value.status == status
    assert str(caught.value) == f"{status} on {recorder.url}/api/v1/x/: because"


def test_validation_errors_carry_the_messages(recorder: Recorder, transport: Transport) -> None:
    body = b'{"name": ["too long", "bad"], "non_field_errors": ["both"], "a": {"b": ["deep"]}}'
    recorder.route("POST", "x/", Answer(400, body))
    with pytest.raises(exceptions.ValidationError) as caught:
        transport.post("x", {})
    assert caught.value.errors["name"] == ["too long", "bad"]
    assert caught.value.messages == ["name: too long", "name: bad", "both", "a.b: deep"]


def test_html_errors_are_still_one_line(recorder: Recorder, transport: Transport) -> None:
    recorder.route("POST", "x/", Answer(500, b"<html>\n<h1>Server Error</h1>"))
    with pytest.raises(exceptions.ServerError) as caught:
        transport.post("x")
    assert "\n" not in str(caught.value)


def test_reads_are_repeated(recorder: Recorder, transport: Transport) -> None:
    recorder.failures = [Answer(503), Answer(429, headers={"Retry-After": "0"}), Answer(200, b"{}", cut=True)]
    recorder.route("GET", "x/", {"a": 1})
    assert transport.get("x") == {"a": 1}
    assert len(recorder.asked) == 4


def test_writes_that_may_have_arrived_are_not_repeated(recorder: Recorder, transport: Transport) -> None:
    recorder.failures = [Answer(503)]
    with pytest.raises(exceptions.ServerError):
        transport.post("x", {})
    recorder.failures = [Answer(201, b"{}", cut=True)]
    with pytest.raises(exceptions.ConnectionFailed):
        transport.post("x", {})
    assert len(recorder.asked) == 2


def test_no_server_is_one_clear_error(recorder: Recorder, transport: Transport) -> None:
    with recorder.down(), pytest.raises(exceptions.ConnectionFailed, match="is the server running") as caught:
        transport.get("x")
    assert recorder.url in str(caught.value)


def test_silence_is_cut_off(recorder: Recorder) -> None:
    recorder.delay = 2.0
    connection = Connection(f"{recorder.url}/api/v1/", timeout=0.2)
    with Transport(connection, retries=0) as impatient, pytest.raises(exceptions.ConnectionFailed):
        impatient.get("x")


def test_other_sites_are_told_apart(recorder: Recorder, transport: Transport) -> None:
    recorder.route("GET", "x/", Answer(200, b"<html>a router</html>"))
    with pytest.raises(exceptions.ConnectionFailed, match="is this the address"):
        transport.get("x")
    recorder.route("GET", "x/", Answer(301, headers={"Location": "https://elsewhere/"}))
    with pytest.raises(exceptions.PolyaxonHTTPError, match="redirected to https://elsewhere/"):
        transport.get("x")
    assert all("elsewhere" not in one.path for one in recorder.asked)


def test_upload_is_multipart_with_progress(recorder: Recorder, transport: Transport, tmp_path: Path) -> None:
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(bytes(range(256)) * 1000)
    seen: list[tuple[int, int]] = []
    recorder.route("PUT", "ada/digits/repo/upload/", Answer(200))
    transport.upload(
        "ada/digits/repo/upload",
        archive,
        data={"json": '{"sync": true}'},
        progress=lambda *at: seen.append(at),
    )
    (asked,) = recorder.asked
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part
        for part in message_from_bytes(head + asked.body).walk()
    }
    assert parts["repo"].get_payload(decode=True) == archive.read_bytes()
    assert parts["repo"].get_filename() == "code.tar.gz"
    assert parts["json"].get_payload() == '{"sync": true}'
    assert seen[-1] == (256_000, 256_000)
    assert len(seen) > 3


def test_upload_is_repeated_from_its_start(recorder: Recorder, transport: Transport, tmp_path: Path) -> None:
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(b"x" * 100_000)
    recorder.failures = [Answer(502)]
    transport.upload("up", archive)
    assert [len(one.body) for one in recorder.asked] == [len(recorder.asked[0].body)] * 2
    assert recorder.asked[1].body.count(b"x") >= 100_000


def test_download_appears_only_when_complete(recorder: Recorder, transport: Transport, tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    seen: list[tuple[int, int | None]] = []
    recorder.route("GET", "f/", Answer(200, b"d" * 300_000, cut=True))
    with pytest.raises(exceptions.ConnectionFailed):
        transport.download("f", target)
    assert list(tmp_path.iterdir()) == []
    recorder.route("GET", "f/", Answer(200, b"d" * 300_000))
    transport.download("f", target, progress=lambda *at: seen.append(at))
    assert target.read_bytes() == b"d" * 300_000
    assert seen[-1] == (300_000, 300_000)
    recorder.route("GET", "g/", Answer(404, b'"no file"'))
    with pytest.raises(exceptions.NotFoundError, match="no file"):
        transport.download("g", tmp_path / "g")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.bin"]


def test_the_token_is_not_logged(transport: Transport, recorder: Recorder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        transport.get("x")
    assert "abc" not in caplog.text
    assert recorder.asked[0].headers["authorization"] == "Token abc"


def creations(recorder: Recorder) -> list[str]:
    return [asked.headers.get("idempotency-key", "") for asked in recorder.asked if asked.method == "POST"]


@pytest.mark.parametrize("lost", [Answer(201, b'{"id": 7}', cut=True), Answer(503), Answer(409)])
def test_a_creation_is_repeated_under_its_key(recorder: Recorder, transport: Transport, lost: Answer) -> None:
    recorder.failures = [lost]
    assert transport.create("x", {"name": "a"})["id"]
    first, again = creations(recorder)
    assert first == again
    assert len(first) == 36
    transport.create("x", {"name": "a"})
    assert creations(recorder)[2] != first


def test_other_posts_are_not_repeated(recorder: Recorder, transport: Transport) -> None:
    recorder.failures = [Answer(503)]
    with pytest.raises(exceptions.ServerError):
        transport.post("x", {})
    assert creations(recorder) == [""]
