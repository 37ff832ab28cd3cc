"""What the `environment` of a file says of the run as a whole, on the real local runner."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from polyaxon import storage
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Experiment, Job
from scheduler.configured import configured_runner
from scheduler.passes import reconcile, slots
from scheduler.passes.dispatch import dispatch
from scheduler.runners.base import Phase
from tests.factories import make_build, make_experiment, make_group, make_job, make_notebook, make_project

pytestmark = pytest.mark.django_db(transaction=True)


def content(cmd: str, kind: str = "experiment", **environment: Any) -> str:
    return json.dumps(
        {"version": 1, "kind": kind, "environment": environment, "build": {"image": "a"}, "run": {"cmd": cmd}}
    )


def settle(*runs: Experiment | Job, timeout: float = 100.0) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        reconcile.reconcile()
        for run in runs:
            run.refresh_from_db()
        if all(run.is_done for run in runs):
            return
        time.sleep(0.05)
    raise AssertionError([(run, run.status, run.status_message) for run in runs])


def outputs(run: Experiment | Job, name: str) -> str:
    return (storage.outputs().local_path(run.sub_path) / name).read_text()


def trace_of(run: Experiment | Job) -> str:
    file = storage.outputs().local_path(run.sub_path) / "trace"
    return file.read_text() if file.exists() else ""


def running(run: Experiment | Job) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        reconcile.reconcile()
        run.refresh_from_db()
        if configured_runner().observe(run.uuid.hex, run.attempt).phase is Phase.RUNNING and run.status == "running":
            return
        time.sleep(0.02)
    raise AssertionError(run.status)


def lose(run: Experiment | Job) -> None:
    """Kill the run's supervisor, as a restart of the machine does."""
    folder = configured_runner().root / run.uuid.hex / str(run.attempt)  # type: ignore[attr-defined]
    pid = json.loads((folder / "shim.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)


def test_env_vars_reach_the_process() -> None:
    variables = {"MODE": "fast", "COUNT": 3, "NVIDIA_VISIBLE_DEVICES": "0", "POLYAXON_LOG_LEVEL": "NOISE"}
    cmd = 'echo "$MODE $COUNT $NVIDIA_VISIBLE_DEVICES $POLYAXON_LOG_LEVEL" > $POLYAXON_RUN_OUTPUTS_PATH/seen'
    run = make_experiment(content=content(cmd, env_vars=variables))
    settle(run)
    assert outputs(run, "seen") == "fast 3 0 INFO\n"  # what the platform sets itself, it sets


def test_env_vars_of_a_group_are_those_of_its_trials() -> None:
    group = make_group(
        content=json.dumps(
            {
                "version": 1,
                "kind": "group",
                "environment": {"env_vars": {"RATE": "{{ lr }}"}, "priority": 7},
                "hptuning": {"matrix": {"lr": {"values": [0.5]}}},
                "build": {"image": "a"},
                "run": {"cmd": "echo $RATE > $POLYAXON_RUN_OUTPUTS_PATH/seen"},
            }
        )
    )
    reconcile.reconcile()
    trial = group.experiments.get()
    assert trial.priority == 7
    settle(trial)
    assert outputs(trial, "seen") == "0.5\n"


@pytest.mark.parametrize("kind", ["experiment", "job"])
def test_a_run_that_takes_longer_than_its_timeout_has_failed(kind: str) -> None:
    make = make_experiment if kind == "experiment" else make_job
    run = make(content=content("sleep 100", kind, timeout=1, max_retries=3, restart_policy="on_failure"))
    settle(run)
    assert (run.status, run.status_message) == ("failed", "Ran longer than its timeout of 1 seconds.")
    assert (run.attempt, run.retries) == (1, 0)


def test_a_run_within_its_timeout_goes_its_way() -> None:
    run = make_experiment(content=content("true", timeout="1h"))
    settle(run)
    assert (run.timeout, run.status) == (3600, "succeeded")


def test_a_run_that_was_lost_is_tried_again() -> None:
    cmd = "echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace; [ $(wc -l < $POLYAXON_RUN_OUTPUTS_PATH/trace) = 2 ] || sleep 100"
    run = make_experiment(content=content(cmd, max_retries=1))
    running(run)
    deadline = time.monotonic() + 60
    while not trace_of(run) and time.monotonic() < deadline:
        time.sleep(0.02)
    lose(run)
    settle(run)
    assert (run.status, run.attempt, run.retries) == ("succeeded", 2, 1)
    assert outputs(run, "trace") == "x\nx\n"
    messages = [message for message in run.statuses.values_list("message", flat=True) if message]
    assert messages[0].startswith("Lost: ")
    assert messages[0].endswith("(retry 1 of 1)")


def test_a_run_without_retries_that_was_lost_has_failed() -> None:
    run = make_experiment(content=content("sleep 100"))
    running(run)
    lose(run)
    settle(run)
    assert (run.status, run.attempt) == ("failed", 1)


def test_a_failure_is_not_tried_again_unless_the_policy_says_so() -> None:
    run = make_experiment(content=content("exit 3", max_retries=2))
    settle(run)
    assert (run.status, run.attempt, run.status_message) == ("failed", 1, "exit code 3")


@pytest.mark.parametrize(
    ("environment", "retries"),
    [
        ({"restart_policy": "on_failure", "max_retries": 1}, 1),
        ({"restart_policy": "OnFailure"}, 3),
        ({"max_restarts": 2}, 2),
    ],
)
def test_a_failure_is_tried_again_with_on_failure(environment: dict[str, Any], retries: int) -> None:
    run = make_job(content=content("echo x >> $POLYAXON_RUN_OUTPUTS_PATH/trace; exit 3", "job", **environment))
    settle(run)
    assert (run.status, run.attempt, run.retries) == ("failed", retries + 1, retries)
    assert run.status_message == f"exit code 3 (after {retries} of {retries} retries)"
    assert outputs(run, "trace") == "x\n" * (retries + 1)


def test_a_run_that_is_stopped_is_not_tried_again() -> None:
    run = make_experiment(content=content("sleep 100", max_retries=3, restart_policy="on_failure"))
    running(run)
    request_stop(run)
    settle(run)
    assert (run.status, run.attempt) == ("stopped", 1)


def next_runs(limit: int) -> list[Any]:
    return [waiting.model._base_manager.get(pk=waiting.pk) for waiting in slots.waiting(limit)]


def test_priority_comes_first_and_then_age() -> None:
    project = make_project()
    low = make_experiment(project, content=content("true", priority=-1))
    first = make_experiment(project, content=content("true"))
    job = make_job(project, content=content("true", "job", priority="5"))
    second = make_experiment(project, content=content("true"))
    high = make_experiment(project, content=content("true", priority=5, queue="night"))
    assert next_runs(10) == [job, high, first, second, low]
    assert next_runs(2) == [job, high]
    assert high.queue == "night"


def test_what_waits_long_is_not_passed_over_by_its_equals() -> None:
    old = make_experiment(content=content("true", priority=1))
    new = make_experiment(content=content("true", priority=1))
    Experiment.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert next_runs(1) == [old]
    dispatch()
    new.refresh_from_db()
    assert new.attempt == 1


def test_the_ttl_of_a_file_holds_unless_the_request_brings_one() -> None:
    project = make_project()
    assert make_experiment(project, content=content("true", ttl="2m")).ttl == 120
    assert make_experiment(project, content=content("true", ttl="2m"), ttl=7).ttl == 7
    assert make_job(project, content=content("true", "job", ttl=0)).ttl == 0
    assert (
        make_build(project, content='{"version": 1, "kind": "build", "image": "a", "environment": {"ttl": 9}}').ttl == 9
    )
    notebook = {
        "version": 1,
        "kind": "notebook",
        "build": {"image": "a"},
        "environment": {"ttl": 8, "restart_policy": "Always"},
    }
    assert make_notebook(project, content=json.dumps(notebook)).ttl == 8


def test_what_a_finished_run_leaves_goes_after_the_ttl_of_its_file() -> None:
    run = make_experiment(content=content("true", ttl=0))
    settle(run)
    reconcile.tidy_up()
    assert run.uuid.hex not in configured_runner().kept()


def test_a_clone_has_the_policy_of_its_own_file() -> None:
    project = make_project()
    original = make_experiment(project, content=content("true", timeout=60, max_retries=1))
    settle(original)
    override = json.dumps({"environment": {"timeout": 90}})
    clone = clone_experiment(original, original.user, "restart", content=override)
    assert (clone.timeout, clone.max_retries, clone.retries) == (90, 1, 0)
