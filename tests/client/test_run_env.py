from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from polyaxon_client.tracking import code_ref
from polyaxon_client.tracking.run_env import Launch, get_run_env
from tests.client.conftest import Script, finish, outside_env
from tests.client.recorder import Answer, Asked, Recorder

if TYPE_CHECKING:
    from pathlib import Path


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=Ada", "-c", "user.email=a@b.c"]
    return subprocess.run(
        ["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q", "-b", "trunk")
    (folder / "train.py").write_text("print(1)\n")
    git(folder, "add", "train.py")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def test_what_is_collected() -> None:
    env = get_run_env()
    assert env["python_version"] == ".".join(map(str, sys.version_info[:3]))
    assert any(package.startswith("pytest==") for package in env["packages"])
    assert env["packages"] == sorted(env["packages"], key=str.lower)
    assert env["command"][0].endswith(("python", "python3", "python3.11", "pytest"))
    assert env["is_notebook"] is False
    assert {"pid", "hostname", "os", "system", "user", "client_version", "sys.argv", "module_path"} <= set(env)


def test_code_reference(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    git(repo, "remote", "add", "origin", "https://ada:secret@host/x.git")
    ref = code_ref.get_code_ref(str(repo))
    assert ref == {
        "commit": git(repo, "rev-parse", "HEAD"),
        "head": git(repo, "rev-parse", "HEAD"),
        "branch": "trunk",
        "git_url": "https://host/x.git",
        "is_dirty": False,
    }
    (repo / "train.py").write_text("print(2)\n")
    assert code_ref.get_code_ref(str(repo))["is_dirty"] is True


def test_what_differs_from_the_commit_is_kept(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    repository(tmp_path / "repo")
    (tmp_path / "repo" / "train.py").write_text("print(2)\n")
    (tmp_path / "repo" / "new.py").write_text("")
    sent: dict[str, bytes] = {}

    def announced(asked: Asked) -> Answer:
        (file,) = asked.json["artifacts"]
        return Answer(200, json.dumps({"artifacts": [{**file, "stored": False, "received": 0}]}).encode())

    def content(asked: Asked) -> Answer:
        sent[asked.query] = asked.body
        return Answer(201, b'{"stored": true}')

    recorder.route("POST", "ada/digits/experiments/12/artifacts/", announced)
    recorder.route("PUT", "ada/digits/experiments/12/artifacts/content/", content)
    code = "import os; os.chdir('repo')\nfrom polyaxon_client.tracking import Experiment\n"
    code += "Experiment('ada/digits', track_env=False, track_logs=False).create()\n"
    assert finish(script(code, outside_env(recorder.port))) == (0, "", "")
    (asked,) = recorder.of("POST", "/artifacts/")
    (file,) = asked.json["artifacts"]
    assert (file["path"], file["type"]) == ("code.diff", "diff")
    assert file["metadata"] == {"commit": git(tmp_path / "repo", "rev-parse", "HEAD"), "untracked": ["new.py"]}
    assert recorder.of("POST", "/coderef/")[0].json["is_dirty"] is True
    # The commit and the diff together are the code that ran.
    git(tmp_path / "repo", "checkout", "-q", "train.py")
    (tmp_path / "kept.diff").write_bytes(sent["path=code.diff"])
    git(tmp_path / "repo", "apply", str(tmp_path / "kept.diff"))
    assert (tmp_path / "repo" / "train.py").read_text() == "print(2)\n"


def test_no_repository(tmp_path: Path) -> None:
    assert code_ref.get_code_ref(str(tmp_path)) == {}
    assert get_run_env(Launch(str(tmp_path), [], [], None))["git"] is None


def test_an_exported_copy_inside_of_a_foreign_repository_has_no_revision(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    copy = repo / "work" / "train.py"
    copy.parent.mkdir()
    copy.write_text("print(1)\n")
    foreign = get_run_env(Launch(str(copy.parent), [], [], str(copy)), only_tracked=True)
    assert "git" not in foreign
    own = get_run_env(Launch(str(repo), [], [], str(repo / "train.py")), only_tracked=True)
    assert own["git"] == {"revision": git(repo, "rev-parse", "HEAD"), "branch": "trunk", "dirty": False}


def test_command_and_launch_file_of_a_script(script: Script, tmp_path: Path) -> None:
    code = """
import json
from polyaxon_client.tracking.run_env import get_run_env
env = get_run_env()
print(json.dumps([env[key] for key in ("command", "sys.argv", "launch_file", "filename", "module_path")]))
"""
    status, out, _ = finish(script(code, {}))
    assert status == 0
    command, argv, launch, name, folder = __import__("json").loads(out)
    assert command[1:] == argv == [str(tmp_path / "script0.py")]
    assert (launch, name, folder) == (str(tmp_path / "script0.py"), "script0.py", str(tmp_path))
