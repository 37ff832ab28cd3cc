"""Unmanaged runs end when their client fell silent, and not because the server was."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from polyaxon import options
from polyaxon.actions.runs import beat
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment
from scheduler.passes import zombies
from tests.factories import make_experiment

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The monotonic clock, to be moved by hand."""
    now = [1000.0]
    monkeypatch.setattr(zombies.time, "monotonic", lambda: now[0])
    zombies._silent.clear()
    yield now
    zombies._silent.clear()


def silent_run() -> Experiment:
    experiment = make_experiment(is_managed=False)
    set_status(experiment, "running")
    Experiment.objects.filter(pk=experiment.pk).update(heartbeat_at=timezone.now() - LONG_AGO)
    return experiment


def test_a_silent_run_fails_once_its_silence_was_heard(clock: list[float]) -> None:
    run = silent_run()
    zombies.end_zombies()
    run.refresh_from_db()
    assert run.status == "running", "the server may have been down, or the machine asleep"
    clock[0] += zombies.CONFIRMED_AFTER + 1
    zombies.end_zombies()
    run.refresh_from_db()
    assert run.status == "failed"
    assert "No heartbeat since" in run.status_message


def test_a_beat_in_between_saves_it(clock: list[float]) -> None:
    run = silent_run()
    zombies.end_zombies()
    beat(run)
    clock[0] += zombies.CONFIRMED_AFTER + 1
    zombies.end_zombies()
    run.refresh_from_db()
    assert run.status == "running"


def test_a_beat_at_the_last_moment_saves_it() -> None:
    run = silent_run()
    run.refresh_from_db()
    seen = run.heartbeat_at
    assert seen is not None
    beat(run)
    zombies._fail(run, seen)
    run.refresh_from_db()
    assert run.status == "running"


def test_a_run_that_was_never_silent_is_left_alone(clock: list[float]) -> None:
    run = make_experiment(is_managed=False)
    set_status(run, "running")
    zombies.end_zombies()
    clock[0] += zombies.CONFIRMED_AFTER + 1
    zombies.end_zombies()
    run.refresh_from_db()
    assert run.status == "running"


def test_the_option_says_how_long_silence_may_last(clock: list[float]) -> None:
    run = silent_run()
    options.write(options.find("TTL:HEARTBEAT"), int(2 * LONG_AGO.total_seconds()))
    for _ in range(2):
        zombies.end_zombies()
        clock[0] += zombies.CONFIRMED_AFTER + 1
    run.refresh_from_db()
    assert run.status == "running"
    options.write(options.find("TTL:HEARTBEAT"), 60)
    for _ in range(2):
        zombies.end_zombies()
        clock[0] += zombies.CONFIRMED_AFTER + 1
    run.refresh_from_db()
    assert run.status == "failed"
