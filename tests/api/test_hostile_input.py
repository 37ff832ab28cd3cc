"""Whatever a client sends as a path, a name, a query or an archive: never a 5xx, and nothing from outside."""

from __future__ import annotations

import io
import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.throttling import Rate
from polyaxon import storage
from polyaxon.db.models import Experiment, Project, Repo
from tests.api.conftest import P, url
from tests.contents import tar_gz
from tests.factories import GROUP

if TYPE_CHECKING:
    from rest_framework.test import APIClient

pytestmark = pytest.mark.slow
often = settings(
    max_examples=70, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
sometimes = settings(often, max_examples=25)

PARTS = st.sampled_from(
    [
        *("..", ".", "", "/", "\\", "~", "C:", "%2e%2e", "%252e%252e", "%2f", "..%2f..", "..\\..", "%00", "\0", "…"),
        *("folder", "result.txt", "out", "link", "loop", "x" * 300, "\u202e", "a" * 5000),
    ]
)
PATHS = st.lists(PARTS | st.text(max_size=6), min_size=1, max_size=6).map("/".join) | st.text(max_size=40)
TEXTS = st.text(max_size=30) | PARTS
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
SECRET = b"this stands outside"
INSIDE = {b"42", b"deep"}


@pytest.fixture(autouse=True)
def _no_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")


@pytest.fixture
def run(client: APIClient, experiment: Experiment) -> str:
    """Address of a run whose outputs have files, and links that lead out."""
    folder = storage.outputs().local_path(experiment.sub_path)
    assert folder is not None
    (folder / "folder").mkdir(parents=True)
    (folder / "result.txt").write_bytes(b"42")
    (folder / "folder" / "deep.txt").write_bytes(b"deep")
    (folder.parent / "secret").write_bytes(SECRET)
    (folder / "out").symlink_to(folder.parent)
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "loop").symlink_to("loop")
    client.raise_request_exception = False
    return f"{P}/experiments/{experiment.pk}"


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@often
@given(path=PATHS)
def test_paths_into_outputs(client: APIClient, run: str, path: str) -> None:
    for written in (path, quote(path, safe="", errors="replace")):
        answer = client.get(f"{run}/outputs/files", {"path": written})
        assert answer.status_code in {200, 400, 404}
        found = content(answer)
        assert SECRET not in found
        assert answer.status_code != 200 or found in INSIDE
        tree = client.get(f"{run}/outputs/tree", {"path": written})
        assert tree.status_code in {200, 400}
        assert b"secret" not in content(tree)
        assert str(storage.outputs().local_path("x").parent) not in content(tree).decode()


@often
@given(path=PATHS, kind=st.sampled_from(["outputs/files", "outputs/tree", "logs", "repo/download", "statuses"]))
def test_paths_in_addresses(client: APIClient, run: str, path: str, kind: str) -> None:
    for written in (quote(path, safe="/", errors="replace"), quote(quote(path, safe="", errors="replace"))):
        for address in (f"{run}/{kind}/{written}", f"{P}/experiments/{written}/{kind}", url(written, "digits", kind)):
            answer = client.get(address)
            assert answer.status_code < 500
            assert SECRET not in content(answer)


@often
@given(
    commit=TEXTS
    | st.sampled_from(["HEAD~1", "master:train.py", "--upload-pack=x", "-h", "@{1}", "refs/heads/master", "0" * 41])
)
def test_commits(client: APIClient, run: str, commit: str) -> None:
    uploaded = client.put(f"{P}/repo/upload", {"repo": archive(tar_gz({"train.py": "1"}).read())}, format="multipart")
    assert uploaded.status_code == 200
    answer = client.get(f"{P}/repo/download", {"commit": commit})
    wanted = commit.strip()
    known = wanted in {"", "master", "HEAD", uploaded["X-Polyaxon-Commit"]}
    assert answer.status_code == (200 if known else 404)


@often
@given(tail=TEXTS, wanted=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20))
def test_parts_of_logs(client: APIClient, run: str, tail: str, wanted: str) -> None:
    assert client.get(f"{run}/logs", {"tail": tail}).status_code in {200, 400}
    for header in (wanted, f"bytes={wanted}", f"bytes={'9' * 30}-"):
        answer = client.get(f"{run}/logs", HTTP_RANGE=header)
        assert answer.status_code in {200, 206, 416}


LISTS = ("experiments", "groups", "jobs", "builds", "notebooks", "tensorboards")
FIELDS = st.sampled_from(["id", "status", "tags", "name", "created_at", "metrics.a", "params.a", "user.username", "x"])
QUERIES = st.lists(st.tuples(FIELDS | TEXTS, st.sampled_from([":", "", "::"]), TEXTS).map("".join), max_size=4)


@often
@given(
    parts=QUERIES,
    sort=st.lists(st.sampled_from(["-", "created_at", "metric.a", "a.b.c", "user"]) | TEXTS, max_size=4).map(",".join),
    kind=st.sampled_from(LISTS),
)
def test_queries_and_sorts(client: APIClient, run: str, parts: list[str], sort: str, kind: str) -> None:
    query = ",".join(parts)
    answer = client.get(f"{P}/{kind}", {"query": query})
    assert answer.status_code in {200, 400}
    if answer.status_code == 400 and "\0" not in query and len(query) <= 8192:
        (message,) = answer.json()
        column = re.match(r"Query, column (\d+): ", message)
        assert column is not None, message
        assert 1 <= int(column[1]) <= len(query) + 1
    assert client.get(f"{P}/{kind}", {"sort": sort}).status_code in {200, 400}


@sometimes
@given(limit=TEXTS, offset=TEXTS)
def test_pages(client: APIClient, run: str, limit: str, offset: str) -> None:
    answer = client.get(f"{P}/experiments", {"limit": limit, "offset": offset, "group": limit, "independent": offset})
    assert answer.status_code in {200, 400, 404}


NAME = re.compile(r"[-A-Za-z0-9_]{1,128}")


@often
@given(name=TEXTS | st.text(st.sampled_from("aZ9-_.% é/"), max_size=140))
def test_names_of_projects(client: APIClient, run: str, name: str) -> None:
    answer = client.post(url("projects"), {"name": name}, format="json")
    assert answer.status_code in {201, 400}
    if answer.status_code == 201:
        stored = answer.json()["name"]
        assert NAME.fullmatch(stored)
        assert client.get(url("olga", stored)).json()["unique_name"] == f"olga.{stored}"
    assert client.get(f"/api/v1/olga/{quote(name, safe='', errors='replace')}").status_code < 500


BODIES = {
    "experiments": {"is_managed": False},
    "jobs": {"is_managed": False},
    "builds": {"is_managed": False},
    "groups": {"content": GROUP},
}


@often
@given(name=TEXTS, kind=st.sampled_from(sorted(BODIES)))
def test_names_of_runs(client: APIClient, run: str, name: str, kind: str) -> None:
    answer = client.post(f"{P}/{kind}", {**BODIES[kind], "name": name}, format="json")
    assert answer.status_code in {201, 400}
    assert answer.status_code == 400 or not name.strip() or NAME.fullmatch(answer.json()["name"])


@sometimes
@given(name=TEXTS)
def test_names_of_people_teams_and_organizations(client: APIClient, run: str, name: str) -> None:
    assert client.post(url("orgs"), {"name": name}, format="json").status_code in {201, 400}
    assert client.post(url("users/token"), {"username": name, "password": name}).status_code == 400
    client.post(url("orgs"), {"name": "acme-labs"}, format="json")
    made = client.post(url("orgs/acme-labs/teams"), {"name": name}, format="json")
    assert made.status_code in {201, 400}
    member = client.post(url("orgs/acme-labs/members"), {"username": name}, format="json")
    assert member.status_code in {400, 404}


@often
@given(field=st.sampled_from(["tags", "params", "description", "run_env", "name", "data_refs", "readme"]), value=JSON)
def test_values_of_fields(client: APIClient, run: str, field: str, value: Any) -> None:
    try:
        body = json.dumps({field: value}, allow_nan=True)
    except ValueError:
        return
    answer = client.patch(run, body, content_type="application/json")
    assert answer.status_code in {200, 400}


def archive(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("code.tar.gz", data)


def made(members: list[tuple[str, bytes, str]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, kind, target in members:
            info = tarfile.TarInfo(name.encode("utf-8", "replace").decode())
            info.type, info.linkname = kind, target.encode("utf-8", "replace").decode()
            info.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"abc"))
    return buffer.getvalue()


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name or "x", data)
    return buffer.getvalue()


KINDS = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
NAMES = st.lists(PARTS | st.text(max_size=4), min_size=1, max_size=4).map("/".join)
SOUND = tar_gz({"train.py": "print(1)", "data/x.csv": "1,2" * 100}).getvalue()
ARCHIVES = st.one_of(
    st.binary(max_size=600),
    st.lists(st.tuples(NAMES, KINDS, NAMES), max_size=5).map(made),
    st.builds(zipped, st.text(max_size=5).map(lambda name: name.replace("\0", "")), st.binary(max_size=100)),
    st.builds(lambda cut: SOUND[:cut], st.integers(0, len(SOUND))),
    st.builds(
        lambda place, byte: SOUND[:place] + bytes([byte]) + SOUND[place + 1 :],
        st.integers(0, len(SOUND) - 1),
        st.integers(0, 255),
    ),
)


@often
@given(data=ARCHIVES)
def test_uploads(client: APIClient, run: str, data: bytes) -> None:
    answer = client.put(f"{P}/repo/upload", {"repo": archive(data)}, format="multipart")
    assert answer.status_code in {200, 400}
    assert leftovers() == []
    if answer.status_code == 200:
        tree = client.get(f"{P}/repo/download")
        with tarfile.open(fileobj=io.BytesIO(content(tree))) as code:
            for member in code.getmembers():
                assert not member.name.startswith("/")
                assert ".." not in Path(member.name).parts
                assert member.isfile() or member.isdir() or member.issym()


def leftovers() -> list[Path]:
    """What an upload unpacks, and has to remove."""
    project = Project.objects.get(name="digits")
    return list(storage.repository_path(project).parent.glob(".upload-*"))


def test_a_bomb_is_refused_and_leaves_nothing(client: APIClient, run: str) -> None:
    bomb = tar_gz({"zeros": bytes(50_000_000)}).getvalue()
    assert len(bomb) < 100_000
    answer = client.put(f"{P}/repo/upload", {"repo": archive(bomb)}, format="multipart")
    assert answer.status_code == 400
    assert "expands more" in answer.json()[0]
    assert leftovers() == []
    assert not Repo.objects.exists()


@sometimes
@given(body=st.binary(max_size=300), kind=st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data"]))
def test_forms_that_are_none(client: APIClient, run: str, body: bytes, kind: str) -> None:
    assert client.put(f"{P}/repo/upload", body, content_type=kind).status_code == 400
