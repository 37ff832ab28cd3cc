"""One place changes statuses, by the table, with its history, times and events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from polyaxon.actions.runs import request_stop
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Event, ExperimentStatus, Token
from polyaxon.security import tokens
from tests.contents import experiment_content
from tests.factories import make_experiment, make_group, make_job

pytestmark = pytest.mark.django_db


def history(experiment_id: int) -> list[str]:
    return list(ExperimentStatus.objects.filter(experiment=experiment_id).values_list("status", flat=True))


def test_a_new_run_is_created() -> None:
    experiment = make_experiment()
    assert experiment.status == "created"
    assert history(experiment.pk) == ["created"]


def test_times_follow_the_statuses() -> None:
    experiment = make_experiment()
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    set_status(experiment, "starting", at=begin)
    assert experiment.started_at == begin
    set_status(experiment, "running", at=begin + timedelta(seconds=1))
    assert experiment.started_at == begin + timedelta(seconds=1)
    set_status(experiment, "succeeded", at=begin + timedelta(seconds=9))
    experiment.refresh_from_db()
    assert experiment.finished_at == begin + timedelta(seconds=9)
    assert history(experiment.pk) == ["created", "starting", "running", "succeeded"]


def test_a_run_that_never_started_has_times_all_the_same() -> None:
    experiment = make_experiment()
    set_status(experiment, "failed", message="no image")
    assert experiment.started_at == experiment.created_at
    assert experiment.finished_at is not None
    assert experiment.status_message == "no image"


def test_a_late_event_never_revives_a_finished_run() -> None:
    experiment = make_experiment()
    set_status(experiment, "succeeded")
    assert set_status(experiment, "running") is None
    experiment.refresh_from_db()
    assert experiment.status == "succeeded"
    assert history(experiment.pk) == ["created", "succeeded"]


def test_a_stale_copy_of_the_row_decides_nothing() -> None:
    experiment = make_experiment()
    stale = type(experiment).objects.get(pk=experiment.pk)
    set_status(experiment, "stopped")
    assert set_status(stale, "running") is None
    assert stale.status == "stopped"


def test_long_messages_are_kept_whole() -> None:
    """Weakness 27 of 0.6: a message over 256 characters made the change of status fail."""
    experiment = make_experiment()
    record = set_status(experiment, "failed", message="x" * 5000)
    assert record is not None
    record.refresh_from_db()
    assert record.message == "x" * 5000


def test_every_change_is_an_event() -> None:
    job = make_job()
    set_status(job, "running")
    set_status(job, "succeeded")
    types = Event.objects.filter(subject="job", object_id=job.pk).order_by("id").values_list("event_type", flat=True)
    assert list(types) == ["job.created", "job.new_status", "job.new_status", "job.done"]


def test_the_token_of_a_run_ends_with_it() -> None:
    experiment = make_experiment()
    key = tokens.issue(experiment.user, run=experiment.uuid)
    assert tokens.find(key) is not None
    set_status(experiment, "succeeded")
    assert tokens.find(key) is None
    assert not Token.objects.filter(run=experiment.uuid).exists()


def test_stop_of_what_has_not_started_is_immediate() -> None:
    experiment = make_experiment(content=experiment_content())
    assert request_stop(experiment, experiment.user)
    assert experiment.status == "stopped"


def test_stop_of_what_runs_is_a_stored_wish() -> None:
    experiment = make_experiment(content=experiment_content())
    set_status(experiment, "scheduled")
    set_status(experiment, "running")
    assert request_stop(experiment, experiment.user)
    assert experiment.status == "running"
    assert experiment.stop_requested_at is not None


def test_stop_of_what_is_done_changes_nothing() -> None:
    experiment = make_experiment()
    set_status(experiment, "succeeded")
    assert not request_stop(experiment, experiment.user)
    assert experiment.status == "succeeded"


def test_stop_of_a_search_goes_over_stopping() -> None:
    group = make_group()
    assert request_stop(group, group.user)
    assert group.status == "stopping"
