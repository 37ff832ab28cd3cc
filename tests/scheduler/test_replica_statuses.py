"""Replicas of a distributed experiment have rows, and each has the status of its own pod."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon.actions.replicas import ensure_replicas
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment
from polyaxon.pods import PodPhase, SeenPod, Trouble
from polyaxon.pods.database import DatabasePodStore
from polyaxon.pods.seen import gone
from scheduler.passes.dispatch import dispatch
from scheduler.passes.replica_statuses import ENDED_WITH, follow_replicas, note_nodes
from tests.factories import make_experiment

if TYPE_CHECKING:
    from polyaxon.db.models import ExperimentJob

pytestmark = pytest.mark.django_db

NOW = datetime(2100, 3, 1, 10, tzinfo=UTC)  # no run began later
WANTED = [("master", 0, {"cpu": {"limits": 1.0}}), ("worker", 0, {}), ("worker", 1, {"memory": {"limits": 64.0}})]


@pytest.fixture
def run() -> Experiment:
    """Launched, with a master and two workers."""
    made = make_experiment(content=json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": "true"}}))
    dispatch()
    made.refresh_from_db()
    assert made.status == "scheduled"
    ensure_replicas(made, WANTED)
    return made


def pod(run: Experiment, role: str, index: int, **more: Any) -> SeenPod:
    fields: dict[str, Any] = {
        "name": f"plx-{run.uuid.hex}-{role}-{index}",
        "uid": f"{run.uuid.hex}-{run.attempt}-{role}-{index}",
        "run": run.uuid.hex,
        "attempt": run.attempt,
        "kind": "experiment",
        "role": role,
        "index": index,
        "phase": PodPhase.STARTING,
        "seen_at": NOW,
    }
    return SeenPod(**(fields | more))


def see(*pods: SeenPod) -> None:
    for each in pods:
        DatabasePodStore().put(each)
    follow_replicas()


def replica(run: Experiment, role: str = "worker", index: int = 0) -> ExperimentJob:
    return run.jobs.get(role=role, sequence=index)


def statuses(run: Experiment) -> list[str]:
    return [each.status for each in run.jobs.order_by("pk")]


def test_every_replica_has_its_row_once(run: Experiment) -> None:
    ensure_replicas(run, WANTED)
    rows = list(run.jobs.order_by("pk"))
    assert [(row.role, row.sequence, row.status) for row in rows] == [
        ("master", 0, "scheduled"),
        ("worker", 0, "scheduled"),
        ("worker", 1, "scheduled"),
    ]
    assert [row.resources for row in rows] == [{"cpu": {"limits": 1.0}}, None, {"memory": {"limits": 64.0}}]
    assert rows[2].uuid == uuid.uuid5(run.uuid, "worker-1")
    assert [each.status for each in rows[1].statuses.all()] == ["created", "scheduled"]


def test_each_has_the_status_of_its_pod(run: Experiment) -> None:
    see(
        pod(run, "worker", 0, phase=PodPhase.RUNNING, started_at=NOW),
        pod(run, "worker", 1, phase=PodPhase.WAITING, trouble=Trouble.SCHEDULING, message="no node can take it"),
    )
    assert statuses(run) == ["scheduled", "running", "unschedulable"]
    assert replica(run).started_at == NOW
    assert replica(run, index=1).status_message == "no node can take it"
    assert follow_replicas() == 0
    see(pod(run, "worker", 1, phase=PodPhase.RUNNING, started_at=NOW, seen_at=NOW + timedelta(seconds=1)))
    see(pod(run, "worker", 0, phase=PodPhase.EXITED, exit_code=0, started_at=NOW, finished_at=NOW, is_over=True))
    assert statuses(run) == ["scheduled", "succeeded", "running"]


def test_a_failure_is_final_only_with_the_experiment(run: Experiment) -> None:
    """Another attempt may follow."""
    failed = {"phase": PodPhase.EXITED, "exit_code": 3, "message": "exit code 3", "is_over": True}
    running = pod(run, "worker", 1, phase=PodPhase.RUNNING, started_at=NOW)
    see(pod(run, "worker", 0, finished_at=NOW, **failed), running)
    assert statuses(run) == ["scheduled", "warning", "running"]
    set_status(run, "failed", message="worker 0: exit code 3")
    follow_replicas()
    assert [(row.status, row.status_message) for row in run.jobs.filter(role="worker")] == [
        ("failed", "exit code 3"),
        ("running", ""),
    ]
    see(gone(running, NOW + timedelta(seconds=9)))
    assert (replica(run, index=1).status, replica(run, index=1).status_message) == ("stopped", ENDED_WITH)


def test_those_that_nobody_needs_any_more_succeed_with_the_experiment(run: Experiment) -> None:
    running = pod(run, "worker", 0, phase=PodPhase.RUNNING, started_at=NOW)
    see(running)
    set_status(run, "succeeded")
    see(gone(running, NOW))  # the other one never had a pod that anybody saw
    assert statuses(run)[1:] == ["succeeded", "succeeded"]


def test_another_attempt_begins_anew(run: Experiment) -> None:
    see(pod(run, "worker", 0, phase=PodPhase.EXITED, exit_code=0, finished_at=NOW, is_over=True))
    see(pod(run, "worker", 1, phase=PodPhase.LOST, reason="Evicted", message="evicted from its node"))
    assert statuses(run)[1:] == ["succeeded", "warning"]
    Experiment.objects.filter(pk=run.pk).update(attempt=2)
    run.refresh_from_db()
    ensure_replicas(run, WANTED)
    assert statuses(run)[1:] == ["scheduled", "scheduled"]
    assert (replica(run).finished_at, replica(run).status_message) == (None, "Attempt 2.")
    see(replace(pod(run, "worker", 0), phase=PodPhase.RUNNING, started_at=NOW))
    assert statuses(run)[1:] == ["running", "scheduled"]


def test_where_each_was_scheduled_first(run: Experiment) -> None:
    set_status(run, "running")
    for role, index in (("master", 0), ("worker", 0)):
        DatabasePodStore().put(pod(run, role, index, node=f"{role}-node"))
    assert (note_nodes(), note_nodes()) == (2, 0)
    assert [row.node_scheduled for row in run.jobs.order_by("pk")] == ["master-node", "worker-node", None]


def test_operators_have_roles_of_their_own(run: Experiment) -> None:
    """Kubeflow Trainer's first node is the master, the others are workers."""
    see(pod(run, "node", 0, phase=PodPhase.RUNNING), pod(run, "node", 2, phase=PodPhase.RUNNING, started_at=NOW))
    assert statuses(run) == ["scheduled", "scheduled", "running"]
