"""Artifacts: announced, sent whole or in parts, listed with their types; paths, checksums, limits, rights."""

from __future__ import annotations

import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.db import connection
from hypothesis import given

from api.throttling import Rate
from polyaxon import storage
from polyaxon.db.models import Artifact, Experiment
from polyaxon.stores.incoming import FOLDER
from scheduler.passes.sweep import sweep
from tests.api.conftest import P, client_of
from tests.api.test_hostile_input import PATHS, often
from tests.factories import make_experiment, make_job, make_project, make_user

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Project

CONTENT = bytes(range(256)) * 100


@pytest.fixture(params=["experiments", "jobs"])
def run(project: Project, request: Any) -> Any:
    return (make_experiment if request.param == "experiments" else make_job)(project, is_managed=False)


@pytest.fixture
def path(run: Any) -> str:
    kind = "experiments" if isinstance(run, Experiment) else "jobs"
    return f"{P}/{kind}/{run.pk}/artifacts"


def described(path: str, content: bytes = CONTENT, **more: Any) -> dict[str, Any]:
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest(), **more}


def announce(client: APIClient, path: str, *files: dict[str, Any]) -> Any:
    return client.post(path, {"artifacts": list(files)}, format="json")


def put(client: APIClient, path: str, name: str, content: bytes, span: str = "") -> Any:
    headers = {"HTTP_CONTENT_RANGE": span} if span else {}
    address = f"{path}/content?path={quote(name, safe='')}"
    return client.put(address, content, content_type="application/octet-stream", **headers)


def part(first: int, last: int, size: int = len(CONTENT)) -> str:
    return f"bytes {first}-{last}/{size}"


def outputs_of(run: Any) -> Path:
    return storage.outputs().local_path(run.sub_path)


def staged(run: Any) -> list[Path]:
    return list((storage.outputs().local_path("x").parent / FOLDER).glob("*"))


def test_announced_sent_and_listed(client: APIClient, path: str, run: Any) -> None:
    answer = announce(client, path, described("plots/loss.png", type="image", name="loss", step=3, metadata={"w": 1}))
    assert answer.status_code == 200
    (row,) = answer.json()["artifacts"]
    assert {name: row[name] for name in ("path", "name", "type", "step", "metadata", "stored", "received")} == {
        "path": "plots/loss.png",
        "name": "loss",
        "type": "image",
        "step": 3,
        "metadata": {"w": 1},
        "stored": False,
        "received": 0,
    }
    done = put(client, path, "plots/loss.png", CONTENT)
    assert (done.status_code, done.json()["stored"], done.json()["received"]) == (201, True, len(CONTENT))
    assert (outputs_of(run) / "plots" / "loss.png").read_bytes() == CONTENT
    assert client.get(path).json()["results"] == [done.json()]
    file = client.get(f"{path.removesuffix('artifacts')}outputs/files?path=plots/loss.png")
    assert b"".join(file.streaming_content) == CONTENT
    assert staged(run) == []


def test_filters(client: APIClient, path: str) -> None:
    announce(
        client,
        path,
        *(described(f"i/{step}.png", type="image", name="digit", step=step) for step in range(3)),
        described("m.pt", type="model"),
        described("notes.txt"),
    )

    def found(query: str) -> list[str]:
        return [row["path"] for row in client.get(f"{path}?{query}").json()["results"]]

    assert found("type=image") == ["i/0.png", "i/1.png", "i/2.png"]
    assert found("type=model&type=file") == ["m.pt", "notes.txt"]
    assert found("name=digit&type=image&limit=1&offset=1") == ["i/1.png"]
    assert found("name=nothing") == []
    assert found("name=%00") == []


def test_parts_resume_where_they_stopped(client: APIClient, path: str, run: Any) -> None:
    announce(client, path, described("big.bin", type="checkpoint"))
    first = put(client, path, "big.bin", CONTENT[:1000], part(0, 999))
    assert (first.status_code, first.json()["received"]) == (202, 1000)
    # The answer was lost, the client asks again, sends again, or sends what is too far.
    assert announce(client, path, described("big.bin")).json()["artifacts"][0]["received"] == 1000
    assert put(client, path, "big.bin", CONTENT[:1000], part(0, 999)).json()["received"] == 1000
    ahead = put(client, path, "big.bin", CONTENT[2000:3000], part(2000, 2999))
    assert (ahead.status_code, ahead.json()["received"]) == (409, 1000)
    assert not (outputs_of(run) / "big.bin").exists()
    last = put(client, path, "big.bin", CONTENT[1000:], part(1000, len(CONTENT) - 1))
    assert last.status_code == 201
    assert (outputs_of(run) / "big.bin").read_bytes() == CONTENT
    assert put(client, path, "big.bin", CONTENT[1000:], part(1000, len(CONTENT) - 1)).status_code == 201


def test_an_empty_file(client: APIClient, path: str, run: Any) -> None:
    announce(client, path, described("empty", b""))
    assert put(client, path, "empty", b"").status_code == 201
    assert (outputs_of(run) / "empty").read_bytes() == b""


def test_content_that_is_not_what_was_announced(client: APIClient, path: str, run: Any) -> None:
    announce(client, path, described("a.bin"))
    wrong = put(client, path, "a.bin", b"x" * len(CONTENT))
    assert wrong.status_code == 400
    assert "checksum" in wrong.json()[0]
    assert not (outputs_of(run) / "a.bin").exists()
    assert staged(run) == []
    assert put(client, path, "a.bin", CONTENT).status_code == 201


def test_new_content_replaces_the_old_when_it_is_complete(client: APIClient, path: str, run: Any) -> None:
    announce(client, path, described("a.bin"))
    put(client, path, "a.bin", CONTENT)
    (row,) = announce(client, path, described("a.bin", b"new", step=2)).json()["artifacts"]
    assert not row["stored"]
    assert (outputs_of(run) / "a.bin").read_bytes() == CONTENT
    assert put(client, path, "a.bin", b"new").status_code == 201
    assert (outputs_of(run) / "a.bin").read_bytes() == b"new"
    (row,) = client.get(path).json()["results"]
    assert (row["stored"], row["step"], row["size"]) == (True, 2, 3)


def test_what_the_run_wrote_itself_is_not_sent(client: APIClient, path: str, run: Any) -> None:
    outputs_of(run).mkdir(parents=True)
    (outputs_of(run) / "a.bin").write_bytes(CONTENT)
    (outputs_of(run) / "b.bin").write_bytes(CONTENT[::-1])
    rows = announce(client, path, described("a.bin"), described("b.bin"), described("./c//d.bin")).json()["artifacts"]
    assert [(row["path"], row["stored"]) for row in rows] == [("a.bin", True), ("b.bin", False), ("c/d.bin", False)]


def test_announcing_again_changes_what_is_said(client: APIClient, path: str) -> None:
    announce(client, path, described("a.bin", type="file"))
    put(client, path, "a.bin", CONTENT)
    (row,) = announce(client, path, described("a.bin", type="model", metadata={"f": "onnx"})).json()["artifacts"]
    assert (row["type"], row["metadata"], row["stored"]) == ("model", {"f": "onnx"}, True)
    assert client.get(path).json()["count"] == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"path": "../x"}, "leads upwards"),
        ({"path": "/etc/passwd"}, "absolute"),
        ({"path": "C:\\x"}, "absolute"),
        ({"path": "."}, "empty"),
        ({"path": "x" * 300}, "too long"),
        ({"path": "/".join(["x" * 200] * 6)}, "too long"),
        ({"size": -1}, "size"),
        ({"sha256": "0" * 63}, "sha256"),
        ({"sha256": "G" * 64}, "sha256"),
        ({"type": "virus"}, "type"),
        ({"metadata": {"a": "x" * 70_000}}, "64.0 KiB"),
        ({"step": 2**63}, "step"),
    ],
)
def test_what_cannot_be_announced(client: APIClient, path: str, change: dict[str, Any], said: str) -> None:
    answer = announce(client, path, {**described("a.bin"), **change})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert client.get(path).json()["count"] == 0


@pytest.mark.parametrize(
    "span",
    ["bytes 0-99", "bytes 0-98/25600", "bytes 0-99/100", "bytes */25600", "items 0-99/25600", part(25550, 25649)],
)
def test_parts_that_do_not_fit(client: APIClient, path: str, span: str) -> None:
    announce(client, path, described("a.bin"))
    assert put(client, path, "a.bin", CONTENT[:100], span).status_code == 400


def test_content_of_what_was_not_announced(client: APIClient, path: str) -> None:
    assert put(client, path, "a.bin", CONTENT).status_code == 404
    assert put(client, path, "", CONTENT).status_code == 400
    announce(client, path, described("a.bin"))
    assert put(client, path, "a.bin", CONTENT[:-1]).status_code == 400


def test_limits(client: APIClient, path: str, settings: Any) -> None:
    smaller = {"artifact_max_bytes": 1000, "artifacts_max": 3, "artifacts_max_bytes": 2500}
    settings.CONFIG = replace(settings.CONFIG, limits=settings.CONFIG.limits.model_copy(update=smaller))
    assert "at most 1000 bytes" in announce(client, path, described("a", b"x" * 1001)).json()[0]
    assert announce(client, path, described("a", b"x" * 1000), described("b", b"x" * 1000)).status_code == 200
    assert "at most 2.4 KiB" in announce(client, path, described("c", b"x" * 501)).json()[0]
    # What replaces itself counts once.
    assert announce(client, path, described("a", b"y" * 1000), described("c", b"x" * 500)).status_code == 200
    assert "at most 3 artifacts" in announce(client, path, described("d", b"")).json()[0]


def test_a_link_that_the_run_made_leads_nowhere(client: APIClient, path: str, run: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"kept")
    outputs_of(run).mkdir(parents=True)
    (outputs_of(run) / "folder").symlink_to(outside)
    (outputs_of(run) / "file").symlink_to(outside / "kept")
    (outputs_of(run) / "taken").mkdir()
    announce(client, path, *(described(name) for name in ("folder/x", "file", "taken", "taken/x/y")))
    assert put(client, path, "folder/x", CONTENT).status_code == 400
    assert put(client, path, "taken", CONTENT).status_code == 400
    # The link itself is replaced, not what it names.
    assert put(client, path, "file", CONTENT).status_code == 201
    assert put(client, path, "taken/x/y", CONTENT).status_code == 201
    assert not (outputs_of(run) / "file").is_symlink()
    assert {one.name: one.read_bytes() for one in outside.iterdir()} == {"kept": b"kept"}


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")


@pytest.mark.slow
@often
@given(name=PATHS)
@pytest.mark.usefixtures("unlimited")
def test_no_path_leaves_the_outputs(client: APIClient, experiment: Experiment, name: str) -> None:
    path = f"{P}/experiments/{experiment.pk}/artifacts"
    root = storage.outputs().local_path("x").parent
    answer = announce(client, path, described(name, b"hostile"))
    assert answer.status_code in {200, 400}
    if answer.status_code == 200:
        assert put(client, path, name, b"hostile").status_code in {201, 400}
    else:
        assert put(client, path, name, b"hostile").status_code in {400, 404}
    written = [one for one in root.parent.rglob("*") if one.is_file() and one.read_bytes() == b"hostile"]
    assert all(one.is_relative_to(outputs_of(experiment)) for one in written)


def test_who_may(client: APIClient, path: str, run: Any, project: Project) -> None:
    announce(client, path, described("a.bin"))
    stranger, own = client_of(make_user("stranger")), client_of(run.user, run=run.uuid)
    another = client_of(run.user, run=uuid.uuid4())
    assert [stranger.get(path).status_code, announce(stranger, path, described("x")).status_code] == [200, 403]
    assert put(stranger, path, "a.bin", CONTENT).status_code == 403
    assert announce(another, path, described("x")).status_code == 403
    assert put(another, path, "a.bin", CONTENT).status_code == 403
    assert announce(own, path, described("own.bin")).status_code == 200
    assert put(own, path, "a.bin", CONTENT).status_code == 201
    assert own.get(path).json()["count"] == 2


def test_artifacts_belong_to_one_run(client: APIClient, project: Project) -> None:
    first, second = (make_experiment(project) for _ in range(2))
    announce(client, f"{P}/experiments/{first.pk}/artifacts", described("a.bin"))
    assert client.get(f"{P}/experiments/{second.pk}/artifacts").json()["count"] == 0
    assert put(client, f"{P}/experiments/{second.pk}/artifacts", "a.bin", CONTENT).status_code == 404
    first.delete()
    assert not Artifact.objects.exists()


def test_abandoned_uploads_are_swept(
    client: APIClient, path: str, run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # What other tests are at in the machine's own folder is not abandoned.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    announce(client, path, described("a.bin"))
    put(client, path, "a.bin", CONTENT[:10], part(0, 9))
    sweep()
    assert len(staged(run)) == 1
    later = time.time() + 2 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: later)
    sweep()
    assert staged(run) == []
    (row,) = announce(client, path, described("a.bin")).json()["artifacts"]
    assert row["received"] == 0


@pytest.mark.django_db(transaction=True)
def test_the_same_part_from_several_at_once() -> None:
    owner = make_user("olga")
    run = make_experiment(make_project(owner, "digits"))
    path = f"{P}/experiments/{run.pk}/artifacts"
    announce(client_of(owner), path, described("a.bin"))

    def send(_: int) -> int:
        try:
            return int(put(client_of(owner), path, "a.bin", CONTENT).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(send, range(8)))
    assert set(codes) <= {201, 409}
    assert 201 in codes
    assert (outputs_of(run) / "a.bin").read_bytes() == CONTENT
    assert Artifact.objects.get().stored
    assert [one.name for one in outputs_of(run).iterdir()] == ["a.bin"]
