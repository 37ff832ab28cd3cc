"""Everything that a run logged is read back, through the API and through the command line tool."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

import pytest

from tests.e2e.person import Person
from tests.e2e.tracked_project import facts

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).with_name("tracked_project")
FILE_PARAMS = {"lr": 0.5, "epochs": 3}


def copied(person: Person, name: str) -> Path:
    folder = person.work / name
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A Person", "-c", "user.email=a@person.example"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


class Tracked:
    """A finished run, and what is known about it from elsewhere."""

    def __init__(self, person: Person, number: int, commit: str, begun: datetime, folder: Path) -> None:
        self.person = person
        self.id = number
        self.commit = commit
        self.begun = begun
        self.folder = folder
        self.ended = datetime.now(UTC)
        self.path = f"admin/tracked/experiments/{number}"
        self.detail: dict[str, Any] = person.get(self.path)

    def cli(self, *arguments: str) -> str:
        return self.person.cli("experiment", "-p", "tracked", "-xp", str(self.id), *arguments).stdout

    def cli_json(self, *arguments: str) -> Any:
        return self.person.cli_json("experiment", "-p", "tracked", "-xp", str(self.id), *arguments)


@pytest.fixture(scope="module")
def project(admin: Person) -> str:
    admin.cli("project", "create", "--name=tracked")
    return "tracked"


@pytest.fixture(scope="module")
def managed(admin: Person, project: str) -> Tracked:
    folder = copied(admin, "managed")
    begun = datetime.now(UTC)
    admin.cli("init", "admin/tracked", "-y", cwd=folder)
    admin.cli("run", "-f", "polyaxonfile.yaml", "-u", "--watch", cwd=folder)
    number = admin.get("admin/tracked/experiments")["results"][0]["id"]
    repository = next((admin.server.folder / "repos").glob("*.git"))
    return Tracked(admin, number, git(repository, "rev-parse", "HEAD"), begun, folder)


@pytest.fixture(scope="module")
def unmanaged(admin: Person, project: str) -> Tracked:
    folder = copied(admin, "unmanaged")
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "mine")
    git(folder, "remote", "add", "origin", "https://me:secret@code.example/mine.git")
    begun = datetime.now(UTC)
    done = subprocess.run(
        [sys.executable, "train.py", "unmanaged"],
        cwd=folder,
        env={**admin.environment, "OWN_OUTPUTS": str(admin.work / "own-outputs")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "all is logged\n", "")
    return Tracked(admin, int((folder / "id").read_text()), git(folder, "rev-parse", "HEAD"), begun, folder)


@pytest.fixture(params=["managed", "unmanaged"])
def run(request: pytest.FixtureRequest) -> Tracked:
    chosen: Tracked = request.getfixturevalue(request.param)
    return chosen


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_start_and_end(run: Tracked) -> None:
    assert run.detail["last_status"] == "succeeded"
    started, finished = moment(run.detail["started_at"]), moment(run.detail["finished_at"])
    assert run.begun - timedelta(seconds=1) <= started < finished <= run.ended + timedelta(seconds=1)
    statuses = run.person.get(f"{run.path}/statuses")["results"]
    names = [row["status"] for row in statuses]
    assert names[0] == "created"
    assert names[-2:] == ["running", "succeeded"]
    assert [row["created_at"] for row in statuses] == sorted(row["created_at"] for row in statuses)
    shown = run.cli("statuses")
    assert all(name in shown for name in names)
    assert "succeeded" in run.cli("get")


def test_parameters_tags_framework_and_data(run: Tracked, request: pytest.FixtureRequest) -> None:
    in_file = FILE_PARAMS if run.detail["is_managed"] else {}
    for detail in (run.detail, run.cli_json("get")):
        # What is logged wins over what the file says.
        assert detail["params"] == {**in_file, **facts.PARAMS}
        assert sorted(detail["tags"]) == sorted([*(["from-file"] if in_file else []), *facts.TAGS])
        assert detail["framework"] == facts.FRAMEWORK
        assert detail["description"] == "logged, not written in the file"
        assert set(detail["data_refs"]) == {"train"}
    shown = run.cli("get")
    for text in ("optimizer", "adam", "ünïcode", facts.FRAMEWORK, "logged, not written in the file"):
        assert text in shown


def test_runs_are_found_by_what_they_logged(run: Tracked) -> None:
    query = quote("params.optimizer:adam,metric.loss:<0.03,tags:by-hand")
    found = run.person.get(f"admin/tracked/experiments?query={query}")["results"]
    assert run.id in [row["id"] for row in found]
    assert run.person.get(f"admin/tracked/experiments?query={quote('metric.loss:>0.03')}")["results"] == []


def test_the_whole_history_of_metrics(run: Tracked) -> None:
    for rows in (run.person.history(run.path), run.cli_json("metrics")):
        assert [{"step": row["step"], "values": row["values"]} for row in rows] == facts.HISTORY
        times = [moment(row["created_at"]) for row in rows]
        assert times == sorted(times)
        assert run.begun <= times[0] <= times[-1] <= run.ended
    lines = run.cli("metrics").splitlines()
    assert len([line for line in lines if "UTC" in line or line.strip()[:2] == "20"]) >= len(facts.HISTORY)
    last = {name: row["values"][name] for row in facts.HISTORY for name in row["values"]}
    assert run.detail["last_metric"] == pytest.approx(last, abs=1e-7)


def test_the_environment_of_the_run(run: Tracked) -> None:
    for env in (run.detail["run_env"], run.cli_json("get")["run_env"]):
        assert env["filename"] == "train.py"
        assert Path(env["launch_file"]).name == "train.py"
        assert f"numpy=={version('numpy')}" in env["packages"]
        assert len(env["packages"]) > 20
        assert env["python_version"] == ".".join(map(str, sys.version_info[:3]))
        arguments = ["--lr=0.5", "--epochs", "3"] if run.detail["is_managed"] else ["unmanaged"]
        assert env["sys.argv"][1:] == arguments
        assert env["command"][1:] == ["train.py", *arguments]
        for key in ("hostname", "os", "system", "user", "pid", "client_version", "module_path"):
            assert env[key], key
    shown = run.cli("get")
    for text in ("launch_file", "train.py", "installed (listed with --json)", "python_version"):
        assert text in shown


def test_the_revision_of_an_own_repository_is_told_without_its_password(unmanaged: Tracked) -> None:
    assert unmanaged.detail["run_env"]["git"] == {"revision": unmanaged.commit, "branch": "trunk", "dirty": False}
    reference = unmanaged.person.get(f"{unmanaged.path}/coderef")
    assert reference["branch"] == "trunk"
    assert reference["git_url"] == "https://code.example/mine.git"
    assert reference["is_dirty"] is False


def test_the_version_of_the_code(run: Tracked) -> None:
    assert run.person.get(f"{run.path}/coderef")["commit"] == run.commit
    assert run.commit in run.cli("get")


def test_the_code_of_a_managed_run_is_there_again(managed: Tracked) -> None:
    answer = managed.person.http("GET", f"admin/tracked/repo/download?commit={managed.commit}")
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as tar:
        stored = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar if member.isfile()}
        for name in ("train.py", "facts.py", "polyaxonfile.yaml"):
            file = stored[name]
            assert file is not None
            assert file.read() == (managed.folder / name).read_bytes()


def test_the_listing_of_outputs(managed: Tracked) -> None:
    listed: dict[str, int] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        tree = managed.person.get(f"{managed.path}/outputs/tree?path={quote(folder)}")
        listed |= {f"{folder}{name}": size for name, size in tree["files"]}
        folders += [f"{folder}{name}/" for name in tree["dirs"]]
    assert listed == {name: len(content) for name, content in facts.FILES.items()}


@pytest.mark.parametrize("name", facts.FILES)
def test_each_output_comes_back_as_it_was_written(managed: Tracked, name: str) -> None:
    answer = managed.person.http("GET", f"{managed.path}/outputs/files?path={quote(name)}")
    assert (answer.status, answer.body) == (200, facts.FILES[name])


def test_all_outputs_as_one_archive(managed: Tracked, tmp_path: Path) -> None:
    managed.person.cli("experiment", "-p", "tracked", "-xp", str(managed.id), "outputs", cwd=tmp_path)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        found = {
            member.name.removeprefix("./"): cast("IO[bytes]", tar.extractfile(member)).read()
            for member in tar
            if member.isfile()
        }
    assert found == facts.FILES


def test_outputs_of_a_run_outside_stay_with_its_owner(unmanaged: Tracked) -> None:
    root = unmanaged.person.work / "own-outputs/admin/tracked" / str(unmanaged.id)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert found == facts.FILES
    assert unmanaged.person.get(f"{unmanaged.path}/outputs/tree") == {"files": [], "dirs": []}


def test_the_log_of_a_managed_run(managed: Tracked) -> None:
    assert managed.cli("logs", "--past", "--hide_time") == "all is logged\n"
