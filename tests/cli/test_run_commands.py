"""check, run, and what happens to runs: logs, statuses, metrics, stop, clones, outputs."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon_cli import state
from polyaxon_cli.errors import EXIT_WRONG_KIND
from tests.cli.wire_server import CREATED, USER, Platform, Server
from tests.schemas.era import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]

EXPERIMENT = "version: 1\nkind: experiment\nparams: {lr: 0.1}\nrun:\n  cmd: python train.py --lr={{ lr }}\n"
GROUP = """\
version: 1
kind: group
hptuning:
  concurrency: 2
  random_search: {n_experiments: 8}
  matrix:
    lr: {uniform: 0.1:0.9}
run:
  cmd: python train.py --lr={{ lr }}
"""


@pytest.fixture
def files(work: Path) -> Path:
    (work / "experiment.yaml").write_text(EXPERIMENT)
    (work / "group.yaml").write_text(GROUP)
    (work / "job.yaml").write_text("version: 1\nkind: job\nbuild: {image: busybox}\nrun: {cmd: ls}\n")
    (work / "gpu.yaml").write_text("params: {lr: 0.5, batch: 8}\n")
    (work / "bad.yaml").write_text("version: 1\nkind: experiment\nrun:\n  cmdd: x\n")
    return work


def test_check_is_local(polyaxon: Tool, files: Path) -> None:
    result = polyaxon("check", "-f", "experiment.yaml", "--version", "-def")
    assert (result.exit_code, "valid" in result.stdout) == (0, True)
    assert "The version is: 1" in result.stdout
    assert "python train.py" in result.stdout


def test_check_shows_a_search(polyaxon: Tool, files: Path) -> None:
    lines = [line.split(maxsplit=2) for line in polyaxon("check", "-f", "group.yaml", "-def").stdout.splitlines()]
    assert ["search", "algorithm", "random_search"] in lines
    assert ["concurrency", "2", "concurrent runs"] in lines
    assert ["experiments", "8"] in lines


def test_an_invalid_file_is_told_with_file_line_and_key(polyaxon: Tool, files: Path) -> None:
    result = polyaxon("check", "-f", "bad.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: bad.yaml:")
    assert any("bad.yaml:4: run.cmdd: " in line for line in result.stderr.splitlines())


def test_all_files_are_looked_at_before_the_first_complaint(polyaxon: Tool, files: Path) -> None:
    (files / "torn.yaml").write_text("a: b: c")
    told = polyaxon("check", "-f", "torn.yaml", "-f", "missing.yaml", "-f", "experiment.yaml").stderr
    assert "torn.yaml:1: not valid YAML" in told
    assert "missing.yaml: no such file" in told


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_name_without_a_value_is_refused_unless_lenient(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path, command: str
) -> None:
    (work / "polyaxonfile.yaml").write_text(EXPERIMENT.replace("{{ lr }}", "{{ lrr }}"))
    result = polyaxon(command)
    assert result.exit_code == 1
    assert "polyaxonfile.yaml:5: run.cmd: 'lrr' has no value; did you mean 'lr'?" in result.stderr
    lenient = polyaxon(command, "--lenient")
    assert lenient.exit_code == 0
    assert "Warning: 'lrr' has no value" in lenient.stderr


def test_check_shows_the_order_of_a_pipeline_and_run_refuses_it(
    polyaxon: Tool, project: dict[str, Any], work: Path
) -> None:
    (work / "polyaxonfile.yaml").write_text(ACCEPTED["a pipeline"])
    lines = [line.split(maxsplit=1) for line in polyaxon("check", "-def").stdout.splitlines()]
    assert ["data", "job, step 1"] in lines
    assert ["slow", "experiment, step 2, after data"] in lines
    assert ["report", "job, step 3, after slow"] in lines
    assert polyaxon("run").exit_code == EXIT_WRONG_KIND


def test_old_names_are_warned_about_and_take_parameters(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path
) -> None:
    (work / "polyaxonfile.yaml").write_text(EXPERIMENT.replace("params", "declarations"))
    result = polyaxon("run", "-P", "lr=0.2")
    assert result.exit_code == 0
    assert "Warning: 'declarations' is the old name of 'params'" in result.stderr
    assert json.loads(platform.sent().json["content"])["params"] == {"lr": "0.2"}


def test_the_default_file_is_found(polyaxon: Tool, work: Path) -> None:
    assert polyaxon("check").exit_code == 1
    (work / "polyaxonfile.yml").write_text(EXPERIMENT)
    assert polyaxon("check").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-P", "lr"], "'lr' is not a parameter"),
        (["-P", "a=1", "-P", "a=2"], "given twice"),
        (["-P", "=1"], "'=1'"),
    ],
)
def test_malformed_parameters(polyaxon: Tool, files: Path, arguments: list[str], said: str) -> None:
    result = polyaxon("check", "-f", "experiment.yaml", *arguments)
    assert result.exit_code == 1
    assert said in result.stderr


def test_run_sends_the_merged_files_as_json_text(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    result = polyaxon(
        "run", "-f", "experiment.yaml", "-f", "gpu.yaml", "-P", "batch=16",
        "--name=first", "--tags=a, b", "--description=try", "--ttl=5",
    )  # fmt: skip
    assert result.exit_code == 0
    first, page, follow = result.stdout.splitlines()
    assert first == "Experiment `1` was created."
    assert page.split()[0] == "page"
    assert page.endswith(f"/app/{USER}/digits/experiments/1")
    assert follow.split(maxsplit=1) == ["follow", "polyaxon experiment -xp 1 logs"]
    request = platform.sent()
    assert (request.method, request.path) == ("POST", f"/api/v1/{USER}/digits/experiments/")
    sent = request.json
    content = json.loads(sent.pop("content"))
    assert sent == {"name": "first", "tags": ["a", "b"], "description": "try", "ttl": 5, "is_managed": True}
    assert content["params"] == {"lr": 0.5, "batch": "16"}
    assert content["run"] == {"cmd": "python train.py --lr={{ lr }}"}


def test_run_remembers_the_run(polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path) -> None:
    polyaxon("run", "-f", "experiment.yaml")
    assert state.CACHES["experiment"].read()["id"] == 1
    assert polyaxon("experiment", "get").exit_code == 0
    assert platform.requests[-1].path == f"/api/v1/{USER}/digits/experiments/1/"


@pytest.mark.parametrize(("file", "kind"), [("group.yaml", "groups"), ("job.yaml", "jobs")])
def test_the_kind_decides_where_it_goes(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path, file: str, kind: str
) -> None:
    assert polyaxon("run", "-f", file, "--ttl=3").exit_code == 0
    assert platform.sent().path == f"/api/v1/{USER}/digits/{kind}/"
    assert ("ttl" in platform.sent().json) is (kind == "jobs")


def test_an_invalid_file_sends_nothing(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    assert polyaxon("run", "-u", "-f", "bad.yaml").exit_code == 1
    assert platform.requests == []


def test_a_wrong_kind_has_its_own_exit_code(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path
) -> None:
    (work / "notebook.yaml").write_text("version: 1\nkind: notebook\nbuild: {image: jupyter}\n")
    assert polyaxon("run", "-f", "notebook.yaml").exit_code == 255
    assert platform.requests == []


@pytest.mark.parametrize("arguments", [["-p", "digits", "-u"], ["--debug"], ["--ttl=-1"], ["--ttl=x"]])
def test_wrong_usage_of_run(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path, arguments: list[str]
) -> None:
    assert polyaxon("run", "-f", "experiment.yaml", *arguments).exit_code == 2
    assert platform.requests == []


def test_debug_sleeps_instead(polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path) -> None:
    assert polyaxon("run", "-f", "experiment.yaml", "--debug", "--ttl=60").exit_code == 0
    sent = platform.sent().json
    assert json.loads(sent["content"])["run"]["cmd"] == "sleep 60"
    assert "ttl" not in sent


def test_run_with_upload_sends_the_code_first(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    assert polyaxon("run", "-u", "-f", "experiment.yaml").exit_code == 0
    assert [request.method for request in platform.requests] == ["PUT", "POST", "GET"]
    assert "json" not in platform.requests[0].parts


def test_run_follows_the_logs_and_ends_with_the_run(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    result = polyaxon("run", "-f", "experiment.yaml", "-l", "--watch")
    assert result.exit_code == 0
    assert [line.partition(" -- ")[2] for line in result.stdout.splitlines() if " -- " in line] == [
        "now scheduled", "now running", "now succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize(("end", "code"), [("succeeded", 0), ("failed", 1), ("stopped", 1)])
@pytest.mark.parametrize("flags", [["--watch"], ["--watch", "-l"]])
def test_the_runs_end_is_the_exit_code(
    polyaxon: Tool,
    project: dict[str, Any],
    platform: Platform,
    files: Path,
    end: str,
    code: int,
    flags: list[str],
) -> None:
    platform.script = ("running", end)
    result = polyaxon("run", "-f", "experiment.yaml", *flags)
    assert result.exit_code == code
    assert f"The experiment 1 ended as {end}" in (result.stderr if code else result.stdout)


@pytest.mark.parametrize("flags", [["--watch"], ["--watch", "-l"]])
def test_a_restart_of_the_server_does_not_end_the_waiting(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, server: Server, files: Path, flags: list[str]
) -> None:
    platform.script = ("running",)
    seen_running = threading.Event()
    step = platform.step

    def observed_step(kind: str, number: int) -> None:
        step(kind, number)
        seen_running.set()

    platform.step = observed_step  # type: ignore[method-assign]

    def restart() -> None:
        assert seen_running.wait(60)
        server.close()
        time.sleep(0.5)
        platform.scripts["experiments", 1] = ["succeeded"]
        revived.append(Server(platform, server.port))

    revived: list[Server] = []
    operator = threading.Thread(target=restart)
    operator.start()
    result = polyaxon("run", "-f", "experiment.yaml", *flags)
    operator.join()
    revived[0].close()
    assert result.exit_code == 0, result.output
    logged = [line for line in result.stdout.splitlines() if " -- " in line]
    assert [line.partition(" -- ")[2] for line in logged] == (["now running", "now succeeded"] if "-l" in flags else [])


def test_logs_alone_do_not_judge_the_run(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    platform.script = ("failed",)
    assert polyaxon("run", "-f", "experiment.yaml", "-l").exit_code == 0


def test_run_as_json_prints_the_created_run(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path
) -> None:
    result = polyaxon("--json", "run", "-f", "experiment.yaml")
    assert json.loads(result.stdout)["id"] == 1


@pytest.fixture
def experiment(platform: Platform, project: dict[str, Any]) -> dict[str, Any]:
    """A finished experiment that this folder has seen."""
    run = platform.add_run(
        "experiments", "digits", description="the first", params={"lr": 0.1}, last_metric={"loss": 0.25},
        run_env={"python_version": "3.11.2", "packages": ["numpy==1", "rich==2"]},
    )  # fmt: skip
    run["last_status"] = "succeeded"
    platform.logs["experiments", 1] = b"2026-01-02 03:04:05 UTC -- one\n2026-01-02 03:04:06 UTC INFO x -- two\n\xff"
    state.CACHES["experiment"].write(run)
    return run


def test_get_shows_what_was_tracked(polyaxon: Tool, experiment: dict[str, Any]) -> None:
    shown = polyaxon("experiment", "get").stdout
    for text in ("the first", "lr  0.1", "loss  0.25", "3.11.2", "2 installed", "succeeded"):
        assert text in shown


def test_an_older_run_stays_the_one_that_was_asked_for(
    polyaxon: Tool, experiment: dict[str, Any], platform: Platform
) -> None:
    platform.add_run("experiments", "digits")
    assert polyaxon("experiment", "-xp", "2", "get").exit_code == 0
    assert state.CACHES["experiment"].read()["id"] == 2
    polyaxon("experiment", "statuses")
    assert platform.requests[-1].path.endswith("/experiments/2/statuses/")


def test_the_last_run_here_means_nothing_in_another_project(polyaxon: Tool, experiment: dict[str, Any]) -> None:
    result = polyaxon("experiment", "-p", "other", "get")
    assert result.exit_code == 1
    assert "Add `-xp ID`" in result.stderr


@pytest.mark.parametrize("flags", [[], ["-f"], ["-p"], ["--past", "--follow"]])
def test_logs_of_a_finished_run_are_printed_whole(polyaxon: Tool, experiment: dict[str, Any], flags: list[str]) -> None:
    result = polyaxon("experiment", "logs", *flags)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "2026-01-02 03:04:05 UTC -- one", "2026-01-02 03:04:06 UTC INFO x -- two", "�",
    ]  # fmt: skip


def test_logs_without_times(polyaxon: Tool, experiment: dict[str, Any]) -> None:
    assert polyaxon("experiment", "logs", "--hide_time").stdout.splitlines() == ["one", "INFO x -- two", "�"]


def test_past_logs_of_a_running_run_end_at_once(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    platform.script = ("running",)
    platform.add_run("experiments", "digits")
    result = polyaxon("experiment", "-xp", "1", "logs", "--past")
    assert result.stdout == "2026-01-02 03:04:07 UTC -- now running\n"


def test_logs_follow_a_running_run_by_default(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    platform.add_run("jobs", "digits")
    result = polyaxon("job", "-j", "1", "logs", "--hide_time")
    assert result.stdout.splitlines() == ["now scheduled", "now running", "now succeeded"]


def test_logs_of_an_unknown_run(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    result = polyaxon("experiment", "-xp", "5", "logs")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Not found (404 on ")


def test_metrics_history_and_summary(polyaxon: Tool, experiment: dict[str, Any], platform: Platform) -> None:
    values = [{"loss": 1.0}, {"loss": 0.25, "acc": 0.5}, {"acc": "NaN"}]
    platform.metrics["experiments", 1] = [
        {"id": n, "experiment": 1, "created_at": CREATED, "values": value} for n, value in enumerate(values)
    ]
    history = polyaxon("experiment", "metrics").stdout.splitlines()
    assert [line.split()[2:] for line in history[2:]] == [["1"], ["0.25", "0.5"], ["NaN"]]
    assert len(polyaxon("experiment", "metrics", "-n", "1").stdout.splitlines()) == 3
    summary = [line.split() for line in polyaxon("experiment", "metrics", "--summary").stdout.splitlines()]
    assert ["loss", "0.25", "0.25", "1", "2"] in summary
    assert ["acc", "nan", "0.5", "0.5", "2"] in summary


def test_all_pages_of_metrics_are_read(polyaxon: Tool, experiment: dict[str, Any], platform: Platform) -> None:
    points = [{"id": n, "experiment": 1, "created_at": CREATED, "values": {"loss": n}} for n in range(2500)]
    platform.metrics["experiments", 1] = points
    assert json.loads(polyaxon("experiment", "metrics", "--json").stdout) == points


def test_statuses_tell_the_reason(polyaxon: Tool, experiment: dict[str, Any]) -> None:
    assert "exit code 0" in polyaxon("experiment", "statuses").stdout


def test_stop_asks_unless_told_not_to(polyaxon: Tool, experiment: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("experiment", "stop", stdin="n\n").exit_code == 0
    assert [request.method for request in platform.requests] == []
    assert polyaxon("experiment", "stop", "-y").exit_code == 0
    assert platform.requests[-1].path.endswith("/experiments/1/stop/")


@pytest.mark.parametrize(
    ("arguments", "verb"), [(["restart"], "restart"), (["restart", "--copy"], "copy"), (["resume"], "resume")]
)
def test_clones(
    polyaxon: Tool,
    experiment: dict[str, Any],
    platform: Platform,
    files: Path,
    arguments: list[str],
    verb: str,
) -> None:
    result = polyaxon("experiment", *arguments, "-f", "gpu.yaml")
    assert (result.exit_code, result.stdout) == (0, "Experiment `2` was created from 1.\n")
    assert platform.requests[-1].path.endswith(f"/experiments/1/{verb}/")
    assert json.loads(platform.sent().json["content"]) == {"params": {"lr": 0.5, "batch": 8}}
    assert state.CACHES["experiment"].read()["id"] == 2


def test_a_clone_with_new_code_uploads_first(
    polyaxon: Tool, experiment: dict[str, Any], platform: Platform, files: Path
) -> None:
    assert polyaxon("experiment", "restart", "-u").exit_code == 0
    assert [request.method for request in platform.requests] == ["PUT", "POST"]
    assert platform.requests[-1].json == {"update_code": True}


def test_outputs_are_saved_under_the_runs_name(polyaxon: Tool, experiment: dict[str, Any], work: Path) -> None:
    assert polyaxon("experiment", "outputs").exit_code == 0
    assert (work / f"{USER}.digits.1.tar.gz").read_bytes() == b"an archive of outputs"


def test_update_and_delete(polyaxon: Tool, experiment: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("experiment", "update").exit_code == 0
    assert platform.requests == []
    assert polyaxon("experiment", "update", "--tags=x").exit_code == 0
    assert platform.requests[-1].json == {"tags": ["x"]}
    assert polyaxon("experiment", "delete", stdin="n\n").exit_code == 1
    assert polyaxon("experiment", "delete", "-y").exit_code == 0
    assert not state.CACHES["experiment"].exists()
    assert not platform.runs


def test_jobs_of_an_experiment(polyaxon: Tool, experiment: dict[str, Any]) -> None:
    assert "master" in polyaxon("experiment", "jobs").stdout


@pytest.mark.parametrize("command", [["experiment", "ls"], ["experiment", "list"], ["project", "experiments"]])
def test_lists_of_experiments(
    polyaxon: Tool, experiment: dict[str, Any], platform: Platform, command: list[str]
) -> None:
    plain = polyaxon(*command, "-q", "status:succeeded", "-s", "-created_at", "-i")
    assert f"{USER}.digits.1" in plain.stdout
    query = platform.requests[-1].query
    assert (query["query"], query["sort"], query["independent"]) == (
        "status:succeeded",
        "-created_at",
        "true",
    )
    assert "loss" in polyaxon(*command, "-m").stdout.split()
    assert platform.requests[-1].query["metrics"] == "true"
    assert "lr" in polyaxon(*command, "-p").stdout.split()
    assert platform.requests[-1].query["params"] == "true"


@pytest.mark.parametrize("line", ["Step {0}/3 : RUN {1}", "#9 [{0}/3] RUN {1}", "#9 [stage-1 {0}/3] RUN {1}"])
def test_watching_shows_the_steps_of_the_build(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, files: Path, line: str
) -> None:
    platform.script = ("running",)
    build = platform.add_run("builds", "digits")
    steps = [line.format(number, name) for number, name in ((1, "apt"), (2, "pip"))]
    platform.logs["builds", build["id"]] = "\n".join([*steps, "Step 3/3 : half a li"]).encode()
    platform.script = ("building", "building", "running", "succeeded")
    platform.build_job = build["unique_name"]
    result = polyaxon("run", "-f", "experiment.yaml", "--watch")
    assert result.exit_code == 0
    told = [text.partition(": ")[2] for text in result.stdout.splitlines() if text.startswith("ada.digits.1: ")]
    assert told == ["building", "step 2/3: RUN pip", "running", "succeeded"]
