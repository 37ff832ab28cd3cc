"""Logs and outputs."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import storage
from tests.api.conftest import P
from tests.factories import make_experiment

if TYPE_CHECKING:
    from pathlib import Path

    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, Project


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture
def path(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}"


@pytest.fixture
def outputs(experiment: Experiment) -> Path:
    store = storage.outputs()
    store.prepare(experiment.sub_path)
    folder = store.local_path(experiment.sub_path)
    (folder / "plots").mkdir()
    (folder / "model.bin").write_bytes(b"\x00" * 100)
    (folder / "plots" / "page.html").write_text("<script>alert(1)</script>")
    return folder


@pytest.fixture
def log(experiment: Experiment) -> bytes:
    storage.logs().append(experiment.sub_path, [f"line {number}" for number in range(10)])
    return b"".join(b"line %d\n" % number for number in range(10))


def test_a_log_is_streamed(client: APIClient, path: str, log: bytes) -> None:
    answer = client.get(f"{path}/logs")
    assert (answer.status_code, body(answer)) == (200, log)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Length"] == str(len(log))
    assert answer["Accept-Ranges"] == "bytes"


def test_a_log_that_was_never_written_is_empty(client: APIClient, path: str) -> None:
    answer = client.get(f"{path}/logs")
    assert (answer.status_code, body(answer)) == (200, b"")


def test_a_log_from_a_byte_on(client: APIClient, path: str, log: bytes, experiment: Experiment) -> None:
    answer = client.get(f"{path}/logs", HTTP_RANGE="bytes=14-")
    assert (answer.status_code, body(answer)) == (206, log[14:])
    assert answer["Content-Range"] == f"bytes 14-{len(log) - 1}/{len(log)}"
    assert body(client.get(f"{path}/logs", HTTP_RANGE="bytes=7-13")) == b"line 1\n"
    nothing = client.get(f"{path}/logs", HTTP_RANGE=f"bytes={len(log)}-")
    assert (nothing.status_code, nothing["Content-Range"]) == (416, f"bytes */{len(log)}")
    storage.logs().append(experiment.sub_path, ["more"])
    assert body(client.get(f"{path}/logs", HTTP_RANGE=f"bytes={len(log)}-")) == b"more\n"


@pytest.mark.parametrize("header", ["bytes=-5", "lines=1-", "bytes=x-", "bytes=1-2,4-5"])
def test_other_ranges_are_passed_over(client: APIClient, path: str, log: bytes, header: str) -> None:
    answer = client.get(f"{path}/logs", HTTP_RANGE=header)
    assert (answer.status_code, body(answer)) == (200, log)


def test_the_end_of_a_log(client: APIClient, path: str, log: bytes) -> None:
    assert body(client.get(f"{path}/logs?tail=2")) == b"line 8\nline 9\n"
    assert client.get(f"{path}/logs?tail=x").status_code == 400


def test_lines_are_taken_for_unmanaged_runs(client: APIClient, project: Project) -> None:
    path = f"{P}/experiments/{make_experiment(project, is_managed=False).pk}/logs"
    assert client.post(path, "one line", format="json").status_code == 200
    assert client.post(path, ["two", "three ü"], format="json").status_code == 200
    assert body(client.get(path)).decode() == "one line\ntwo\nthree ü\n"
    for wrong in ([], {}, [1], 5, None):
        assert client.post(path, wrong, format="json").status_code == 400


def test_a_line_of_10_mb_is_taken(client: APIClient, project: Project) -> None:
    path = f"{P}/experiments/{make_experiment(project, is_managed=False).pk}/logs"
    assert client.post(path, ["x" * 10_000_000], format="json").status_code == 200
    assert len(body(client.get(path))) == 10_000_001


def test_lines_are_not_taken_for_managed_runs(client: APIClient, path: str) -> None:
    answer = client.post(f"{path}/logs", ["x"], format="json")
    assert answer.status_code == 403
    assert list(answer.json()) == ["detail"]


def test_the_tree_of_outputs(client: APIClient, path: str, outputs: Path) -> None:
    assert client.get(f"{path}/outputs/tree").json() == {"files": [["model.bin", 100]], "dirs": ["plots"]}
    assert client.get(f"{path}/outputs/tree?path=plots").json() == {"files": [["page.html", 25]], "dirs": []}
    missing = client.get(f"{path}/outputs/tree?path=nothing")
    assert missing.status_code == 400
    assert isinstance(missing.json(), list)


def test_a_file_of_outputs_is_an_attachment(client: APIClient, path: str, outputs: Path) -> None:
    answer = client.get(f"{path}/outputs/files?path=plots/page.html")
    assert body(answer) == b"<script>alert(1)</script>"
    assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Content-Length"] == "25"
    missing = client.get(f"{path}/outputs/files?path=nothing")
    assert (missing.status_code, type(missing.json())) == (404, str)
    assert client.get(f"{path}/outputs/files").status_code == 400


@pytest.mark.parametrize("wrong", ["../x", "/etc/passwd", "plots/../../x", "a\x00b", "link", "..", "x" * 5000])
def test_wart_3_paths_do_not_leave_the_outputs(client: APIClient, path: str, outputs: Path, wrong: str) -> None:
    (outputs / "link").symlink_to("/etc/passwd")
    for kind in ("tree", "files"):
        answer = client.get(f"{path}/outputs/{kind}", {"path": wrong})
        assert answer.status_code in {400, 404}
        assert isinstance(answer.json(), str | list)
        assert str(outputs) not in answer.content.decode()


def test_wart_20_an_archive_has_relative_names(
    client: APIClient, path: str, outputs: Path, experiment: Experiment
) -> None:
    answer = client.get(f"{path}/outputs/download")
    assert answer["Content-Disposition"] == f'attachment; filename="olga_digits_{experiment.pk}.tar.gz"'
    with tarfile.open(fileobj=io.BytesIO(body(answer))) as archive:
        files = {name.removeprefix("./") for name in archive.getnames()}
    assert {"model.bin", "plots/page.html"} <= files


def test_a_run_without_outputs(client: APIClient, path: str) -> None:
    assert client.get(f"{path}/outputs/tree").json() == {"files": [], "dirs": []}
    assert client.get(f"{path}/outputs/download").status_code == 400


def test_a_resumed_run_shows_the_outputs_of_its_original(client: APIClient, path: str, outputs: Path) -> None:
    client.post(f"{path}/stop")
    clone = client.post(f"{path}/resume", {}, format="json").json()
    tree = client.get(f"{P}/experiments/{clone['id']}/outputs/tree").json()
    assert tree["files"] == [["model.bin", 100]]
