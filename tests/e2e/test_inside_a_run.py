"""What a command finds inside of a run, and what the platform sees of it meanwhile."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.person import Person
from tests.embedded.server import Server

pytestmark = pytest.mark.slow
DONE = {"succeeded", "failed", "stopped"}
RUNNER_SLOTS = 2
LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC -- (.*)")


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "digits.csv").write_text("1,2,3\n")
    return folder


@pytest.fixture(scope="module")
def settings_of_server(data_folder: Path) -> dict[str, str]:
    return {
        "POLYAXON_LOCAL_CONCURRENCY": str(RUNNER_SLOTS),
        "POLYAXON_USAGE_INTERVAL": "0.3",
        "POLYAXON_STOP_GRACE_SECONDS": "1",
        "POLYAXON_DATA_PATHS": json.dumps({"digits": str(data_folder)}),
    }


@pytest.fixture(scope="module")
def project(admin: Person) -> str:
    admin.cli("project", "create", "--name=inside")
    admin.cli("init", "admin/inside", "-y")
    return "inside"


Run = Callable[..., int]


@pytest.fixture
def run(admin: Person, project: str) -> Run:
    """Start a command by the command line tool; its number."""

    def start(command: str, *flags: str, kind: str = "experiment", **content: Any) -> int:
        specification = {"version": 1, "kind": kind, **content, "run": {"cmd": command}}
        (admin.work / "run.json").write_text(json.dumps(specification))
        return int(admin.cli_json("run", "-f", "run.json", *flags)["id"])

    return start


def path_of(number: int, kind: str = "experiments") -> str:
    return f"admin/inside/{kind}/{number}"


def ended(admin: Person, number: int, status: str = "succeeded", kind: str = "experiments") -> dict[str, Any]:
    detail = admin.server.wait_for(path_of(number, kind), DONE)
    assert detail["last_status"] == status, log(admin, number, kind)
    return detail


def log(admin: Person, number: int, kind: str = "experiments") -> str:
    return admin.http("GET", f"{path_of(number, kind)}/logs").body.decode()


def printed(text: str) -> list[str]:
    """The lines of a log without their times."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    assert all(found), text
    return [match[2] for match in found if match]


def outputs(server: Server, number: int, kind: str = "experiments") -> Path:
    return server.folder / "outputs" / path_of(number, kind)


def test_the_environment_of_an_experiment(admin: Person, server: Server, run: Run, data_folder: Path) -> None:
    number = run("env | grep -E '^(POLYAXON|NVIDIA)_' | sort; exit 0", params={"lr": 0.1}, logging={"level": "warning"})
    detail = ended(admin, number)
    found = dict(line.split("=", 1) for line in printed(log(admin, number)))
    project = admin.get("admin/inside")
    assert json.loads(found.pop("POLYAXON_EXPERIMENT_INFO")) == {
        "app": "polyaxon-experiment",
        "role": "polyaxon-workers",
        "type": "polyaxon-runner",
        "project_name": "admin.inside",
        "project_uuid": project["uuid"],
        "experiment_name": detail["unique_name"],
        "experiment_uuid": detail["uuid"],
    }
    assert json.loads(found.pop("POLYAXON_PARAMS")) == {"lr": 0.1}
    assert json.loads(found.pop("POLYAXON_TASK_INFO")) == {"type": "master", "index": 0}
    assert list(json.loads(found.pop("POLYAXON_CLUSTER"))) == ["master"]
    assert json.loads(found.pop("POLYAXON_RUN_DATA_PATHS")) == {"digits": str(data_folder)}
    assert found.pop("POLYAXON_RUN_OUTPUTS_PATH") == str(outputs(server, number))
    assert Path(found.pop("POLYAXON_LOGS_PATH")).is_relative_to(server.folder / "logs")
    assert len(found.pop("POLYAXON_SECRET_USER_TOKEN")) == 64
    assert found.pop("POLYAXON_LOCAL_ATTEMPT") == f"{detail['uuid']}.1"
    assert found.pop("POLYAXON_LOG_LEVEL") == "WARN"
    assert found == {
        "POLYAXON_API_HTTP_HOST": server.url,
        "POLYAXON_API_WS_HOST": server.url.replace("http", "ws"),
        "POLYAXON_IN_CLUSTER": "true",
        "POLYAXON_IS_MANAGED": "true",
        "POLYAXON_API_VERSION": "v1",
        "POLYAXON_INTERNAL_HEADER": "X-POLYAXON-INTERNAL",
        "POLYAXON_INTERNAL_HEADER_SERVICE": "runner",
        "POLYAXON_AUTHENTICATION_TYPE": "Token",
        "NVIDIA_VISIBLE_DEVICES": "none",
    }


def test_a_run_without_parameters_and_a_job(admin: Person, run: Run) -> None:
    number = run("echo $POLYAXON_PARAMS")
    ended(admin, number)
    assert printed(log(admin, number)) == ["null"]
    job = run("echo $POLYAXON_JOB_INFO; test -z $POLYAXON_EXPERIMENT_INFO", kind="job")
    detail = ended(admin, job, kind="jobs")
    (line,) = printed(log(admin, job, "jobs"))
    assert {"job_name": detail["unique_name"], "job_uuid": detail["uuid"]}.items() <= json.loads(line).items()


def test_nothing_of_the_servers_own_settings_reaches_a_run(admin: Person, run: Run) -> None:
    number = run("env | cut -d= -f1 | sort")
    ended(admin, number)
    names = set(printed(log(admin, number)))
    assert not names & {"POLYAXON_ADMIN_PASSWORD", "POLYAXON_SECRET_INTERNAL_TOKEN", "POLYAXON_SECRET_KEY"}
    assert not [name for name in names if name.startswith("DJANGO")]


HELPERS = """
import json
from pathlib import Path
from polyaxon_client.tracking import Experiment, get_data_paths, get_log_level, get_outputs_path
experiment = Experiment()
Path(get_outputs_path(), "facts.json").write_text(json.dumps({
    "id": experiment.experiment_id, "project": experiment.project_name, "user": experiment.username,
    "data": get_data_paths(), "line": Path(get_data_paths()["digits"], "digits.csv").read_text(),
    "same": experiment.get_outputs_path() == get_outputs_path(), "params": experiment.get_params(),
    "info": experiment.get_experiment_info()["experiment_name"], "level": get_log_level(),
    "status": experiment.get_entity_data()["last_status"],
}))
"""


def test_the_clients_helpers_inside_of_a_run(admin: Person, server: Server, run: Run, data_folder: Path) -> None:
    (admin.work / "helpers.py").write_text(HELPERS)
    number = run("python helpers.py", "-u", params={"lr": [1, 2]})
    detail = ended(admin, number)
    facts = json.loads((outputs(server, number) / "facts.json").read_text())
    assert facts.pop("status") in {"starting", "running"}
    assert facts.pop("level").upper() == "INFO"
    assert facts == {
        "id": number,
        "project": "inside",
        "user": "admin",
        "data": {"digits": str(data_folder)},
        "line": "1,2,3\n",
        "same": True,
        "params": {"lr": [1, 2]},
        "info": detail["unique_name"],
    }


JOB = """
from pathlib import Path
from polyaxon_client.tracking import Job, get_outputs_path
job = Job()
job.log_tags(["prepared", "données"])
job.set_description("prepares the data")
Path(get_outputs_path(), "prepared.bin").write_bytes(bytes(range(256)))
print("job", job.job_id)
"""


def test_a_job_tracks_itself(admin: Person, run: Run) -> None:
    (admin.work / "job.py").write_text(JOB)
    number = run("python job.py --fast", "-u", kind="job")
    detail = ended(admin, number, kind="jobs")
    assert printed(log(admin, number, "jobs")) == [f"job {number}"]
    shown = admin.cli_json("job", "-j", str(number), "get")
    for seen in (detail, shown):
        assert seen["tags"] == ["prepared", "données"]
        assert seen["description"] == "prepares the data"
    assert admin.http("GET", f"{path_of(number, 'jobs')}/outputs/files?path=prepared.bin").body == bytes(range(256))
    head = admin.get(f"{path_of(number, 'jobs')}/coderef")["commit"]
    assert re.fullmatch("[0-9a-f]{40}", head)
    assert f"job {number}" in admin.cli("job", "-j", str(number), "logs").stdout


GROUP = """
from polyaxon_client.tracking import Group
group = Group(project="inside")
group.create(name="by-hand", tags=["swept"], description="a sweep of my own")
for place, lr in enumerate((0.1, 0.2)):
    experiment = group.create_experiment(name=f"trial-{place}", framework="none")
    experiment.log_params(lr=lr)
    experiment.log_metrics(step=1, loss=lr / 2)
    experiment.log_succeeded()
group.log_succeeded()
print(group.group_id)
"""


def test_a_group_tracked_from_outside(admin: Person, project: str) -> None:
    script = admin.work / "group.py"
    script.write_text(GROUP)
    said, _ = admin.script(script).communicate(timeout=60)
    number = int(said)
    detail = admin.get(f"admin/inside/groups/{number}")
    assert (detail["last_status"], detail["name"], detail["tags"]) == ("done", "by-hand", ["swept"])
    assert (detail["num_experiments"], detail["num_succeeded_experiments"]) == (2, 2)
    trials = admin.get(f"admin/inside/experiments?group={number}")["results"]
    assert [(row["params"], row["last_metric"]) for row in reversed(trials)] == [
        ({"lr": 0.1}, {"loss": 0.05}),
        ({"lr": 0.2}, {"loss": 0.1}),
    ]
    shown = admin.cli("group", "-g", str(number), "experiments").stdout
    assert all(row["unique_name"] in shown for row in trials)


def test_the_work_tree_is_the_commit_of_the_creation(admin: Person, server: Server, run: Run) -> None:
    """Also for a run that had to wait while newer code was uploaded; nothing that it writes stays behind."""
    note = admin.work / "version.txt"
    release = admin.work.parent / "release"
    blockers = [run(f"while ! test -e {release}; do sleep 0.1; done") for _ in range(RUNNER_SLOTS)]
    command = "cat version.txt; ls -A; echo changed > version.txt; echo new > new.txt"
    numbers = []
    for version in ("one", "two"):
        note.write_text(f"version {version}\n")
        numbers.append(run(command, "-u"))
    release.touch()
    for number in blockers:
        ended(admin, number)
    commits = []
    for number, version in zip(numbers, ("one", "two"), strict=True):
        ended(admin, number)
        lines = printed(log(admin, number))
        assert lines[0] == f"version {version}"
        assert "version.txt" in lines[1:]
        assert not {".git", ".polyaxon", "new.txt"} & set(lines)
        commits.append(admin.get(f"{path_of(number)}/coderef")["commit"])
    assert len(set(commits)) == 2
    again = run("cat version.txt")
    ended(admin, again)
    assert printed(log(admin, again)) == ["version two"]


def test_logs_are_there_with_times_while_the_run_goes_on(admin: Person, run: Run) -> None:
    release = admin.work.parent / "go-on"
    begun = datetime.now(UTC).replace(microsecond=0)
    number = run(f"echo first; echo second >&2; while ! test -e {release}; do sleep 0.1; done; echo third")
    deadline = time.monotonic() + 60
    while len(printed(log(admin, number))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert admin.get(path_of(number))["last_status"] in {"starting", "running"}
    assert sorted(printed(log(admin, number))) == ["first", "second"]
    past = admin.cli("experiment", "-xp", str(number), "logs", "--past").stdout
    assert len(past.splitlines()) == 2
    time.sleep(1.1)
    release.touch()
    followed = admin.cli("experiment", "-xp", str(number), "logs", "-f").stdout
    ended(admin, number)
    assert printed(followed) == printed(log(admin, number))
    assert printed(followed)[-1] == "third"
    times = [datetime.strptime(line[:19], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for line in followed.splitlines()]
    assert begun <= times[0] <= times[1] < times[2] <= datetime.now(UTC)


def resources(server: Server, uuid: str) -> dict[str, list[float]]:
    """Samples of a run by name, oldest first."""
    with closing(sqlite3.connect(f"file:{server.folder / 'polyaxon.sqlite3'}?mode=ro", uri=True)) as database:
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        (series,) = [name for name in tables if name.endswith("metricseries")]
        (points,) = [name for name in tables if name.endswith("metricpoint")]
        rows = database.execute(
            f"SELECT s.name, p.value FROM {points} p JOIN {series} s ON s.id = p.series_id"
            " WHERE s.kind = 'resource' AND s.run = ? ORDER BY p.id",
            [uuid],
        ).fetchall()
    found: dict[str, list[float]] = {}
    for name, value in rows:
        found.setdefault(name, []).append(value)
    return found


def samples_of(server: Server, experiment: int) -> dict[str, list[float]]:
    """Samples belong to the experiment or to its one replica."""
    detail = server.request("GET", path_of(experiment))
    replicas = server.request("GET", f"{path_of(experiment)}/jobs")["results"]
    return next(filter(None, (resources(server, uuid["uuid"]) for uuid in (detail, *replicas))), {})


def is_sampled(samples: dict[str, list[float]]) -> bool:
    """Whether a busy process was seen several times."""
    cpu, memory = samples.get("cpu_percent", []), samples.get("memory_bytes", [])
    return len(cpu) >= 3 and max(cpu) > 20 and max(memory, default=0) > 200_000_000


def test_cpu_and_memory_are_sampled(admin: Person, server: Server, run: Run) -> None:
    release = admin.work.parent / "busy-enough"
    busy = f"import os; held = b'x' * 200_000_000\nwhile not os.path.exists('{release}'): pass"
    number = run(f'python -c "{busy}"')
    deadline = time.monotonic() + 60
    while not is_sampled(samples_of(server, number)) and time.monotonic() < deadline:
        time.sleep(0.2)
    release.touch()
    ended(admin, number)
    samples = samples_of(server, number)
    assert len(samples["cpu_percent"]) >= 3
    assert max(samples["cpu_percent"]) > 20
    assert max(samples["memory_bytes"]) > 200_000_000
    assert max(samples["processes"]) >= 1
    # They are no metrics of the run.
    assert admin.history(path_of(number)) == []
    assert admin.get(path_of(number))["last_metric"] is None


KEEP_TOKEN = (
    "printenv POLYAXON_SECRET_USER_TOKEN > $POLYAXON_RUN_OUTPUTS_PATH/token; while ! test -e {}; do sleep 0.1; done"
)


def test_the_token_of_a_run_writes_to_that_run_alone_and_dies_with_it(admin: Person, server: Server, run: Run) -> None:
    release = admin.work.parent / "let-go"
    other = run("true")
    ended(admin, other)
    number = run(KEEP_TOKEN.format(release))
    file = outputs(server, number) / "token"
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    token = file.read_text().strip()

    def status(method: str, path: str, body: Any = None) -> int:
        return admin.http(method, path, body, token=token).status

    own, foreign = path_of(number), path_of(other)
    before = admin.get(foreign)
    assert status("POST", f"{own}/metrics", {"values": {"a": 1}}) == 201
    assert status("PATCH", own, {"description": "mine"}) == 200
    assert status("GET", foreign) == 200
    refused = [
        ("POST", f"{foreign}/metrics", {"values": {"a": 1}}),
        ("PATCH", foreign, {"description": "not mine"}),
        ("POST", f"{foreign}/statuses", {"status": "failed"}),
        ("POST", f"{foreign}/coderef", {"commit": "0" * 40}),
        ("DELETE", foreign, None),
        ("DELETE", own, None),
        ("POST", f"{own}/restart", {}),
        ("POST", "admin/inside/experiments", {"content": '{"version": 1, "kind": "experiment", "run": {"cmd": "id"}}'}),
        ("POST", "admin/inside/groups", {"is_managed": False}),
        ("POST", "admin/inside/jobs", {"is_managed": False}),
        ("POST", "projects", {"name": "stolen"}),
        ("PATCH", "admin/inside", {"description": "not mine"}),
        ("DELETE", "admin/inside", None),
        ("PUT", "admin/inside/repo/upload", None),
        ("DELETE", "admin/inside/repo", None),
    ]
    assert {(method, path): status(method, path, body) for method, path, body in refused} == {
        (method, path): 403 for method, path, _ in refused
    }
    after = admin.get(foreign)
    assert after == before
    assert admin.history(foreign) == []
    release.touch()
    ended(admin, number)
    assert admin.get(own)["description"] == "mine"
    assert status("GET", own) == 401
    assert status("POST", f"{own}/metrics", {"values": {"a": 2}}) == 401
    assert [row["values"] for row in admin.history(own)] == [{"a": 1.0}]


@pytest.mark.parametrize(
    "command",
    ["sleep 300", "trap '' TERM; echo deaf; while true; do sleep 0.2; done", "(trap '' TERM; sleep 300) & sleep 300"],
    ids=["obeys", "ignores SIGTERM", "leaves a child behind"],
)
def test_stop(admin: Person, run: Run, command: str) -> None:
    number = run(command)
    admin.server.wait_for(path_of(number), {"running"})
    begun = time.monotonic()
    assert "stop" in admin.cli("experiment", "-xp", str(number), "stop", "-y").stdout.lower()
    ended(admin, number, "stopped")
    assert time.monotonic() - begun < 60
    last = admin.get(f"{path_of(number)}/statuses")["results"][-1]
    assert (last["status"], last["message"]) == ("stopped", "Stopped by a user.")


def test_what_waits_is_stopped_without_ever_starting(admin: Person, server: Server, run: Run) -> None:
    blockers = [run("sleep 300") for _ in range(RUNNER_SLOTS)]
    waiting = run("touch $POLYAXON_RUN_OUTPUTS_PATH/started")
    admin.cli("experiment", "-xp", str(waiting), "stop", "-y")
    ended(admin, waiting, "stopped")
    history = [row["status"] for row in admin.get(f"{path_of(waiting)}/statuses")["results"]]
    assert not {"starting", "running"} & set(history)
    for number in blockers:
        admin.cli("experiment", "-xp", str(number), "stop", "-y")
        ended(admin, number, "stopped")
    time.sleep(1)
    assert not (outputs(server, waiting) / "started").exists()


def test_no_more_runs_at_once_than_the_setting_says(admin: Person, server: Server, project: str) -> None:
    command = "cd $POLYAXON_RUN_OUTPUTS_PATH; date +%s.%N >> times; sleep 6; date +%s.%N >> times"
    content = json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": command}})
    created = [admin.http("POST", f"admin/{project}/experiments", {"content": content}) for _ in range(5)]
    numbers = [answer.json()["id"] for answer in created]
    for number in numbers:
        ended(admin, number)
    spans = [list(map(float, (outputs(server, number) / "times").read_text().split())) for number in numbers]
    assert [len(span) for span in spans] == [2] * 5
    moments = sorted([(begun, 1) for begun, _ in spans] + [(end, -1) for _, end in spans])
    alive, most = 0, 0
    for _, change in moments:
        alive += change
        most = max(most, alive)
    assert most == RUNNER_SLOTS
    # First come, first served, but for two that begin together; whoever is passed over begins 6 s late.
    begins = [begun for begun, _ in spans]
    assert all(earlier - later < 5.5 for earlier, later in pairwise(begins))


def test_each_end_has_a_reason_that_a_person_understands(admin: Person, run: Run) -> None:
    number = run("python -c 'import no_such_module_anywhere'")
    ended(admin, number, "failed")
    shown = admin.cli("experiment", "-xp", str(number), "statuses").stdout
    assert "exit code 1" in shown.lower()
    assert "No module named 'no_such_module_anywhere'" in log(admin, number)
