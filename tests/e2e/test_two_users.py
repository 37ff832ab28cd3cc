"""A private project of one user does not exist for another one: every route of the schema, every command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.embedded.server import ROOT, Server

pytestmark = pytest.mark.slow
DONE = {"succeeded", "failed", "stopped", "done"}
PASSWORD = "another-password-for-tests"
SECRET = "very-secret-text"
METHODS = ("get", "post", "put", "patch", "delete")


def account(server: Server, name: str) -> None:
    subprocess.run(
        [
            sys.executable,
            "manage.py",
            "createuser",
            f"--username={name}",
            f"--password={PASSWORD}",
            f"--email={name}@x.example",
        ],
        cwd=ROOT,
        env=server.environment,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def olga(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    account(server, "olga")
    return Person(server, tmp_path_factory.mktemp("olga"), "olga", PASSWORD).log_in()


@pytest.fixture(scope="module")
def boris(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    account(server, "boris")
    return Person(server, tmp_path_factory.mktemp("boris"), "boris", PASSWORD).log_in()


@pytest.fixture(scope="module")
def numbers(olga: Person) -> dict[str, str]:
    """Olga's private project with a finished run of each kind; the parts of addresses below it."""
    olga.cli("project", "create", "--name=hidden", "--private", f"--description={SECRET}")
    olga.cli("init", "olga/hidden", "-y")
    command = f"echo {SECRET} | tee $POLYAXON_RUN_OUTPUTS_PATH/{SECRET}.txt"
    contents: dict[str, dict[str, Any]] = {
        "experiment": {"kind": "experiment", "params": {"secret": SECRET}, "run": {"cmd": command}},
        "job": {"kind": "job", "run": {"cmd": command}},
        "group": {
            "kind": "group",
            "hptuning": {"concurrency": 1, "random_search": {"n_experiments": 1}, "matrix": {"lr": {"values": [1]}}},
            "run": {"cmd": "echo {{ lr }}"},
        },
    }
    found = {"owner": "olga", "project": "hidden"}
    for kind, content in contents.items():
        (olga.work / f"{kind}.json").write_text(json.dumps({"version": 1, **content}))
        found[kind] = str(olga.cli_json("run", "-f", f"{kind}.json", "-u")["id"])
        olga.wait_for(f"olga/hidden/{kind}s/{found[kind]}", DONE)
        statuses = olga.get(f"olga/hidden/{kind}s/{found[kind]}/statuses")["results"]
        found[f"{kind} status"] = statuses[0]["uuid"]
    replica = olga.get(f"olga/hidden/experiments/{found['experiment']}/jobs")["results"][0]
    found["replica"] = str(replica["id"])
    path = f"olga/hidden/experiments/{found['experiment']}"
    found["replica status"] = olga.get(f"{path}/jobs/{replica['id']}/statuses")["results"][0]["uuid"]
    assert olga.http("POST", f"{path}/metrics", {"values": {SECRET: 1}}).status == 201
    return found


KNOWN = {"owner", "project", "id", "job_id", "uuid"}
STREAM = re.compile(r"/(stream|follow|resources|events)\b")
# Files and series are named by the query, and so is the metric of a search that has none; there is no CI.
WANTS_MORE = ("/outputs/files", "/metrics/points", "/ci", "/best", "/pareto", "/importances")
FIRST_REFUSED = ("repo/upload", "token")
OTHERS = ("builds", "notebook", "tensorboard", "webhooks", "searches")


def addresses(person: Person, numbers: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Every (method, address) that the server describes below a project, filled with Olga's."""
    for template, operations in person.get("schema")["paths"].items():
        # Streams stay open, and the rights on resources of their own kind are the matrix test's business.
        if (
            "{project}" not in template
            or set(re.findall(r"{(\w+)}", template)) - KNOWN
            or STREAM.search(template)
            or any(kind in template for kind in OTHERS)
        ):
            continue
        kind = next((kind for kind in ("experiment", "job", "group") if f"/{kind}s" in template), "group")
        replica = "{job_id}" in template
        values = {
            "owner": numbers["owner"],
            "project": numbers["project"],
            "id": numbers[kind],
            "job_id": numbers["replica"],
            "uuid": numbers["replica status" if replica else f"{kind} status"],
        }
        path = template.removeprefix("/api/v1/").format(**values)
        yield from ((method, path) for method in METHODS if method in operations)


def body_for(path: str) -> dict[str, Any]:
    if path.endswith("/statuses"):
        return {"status": "failed"}
    if path.endswith("/metrics"):
        return {"values": {"stolen": 1}}
    return {"content": '{"version": 1, "kind": "experiment", "run": {"cmd": "id"}}', "description": "stolen", "ids": []}


def test_every_route_says_404_to_others(olga: Person, boris: Person, numbers: dict[str, str]) -> None:
    before = {path: olga.http("GET", path).body for method, path in addresses(olga, numbers) if method == "get"}
    # The same addresses exist for their owner, but for those that want more than a path.
    lacking = [path for path in before if olga.http("GET", path).status != 200]
    assert all(path.endswith(WANTS_MORE) for path in lacking), lacking
    assert len(before) > 25
    answers = {
        (method, path): boris.http(method.upper(), path, None if method == "get" else body_for(path))
        for method, path in addresses(olga, numbers)
    }
    assert len(answers) > 60
    # An upload is refused for its form and a service's token for the kind of its caller, before anything is looked up.
    told = {place: answer.status for place, answer in answers.items() if answer.status != 404}
    assert {place: status for place, status in told.items() if not place[1].endswith(FIRST_REFUSED)} == {}
    assert not [place for place, answer in answers.items() if SECRET.encode() in answer.body]
    after = {path: olga.http("GET", path).body for path in before}
    assert {path for path in before if after[path] != before[path] and "/download" not in path} == set()


def test_an_unreadable_project_and_a_missing_one_answer_alike(boris: Person, numbers: dict[str, str]) -> None:
    for suffix in ("", "/experiments", "/groups", "/jobs", "/repo", f"/experiments/{numbers['experiment']}"):
        hidden, missing = boris.http("GET", f"olga/hidden{suffix}"), boris.http("GET", f"olga/missing{suffix}")
        assert (hidden.status, hidden.body) == (missing.status, missing.body) == (404, missing.body)


def test_lists_and_feeds_keep_it_out(olga: Person, boris: Person, numbers: dict[str, str]) -> None:
    for path in ("experiments", "olga", "olga/projects/names", "activitylogs", "historylogs", "projects"):
        body = boris.http("GET", path).body.decode()
        assert "hidden" not in body
        assert SECRET not in body
    assert olga.get("experiments")["count"] == 2
    assert olga.get("olga")["count"] == 1


def test_an_upload_changes_nothing(olga: Person, boris: Person, numbers: dict[str, str], tmp_path: Path) -> None:
    head = olga.get(f"olga/hidden/experiments/{numbers['experiment']}/coderef")["commit"]
    (tmp_path / ".polyaxon").mkdir()
    # As the tool would have left it, had the project been readable before.
    source = olga.work / ".polyaxon"
    for file in source.iterdir():
        (tmp_path / ".polyaxon" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "evil.py").write_text("print('evil')\n")
    assert "404" in boris.cli("upload", code=1, cwd=tmp_path).stderr
    (tmp_path / "run.yaml").write_text("version: 1\nkind: experiment\nrun: {cmd: id}\n")
    assert "404" in boris.cli("run", "-f", "run.yaml", code=1, cwd=tmp_path).stderr
    newest = olga.http("GET", "olga/hidden/repo/download")
    assert newest.status == 200
    repositories = list((olga.server.folder / "repos").glob("*.git"))
    heads = {
        subprocess.run(
            ["git", "--git-dir", path, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout
        for path in repositories
    }
    assert any(re.fullmatch(r"[0-9a-f]{40}\s", found) for found in heads)
    assert head
    assert olga.get("olga/hidden/experiments")["count"] == 2


COMMANDS = [
    *(["project", "-p", "olga/hidden", name] for name in ("get", "experiments", "groups", "jobs")),
    ["project", "-p", "olga/hidden", "update", "--description=stolen"],
    ["project", "-p", "olga/hidden", "delete", "-y"],
    *(
        [kind, "-p", "olga/hidden", flag, kind, *rest]
        for kind, flag in (("experiment", "-xp"), ("job", "-j"), ("group", "-g"))
        for rest in (["get"], ["statuses"], ["stop", "-y"], ["update", "--description=stolen"], ["delete", "-y"])
    ),
    *(
        [kind, "-p", "olga/hidden", flag, kind, *rest]
        for kind, flag in (("experiment", "-xp"), ("job", "-j"))
        for rest in (["logs", "--past"], ["outputs"], ["restart"])
    ),
    *(
        ["project", "-p", "olga/hidden", *rest]
        for rest in (["builds"], ["download"], ["bookmark"], ["unbookmark"], ["invalidate-builds"], ["ci", "--enable"])
    ),
    *(
        [kind, "-p", "olga/hidden", flag, kind, *rest]
        for kind, flag in (("experiment", "-xp"), ("job", "-j"))
        for rest in (["code"], ["resources"], ["bookmark"], ["unbookmark"])
    ),
    ["experiment", "compare", "-p", "olga/hidden", "experiment", "9"],
    ["experiment", "plot", "-p", "olga/hidden", "experiment", "loss"],
    ["group", "-p", "olga/hidden", "-g", "group", "top"],
    ["group", "-p", "olga/hidden", "-g", "group", "bookmark"],
    ["notebook", "-p", "olga/hidden", "start"],
    ["notebook", "-p", "olga/hidden", "stop", "-y"],
    ["tensorboard", "-p", "olga/hidden", "-xp", "experiment", "start"],
    ["tensorboard", "-p", "olga/hidden", "url"],
    ["experiment", "-p", "olga/hidden", "-xp", "experiment", "metrics"],
    ["experiment", "-p", "olga/hidden", "-xp", "experiment", "jobs"],
    ["experiment", "-p", "olga/hidden", "-xp", "experiment", "resume"],
    ["group", "-p", "olga/hidden", "-g", "group", "experiments"],
    ["group", "-p", "olga/hidden", "-g", "group", "metrics"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_or_changes_it(olga: Person, boris: Person, numbers: dict[str, str], words: list[str]) -> None:
    kinds = ("experiment", "job", "group")
    before = [olga.get(f"olga/hidden/{kind}s/{numbers[kind]}") for kind in kinds]
    # The number of a run stands behind its flag.
    done = boris.cli(words[0], *(numbers.get(word, word) for word in words[1:]), code=1)
    assert "404" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert [olga.get(f"olga/hidden/{kind}s/{numbers[kind]}") for kind in kinds] == before


def test_lists_of_projects_are_ones_own(olga: Person, boris: Person) -> None:
    assert "hidden" not in boris.cli("project", "list").stdout
    assert "hidden" in olga.cli("project", "list").stdout


def test_a_script_of_another_cannot_track_into_it(olga: Person, boris: Person, numbers: dict[str, str]) -> None:
    script = boris.work / "track.py"
    script.write_text(
        "import sys\nfrom polyaxon_client.tracking import Experiment\n"
        "experiment = Experiment(project='olga/hidden', experiment_id=int(sys.argv[1]))\n"
        "experiment.log_metrics(step=1, stolen=1.0)\nexperiment.log_params(stolen=True)\n"
        "Experiment(project='olga/hidden').create(name='stolen')\n"
    )
    process = boris.script(script, numbers["experiment"])
    output, _ = process.communicate(timeout=60)
    # Creating what is refused is told at once; the training that follows would have nowhere to go.
    assert process.returncode == 1
    assert "404" in output
    path = f"olga/hidden/experiments/{numbers['experiment']}"
    assert [row["values"] for row in olga.history(path)] == [{SECRET: 1.0}]
    assert olga.get(path)["params"] == {"secret": SECRET}
    assert olga.get("olga/hidden/experiments")["count"] == 2


def test_a_run_of_another_has_no_more_rights_than_its_owner(
    olga: Person, boris: Person, numbers: dict[str, str]
) -> None:
    boris.cli("project", "create", "--name=own")
    boris.cli("init", "boris/own", "-y")
    (boris.work / "peek.py").write_text(
        "import os, urllib.error, urllib.request\n"
        f"for path in ('olga/hidden', 'olga/hidden/experiments/{numbers['experiment']}/logs', 'boris/own'):\n"
        "    request = urllib.request.Request(f\"{os.environ['POLYAXON_API_HTTP_HOST']}/api/v1/{path}\")\n"
        "    request.add_header('Authorization', f\"Token {os.environ['POLYAXON_SECRET_USER_TOKEN']}\")\n"
        "    try:\n        print(urllib.request.urlopen(request).status)\n"
        "    except urllib.error.HTTPError as error:\n        print(error.code)\n"
    )
    (boris.work / "peek.yaml").write_text("version: 1\nkind: experiment\nrun: {cmd: python peek.py}\n")
    number = boris.cli_json("run", "-f", "peek.yaml", "-u")["id"]
    boris.wait_for(f"boris/own/experiments/{number}", DONE)
    log = boris.cli("experiment", "-xp", str(number), "logs", "--past", "--hide_time").stdout
    assert log.split() == ["404", "404", "200"]


def test_a_public_project_is_read_by_all_and_changed_by_its_owner(olga: Person, boris: Person) -> None:
    olga.cli("project", "create", "--name=open")
    (olga.work / "open.yaml").write_text("version: 1\nkind: experiment\nrun: {cmd: echo shown}\n")
    number = olga.cli_json("run", "-p", "open", "-f", "open.yaml")["id"]
    path = f"olga/open/experiments/{number}"
    olga.wait_for(path, DONE)
    shown = boris.cli("experiment", "-p", "olga/open", "-xp", str(number), "logs", "--past", "--hide_time").stdout
    assert shown == "shown\n"
    for arguments in (["stop", "-y"], ["update", "--description=stolen"], ["restart"], ["delete", "-y"]):
        told = boris.cli("experiment", "-p", "olga/open", "-xp", str(number), *arguments, code=1).stderr
        assert "403" in told
    assert olga.get(path)["last_status"] == "succeeded"
    assert olga.get("olga/open/experiments")["count"] == 1
