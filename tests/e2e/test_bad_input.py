"""Malformed files, unknown projects, wrong identities: a clear error, and not a row, commit or file changes."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import urllib.parse
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.e2e.unchanged import Unchanged, differences, said, snapshot, words_in
from tests.embedded.server import Server

pytestmark = pytest.mark.slow
GOOD = "version: 1\nkind: experiment\nrun:\n  cmd: echo hello\n"

FILES = {
    "an unknown key": (GOOD.replace("cmd", "cmdd"), ["run.cmdd"]),
    "a wrong kind": (GOOD.replace("experiment", "experimet"), ["kind", "experiment"]),
    "no kind": (GOOD.replace("kind: experiment\n", ""), ["kind"]),
    "no version": (GOOD.replace("version: 1\n", ""), ["version"]),
    "a version of the future": (GOOD.replace("version: 1", "version: 99"), ["version", "1"]),
    "tags that are no list": (GOOD + "tags: {a: 1}\n", ["tags", "list"]),
    "an environment that is a text": (GOOD + "environment: gpu\n", ["environment"]),
    "no YAML": ("version: 1\n\tkind: [", ["YAML", "2"]),
    "a list": ("- version: 1\n", ["list"]),
    "nothing": ("# nothing\n", ["empty"]),
    "a template that does not end": (GOOD.replace("hello", "{{ "), ["run.cmd"]),
    "aliases without end": ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
    ), []),
}  # fmt: skip
SEARCHES = {
    "no matrix": ({"random_search": {"n_experiments": 2}}, ["hptuning.matrix"]),
    "an unknown distribution": ({"matrix": {"lr": {"unifrom": [0, 1]}}}, ["hptuning.matrix.lr"]),
    "bounds that are no numbers": (
        {"random_search": {"n_experiments": 2}, "matrix": {"lr": {"uniform": ["a", "b"]}}},
        ["hptuning.matrix.lr.uniform"],
    ),
    "a negative count": (
        {"random_search": {"n_experiments": -1}, "matrix": {"lr": {"values": [1]}}},
        ["hptuning.random_search.n_experiments"],
    ),
    "no concurrency": ({"concurrency": 0, "matrix": {"lr": {"values": [1]}}}, ["hptuning.concurrency"]),
}


@pytest.mark.parametrize("case", FILES)
def test_a_malformed_file_through_the_tool(admin: Person, unchanged: Unchanged, case: str) -> None:
    content, words = FILES[case]
    (admin.work / "bad.yaml").write_text(content)
    with unchanged():
        refused = admin.cli("run", "-f", "bad.yaml", "-u", code=1).stderr
    words_in(refused, ["bad.yaml", *words])
    assert len(refused) < 2000


@pytest.mark.parametrize("case", FILES)
def test_a_malformed_file_through_the_api(admin: Person, careful: str, unchanged: Unchanged, case: str) -> None:
    content, words = FILES[case]
    with unchanged():
        refused = said(admin.http("POST", f"{careful}/experiments", {"content": content}), 400)
    words_in(refused, words)


@pytest.mark.parametrize("case", SEARCHES)
def test_a_malformed_search(admin: Person, careful: str, unchanged: Unchanged, case: str) -> None:
    hptuning, words = SEARCHES[case]
    specification = {"version": 1, "kind": "group", "hptuning": hptuning, "run": {"cmd": "echo {{ lr }}"}}
    (admin.work / "search.json").write_text(json.dumps(specification))
    with unchanged():
        refused = said(admin.http("POST", f"{careful}/groups", {"content": json.dumps(specification)}), 400)
        told = admin.cli("run", "-f", "search.json", code=1).stderr
    words_in(refused, words)
    words_in(told, ["search.json", *words])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": 5},
        {"content": None},
        [],
        "text",
        {"content": GOOD, "name": "no/slash"},
        {"content": GOOD, "tags": 5},
    ],
    ids=str,
)
def test_a_malformed_body(admin: Person, careful: str, unchanged: Unchanged, body: Any) -> None:
    with unchanged():
        said(admin.http("POST", f"{careful}/experiments", body), 400)


FORM = b'--x\r\nContent-Disposition: form-data; name="repo"; filename="r"\r\n\r\nanything\r\n--x--\r\n'


def test_an_unknown_project(admin: Person, unchanged: Unchanged, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(GOOD)
    with unchanged():
        for name in ("nowhere", "admin/nowhere", "nobody/careful"):
            told = admin.cli("run", "-p", name, "-f", "file.yaml", code=1, cwd=tmp_path).stderr
            words_in(told, ["404"])
        told = admin.cli("init", "nowhere", "-y", code=1, cwd=tmp_path).stderr
        words_in(told, ["nowhere"])
        told = admin.cli("run", "-f", "file.yaml", code=1, cwd=tmp_path).stderr
        words_in(told, ["init"])
        for path in ("admin/nowhere", "admin/nowhere/experiments", "nobody/careful", "admin/nowhere/repo"):
            said(admin.http("GET", path), 404)
        said(admin.http("POST", "admin/nowhere/experiments", {"content": GOOD}), 404)
        said(admin.http("PUT", "admin/nowhere/repo/upload", FORM, Content_Type="multipart/form-data; boundary=x"), 404)
    assert not (tmp_path / ".polyaxon").exists()


@pytest.mark.parametrize("name", ["", "with space", "a/b", "../x", "ünïcode", "x" * 300, "a\x00b", "experiments"])
def test_a_bad_name_of_a_project(admin: Person, unchanged: Unchanged, name: str) -> None:
    with unchanged():
        refused = said(admin.http("POST", "projects", {"name": name}), 400)
    words_in(refused, ["NUL" if "\x00" in name else "name"])


def test_a_wrong_password(admin: Person, server: Server, unchanged: Unchanged, tmp_path: Path) -> None:
    someone = Person(server, tmp_path)
    someone.cli("config", "set", "--host=127.0.0.1", f"--port={server.port}")
    with unchanged():
        told = someone.cli("login", "-u", "admin", "--password-stdin", stdin="wrong", code=1).stderr
        nobody = someone.cli("login", "-u", "nobody", "--password-stdin", stdin="wrong", code=1).stderr
    # Whether there is such an account is not told.
    assert told == nobody
    assert not (someone.home / ".polyaxon/.polyaxonauth").exists()
    told = someone.cli("project", "list", code=1).stderr
    words_in(told, ["login"])


def test_an_expired_and_a_made_up_token(admin: Person, server: Server, tmp_path: Path) -> None:
    someone = Person(server, tmp_path).log_in()
    assert someone.http("GET", "users").status == 200
    expire(server, someone.token)
    before = snapshot(server)
    for token in (someone.token, "0" * 64, "x", "é"):
        header = urllib.parse.quote(token) if not token.isascii() else token
        said(admin.http("GET", "admin/careful", token=header), 401)
        said(admin.http("POST", "projects", {"name": "stolen"}, token=header), 401)
    told = someone.cli("project", "list", code=1).stderr
    words_in(told, ["login"])
    assert differences(before, snapshot(server)) == {}
    someone.log_in()
    assert someone.http("GET", "users").status == 200


def expire(server: Server, token: str) -> None:
    """Let time pass for one token: its row says when it ends."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    with closing(sqlite3.connect(server.folder / "polyaxon.sqlite3", timeout=30)) as database, database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        (table,) = [name for name in tables if name.endswith("_token")]
        # Not long ago: what expired days ago is swept out meanwhile.
        ended = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S.%f")
        done = database.execute(f"UPDATE {table} SET expires_at = ? WHERE key_hash = ?", [ended, digest])
        assert done.rowcount == 1
