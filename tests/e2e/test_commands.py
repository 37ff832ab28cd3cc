"""Every command of the 0.6.1 tool against the embedded server, in a pipe; what shows something, in a terminal, too."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.spec_commands import COMMANDS
from tests.e2e.person import Person
from tests.e2e.terminal import plain, seen
from tests.embedded.server import PASSWORD, ROOT, Server

pytestmark = pytest.mark.slow

PROGRAM = """\
import os
from polyaxon_client.tracking import Experiment
experiment = Experiment()
for step in range(5):
    experiment.log_metrics(step=step, loss=1 / (step + 1))
path = os.path.join(experiment.get_outputs_path(), "model.txt")
open(path, "w").write("weights")
print("trained")
"""
EXPERIMENT = "version: 1\nkind: experiment\nparams: {lr: 0.1}\nrun: {cmd: python train.py}\n"
SEARCH = """\
version: 1
kind: group
hptuning:
  grid_search: {}
  matrix:
    lr: {values: [1, 2]}
run: {cmd: "true"}
"""
JOB = "version: 1\nkind: job\nrun: {cmd: echo a job}\n"
BUILD = "version: 1\nkind: build\nimage: busybox\n"
NOTEBOOK = "version: 1\nkind: notebook\nbuild: {image: jupyter}\n"
TENSORBOARD = "version: 1\nkind: tensorboard\nbuild: {image: tensorboard}\n"
DEPLOYMENT = "deploymentType: docker-compose\nnamespace: lab\n"
DONE = {"succeeded", "failed", "stopped", "done"}


@dataclass(frozen=True)
class Use:
    """One use of a command: what follows its name, what it must say, and its exit code."""

    arguments: str = ""
    says: str = ""
    code: int = 0
    stdin: str = ""


# In order: what takes things away comes last. {xp}, {job}, {build} and {group} are runs that have ended.
USES: dict[str, Use] = {
    "config": Use("--list", "port"),
    "config get": Use("host", "127.0.0.1"),
    "config set": Use("--verbose=false", "updated"),
    "whoami": Use("", "admin"),
    "version": Use("--platform", "latest_version"),
    "upgrade": Use("--print", "pip install --upgrade"),
    "dashboard": Use("--url", "/app"),
    "completion": Use("bash --show", "_polyaxon_completion"),
    "cluster": Use("", "no cluster"),
    "doctor": Use("", "You may run in admin/spec."),
    "user activate": Use("ada", "success"),
    "superuser grant": Use("ada", "administrator"),
    "superuser revoke": Use("ada", "no administrator"),
    "deploy": Use("-f x", "admin deploy"),
    "teardown": Use("", "admin teardown"),
    "admin deploy": Use("--check -f config.yml", "docker compose"),
    "admin upgrade": Use("--check -f config.yml", "up -d"),
    "admin teardown": Use("--check -f config.yml", "down"),
    "check": Use("-f experiment.yaml -def", "train.py"),
    "init": Use("admin/spec -y --polyaxonfile", "success"),
    "upload": Use("", "Uploaded"),
    "run": Use("-f experiment.yaml --name=again --tags=a,b", "was created"),
    "project": Use("--help", "Create, list and change"),
    "project create": Use("--name=other --private", "success"),
    "project list": Use("", "spec"),
    "project get": Use("-p spec", "unique_name"),
    "project update": Use("--description=words", "words"),
    "project groups": Use("", "count"),
    "project experiments": Use("--metrics --sort=id", "loss"),
    "project jobs": Use("", "succeeded"),
    "project builds": Use("-q status:failed", "count"),
    "project tensorboards": Use("", "found"),
    "project git": Use("-p other --url={git}", "success"),
    "project ci": Use("--enable", "is on"),
    "project download": Use("", "repo.tar.gz"),
    "project bookmark": Use("", "is bookmarked"),
    "experiment": Use("--help", "one experiment"),
    "experiment get": Use("-xp {xp}", "last_status"),
    "experiment update": Use("-xp {xp} --tags=x,y", "x, y"),
    "experiment jobs": Use("-xp {xp}", "master"),
    "experiment statuses": Use("-xp {xp}", "succeeded"),
    "experiment resources": Use("-xp {xp}", ""),
    "experiment logs": Use("-xp {xp} --past --hide_time", "trained"),
    "experiment outputs": Use("-xp {xp}", ".tar.gz"),
    "experiment code": Use("-xp {xp}", "repo.tar.gz"),
    "experiment bookmark": Use("-xp {xp}", "is bookmarked"),
    "experiment restart": Use("-xp {xp} --copy -f other.yaml", "was created"),
    "experiment resume": Use("-xp {xp}", "was created"),
    "experiment compare": Use("{xp} {xp2}", "params.lr"),
    "experiment plot": Use("{xp} loss", "loss by step"),
    "group": Use("--help", "search"),
    "group get": Use("-g {group}", "2/2 trials done"),
    "group update": Use("-g {group} --description=rates", "rates"),
    "group experiments": Use("-g {group} --params", "lr"),
    "group statuses": Use("-g {group}", "done"),
    "group stop": Use("-g {group} -y --pending", "stopped"),
    "group bookmark": Use("-g {group}", "is bookmarked"),
    "job": Use("--help", "one job"),
    "job get": Use("-j {job}", "last_status"),
    "job update": Use("-j {job} --name=cleaned", "cleaned"),
    "job statuses": Use("-j {job}", "succeeded"),
    "job resources": Use("-j {job}", ""),
    "job logs": Use("-j {job} -p", "a job"),
    "job outputs": Use("-j {job}", ".tar.gz"),
    "job code": Use("-j {job}", "repo.tar.gz"),
    "job bookmark": Use("-j {job}", "is bookmarked"),
    "job restart": Use("-j {job}", "was created"),
    "job resume": Use("-j {job}", "was created"),
    "build": Use("--help", "one build"),
    "build get": Use("-b {build}", "last_status"),
    "build update": Use("-b {build} --description=image", "image"),
    "build statuses": Use("-b {build}", "failed"),
    "build resources": Use("-b {build}", "no resources"),
    "build logs": Use("-b {build} -p", ""),
    "build code": Use("-b {build}", "repo.tar.gz"),
    "build invalidate": Use("-b {build}", "invalidated"),
    "build bookmark": Use("-b {build}", "is bookmarked"),
    "bookmark": Use("--help", "bookmarked"),
    "bookmark projects": Use("", "admin.spec"),
    "bookmark groups": Use("--page=1", "admin.spec"),
    "bookmark experiments": Use("", "admin.spec"),
    "bookmark jobs": Use("", "admin.spec"),
    "bookmark builds": Use("", "admin.spec"),
    "project unbookmark": Use("", "no longer"),
    "experiment unbookmark": Use("-xp {xp}", "no longer"),
    "group unbookmark": Use("-g {group}", "no longer"),
    "job unbookmark": Use("-j {job}", "no longer"),
    "build unbookmark": Use("-b {build}", "no longer"),
    "project invalidate-builds": Use("", "invalidated"),
    "notebook": Use("--help", "notebook"),
    "notebook start": Use("-f notebook.yaml --no-wait", "/notebook/admin/spec/"),
    "notebook stop": Use("-y --commit=false", "being stopped"),
    "notebook url": Use("", "is not running", code=1),
    "tensorboard": Use("--help", "tensorboard"),
    "tensorboard start": Use("-xp {xp} -f tensorboard.yaml --no-wait", "/tensorboard/admin/spec/experiments/"),
    "tensorboard stop": Use("-xp {xp} -y", "being stopped"),
    "tensorboard url": Use("-g {group}", "is not running", code=1),
    "experiment stop": Use("-xp {slow} -y", "being stopped"),
    "job stop": Use("-j {job} -y", "being stopped"),
    "build stop": Use("-b {build} -y", "being stopped"),
    "experiment delete": Use("-xp {slow}", "was deleted", stdin="y\n"),
    "group delete": Use("-g {group}", "Nothing was changed", stdin="n\n"),
    "job delete": Use("-j {job}", "Nothing was changed", code=1, stdin="n\n"),
    "build delete": Use("-b {build} -y", "was deleted"),
    "project delete": Use("-p other", "was deleted", stdin="y\n"),
    "user delete": Use("ada", "success"),
    "superuser": Use("--help", "administrators"),
    "logout": Use("", "logged out"),
    "login": Use(f"-u admin -p {PASSWORD}", "successful"),
    "config purge": Use("", "removed"),
}
SHOWING = [
    *("whoami", "version", "cluster", "doctor", "check", "project list", "project get", "project experiments"),
    *("experiment get", "experiment jobs", "experiment statuses", "experiment logs", "experiment compare"),
    *(
        "experiment plot",
        "group get",
        "group experiments",
        "group statuses",
        "job get",
        "build get",
    ),
]
AS_JSON = [
    *SHOWING,
    "project groups",
    "project builds",
    "group update",
    "dashboard",
    "config",
    "admin deploy",
    "upload",
]


@pytest.fixture(scope="module")
def settings_of_server() -> dict[str, str]:
    return {"POLYAXON_THROTTLE_RATES_USER": "6000", "POLYAXON_REPOS_ALLOW_FILE": "true"}


@pytest.fixture(scope="module")
def names(server: Server, admin: Person, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A project with one finished run of each kind; their ids."""
    account(server, "ada")
    files = {
        "train.py": PROGRAM, "experiment.yaml": EXPERIMENT, "search.yaml": SEARCH, "job.yaml": JOB, "build.yaml": BUILD,
        "notebook.yaml": NOTEBOOK, "tensorboard.yaml": TENSORBOARD, "config.yml": DEPLOYMENT,
        "other.yaml": "params: {lr: 0.5}\n",
        "slow.yaml": EXPERIMENT.replace("python train.py", "sleep 300"),
    }  # fmt: skip
    for name, text in files.items():
        (admin.work / name).write_text(text)
    admin.cli("project", "create", "--name=spec", "--init")
    admin.cli("upload")
    made: dict[str, Any] = {"git": repository(tmp_path_factory.mktemp("git"))}
    for key, kind, file in (
        ("job", "jobs", "job.yaml"),
        ("build", "builds", "build.yaml"),
        ("group", "groups", "search.yaml"),
        ("xp", "experiments", "experiment.yaml"),
        ("xp2", "experiments", "experiment.yaml"),
        ("slow", "experiments", "slow.yaml"),
    ):
        more = ["-P", "lr=0.2"] if key == "xp2" else []
        made[key] = admin.cli_json("run", "-f", file, *more)["id"]
        made[f"{key}.path"] = f"admin/spec/{kind}/{made[key]}"
    for key in ("job", "build", "group", "xp", "xp2"):
        admin.wait_for(made[f"{key}.path"], DONE)
    return made


def account(server: Server, name: str) -> None:
    command = ["manage.py", "createuser", f"--username={name}", f"--password={PASSWORD}", f"--email={name}@x.example"]
    done = [sys.executable, *command]
    subprocess.run(done, cwd=ROOT, env=server.environment, check=True, capture_output=True)


def repository(folder: Any) -> str:
    """A git repository that can be fetched from this machine."""
    (folder / "train.py").write_text("print('from git')\n")
    identity = ["-c", "user.name=A Person", "-c", "user.email=a@person.example"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)
    return f"file://{folder}"


def line(path: str, use: Use, names: dict[str, Any]) -> list[str]:
    return [*path.split(), *use.arguments.format(**names).split()]


@pytest.mark.parametrize("path", SHOWING)
def test_in_a_terminal(admin: Person, names: dict[str, Any], path: str) -> None:
    use = USES[path]
    shown = seen(admin, *line(path, use, names))
    assert shown.code == use.code, shown.text
    assert use.says in plain(shown.text)


@pytest.mark.parametrize("path", AS_JSON)
def test_as_json(admin: Person, names: dict[str, Any], path: str) -> None:
    done = admin.cli(*line(path, USES[path], names), "--json")
    # A log has one object on each line, so that it can be followed.
    texts = done.stdout.splitlines() if path.endswith(" logs") else [done.stdout]
    assert [json.loads(text) for text in texts]


@pytest.mark.parametrize("path", USES)
def test_in_a_pipe(admin: Person, names: dict[str, Any], path: str) -> None:
    use = USES[path]
    done = admin.cli(*line(path, use, names), stdin=use.stdin, code=use.code)
    assert use.says in done.stdout + done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_every_command_of_0_6_is_used() -> None:
    assert sorted(set(COMMANDS) - set(USES)) == []
