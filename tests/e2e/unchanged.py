"""What the server holds, compared before and after something that must change nothing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.person import Answer
from tests.embedded.server import Server

Snapshot = dict[str, Any]
Unchanged = Callable[[], Any]
MIB = 1024 * 1024


def snapshot(server: Server) -> Snapshot:
    """Number of rows of each table, newest commit of each repository, and all files of the stores."""
    with closing(sqlite3.connect(f"file:{server.folder / 'polyaxon.sqlite3'}?mode=ro", uri=True)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
    assert rows
    heads = {path.name: head(path) for path in (server.folder / "repos").glob("*.git")}
    files = {
        str(path.relative_to(server.folder)): path.stat().st_size
        for store in ("outputs", "logs", "runs")
        for path in (server.folder / store).rglob("*")
    }
    folders = {path.name: "a repository or a leftover" for path in (server.folder / "repos").iterdir()}
    return {"rows": rows, "heads": heads, "files": files, "repos": folders}


def differences(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """What changed, by part and name."""
    flat = [
        {(part, key): value for part, values in taken.items() for key, value in values.items()}
        for taken in (before, after)
    ]
    keys = sorted(flat[0].keys() | flat[1].keys())
    return {str(key): tuple(taken.get(key) for taken in flat) for key in keys if flat[0].get(key) != flat[1].get(key)}


def head(repository: Path) -> str:
    done = subprocess.run(
        ["git", "--git-dir", str(repository), "rev-list", "--all", "--count", "--no-walk"],
        capture_output=True,
        text=True,
        check=True,
    )
    newest = subprocess.run(
        ["git", "--git-dir", str(repository), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    return f"{newest.stdout.strip()} {done.stdout.strip()}"


def said(answer: Answer, status: int) -> str:
    """The text of a refusal, which is JSON and no page of a stack trace."""
    assert answer.status == status, answer.body[:500]
    text = json.dumps(answer.json(), ensure_ascii=False)
    assert "Traceback" not in text
    return text


def words_in(text: str, words: list[str]) -> None:
    assert [word for word in words if word not in text] == []
