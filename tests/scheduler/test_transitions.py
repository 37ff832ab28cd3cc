"""What a run's own pass writes of it: on the condition that nobody else was at it, and else under a lock."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext, override_settings
from django.utils import timezone

from polyaxon.actions.runs import request_stop
from polyaxon.db.models import Event, Experiment, ExperimentJob, Token, Webhook, WebhookDelivery
from scheduler.configured import configured_runner
from scheduler.passes import queue, reconcile, transitions
from scheduler.passes.dispatch import dispatch
from scheduler.runners.base import Phase
from tests.contents import experiment_content
from tests.factories import make_experiment, make_job, make_project

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRES = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for all")


def slots(number: int) -> AbstractContextManager[None]:
    runner = settings.CONFIG.runner.model_copy(update={"local_concurrency": number})
    return override_settings(CONFIG=replace(settings.CONFIG, runner=runner))


def dispatched(**fields: object) -> Experiment:
    """As its pass reads it."""
    experiment = make_experiment(content=experiment_content("true"), **fields)
    dispatch()
    return as_read(experiment)


def as_read(experiment: Experiment) -> Experiment:
    found = next(run for run in queue.active_runs() if run.pk == experiment.pk and isinstance(run, Experiment))
    assert isinstance(found, Experiment)
    return found


def statuses(experiment: Experiment) -> list[str]:
    return list(experiment.statuses.order_by("id").values_list("status", flat=True))


def told(experiment: Experiment) -> list[str]:
    rows = Event.objects.filter(subject="experiment", object_id=experiment.pk).order_by("id")
    return [f"{row.event_type}:{row.context.get('status', '')}" for row in rows]


def test_a_start_told_in_whole_seconds_is_not_before_the_launch() -> None:
    """As Kubernetes tells it of what began within the second of its launch."""
    run = dispatched()
    launched = timezone.now()
    assert transitions.begin(run, None, launched)
    whole = launched.replace(microsecond=0) - timedelta(seconds=1)
    assert transitions.move(run, "running", at=whole)
    assert transitions.move(run, "succeeded", at=whole)
    found = Experiment.objects.get(pk=run.pk)
    assert (found.started_at, found.finished_at) == (launched, launched)
    times = [each.created_at for each in found.statuses.order_by("id")]
    assert times == sorted(times)
    job = found.jobs.get()
    assert job.created_at <= job.started_at == job.finished_at


def test_a_run_and_its_replica_change_together() -> None:
    run = dispatched()
    assert transitions.move(run, "running", at=timezone.now())
    assert transitions.move(run, "succeeded", at=timezone.now())
    row = Experiment.objects.get(pk=run.pk)
    assert (row.status, row.jobs.get().status) == ("succeeded", "succeeded")
    assert row.finished_at == run.finished_at
    assert statuses(row) == ["created", "scheduled", "running", "succeeded"]
    assert told(row)[-3:] == [
        "experiment.new_status:running",
        "experiment.new_status:succeeded",
        "experiment.done:succeeded",
    ]


@ON_POSTGRES
def test_that_takes_one_round_trip() -> None:
    run = dispatched()
    with CaptureQueriesContext(connection) as asked:
        transitions.move(run, "running", at=timezone.now())
    assert len(asked) <= 1 + len([each for each in asked if each["sql"].startswith("PREPARE")])


@ON_POSTGRES
def test_many_take_one_too() -> None:
    project = make_project()
    for _ in range(12):
        make_experiment(project=project, content=experiment_content("true"))
    with slots(50):
        dispatch()
    runs = list(queue.active_runs())
    assert len(runs) == 12
    with CaptureQueriesContext(connection) as asked, transitions.gathered():
        for run in runs:
            transitions.move(run, "running", at=timezone.now())
            transitions.move(run, "failed", message="a % sign; and 'quotes'", at=timezone.now())
    assert len(asked) == 1
    for row in Experiment.objects.all():
        assert (row.status, row.jobs.get().status) == ("failed", "failed")
        assert row.status_message == "a % sign; and 'quotes'"
        assert statuses(row) == ["created", "scheduled", "running", "failed"]
        assert [each.rpartition(":")[0] for each in told(row)[-3:]] == [
            "experiment.new_status",
            "experiment.new_status",
            "experiment.failed",
        ]


def test_a_row_that_has_changed_is_read_again() -> None:
    run = dispatched()
    request_stop(Experiment.objects.get(pk=run.pk))
    transitions.move(run, "running", at=timezone.now())
    assert run.stop_requested_at is not None
    assert statuses(run) == ["created", "scheduled", "running"]
    Experiment.objects.filter(pk=run.pk).update(status="succeeded")
    transitions.move(run, "failed")
    assert (run.status, statuses(run)) == ("succeeded", ["created", "scheduled", "running"])


def test_so_is_a_replica() -> None:
    run = dispatched()
    ExperimentJob.objects.filter(experiment=run.pk).update(status="succeeded")
    transitions.move(run, "running", at=timezone.now())
    assert run.jobs.get().status == "succeeded"
    assert statuses(run) == ["created", "scheduled", "running"]


def test_one_that_has_changed_keeps_no_other_back() -> None:
    project = make_project()
    first = dispatched(project=project)
    second = dispatched(project=project)
    try:
        with transitions.gathered():
            transitions.move(first, "running", at=timezone.now())
            Experiment.objects.filter(pk=second.pk).update(attempt=9)
            transitions.move(second, "running", at=timezone.now())
    except transitions.Unsettled:
        assert statuses(first) == ["created", "scheduled"]
        assert first.status == "scheduled"
        transitions.move(as_read(first), "running", at=timezone.now())
    assert statuses(first) == ["created", "scheduled", "running"]
    assert statuses(second) == ["created", "scheduled"]


def test_following_goes_on_where_rows_have_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project()
    runs = [make_experiment(project=project, content=experiment_content("sleep 100")) for _ in range(2)]
    reconcile.reconcile()
    runner, deadline = configured_runner(), time.monotonic() + 60
    while any(runner.observe(run.uuid.hex, 1).phase is not Phase.RUNNING for run in runs):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    active = queue.active_runs

    def changed_at_once() -> list[object]:
        rows = list(active())
        monkeypatch.setattr(queue, "active_runs", active)
        Experiment.objects.filter(pk=runs[0].pk).update(stop_requested_at=timezone.now())
        return rows

    monkeypatch.setattr(queue, "active_runs", lambda: iter(changed_at_once()))
    reconcile.sync()
    assert {row.status for row in Experiment.objects.all()} <= {"starting", "running", "stopped"}
    assert "running" in statuses(runs[1])
    for run in runs:
        runner.discard(run.uuid.hex, 0.1)


def test_a_webhook_is_told_with_the_change() -> None:
    run = dispatched()
    heard = {"url": "http://127.0.0.1:9", "events": ["experiment.*"], "secret": "x"}
    Webhook.objects.create(project=run.project, user=run.user, **heard)
    transitions.move(run, "running", at=timezone.now())
    transitions.move(run, "succeeded", at=timezone.now())
    types = WebhookDelivery.objects.order_by("id").values_list("event_type", flat=True)
    assert list(types) == ["experiment.new_status", "experiment.new_status", "experiment.done"]


def test_a_run_that_ends_has_no_token_any_more() -> None:
    run = dispatched()
    token = Token(user=run.user, run=run.uuid, key_hash="d" * 64, expires_at=timezone.now() + timedelta(days=1))
    assert transitions.begin(run, token, timezone.now())
    assert Token.objects.filter(run=run.uuid).exists()
    transitions.move(run, "running", at=timezone.now())
    transitions.move(run, "failed", at=timezone.now())
    assert not Token.objects.filter(run=run.uuid).exists()


def test_a_run_that_is_to_be_stopped_does_not_begin() -> None:
    run = dispatched()
    request_stop(Experiment.objects.get(pk=run.pk))
    assert not transitions.begin(run, None, timezone.now())
    assert (statuses(run), Token.objects.filter(run=run.uuid).exists()) == (["created", "scheduled"], False)


def test_a_job_does_not_become_what_jobs_cannot_be() -> None:
    job = make_job(content='{"version": 1, "kind": "job", "build": {"image": "a"}, "run": {"cmd": "true"}}')
    dispatch()
    (run,) = queue.active_runs()
    assert transitions.begin(run, None, timezone.now())
    job.refresh_from_db()
    assert job.status == "scheduled"


def test_within_a_transaction_it_is_part_of_that() -> None:
    run = dispatched()
    with transaction.atomic():
        transitions.move(run, "running", at=timezone.now())
        transaction.set_rollback(True)
    assert statuses(run) == ["created", "scheduled"]


def test_of_many_at_once_one_changes_it() -> None:
    run = dispatched()
    barrier = threading.Barrier(6)

    def change() -> None:
        mine = as_read(run)
        barrier.wait()
        transitions.move(mine, "running", at=timezone.now())
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(change) for _ in range(6)]:
            done.result()
    assert statuses(run) == ["created", "scheduled", "running"]
    assert run.jobs.get().statuses.filter(status="running").count() == 1


def test_slots_are_given_out_in_bulk() -> None:
    project = make_project()
    made = [make_experiment(project=project, content=experiment_content("true")) for _ in range(40)]
    request_stop(made[7])
    with slots(100), CaptureQueriesContext(connection) as asked:
        assert dispatch() == 39
    assert len([each for each in asked if "PREPARE" not in each["sql"]]) < 40 or connection.vendor != "postgresql"
    assert set(ExperimentJob.objects.values_list("status", flat=True)) == {"scheduled"}
    assert Experiment.objects.filter(status="scheduled", attempt=1).count() == 39
