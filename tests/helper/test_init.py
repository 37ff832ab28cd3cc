"""The init container, as a process, against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_repos import archive
from tests.embedded.conftest import server
from tests.embedded.server import ROOT, Server
from tests.helper.processes import FOLDER, run

__all__ = ["server"]


def upload(server: Server, project: str, data: bytes) -> str:
    """The commit that an uploaded archive became."""
    limit = "----limit"
    body = (
        f'--{limit}\r\nContent-Disposition: form-data; name="repo"; filename="code.tar.gz"\r\n'
        f"Content-Type: application/gzip\r\n\r\n"
    ).encode() + data + f"\r\n--{limit}--\r\n".encode()  # fmt: skip
    request = urllib.request.Request(f"{server.url}/api/v1/admin/{project}/repo/upload", data=body, method="PUT")
    request.add_header("Content-Type", f"multipart/form-data; boundary={limit}")
    request.add_header("Authorization", f"Token {server.token}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(answer.headers["X-Polyaxon-Commit"])


def code_token(server: Server, experiment: int) -> str:
    """A token for its code, made as the scheduler makes it."""
    program = (
        "from polyaxon.db.models import Experiment; from polyaxon.security import code_tokens;"
        f"print(code_tokens.issue(Experiment.objects.get(pk={experiment})))"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", program],
        cwd=ROOT,
        env=server.environment | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_it_fetches_the_code_of_the_run(server: Server, tmp_path: Path) -> None:
    server.request("POST", "projects", {"name": "digits"})
    commit = upload(server, "digits", archive(train="print(1)", **{"package/module": "x = 1"}))
    experiment = server.create_experiment("digits", "sleep 1000")
    token = code_token(server, experiment)
    upload(server, "digits", archive(train="print(2)"))
    (code := tmp_path / "code").mkdir()
    address = f"{server.url}/api/v1/admin/digits/repo/download?commit={commit}"
    plan = {"code": {"url": address, "path": str(code)}, "folders": [str(tmp_path / "outputs" / "admin" / "7")]}

    assert run("init", plan, POLYAXON_HELPER_CODE_TOKEN=token) == (0, "")
    assert (code / "train").read_text() == "print(1)"
    assert (code / "package" / "module").read_text() == "x = 1"
    assert (tmp_path / "outputs" / "admin" / "7").stat().st_mode & 0o7777 == 0o2775
    # Again, as when the kubelet was restarted in between: the same.
    assert run("init", plan, POLYAXON_HELPER_CODE_TOKEN=token) == (0, "")

    exit_code, said = run("init", plan, POLYAXON_HELPER_CODE_TOKEN="wrong")
    assert exit_code == 1
    assert "401" in said
    server.request("POST", f"admin/digits/experiments/{experiment}/stop")


def test_folders_that_are_there_keep_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    (tmp_path / "a" / "model.bin").write_text("kept")
    assert run("init", {"folders": [str(tmp_path / "a")]}) == (0, "")
    assert (tmp_path / "a" / "model.bin").read_text() == "kept"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700


def test_a_server_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """The address answers 503 twice, then with an archive."""
    program = (
        "import http.server, sys\n"
        "class Late(http.server.BaseHTTPRequestHandler):\n"
        "    left = 2\n"
        "    def do_GET(self):\n"
        "        if Late.left:\n"
        "            Late.left -= 1\n"
        "            self.send_response(503); self.end_headers(); return\n"
        "        data = sys.stdin.buffer.read()\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(data)\n"
        "    def log_message(self, *args): pass\n"
        "server = http.server.HTTPServer(('127.0.0.1', 0), Late)\n"
        "print(server.server_port, flush=True)\n"
        "for _ in range(3): server.handle_request()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as late:
        assert late.stdin is not None
        assert late.stdout is not None
        port = int(late.stdout.readline())
        late.stdin.write(archive(train="print(1)"))
        late.stdin.close()
        plan = {"code": {"url": f"http://127.0.0.1:{port}/code", "path": str(tmp_path)}}
        assert run("init", plan) == (0, "")
    assert (tmp_path / "train").read_text() == "print(1)"


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"code": {"url": "file:///etc/passwd", "path": "/tmp"}}, "is no http address"),
        ({"downloads": [{"url": "ftp://x/y", "path": "/tmp"}]}, "stores are s3://, gs://"),
        ({"folders": ["/proc/x/y"]}, "/proc/x"),
        ({"downloads": [{"url": "wasbs://x/y", "path": "/tmp"}]}, "write wasbs://CONTAINER@ACCOUNT"),
    ],
)
def test_what_cannot_be_done_is_said(plan: dict[str, object], told: str) -> None:
    exit_code, said = run("init", plan)
    assert exit_code == 1
    assert told in said
    assert json.dumps("Traceback") not in said


def test_a_store_with_wrong_credentials_is_said() -> None:
    plan = {"downloads": [{"url": "s3://bucket", "path": "/tmp", "credentials": "KEY"}]}
    assert run("init", plan, KEY="[1]") == (1, "s3://bucket: the secret of the store must be a JSON object\n")


@pytest.mark.parametrize("python", ["/usr/bin/python3", sys.executable])
def test_archives_stay_in_their_folder(tmp_path: Path, python: str) -> None:
    """Whatever Python it runs on: older ones have no filters of their own."""
    (folder := tmp_path / "code").mkdir()
    program = (
        "import io, sys, tarfile; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path; from helper.code import _members; from helper.problems import Problem\n"
        "def packed(name, **more):\n"
        "    out = io.BytesIO()\n"
        "    with tarfile.open(fileobj=out, mode='w:gz') as tar:\n"
        "        for each, kind, link in ((name, more.get('kind', tarfile.REGTYPE), more.get('link', '')),):\n"
        "            member = tarfile.TarInfo(each); member.type = kind; member.linkname = link; member.mode = 0o4755\n"
        "            tar.addfile(member)\n"
        "    out.seek(0); return tarfile.open(fileobj=out)\n"
        "folder = Path(sys.argv[2])\n"
        "for name, more in (('../x', {}), ('/etc/x', {}), ('l', dict(kind=tarfile.SYMTYPE, link='../../x')),\n"
        "                   ('l', dict(kind=tarfile.SYMTYPE, link='/etc/passwd'))):\n"
        "    tar = packed(name, **more)\n"
        "    try: tar.extractall(folder, _members(tar, folder.resolve()))\n"
        "    except Problem as error: assert 'leads out' in str(error)\n"
        "    else: sys.exit(f'{name} {more} was taken')\n"
        "for name, more in (('pipe', dict(kind=tarfile.FIFOTYPE)), ('run.sh', {}),\n"
        "                   ('same', dict(kind=tarfile.SYMTYPE, link='run.sh'))):\n"
        "    tar = packed(name, **more); tar.extractall(folder, _members(tar, folder.resolve()))\n"
    )
    done = subprocess.run(
        [python, "-W", "error", "-c", program, str(FOLDER), str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["run.sh", "same"]
    assert (folder / "run.sh").stat().st_mode & 0o7777 == 0o755


def copying(original: Path, target: Path) -> dict[str, Any]:
    return {"folders": [str(target)], "copies": [{"from": str(original), "path": str(target)}]}


def test_outputs_of_another_run_are_copied_once(tmp_path: Path) -> None:
    original, target = tmp_path / "runs" / "1", tmp_path / "runs" / "2"
    (original / "models").mkdir(parents=True)
    (original / "models" / "a.bin").write_text("weights")
    (original / "models" / "a.bin").chmod(0o640)
    (original / "link").symlink_to("models/a.bin")
    assert run("init", copying(original, target)) == (0, "")
    assert (target / "link").read_text() == "weights"
    assert (target / "models" / "a.bin").stat().st_mode & 0o777 == 0o640
    assert (target / "models" / "a.bin").stat().st_mtime == (original / "models" / "a.bin").stat().st_mtime
    assert target.stat().st_mode & 0o7777 == 0o2775
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["1", "2"]
    # A further attempt finds what the one before it left.
    (target / "models" / "a.bin").write_text("trained on")
    assert run("init", copying(original, target)) == (0, "")
    assert (target / "models" / "a.bin").read_text() == "trained on"
    assert (original / "models" / "a.bin").read_text() == "weights"


def test_a_copy_that_was_cut_off_begins_anew(tmp_path: Path) -> None:
    original, target = tmp_path / "1", tmp_path / "2"
    original.mkdir()
    (original / "a").write_text("whole")
    (half := tmp_path / f".2.{os.uname().nodename}").mkdir()
    (half / "a").write_text("ha")
    assert run("init", copying(original, target)) == (0, "")
    assert (target / "a").read_text() == "whole"
    assert not half.exists()


def test_a_run_that_wrote_nothing_is_copied_as_nothing(tmp_path: Path) -> None:
    assert run("init", copying(tmp_path / "none", tmp_path / "2")) == (0, "")
    assert list((tmp_path / "2").iterdir()) == []
