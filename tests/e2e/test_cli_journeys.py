"""What people do with the tool against a server that is restarted, refuses, or is not there."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.e2e.terminal import Session, plain, seen
from tests.embedded.server import ROOT, Server, free_port
from tests.environments import environment
from tests.pythons import interpreter

pytestmark = pytest.mark.slow

EXPERIMENT = "version: 1\nkind: experiment\nparams: {{lr: {lr}}}\nrun: {{cmd: {cmd}}}\n"
SEARCH = """\
version: 1
kind: group
hptuning:
  concurrency: 2
  grid_search: {}
  matrix: {lr: {values: [1, 2, 3, 4]}}
run: {cmd: "python train.py {{ lr }} GO"}
"""
# Waits for a file, so that the search goes on for as long as a test looks at it.
PROGRAM = """\
import os, sys, time
from polyaxon_client.tracking import Experiment
experiment = Experiment()
experiment.log_metrics(step=0, loss=float(sys.argv[1]))
while not os.path.exists(sys.argv[2]):
    time.sleep(0.05)
"""
# Prints a line every 0.2 s, 30 of them.
TALKING = "python -c 'import time\nfor i in range(30): print(\"line\", i, flush=True); time.sleep(0.2)'"


@pytest.fixture(scope="module")
def settings_of_server() -> dict[str, str]:
    return {"POLYAXON_THROTTLE_RATES_USER": "6000"}


@pytest.fixture(scope="module")
def person(admin: Person) -> Person:
    (admin.work / "train.py").write_text(PROGRAM)
    admin.cli("project", "create", "--name=journey", "--init")
    admin.cli("upload")
    return admin


def file(person: Person, name: str, cmd: str, lr: float = 0.1) -> str:
    (person.work / name).write_text(EXPERIMENT.format(cmd=json.dumps(cmd), lr=lr))
    return name


# --- runs


def test_run_tells_what_it_did_and_ends_as_the_run_did(person: Person) -> None:
    done = person.cli("run", "-f", file(person, "ends.yaml", "exit 7"), "--watch", code=7)
    commit = person.get("admin/journey/repo")
    assert "Experiment `" in done.stdout
    assert re.search(r"code +commit [0-9a-f]{12} of admin/journey", done.stdout), (done.stdout, commit)
    assert f"{person.server.url}/app/admin/journey/experiments/" in done.stdout
    assert "ended as failed: exit code 7" in done.stderr


def test_a_run_that_is_killed_has_the_code_of_a_shell(person: Person) -> None:
    done = person.cli("run", "-f", file(person, "killed.yaml", "kill -9 $$"), "--watch", code=137)
    assert "SIGKILL" in done.stderr


def test_a_good_end_is_0_with_its_log(person: Person) -> None:
    done = person.cli("run", "-f", file(person, "good.yaml", "echo hello"), "-l", "--watch")
    assert "hello" in done.stdout
    assert "ended as succeeded" in done.stdout


def test_watching_with_json_prints_the_ended_run_alone(person: Person) -> None:
    done = person.cli("--json", "run", "-f", file(person, "good.yaml", "echo hello"), "-l", "--watch")
    assert json.loads(done.stdout)["last_status"] == "succeeded"


def test_a_log_is_followed_through_a_restart_of_the_server(person: Person, server: Server) -> None:
    run = person.cli_json("run", "-f", file(person, "talking.yaml", TALKING))["id"]
    follower = subprocess.Popen(
        [sys.executable, "-m", "polyaxon_cli", "experiment", "-xp", str(run), "logs", "--hide_time"],
        cwd=person.work,
        env=person.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert follower.stdout is not None
    first = follower.stdout.readline()
    server.kill()
    time.sleep(1)
    server.start()
    # Not `communicate`, which does not see what was read ahead with the first line.
    rest = follower.stdout.read()
    assert follower.wait(90) == 0, rest
    assert (first + rest).splitlines() == [f"line {number}" for number in range(30)]


def test_an_upload_shows_its_bytes_in_a_terminal(person: Person) -> None:
    big = person.work / "big.bin"
    big.write_bytes(os.urandom(6 * 1024 * 1024))
    try:
        shown = seen(person, "upload")
    finally:
        big.unlink()
    assert shown.code == 0
    assert "Uploading" in shown.text
    assert re.search(r"/6\.\d MB|MB/s|MiB", plain(shown.text))


def test_the_ranking_of_a_search_is_live_in_a_terminal(person: Person, tmp_path: Path) -> None:
    go = tmp_path / "go"
    (person.work / "search.yaml").write_text(SEARCH.replace("GO", str(go)))
    group = person.cli_json("run", "-f", "search.yaml")["id"]
    live = Session(person, "group", "top", str(group), "--metric=loss", "--minimize")
    live.read_until("0/4 trials done")
    live.read_until("Trials by loss, lowest first")
    go.touch()
    ended = live.end(90)
    assert ended.code == 0
    assert "4/4 trials done" in plain(ended.text)
    assert "Parameters of the best trial" in plain(ended.text)
    once = person.cli("group", "top", str(group), "--metric=loss", "--minimize", "-o", "rank,loss,params.lr")
    assert [row.split() for row in once.stdout.splitlines()[2:]] == [[str(i), str(i), str(i)] for i in range(1, 5)]


def test_a_running_search_takes_other_numbers(person: Person, tmp_path: Path) -> None:
    go = tmp_path / "go"
    text = (
        SEARCH.replace("GO", str(go))
        .replace("grid_search: {}", "random_search: {n_experiments: 3}")
        .replace("{values: [1, 2, 3, 4]}", '{uniform: "0:1"}')
    )
    (person.work / "random.yaml").write_text(text)
    group = person.cli_json("run", "-f", "random.yaml")["id"]
    person.cli("group", "-g", str(group), "update", "--concurrency=1", "--max-trials=5", "--max-hours=2")
    hptuning = person.get(f"admin/journey/groups/{group}")["hptuning"]
    assert (hptuning["concurrency"], hptuning["budget"]["max_trials"]) == (1, 5)
    person.cli("group", "-g", str(group), "update", "--trials=4")
    go.touch()
    ended = person.wait_for(f"admin/journey/groups/{group}", {"done"})
    assert ended["num_experiments"] == 4


def test_ctrl_c_leaves_the_run_alone(person: Person) -> None:
    session = Session(person, "run", "-f", file(person, "long.yaml", "sleep 100"), "--watch")
    session.read_until("running")
    session.type("\x03")
    assert session.end().code == 130
    run = person.cli_json("experiment", "get")
    assert run["last_status"] == "running"
    person.cli("experiment", "stop", "-y")


def test_columns_are_chosen(person: Person) -> None:
    run = str(person.cli_json("run", "-f", file(person, "columns.yaml", "true", lr=0.75))["id"])
    done = person.cli("project", "experiments", "-o", "id,params.lr", "-q", f"id:{run}")
    assert [row.split() for row in done.stdout.splitlines()[1:3]] == [["id", "params.lr"], [run, "0.75"]]
    assert person.cli("experiment", "-xp", run, "get", "-o", "params.lr").stdout.split()[-2:] == ["params.lr", "0.75"]
    wrong = person.cli("project", "experiments", "-o", "idd", code=1)
    assert wrong.stderr.startswith("Error: There is no column idd. There are: ")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_every_python_that_is_promised(person: Person, tmp_path: Path, version: str) -> None:
    """A day's work with the tool, on interpreters that have what the client asks for and nothing else."""
    found = interpreter(version)
    python = environment("clients", found, f"{version} {found}") / "python"
    they = Person(person.server, tmp_path, python=str(python)).log_in()
    project = f"on-{version.replace('.', '-')}"
    assert "success" in they.cli("project", "create", f"--name={project}", "--init").stdout
    assert "Uploaded" in they.cli("upload").stdout
    (they.work / "bad.yaml").write_text("version: 1\nkind: experiment\nrunn: {cmd: x}\n")
    assert "bad.yaml:3: runn" in they.cli("check", "-f", "bad.yaml", code=1).stderr
    done = they.cli("run", "-f", file(they, "ends.yaml", "echo hello; exit 3"), "-l", "--watch", code=3)
    assert "hello" in done.stdout
    run = they.cli_json("experiment", "get")
    assert (run["last_status"], run["params"]) == ("failed", {"lr": 0.1})
    shown = Session(they, "project", "experiments", "-o", "id,params.lr", program=[str(python), "-m", "polyaxon_cli"])
    assert str(run["id"]) in plain(shown.end().text)


# --- a server that is not there, or says no


def test_an_unreachable_server(person: Person, tmp_path: Path) -> None:
    stranger = Person(person.server, tmp_path)
    stranger.cli("config", "set", "--host=127.0.0.1", f"--port={free_port()}")
    done = stranger.cli("login", "-u", "admin", "-p", "x", code=1)
    assert len(done.stderr.splitlines()) == 1
    assert "Start the server, or correct its address with `polyaxon config set`" in done.stderr


def test_an_expired_token(person: Person, tmp_path: Path) -> None:
    visitor = Person(person.server, tmp_path).log_in()
    tokens = visitor.get("users/tokens")["results"]
    gone = max(tokens, key=lambda token: token["id"])["id"]
    assert person.http("DELETE", f"users/tokens/{gone}").status == 204
    done = visitor.cli("project", "list", code=1)
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.rstrip().endswith("Run `polyaxon login`.")


def test_a_traceback_only_with_debug(person: Person, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "polyaxon_cli", "--debug", "experiment", "get", "-xp", "999999"]
    done = subprocess.run(command, cwd=person.work, env=person.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: ")


def test_the_wrong_folder(person: Person, tmp_path: Path) -> None:
    for command in (["upload"], ["project", "get"], ["experiment", "get"], ["run"]):
        done = person.cli(*command, code=1, cwd=tmp_path)
        assert len(done.stderr.splitlines()) == 1
        assert any(word in done.stderr for word in ("polyaxon init", "polyaxonfile"))


def test_bad_files_are_told_by_line(person: Person) -> None:
    (person.work / "bad.yaml").write_text("version: 1\nkind: experiment\nrunn:\n  cmd: x\nparams: 3\n")
    done = person.cli("run", "-f", "bad.yaml", code=1)
    assert "bad.yaml:3: runn: unknown key; did you mean 'run'?" in done.stderr
    assert "bad.yaml:5: params" in done.stderr


def test_an_interrupted_upload_is_safe_to_repeat(person: Person, server: Server) -> None:
    """The connection breaks in the middle, so that nothing changes; the repetition is a new commit."""
    before = person.get("admin/journey/repo")
    cut = Cutting(server.port, after=200_000)
    (person.work / "data.bin").write_bytes(os.urandom(2_000_000))
    person.cli("config", "set", f"--port={cut.port}")
    try:
        done = person.cli("upload", code=1)
        assert cut.broken >= 1
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.rstrip().endswith("Run it again; that is safe.")
    finally:
        person.cli("config", "set", f"--port={server.port}")
        cut.close()
    assert person.get("admin/journey/repo") == before
    assert "Uploaded" in person.cli("upload").stdout
    (person.work / "data.bin").unlink()


class Cutting:
    """Passes connections on to a port of this machine, and breaks each one after so many bytes."""

    def __init__(self, target: int, after: int) -> None:
        self.target = target
        self.after = after
        self.broken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(near,), daemon=True).start()

    def _relay(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.target)) as far:
            threading.Thread(target=pump, args=(far, near), daemon=True).start()
            passed = 0
            while passed < self.after:
                piece = near.recv(65536)
                if not piece:
                    return
                far.sendall(piece)
                passed += len(piece)
            self.broken += 1
            near.shutdown(socket.SHUT_RDWR)
            far.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        return


def test_the_server_says_which_tools_it_takes(person: Person) -> None:
    """By the process that commands on a terminal start once a day; what they tell of it: tests/cli/test_versions.py."""
    command = [sys.executable, "-m", "polyaxon_cli.versions"]
    done = subprocess.run(command, cwd=person.work, env=person.environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    known = json.loads((person.home / ".polyaxon" / ".polyaxoncli").read_text())
    wanted = person.http("GET", "versions/cli", User_Agent="polyaxon-client/0").json()
    assert {key: known[key] for key in wanted} == wanted
    assert time.time() - known["checked_at"] < 60


# --- several servers, the shell, tools of others


def test_profiles_change_server_and_login(person: Person) -> None:
    person.cli("config", "profile", "save", "here")
    person.cli("config", "set", "--host=elsewhere.example", "--port=81")
    person.cli("config", "profile", "save", "there")
    person.cli("logout")
    done = person.cli("config", "profile", "use", "here")
    assert "as admin" in done.stdout
    assert person.cli("whoami").stdout.split()[:2] == ["username", "admin"]
    rows = {row["name"]: row for row in person.cli_json("config", "profile", "list")}
    assert (rows["here"]["in_use"], rows["there"]["in_use"]) == (True, False)
    # What happened before the change was kept: nobody is logged in there.
    assert rows["there"]["username"] == ""
    assert "There are: here, there" in person.cli("config", "profile", "use", "nowhere", code=1).stderr
    person.cli("config", "profile", "delete", "there")
    assert (person.home / ".polyaxon" / ".polyaxonprofiles").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def kubectl(person: Person, tmp_path: Path) -> dict[str, str]:
    """A program of that name which opens the way that kubectl would: to the embedded server."""
    relay = (ROOT / "tests/e2e/relay.py").read_text()
    (tmp_path / "kubectl").write_text(f"#!{sys.executable}\n{relay}")
    (tmp_path / "kubectl").chmod(0o755)
    return {**person.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}", "TARGET": str(person.server.port)}


def test_port_forward_opens_a_working_address(person: Person, kubectl: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "polyaxon_cli", "port-forward", "--port=0", "-n", "lab"],
        cwd=person.work,
        env=kubectl,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    try:
        address = first.split()[0]
        assert "polyaxon-polyaxon-api in lab" in first
        done = subprocess.run(["curl", "-fsS", f"{address}/healthz"], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == {"status": "ok"}
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_port_forward_tells_what_kubectl_said(person: Person, kubectl: dict[str, str]) -> None:
    command = [sys.executable, "-m", "polyaxon_cli", "port-forward", "--port=0", "-n", "nowhere"]
    done = subprocess.run(command, cwd=person.work, env=kubectl, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == 'Error: kubectl ended: namespaces "nowhere" not found. Check --namespace and --service.\n'


def doctor(person: Person) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "polyaxon_cli", "--json", "doctor"],
        cwd=person.work,
        env=person.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return {finding["check"]: finding for finding in json.loads(done.stdout)} | {"code": done.returncode}


def test_the_doctor_finds_all_well(person: Person) -> None:
    found = doctor(person)
    assert found.pop("code") == 0
    assert found.pop("connection")["result"] in {"ok", "warning"}  # of a busy machine it says that it is slow
    assert {name: finding["result"] for name, finding in found.items()} == dict.fromkeys(
        ["clock", "versions", "login", "project", "permissions", "server", "cluster"], "ok"
    )


def test_the_doctor_names_what_fails(person: Person, tmp_path: Path) -> None:
    ill = Person(person.server, tmp_path)
    ill.cli("config", "set", "--host=127.0.0.1", f"--port={person.server.port}")
    found = doctor(ill)
    assert found["code"] == 1
    assert found["login"]["result"] == "failed"
    assert "polyaxon login" in found["login"]["message"]
    ill.cli("config", "set", f"--port={free_port()}")
    assert doctor(ill)["connection"]["result"] == "failed"
