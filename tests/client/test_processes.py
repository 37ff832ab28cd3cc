"""Whole scripts in processes of their own: exit, exceptions, signals, children, a server that is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.client.conftest import Script, base_env, finish, managed_env, outside_env, wait_until
from tests.client.recorder import Answer, Recorder

MANAGED = """
from polyaxon_client.tracking import Experiment
experiment = Experiment()
for epoch in range(1, 101):
    experiment.log_metrics(step=epoch, loss=1.0 / epoch, accuracy=0.5)
"""
OUTSIDE = """
from polyaxon_client.tracking import Experiment
experiment = Experiment("ada/digits", track_code=False, track_env=False).create(name="mine", tags=["a"])
experiment.log_metrics(step=1, loss=0.5)
"""


def test_managed_run_is_flushed_at_exit(recorder: Recorder, script: Script) -> None:
    code, _, err = finish(script(MANAGED, managed_env(recorder.url)))
    assert (code, err) == (0, "")
    points = recorder.points()
    assert [p["step"] for p in points] == list(range(1, 101))
    assert points[3]["values"] == {"loss": 0.25, "accuracy": 0.5}
    assert recorder.statuses() == []
    (env,) = recorder.of("PATCH", "ada/digits/experiments/12/")
    assert env.json["run_env"]["launch_file"].endswith("script0.py")
    assert {one.headers["authorization"] for one in recorder.asked} == {"Token t0ken"}


def test_run_in_a_group_reports_under_its_own_id(recorder: Recorder, script: Script) -> None:
    finish(script(MANAGED, managed_env(recorder.url, "ada.digits.3.12")))
    assert recorder.of("POST", "ada/digits/experiments/12/metrics/")


def test_run_outside_has_a_life(recorder: Recorder, script: Script) -> None:
    code, _, err = finish(script(OUTSIDE, outside_env(recorder.port)))
    assert (code, err) == (0, "")
    (created,) = recorder.of("POST", "ada/digits/experiments/")
    assert created.json == {"name": "mine", "tags": ["a"], "backend": "other", "is_managed": False}
    assert recorder.statuses() == ["running", "succeeded"]
    assert len(recorder.points()) == 1
    assert recorder.asked[-1].path.endswith("/statuses/")


def test_uncaught_exception_fails_the_run_and_still_prints(recorder: Recorder, script: Script) -> None:
    boom = (
        """
import sys
def mine(*args):
    print("my hook", file=sys.stderr)
    sys.__excepthook__(*args)
sys.excepthook = mine
"""
        + OUTSIDE
        + "\nraise ValueError('boom')\n"
    )
    code, _, err = finish(script(boom, outside_env(recorder.port)))
    assert code == 1
    assert "my hook" in err
    assert "ValueError: boom" in err
    assert recorder.statuses() == ["running", "failed"]
    failed = recorder.of("POST", "/statuses/")[-1].json
    assert failed["message"] == "ValueError: boom"
    assert "raise ValueError('boom')" in failed["traceback"]


WAITING = "\nimport time\nprint('ready', flush=True)\ntime.sleep(60)\n"


def wait_ready(process: object) -> None:
    assert process.stdout.readline().strip() == "ready"  # type: ignore[attr-defined]


def test_sigterm_flushes_then_ends_by_the_same_signal(recorder: Recorder, script: Script) -> None:
    process = script(OUTSIDE + WAITING, outside_env(recorder.port, POLYAXON_INTERVAL="30"))
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    code, _, _ = finish(process)
    assert code == -signal.SIGTERM
    assert len(recorder.points()) == 1
    assert recorder.statuses()[-1] == "stopped"


def test_managed_run_ended_by_sigterm_posts_no_status(recorder: Recorder, script: Script) -> None:
    process = script(MANAGED + WAITING, managed_env(recorder.url, POLYAXON_INTERVAL="30"))
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == -signal.SIGTERM
    assert len(recorder.points()) == 100
    assert recorder.statuses() == []


def test_handler_of_the_script_is_left_alone(recorder: Recorder, script: Script) -> None:
    own = (
        """
import signal, sys
def mine(*_):
    print("mine", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, mine)
"""
        + MANAGED
        + "assert signal.getsignal(signal.SIGTERM) is mine\n"
        + WAITING
    )
    process = script(own, managed_env(recorder.url, POLYAXON_INTERVAL="30"))
    wait_ready(process)
    process.send_signal(signal.SIGTERM)
    code, out, _ = finish(process)
    assert (code, out.strip()) == (3, "mine")
    assert len(recorder.points()) == 100


def test_interrupt_from_the_keyboard_stops_the_run(recorder: Recorder, script: Script) -> None:
    process = script(OUTSIDE + WAITING, outside_env(recorder.port))
    wait_ready(process)
    process.send_signal(signal.SIGINT)
    finish(process)
    assert recorder.statuses() == ["running", "stopped"]


def test_fork_the_child_tracks_for_itself(recorder: Recorder, script: Script) -> None:
    forked = (
        OUTSIDE
        + """
import os, sys
pid = os.fork()
experiment.log_metrics(step=2 if pid else 3, loss=0.1)
if pid == 0:
    sys.exit(0)
os.waitpid(pid, 0)
"""
    )
    code, _, err = finish(script(forked, outside_env(recorder.port, POLYAXON_INTERVAL="2")))
    assert (code, err) == (0, "")
    assert sorted(p["step"] for p in recorder.points()) == [1, 2, 3]
    assert recorder.statuses() == ["running", "succeeded"]


def test_children_of_multiprocessing_are_flushed(recorder: Recorder, script: Script) -> None:
    pool = """
import multiprocessing
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
def work(number):
    experiment.log_metrics(step=number, loss=0.1)
context = multiprocessing.get_context("fork")
workers = [context.Process(target=work, args=(number,)) for number in range(3)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert [worker.exitcode for worker in workers] == [0, 0, 0]
"""
    code, _, err = finish(script(pool, managed_env(recorder.url, POLYAXON_INTERVAL="5")))
    assert (code, err) == (0, "")
    assert sorted(p["step"] for p in recorder.points()) == [0, 1, 2]


def test_terminated_child_dies_at_once_and_leaves_the_run_alone(recorder: Recorder, script: Script) -> None:
    code = (
        OUTSIDE
        + """
import multiprocessing, time
child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
child.start()
time.sleep(0.3)
started = time.monotonic()
child.terminate()
child.join()
print(child.exitcode, time.monotonic() - started < 30)
"""
    )
    _, out, _ = finish(script(code, outside_env(recorder.port)))
    assert out.split() == ["-15", "True"]
    assert recorder.statuses() == ["running", "succeeded"]


def test_server_away_does_not_slow_the_loop_and_exit_is_bounded(recorder: Recorder, script: Script) -> None:
    loop = """
import time
from polyaxon_client.tracking import Experiment
experiment = Experiment()
taken = []
for epoch in range(1, 101):
    started = time.perf_counter()
    experiment.log_metrics(step=epoch, loss=1.0 / epoch, accuracy=0.5)
    taken.append(time.perf_counter() - started)
print(sorted(taken)[90])
"""
    with recorder.down():
        started = time.monotonic()
        code, out, err = finish(script(loop, managed_env(recorder.url, POLYAXON_TIMEOUT="2")))
        took = time.monotonic() - started
    assert code == 0
    # Of a hundred calls, so that a machine that stands still for a moment is none of theirs.
    assert float(out) < 0.1
    assert took < 18  # not the 20 s of the default
    assert err.count("no connection") == 1
    assert err.count("polyaxon sync") == 1
    assert "lost" not in err
    assert "Traceback" not in err


def test_server_comes_back_while_the_script_exits(recorder: Recorder, script: Script) -> None:
    with recorder.down():
        process = script(MANAGED + "\nprint('ready', flush=True)\n", managed_env(recorder.url, POLYAXON_TIMEOUT="60"))
        wait_ready(process)
        time.sleep(1.0)
    assert finish(process)[0] == 0
    assert len(recorder.points()) == 100


@pytest.mark.parametrize("status", [500, 401, 404])
def test_a_server_that_only_errs_never_raises(recorder: Recorder, script: Script, status: int) -> None:
    recorder.failures = [Answer(status, b"<html>oops</html>")] * 1000
    code, _, err = finish(script(MANAGED, managed_env(recorder.url, POLYAXON_TIMEOUT="1")))
    assert code == 0
    # Not the bare number, which may also stand in the name of a folder.
    assert err.count(f"answers {status}") + err.count(f"with {status}") in {1, 2}
    assert "Traceback" not in err


def test_creation_waits_for_a_server_that_is_away(recorder: Recorder, script: Script) -> None:
    with recorder.down():
        process = script(OUTSIDE + "\nprint('ready', flush=True)\n", outside_env(recorder.port))
        wait_ready(process)
    code, _, err = finish(process)
    assert code == 0
    assert "the run is created when it is back" in err
    assert recorder.statuses() == ["running", "succeeded"]
    assert len(recorder.points()) == 1


def test_refused_creation_is_one_clear_line(recorder: Recorder, script: Script) -> None:
    recorder.route("POST", "ada/digits/experiments/", Answer(404, b'{"detail": "No such project."}'))
    code, _, err = finish(script(OUTSIDE, outside_env(recorder.port)))
    assert code == 1
    assert (
        err.strip().splitlines()[-1].endswith(f"404 on {recorder.url}/api/v1/ada/digits/experiments/: No such project.")
    )


def test_log_records_are_forwarded(recorder: Recorder, script: Script) -> None:
    talk = (
        "import logging\nlogging.basicConfig(level=logging.INFO)\n"
        + OUTSIDE
        + """
logging.getLogger("app").info("hello %s", "world")
logging.getLogger("polyaxon.inner").warning("not this")
"""
    )
    finish(script(talk, outside_env(recorder.port)))
    (line,) = recorder.lines()
    assert line.endswith(" UTC INFO -- hello world")
    assert len(line.split(" UTC ")[0]) == len("2020-01-02 03:04:05")


def test_warnings_of_a_script_without_logging_are_still_printed_once(recorder: Recorder, script: Script) -> None:
    talk = OUTSIDE + "import logging\nlogging.getLogger('app').warning('look out')\nlogging.info('hush')\n"
    _, _, err = finish(script(talk.replace("logging.info", "logging.getLogger().info"), outside_env(recorder.port)))
    assert err == "look out\n"
    own = "import logging\nlogging.basicConfig(format='%(message)s')\n" + talk
    _, _, err = finish(script(own, outside_env(recorder.port)))
    assert err == "look out\n"


def test_no_op_makes_no_request_and_returns_none(recorder: Recorder, script: Script) -> None:
    code = """
from polyaxon_client.tracking import Experiment, Group, Job, get_outputs_path, get_data_paths
e = Experiment("ada/digits")
assert e.create() is e and e.log_metrics(a=1) is None and e.get_params() is None
assert get_outputs_path() is None and get_data_paths() is None
assert e.client is None and Job().create().log_params(a=1) is None
assert Group("ada/digits").create().create_experiment().log_metrics(a=1) is None
e.log_artifact("/nowhere"); e.send_logs("x"); e.log_succeeded()
print("fine")
"""
    done = finish(script(code, outside_env(recorder.port, POLYAXON_NO_OP="true")))
    assert done == (0, "fine\n", "")
    assert recorder.asked == []


def synced(home: Path, server: Recorder, *arguments: str) -> tuple[int, str]:
    """Exit code and output of `polyaxon sync` in the same account."""
    env = {**base_env(home), **outside_env(server.port), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "polyaxon_cli", "sync", *arguments],
        env=env,
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_what_a_process_could_not_send_is_sent_by_sync(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    with recorder.down():
        finish(script(MANAGED, managed_env(recorder.url, POLYAXON_TIMEOUT="1")))
    code, out = synced(tmp_path, recorder)
    assert (code, "101 updates of ada/digits" in out) == (0, True), out
    assert [p["step"] for p in recorder.points()] == list(range(1, 101))
    assert synced(tmp_path, recorder) == (0, "Nothing waits to be sent.\n")


def test_sync_lists_keeps_and_asks_before_another_server(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    with recorder.down():
        finish(script(MANAGED, managed_env(recorder.url, POLYAXON_TIMEOUT="1")))
    spool = tmp_path / ".polyaxon" / "spool"
    (folder,) = spool.iterdir()
    code, out = synced(tmp_path, recorder, "--list")
    assert (code, "101 updates of ada/digits" in out, "wait" in out) == (0, True, True)
    assert recorder.asked == []
    other = Recorder()
    try:
        assert "wait" in synced(tmp_path, other)[1]
        assert other.asked == []
        # Who names a folder means it.
        assert synced(tmp_path, other, str(folder), "--keep")[0] == 0
        assert len(other.points()) == 100
    finally:
        other.close()
    assert synced(tmp_path, recorder) == (
        0,
        f"{folder}: 0 updates of ada/digits for {recorder.url}/api/v1/ were sent.\n",
    )
    assert not folder.exists()
    code, out = synced(tmp_path, recorder, str(tmp_path / "nowhere"))
    assert (code, "does not exist" in out) == (2, True)


def spooled_points(home: Path) -> int:
    """How many points wait on disk, in whole lines."""
    lines = [
        line
        for file in (home / ".polyaxon" / "spool").glob("*/*.jsonl")
        for line in file.read_bytes().splitlines(keepends=True)
    ]
    kept = [json.loads(line) for line in lines if line.endswith(b"\n")]
    return sum(len(one["payload"]) for one in kept if one["lane"] == "metrics")


def test_a_process_that_is_killed_loses_no_more_than_a_moment(
    recorder: Recorder, script: Script, tmp_path: Path
) -> None:
    with recorder.down():
        process = script(MANAGED + WAITING, managed_env(recorder.url))
        wait_ready(process)
        wait_until(lambda: spooled_points(tmp_path) == 100)
        process.kill()
        process.communicate()
    assert synced(tmp_path, recorder)[0] == 0
    assert [p["step"] for p in recorder.points()] == list(range(1, 101))


def test_terminated_while_the_server_is_away(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    with recorder.down():
        process = script(MANAGED + WAITING, managed_env(recorder.url, POLYAXON_TIMEOUT="1"))
        wait_ready(process)
        process.send_signal(signal.SIGTERM)
        assert finish(process)[0] == -signal.SIGTERM
    assert synced(tmp_path, recorder)[0] == 0
    assert len(recorder.points()) == 100


def test_children_keep_what_they_could_not_send(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    pool = """
import multiprocessing
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
def work(number):
    experiment.log_metrics(step=number, loss=0.1)
with multiprocessing.get_context("fork").Pool(2) as pool:
    pool.map(work, range(1, 11))
    pool.close()
    pool.join()
experiment.log_metrics(step=0, loss=0.1)
"""
    with recorder.down():
        code, _, _ = finish(script(pool, managed_env(recorder.url, POLYAXON_TIMEOUT="1")))
    assert code == 0
    assert synced(tmp_path, recorder)[0] == 0
    assert sorted(p["step"] for p in recorder.points()) == list(range(11))


def test_offline_makes_no_request_and_is_sent_by_sync(recorder: Recorder, script: Script, tmp_path: Path) -> None:
    code = OUTSIDE + "experiment.log_params(a=1); experiment.log_failed(); print(experiment.experiment_id)\n"
    before = int(time.time())
    status, out, err = finish(script(code, {"POLYAXON_IS_OFFLINE": "1"}))
    assert (status, err) == (0, "")
    assert before <= int(out) <= time.time()
    assert recorder.asked == []
    code, out = synced(tmp_path, recorder)
    assert code == 0, out
    (created,) = recorder.of("POST", "ada/digits/experiments/")
    assert created.json == {"name": "mine", "tags": ["a"], "backend": "other", "is_managed": False}
    assert recorder.statuses() == ["running", "failed"]
    assert recorder.of("PATCH", "ada/digits/experiments/12/")[0].json == {"params": {"a": 1}, "merge": True}
    assert recorder.points() == [{"values": {"loss": 0.5}, "created_at": recorder.points()[0]["created_at"], "step": 1}]


@pytest.mark.parametrize("is_up", [True, False], ids=["server up", "server away"])
def test_logging_a_point_costs_microseconds(recorder: Recorder, script: Script, is_up: bool) -> None:
    code = """
import statistics, time
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
taken = []
for step in range(50000):
    started = time.perf_counter()
    experiment.log_metrics(step=step, loss=0.5, accuracy=0.25, lr=0.001, norm=3.0)
    taken.append(time.perf_counter() - started)
print(statistics.median(taken))
"""
    if is_up:
        _, out, err = finish(script(code, managed_env(recorder.url)))
        assert err == ""
        assert len(recorder.points()) == 50000
    else:
        with recorder.down():
            _, out, _ = finish(script(code, managed_env(recorder.url, POLYAXON_TIMEOUT="1")))
    assert float(out) < 20e-6


def test_calls_stay_apart_however_quick_they_are(recorder: Recorder, script: Script) -> None:
    code = """
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
for step in range(5000):
    experiment.log_metrics(step=step, a=0.5)
    experiment.log_metrics(step=step, b=0.25)
"""
    finish(script(code, managed_env(recorder.url)))
    points = sorted(recorder.points(), key=lambda point: point["created_at"])
    assert len({round(point["created_at"] * 1e6) for point in points}) == len(points) == 10_000
    assert [set(point["values"]) for point in points[:4]] == [{"a"}, {"b"}] * 2


def test_sigterm_while_the_script_is_busy_logging(recorder: Recorder, script: Script) -> None:
    code = """
from polyaxon_client.tracking import Experiment
experiment = Experiment(track_env=False)
print("ready", flush=True)
step = 0
while True:
    experiment.log_metrics(step=step, loss=0.5)
    step += 1
    if step % 5000 == 0:
        experiment.flush(60)
"""
    process = script(code, managed_env(recorder.url))
    wait_ready(process)
    wait_until(lambda: len(recorder.points()) > 100)
    os.kill(process.pid, signal.SIGTERM)
    assert finish(process)[0] == -signal.SIGTERM
    steps = [p["step"] for p in recorder.points()]
    assert steps == list(range(len(steps)))
    assert len(steps) > 100


def test_a_creation_whose_answer_is_lost_is_made_once(recorder: Recorder, script: Script) -> None:
    recorder.failures = [Answer(201, b'{"id": 7}', cut=True), Answer(503)]
    code = "from polyaxon_client.tracking import Job\nJob('ada/digits', track_env=False, track_logs=False).create()\n"
    finish(script(code, outside_env(recorder.port)))
    posts = recorder.of("POST", "ada/digits/jobs/")
    assert [one.status for one in posts] == [201, 503, 201]
    keys = {one.headers["idempotency-key"] for one in posts}
    assert len(keys) == 1
    assert all(keys)
