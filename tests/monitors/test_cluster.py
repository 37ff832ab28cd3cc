"""The periodic look at the cluster. With local runs it is this machine."""

from __future__ import annotations

from dataclasses import replace

import psutil
import pytest

from monitors.cluster import refresh_cluster, this_machine
from polyaxon.actions.cluster import add_gpu, the_cluster, update_nodes
from polyaxon.db.models import ClusterNode, Event
from polyaxon.settings.config import load
from scheduler.schedule import timetable

pytestmark = pytest.mark.django_db


def events() -> list[str]:
    return list(Event.objects.order_by("id").values_list("event_type", flat=True))


def test_this_machine_is_the_one_node() -> None:
    assert refresh_cluster()
    node = ClusterNode.objects.get()
    assert (node.sequence, node.role, node.status, node.is_current) == (1, "master", "ready", True)
    assert node.memory == psutil.virtual_memory().total
    assert 0 < node.cpu <= (psutil.cpu_count() or 1)
    assert node.name
    assert the_cluster().checked_at is not None
    assert events() == ["cluster.created", "cluster_node.created", "cluster.resources_updated"]


def test_a_second_look_changes_nothing_but_the_time() -> None:
    refresh_cluster()
    before, told = the_cluster().checked_at, events()
    assert not refresh_cluster()
    after = the_cluster().checked_at
    assert before is not None
    assert after is not None
    assert after > before
    assert events() == told
    assert ClusterNode.objects.count() == 1


def test_what_changed_is_told() -> None:
    update_nodes([this_machine()])
    assert update_nodes([replace(this_machine(), memory=2**30, cpu=2.0)])
    assert events()[-2:] == ["cluster_node.updated", "cluster.resources_updated"]
    assert Event.objects.order_by("id").last().context == {"n_nodes": 1, "n_cpus": 2.0, "memory": 1.0, "n_gpus": 0}


def test_what_vanished_stays_but_is_not_current_and_numbers_are_not_used_again() -> None:
    first = replace(this_machine(), name="first")
    update_nodes([first, replace(first, name="second")])
    add_gpu(ClusterNode.objects.get(name="first"), {"index": 0})
    update_nodes([replace(first, name="third")])
    rows = ClusterNode.objects.order_by("sequence").values_list("name", "sequence", "is_current", "status")
    assert list(rows) == [
        ("first", 1, False, "deleted"),
        ("second", 2, False, "deleted"),
        ("third", 3, True, "ready"),
    ]
    update_nodes([first])
    assert ClusterNode.objects.get(is_current=True).sequence == 4


def test_every_pass_is_due_when_the_clock_starts() -> None:
    entries = timetable(load())
    assert entries["monitors.cluster"]["schedule"] == 150
    assert {entry["last_run_at"].year for entry in entries.values()} == {2000}
