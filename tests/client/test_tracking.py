"""Which request each tracking call makes."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.conftest import Script, finish, managed_env, outside_env
from tests.client.recorder import Answer, Asked, Recorder

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "from polyaxon_client.tracking import *\n"
QUIET = "track_code=False, track_env=False, track_logs=False"


def ran(script: Script, code: str, env: dict[str, str]) -> str:
    status, out, err = finish(script(HEAD + code, env))
    assert status == 0, err
    return out


def patches(recorder: Recorder, path: str = "ada/digits/experiments/12/") -> list[Any]:
    return [one.json for one in recorder.of("PATCH", path)]


def test_params_tags_and_the_like(recorder: Recorder, script: Script) -> None:
    code = """
e = Experiment(track_env=False)
e.log_params(lr=0.1, layers=[1, 2], bad=float("nan"))
e.log_params(reset=True, lr=0.2)
e.log_tags("a, b,,c")
e.log_tags(["d"], reset=True)
e.log_data_ref([1, 2, 3], data_name="train")
e.log_framework("scikit-learn"); e.log_backend("other")
e.set_name("n"); e.set_description("d"); e.log_build(7)
"""
    ran(script, code, managed_env(recorder.url))
    assert patches(recorder) == [
        {"params": {"lr": 0.1, "layers": [1, 2], "bad": "NaN"}, "merge": True},
        {"params": {"lr": 0.2}},
        {"tags": ["a", "b", "c"], "merge": True},
        {"tags": ["d"]},
        {"data_refs": {"train": "49a5a960c5714c2e29dd1a7e7b950741"[:12]}, "merge": True},
        {"framework": "scikit-learn"},
        {"backend": "other"},
        {"name": "n"},
        {"description": "d"},
        {"build_job": "7"},
    ]


def test_statuses_end_with_the_first_final_one(recorder: Recorder, script: Script) -> None:
    code = "e = Experiment(track_env=False)\ne.start()\ne.log_status('warning', 'careful')\n"
    code += "e.succeeded()\ne.failed('late')\n"
    ran(script, code, managed_env(recorder.url))
    bodies = [one.json for one in recorder.of("POST", "/statuses/")]
    assert bodies == [
        {"status": "running"},
        {"status": "warning", "message": "careful"},
        {"status": "succeeded"},
    ]


def test_metrics_of_every_kind(recorder: Recorder, script: Script) -> None:
    code = """
from datetime import datetime, timezone
class Scalar:
    def item(self): return 2.5
e = Experiment(track_env=False)
e.log_metrics(loss=float("nan"), up=float("inf"), down=float("-inf"), n=3, flag=True, none=None, t=Scalar())
e.log_metrics(step=5, timestamp=datetime(2020, 1, 2, 3, 4, 5, 6, timezone.utc), a=1)
e.log_metrics(step=Scalar(), timestamp=0, a=2)
e.log_metrics(timestamp="2020-01-02T03:04:05Z", a=3)
e.log_metrics(**{"Verlust \u00b5/\U0001f600": 1.0})
e.log_metrics(text="x", list=[1], a=4)
e.log_metrics(text="y")
e.log_metrics(step="soon", timestamp="later", a=5)
"""
    status, _, err = finish(script(HEAD + code, managed_env(recorder.url)))
    assert status == 0
    points = recorder.points()
    assert points[0]["values"] == {
        "loss": "NaN", "up": "Infinity", "down": "-Infinity", "n": 3, "flag": 1, "t": 2.5,
    }  # fmt: skip
    assert "step" not in points[0]
    assert points[1] == {"values": {"a": 1}, "created_at": "2020-01-02 03:04:05.000006+00:00", "step": 5}
    assert points[2] == {"values": {"a": 2}, "created_at": "1970-01-01 00:00:00.000000+00:00", "step": 2}
    assert points[3]["created_at"] == "2020-01-02 03:04:05.000000+00:00"
    assert points[4]["values"] == {"Verlust µ/😀": 1.0}
    assert [p["values"] for p in points[5:]] == [{"a": 4}, {"a": 5}]
    assert "step" not in points[6]
    assert err.count("metric 'text' is left out") == 1
    assert err.count("not a whole number") == 1
    assert err.count("is not a time") == 1


def test_values_without_a_json_form_are_left_out(recorder: Recorder, script: Script) -> None:
    code = "loop = []\nloop.append(loop)\ne = Experiment(track_env=False)\n"
    code += "e.log_params(a=loop)\ne.log_params(b=1)\n"
    status, _, err = finish(script(HEAD + code, managed_env(recorder.url)))
    assert status == 0
    assert patches(recorder) == [{"params": {"b": 1}, "merge": True}]
    assert err.count("left out") == 1


def test_logs_are_sent_as_a_list_of_lines(recorder: Recorder, script: Script) -> None:
    code = "e = Experiment(track_env=False)\ne.send_logs('one')\ne.send_logs('zwei \u00fc')\n"
    ran(script, code, managed_env(recorder.url))
    assert recorder.lines() == ["one", "zwei ü"]


def test_environment_of_a_managed_run(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    env = managed_env(
        recorder.url,
        POLYAXON_RUN_OUTPUTS_PATH=str(tmp_path),
        POLYAXON_RUN_DATA_PATHS='{"data": "/data"}',
        POLYAXON_REFS_OUTPUTS_PATHS='{"jobs": ["/j"]}',
        POLYAXON_LOG_LEVEL="DEBUG",
        POLYAXON_PARAMS='{"lr": 0.5}',
        POLYAXON_TASK_INFO='{"type": "master", "index": 0}',
        POLYAXON_CLUSTER='{"master": ["a:1"]}',
    )
    code = """
import json, os
e = Experiment(track_env=False)
tf = e.get_tf_config()
assert json.loads(os.environ["TF_CONFIG"]) == tf
print(json.dumps([get_outputs_path(), get_data_paths(), get_outputs_refs_paths(), get_log_level(),
    get_base_outputs_path(), e.get_outputs_path(), e.get_params(), e.get_declarations(), e.experiment_id, tf,
    e.get_experiment_info()["project_name"]]))
"""
    answers = json.loads(ran(script, code, env))
    assert answers[:9] == [
        str(tmp_path), {"data": "/data"}, {"jobs": ["/j"]}, "DEBUG",
        None, str(tmp_path), {"lr": 0.5}, {"lr": 0.5}, 12,
    ]  # fmt: skip
    assert answers[9]["task"] == {"type": "master", "index": 0}
    assert answers[10] == "ada.digits"


def test_helpers_raise_outside_of_a_run(recorder: Recorder, script: Script) -> None:
    code = """
from polyaxon_client.exceptions import PolyaxonClientException
for helper in (get_outputs_path, get_data_paths, get_outputs_refs_paths, get_log_level):
    try:
        helper()
    except PolyaxonClientException as error:
        print(error)
print(get_base_outputs_path())
"""
    out = ran(script, code, outside_env(recorder.port, POLYAXON_BASE_OUTPUTS_PATH="/base")).splitlines()
    assert len(out) == 5
    assert "only known inside of a run" in out[0]
    assert out[4] == "/base"


def test_job_outside_sends_its_environment_and_succeeds(recorder: Recorder, script: Script) -> None:
    out = ran(
        script,
        "j = Job('ada.digits', track_code=False).create(name='j', build_id=3, base_outputs_path='/base')\n"
        "print(j.job_id, j.get_outputs_path())\n",
        outside_env(recorder.port),
    )
    assert out.split() == ["12", "/base/ada/digits/jobs/12"]
    (created,) = recorder.of("POST", "ada/digits/jobs/")
    assert created.json == {"name": "j", "backend": "other", "build_job": "3", "is_managed": False}
    (env,) = patches(recorder, "ada/digits/jobs/12/")
    assert env["run_env"]["packages"]
    assert recorder.statuses() == ["running", "succeeded"]


def test_managed_job(recorder: Recorder, script: Script) -> None:
    env = managed_env(recorder.url)
    env["POLYAXON_JOB_INFO"] = env.pop("POLYAXON_EXPERIMENT_INFO").replace("experiment", "job").replace("12", "jobs.5")
    out = ran(script, "j = Job(track_env=False)\nj.log_tags('x')\nprint(j.create() is j, j.job_id)\n", env)
    assert out.split() == ["True", "5"]
    assert patches(recorder, "ada/digits/jobs/5/") == [{"tags": ["x"], "merge": True}]


def test_code_reference_only_where_there_is_one(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    code = "Job('ada/digits', track_env=False, track_logs=False).create()\n"
    ran(script, code, outside_env(recorder.port))
    assert recorder.of("POST", "/coderef/") == []
    for args in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=b@c", "commit", "-qm", "x", "--allow-empty"]):
        subprocess.run(["git", *args], cwd=tmp_path, check=True)
    ran(script, code, outside_env(recorder.port))
    (ref,) = recorder.of("POST", "ada/digits/jobs/12/coderef/")
    assert len(ref.json["commit"]) == 40


def test_server_without_a_route_for_logs_of_jobs(recorder: Recorder, script: Script) -> None:
    recorder.route("POST", "ada/digits/jobs/12/logs/", Answer(405, b'{"detail": "no"}'))
    code = f"j = Job('ada/digits', {QUIET}).create()\nj.send_logs('x')\n"
    assert finish(script(HEAD + code, outside_env(recorder.port))) == (0, "", "")
    assert recorder.statuses() == ["running", "succeeded"]


def test_group_and_its_experiments(recorder: Recorder, script: Script) -> None:
    recorder.route("POST", "ada/digits/groups/", Answer(201, b'{"id": 3}'))
    code = f"""
g = Group("digits", {QUIET}).create(name="g", base_outputs_path="/base")
e = g.create_experiment(name="e", framework="x")
e.log_metrics(a=1)
print(g.group_id, e.experiment_id, e.get_outputs_path())
e.log_succeeded()
g.log_succeeded()
"""
    assert ran(script, code, outside_env(recorder.port)).split() == ["3", "12", "/base/ada/digits/3/12"]
    assert recorder.of("POST", "/groups/")[0].json == {"name": "g", "is_managed": False}
    created = recorder.of("POST", "/experiments/")[0].json
    assert created["experiment_group"] == 3
    said = {one.path.split("/")[2]: one.json["status"] for one in recorder.of("POST", "/statuses/")}
    assert said == {"groups": "done", "experiments": "succeeded"}


def test_group_left_to_itself_is_done_at_exit(recorder: Recorder, script: Script) -> None:
    ran(script, f"Group('ada/digits', {QUIET}).create()\n", outside_env(recorder.port))
    assert recorder.statuses() == ["running", "done"]


def test_heartbeat_of_a_run(recorder: Recorder, script: Script) -> None:
    code = """
import time
started = time.monotonic()
e = Experiment(track_env=False)
print("begun", flush=True)
input()
print(time.monotonic() - started)
"""
    process = script(HEAD + code, managed_env(recorder.url, HEALTH_CHECK_INTERVAL="0.3"), stdin=subprocess.PIPE)
    recorder.wait_for("POST", "ada/digits/experiments/12/_heartbeat/", 2)
    out, err = process.communicate("\n", timeout=60)
    assert (process.returncode, err) == (0, "")
    # The last may come between its end and the end of the process.
    most = float(out.split()[1]) / 0.3 + 1
    assert len(recorder.of("POST", "ada/digits/experiments/12/_heartbeat/")) <= most


def test_entity_data(recorder: Recorder, script: Script) -> None:
    recorder.route("GET", "ada/digits/experiments/12/", {"id": 12, "last_status": "running"})
    code = "print(Experiment(track_env=False).get_entity_data()['last_status'])\n"
    assert ran(script, code, managed_env(recorder.url)) == "running\n"


def test_an_existing_experiment_is_continued(recorder: Recorder, script: Script) -> None:
    ran(
        script,
        f"Experiment('ada/digits', experiment_id=99, {QUIET}).log_metrics(a=1)\n",
        outside_env(recorder.port),
    )
    assert recorder.of("POST", "ada/digits/experiments/99/metrics/")


def test_clients_of_the_api_lend_their_identity(recorder: Recorder, script: Script) -> None:
    code = f"""
from polyaxon_client.client import PolyaxonClient
client = PolyaxonClient(host="127.0.0.1", port={recorder.port}, token="other")
e = Experiment("ada/digits", client=client, {QUIET}).create()
assert e.client is client
"""
    ran(script, code, {})
    assert {one.headers["authorization"] for one in recorder.asked} == {"Token other"}


def test_unknown_server_is_one_clear_line(script: Script) -> None:
    status, _, err = finish(script(HEAD + "Experiment('ada/digits')\n", {}))
    assert status == 1
    assert err.strip().splitlines()[-1].startswith("polyaxon_client.exceptions.ConfigurationError: no server is")


@pytest.mark.parametrize("project", ["", "a/b/c", "a b", "../x"])
def test_bad_project_names(project: str) -> None:
    from polyaxon_client.exceptions import ConfigurationError
    from polyaxon_client.tracking.names import parse_project

    with pytest.raises(ConfigurationError, match="expected `project`"):
        parse_project(project)


def test_artifacts_of_a_run(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    outputs = tmp_path / "out"
    (tmp_path / "plots" / "deep").mkdir(parents=True)
    (tmp_path / "plots" / "deep" / "a.png").write_text("png")
    (tmp_path / "model.bin").write_text("model")
    code = """
e = Experiment(track_env=False)
e.log_artifact("model.bin")
e.log_artifact("model.bin", name="best/model.bin")
e.log_output("out/model.bin")
e.log_artifacts("plots")
e.log_outputs("plots", name="again")
e.log_artifact("missing.bin")
e.log_artifact("model.bin", name="../escape.bin")
"""
    env = managed_env(recorder.url, POLYAXON_RUN_OUTPUTS_PATH=str(outputs))
    status, _, err = finish(script(HEAD + code, env))
    assert status == 0
    found = sorted(str(path.relative_to(outputs)) for path in outputs.rglob("*") if path.is_file())
    assert found == ["again/deep/a.png", "best/model.bin", "model.bin", "plots/deep/a.png"]
    assert not (tmp_path / "escape.bin").exists()
    assert err.count("is not kept") == 1


def test_files_are_sent_side_by_side(recorder: Recorder, script: Script) -> None:
    """Each upload is answered when three are under way; one after the other, none ever would be."""
    together = threading.Barrier(3)

    def announce(asked: Asked) -> Answer:
        rows = [
            {"path": each["path"], "size": each["size"], "received": 0, "stored": False}
            for each in asked.json["artifacts"]
        ]
        return Answer(201, json.dumps({"artifacts": rows}).encode())

    def take(asked: Asked) -> Answer:
        together.wait(60)
        return Answer(201, b"{}")

    recorder.route("POST", "ada/digits/experiments/12/artifacts/", announce)
    recorder.route("PUT", "ada/digits/experiments/12/artifacts/content/", take)
    code = f"""
e = Experiment("ada/digits", {QUIET}).create()
for name in ("a", "b", "c"):
    open(name, "w").write(name)
    e.log_artifact(name)
assert e.flush(80)
"""
    ran(script, code, outside_env(recorder.port))
    assert sorted(asked.body for asked in recorder.of("PUT", "/artifacts/content/")) == [b"a", b"b", b"c"]
    assert not together.broken
