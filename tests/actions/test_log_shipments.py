"""Logs of pods are stored once each, whatever died before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from polyaxon import storage
from polyaxon.actions.log_shipments import (
    Batch,
    ShipmentClosed,
    close_shipment,
    end_stream,
    forget_shipment,
    is_settled,
    open_shipment,
    store,
    unfinished,
)
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, LogShipment, LogStream
from tests.factories import make_experiment, make_job

pytestmark = pytest.mark.django_db
POSITION: dict[str, Any] = {"since": 100, "first": "a", "taken": 1, "last": "b"}


@pytest.fixture(autouse=True)
def _logs(settings: Any, tmp_path: Path) -> None:
    stores = settings.CONFIG.stores.model_copy(update={"logs_root": tmp_path / "logs"})
    settings.CONFIG = replace(settings.CONFIG, stores=stores)


def shipment(run: Experiment | None = None) -> LogShipment:
    run = run or make_experiment()
    open_shipment(run)
    return LogShipment.objects.get(run=run.uuid)


def stream(made: LogShipment, uid: str = "u") -> LogStream:
    return LogStream.objects.create(shipment=made, uid=uid, pod="p", container="main")


def batch(of: LogStream, before: int, *lines: str) -> Batch:
    return Batch(of.pk, before, POSITION | {"lines": before + len(lines)}, lines)


def text(made: LogShipment) -> list[str]:
    return b"".join(storage.logs().read(made.path)).decode().splitlines()


def test_lines_and_their_position_are_stored_together() -> None:
    made = shipment()
    one, two = stream(made), stream(made, "v")
    assert store(made, [batch(one, 0, "a", "b"), batch(two, 0, "c")]) == set()
    assert store(made, [batch(one, 2, "d")]) == set()
    assert text(made) == ["a", "b", "c", "d"]
    one.refresh_from_db()
    made.refresh_from_db()
    assert (one.lines, one.since, one.taken, one.last, made.size) == (3, 100, 1, "b", 8)


def test_lines_of_a_process_that_died_before_it_said_so_are_taken_away() -> None:
    made = shipment()
    one = stream(made)
    store(made, [batch(one, 0, "a")])
    storage.logs().append(made.path, ["b", "c tor"])  # what it left
    store(made, [batch(one, 1, "b", "c torn")])
    assert text(made) == ["a", "b", "c torn"]


def test_whoever_was_slower_stores_nothing() -> None:
    made = shipment()
    one, two = stream(made), stream(made, "v")
    store(made, [batch(one, 0, "a")])
    assert store(made, [batch(one, 0, "a", "b"), batch(two, 0, "x")]) == {one.pk}
    assert text(made) == ["a", "x"]


def test_replicas_have_logs_of_their_own_as_well() -> None:
    made = shipment()
    one, two = stream(made), stream(made, "v")
    store(made, [replace(batch(one, 0, "a"), replica="master.0"), replace(batch(two, 0, "b"), replica="worker.0")])
    storage.logs().append(f"{made.path}/worker.0", ["never acknowledged"])
    store(made, [replace(batch(two, 1, "c"), replica="worker.0")])
    logs = storage.logs()
    assert text(made) == ["a", "b", "c"]
    assert b"".join(logs.read(f"{made.path}/master.0")) == b"a\n"
    assert b"".join(logs.read(f"{made.path}/worker.0")) == b"b\nc\n"


def test_which_logs_are_not_whole_yet() -> None:
    made, other = shipment(), shipment()
    close_shipment(other)
    paths = {made.path, f"{made.path}/worker.0", other.path}
    assert unfinished(paths) == {made.path, f"{made.path}/worker.0"}
    assert unfinished([]) == set()


def test_what_cannot_be_read_again_counts_at_the_end() -> None:
    made = shipment()
    one = stream(made)
    store(made, [batch(one, 0, "a")])
    storage.logs().append(made.path, ["b"])
    end_stream(one, "its pod was gone")
    close_shipment(made)
    made.refresh_from_db()
    assert text(made) == ["a", "b"]
    assert (made.size, made.reason, made.streams.count()) == (4, "its pod was gone", 0)
    with pytest.raises(ShipmentClosed):
        store(made, [batch(one, 1, "b")])


def test_pods_are_kept_until_their_logs_are_stored() -> None:
    run = make_experiment()
    assert is_settled(run, 60)  # it never had a pod
    made = shipment(run)
    set_status(run, "stopped")
    assert not is_settled(run, 60)
    close_shipment(made)
    assert is_settled(run, 60)


def test_in_the_end_it_is_given_up_and_that_is_noted() -> None:
    run = make_experiment()
    made = shipment(run)
    set_status(run, "stopped")
    run.finished_at = timezone.now() - timedelta(seconds=61)
    assert is_settled(run, 60)
    made.refresh_from_db()
    assert made.reason == "not all was stored within 60 seconds of the end"


def test_opened_again_it_is_the_same(settings: Any) -> None:
    del settings
    run = make_job()
    open_shipment(run, has_roles=True)
    open_shipment(run)
    made = LogShipment.objects.get(run=run.uuid)
    assert (made.kind, made.path, made.has_roles) == ("Job", run.sub_path, True)
    forget_shipment(run)
    assert not LogShipment.objects.filter(run=run.uuid).exists()


@pytest.mark.django_db(transaction=True)
def test_several_at_once_store_each_line_once() -> None:
    made = shipment()
    one = stream(made)

    def work(_: int) -> None:
        try:
            while (before := LogStream.objects.get(pk=one.pk).lines) < 40:
                store(made, [batch(one, before, f"line {before}")])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert text(made) == [f"line {number}" for number in range(40)]
