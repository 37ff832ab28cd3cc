"""Slots are given out once, whether it is found out when that is written or a lock keeps others out."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext, override_settings

from polyaxon.actions.groups import NewGroup, create_group
from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Event, Experiment, ExperimentJob, PassLock, Webhook, WebhookDelivery
from scheduler.passes import fairness, slots
from scheduler.passes.dispatch import dispatch
from scheduler.passes.groups import advance_group
from tests.contents import experiment_content
from tests.factories import make_experiment, make_job, make_project

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRES = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for all")


@pytest.fixture(autouse=True)
def _nothing_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dispatch remembers is neither another test's nor forgotten because the machine was slow."""
    monkeypatch.setattr(fairness, "REMEMBERED", math.inf)
    fairness.forget()


@pytest.fixture(autouse=True)
def _two_slots() -> Any:
    runner = settings.CONFIG.runner.model_copy(update={"local_concurrency": 2})
    with override_settings(CONFIG=replace(settings.CONFIG, runner=runner)):
        yield


def waiting(number: int = 1, **fields: Any) -> list[Experiment]:
    project = fields.pop("project", None) or make_project()
    return [make_experiment(project=project, content=experiment_content("true"), **fields) for _ in range(number)]


def statuses(runs: list[Experiment]) -> list[str]:
    return [Experiment.objects.get(pk=run.pk).status for run in runs]


def version() -> int:
    return PassLock.objects.get(name="dispatch").version


def test_who_read_the_load_before_another_gave_out_slots_gives_out_what_is_left() -> None:
    runs = waiting()
    dispatch()  # makes the row of the lock
    runs += waiting(4)
    before = slots.load()
    assert dispatch() == 1
    assert dispatch(before) == 0
    assert statuses(runs) == ["scheduled", "scheduled", "created", "created", "created"]


def test_many_at_once_give_out_no_slot_twice() -> None:
    waiting()
    dispatch()
    runs = waiting(12)
    loads = [slots.load() for _ in range(6)]

    def give(load: slots.Load) -> int:
        try:
            return dispatch(load)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        given = list(pool.map(give, loads if connection.vendor == "postgresql" else loads[:1]))
    assert sum(given) == 1
    assert statuses(runs).count("scheduled") == 1
    assert set(Experiment.objects.filter(status="scheduled").values_list("attempt", flat=True)) == {1}


def test_many_at_once_keep_to_the_concurrency_of_a_search() -> None:
    waiting()
    dispatch()
    Experiment.objects.update(status="succeeded")
    project = make_project()
    hptuning = {"matrix": {"lr": {"values": [1, 2, 3, 4]}}, "concurrency": 1}
    content = {"version": 1, "kind": "group", "hptuning": hptuning, "run": {"cmd": "echo {{ lr }}"}}
    group = create_group(project, project.user, NewGroup(content=json.dumps(content)))
    advance_group(group)
    before = slots.load()
    assert dispatch(before) == 1
    assert dispatch(before) == 0
    assert group.experiments.filter(status="scheduled").count() == 1


@ON_POSTGRES
def test_with_nobody_else_at_it_no_lock_is_waited_for_and_nothing_asked_twice() -> None:
    waiting()
    dispatch()
    (run,) = waiting()
    load, before = slots.load(), version()
    with CaptureQueriesContext(connection) as asked:
        assert dispatch(load) == 1
    assert len(asked) <= 4, [query["sql"] for query in asked]
    assert version() == before + 1
    row = Experiment.objects.get(pk=run.pk)
    master = ExperimentJob.objects.get(experiment=row)
    assert (row.status, row.attempt, master.status) == ("scheduled", 1, "scheduled")
    assert list(row.statuses.order_by("id").values_list("status", flat=True)) == ["created", "scheduled"]
    assert list(master.statuses.values_list("status", flat=True)) == ["scheduled"]
    told = Event.objects.filter(event_type="experiment.new_status", object_id=row.pk)
    assert [event.context["status"] for event in told] == ["scheduled"]
    another = ExperimentJob.objects.create(experiment=row, role="worker", sequence=1)
    assert another.pk > master.pk  # the number was the database's


@ON_POSTGRES
def test_a_run_that_is_stopped_meanwhile_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting()
    dispatch()
    first, second = waiting(2)
    from scheduler.passes import dispatch as module

    read = module._read

    def then_stopped(*arguments: Any) -> Any:
        rows = read(*arguments)
        request_stop(first, first.user)
        return rows

    monkeypatch.setattr(module, "_read", then_stopped)
    dispatch()
    assert statuses([first, second]) == ["stopped", "scheduled"]
    assert Experiment.objects.get(pk=first.pk).attempt == 0


def test_runs_of_several_kinds_and_projects_get_their_slots() -> None:
    (run,) = waiting()
    job = make_job(content='{"version": 1, "kind": "job", "run": {"cmd": "true"}}')
    assert dispatch() + dispatch() == 2
    job.refresh_from_db()
    assert (statuses([run]), job.status, job.attempt) == (["scheduled"], "scheduled", 1)


def test_a_webhook_is_told() -> None:
    waiting()
    dispatch()
    (run,) = waiting()
    heard = {"url": "http://127.0.0.1:9", "events": ["experiment.*"], "secret": "x"}
    Webhook.objects.create(project=run.project, user=run.user, **heard)
    assert dispatch() == 1
    assert WebhookDelivery.objects.count() == 1
