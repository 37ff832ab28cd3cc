"""Which process has which run's log. What it reads of pods is tested on a real cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from kubernetes import client

from monitors.logs.follower import End
from monitors.logs.shipper import LEASE, LogShipper
from monitors.logs.source import LogSource
from polyaxon.actions.log_shipments import open_shipment
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import LogShipment, LogStream, PodState
from tests.factories import make_experiment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from polyaxon.db.models import Experiment

pytestmark = pytest.mark.django_db
MADE: list[LogShipper] = []


def shipper(**more: object) -> LogShipper:
    """One that finds no cluster, and needs none."""
    settings = client.Configuration(host="http://127.0.0.1:1")
    settings.retries = False
    MADE.append(LogShipper(LogSource(client.ApiClient(settings), "x"), **more))  # type: ignore[arg-type]
    return MADE[-1]


@pytest.fixture(autouse=True)
def _stopped(db: None) -> Iterator[None]:
    """Their threads, which try again and again, do not outlive the test."""
    yield
    while MADE:
        MADE.pop().stop()


def runs(number: int) -> list[Experiment]:
    made = [make_experiment() for _ in range(number)]
    for run in made:
        open_shipment(run)
    return made


def owners() -> list[str]:
    return list(LogShipment.objects.order_by("id").values_list("owner", flat=True))


def test_each_run_is_one_processs() -> None:
    runs(3)
    one, two = shipper(streams=2), shipper()
    one.run_once()
    two.run_once()
    one.run_once()
    assert owners() == [one.name, one.name, two.name]


def test_those_of_a_process_that_died_are_taken_over() -> None:
    runs(1)
    one, two = shipper(), shipper()
    one.run_once()
    LogShipment.objects.update(owned_until=timezone.now() - timedelta(seconds=1))
    two.run_once()
    assert owners() == [two.name]


def test_a_lease_is_renewed_in_time_and_given_back() -> None:
    runs(1)
    one = shipper()
    one.run_once()
    soon = timezone.now() + LEASE / 4
    LogShipment.objects.update(owned_until=soon)
    one.run_once()
    until = LogShipment.objects.get().owned_until
    assert until is not None
    assert until > soon
    one.stop()
    assert owners() == [""]


def test_only_the_runs_of_its_part_are_taken() -> None:
    first, _ = runs(2)

    def owns(run: UUID) -> bool:
        return run == first.uuid

    one = shipper(owns=owns)
    one.run_once()
    assert owners() == [one.name, ""]


def test_a_run_that_ended_without_pods_has_no_log_to_wait_for() -> None:
    run, going = runs(2)
    set_status(run, "stopped")
    shipper().run_once()
    assert [row.done_at is not None for row in LogShipment.objects.order_by("id")] == [True, False]
    assert LogShipment.objects.get(run=going.uuid).reason == ""


def test_pods_that_live_are_waited_for_but_not_for_ever() -> None:
    (run,) = runs(1)
    PodState.objects.create(
        uid="u", name="p", run=run.uuid, attempt=1, role="master", phase="running", started_at=timezone.now()
    )
    set_status(run, "stopped")
    patient, hasty = shipper(), shipper(patience=0)
    patient.run_once()
    assert LogShipment.objects.get().done_at is None
    patient.stop()
    hasty.run_once()
    assert LogShipment.objects.get().reason == "not all was stored within 0 seconds of the end"


def running(run: Experiment, *uids: str) -> None:
    """Pods of the run."""
    for place, uid in enumerate(uids):
        PodState.objects.create(
            uid=uid,
            name=uid,
            run=run.uuid,
            attempt=1,
            role="worker",
            index=place,
            phase="running",
            started_at=run.created_at,
        )


def looked_at(one: LogShipper) -> bool:
    """Whether a round reads anything of the logs' rows."""
    with CaptureQueriesContext(connection) as asked:
        one.run_once()
    return any(f'FROM "{LogStream._meta.db_table}"' in each["sql"].split("WHERE")[0] for each in asked)


def test_a_run_whose_log_has_ended_is_left_alone_until_it_ends_itself() -> None:
    (run,) = runs(1)
    set_status(run, "running")
    running(run, "u")
    shipment = LogShipment.objects.get()
    LogStream.objects.create(shipment=shipment, uid="u", pod="u", container="main", done_at=timezone.now())
    one = shipper()
    assert looked_at(one)
    assert not looked_at(one)
    set_status(run, "succeeded")
    PodState.objects.update(is_over=True)
    assert looked_at(one)
    shipment.refresh_from_db()
    assert shipment.done_at is not None


def test_a_pod_that_begins_is_noticed_at_once() -> None:
    (run,) = runs(1)
    one = shipper()
    one.run_once()
    assert not looked_at(one)
    running(run, "u")
    assert looked_at(one)
    assert LogStream.objects.get().uid == "u"


def test_what_there_is_no_room_for_is_not_looked_at_again_and_again() -> None:
    (run,) = runs(1)
    set_status(run, "running")
    running(run, "u", "v")
    one = shipper(streams=1)
    assert looked_at(one)
    assert LogStream.objects.count() == 2
    assert not looked_at(one)
    # The one that is followed ends, and the other has room; a round sees the end, the next one what is left.
    followed = LogStream.objects.order_by("id").first()
    assert followed is not None
    one._followers[followed.pk]._finish(End())
    assert looked_at(one)
    assert looked_at(one)
    assert set(one._followers) == set(LogStream.objects.filter(done_at=None).values_list("id", flat=True))


def test_a_run_that_is_gone() -> None:
    (run,) = runs(1)
    run.delete()
    shipper().run_once()
    assert LogShipment.objects.get().done_at is not None
