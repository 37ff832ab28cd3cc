"""Trials are added once, whether it is found out when they are written or a lock keeps others out."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DataError, connection, connections
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from hpsearch import Stage, Strategy, Suggestion
from polyaxon.actions import new_trials, search_states, unlocked
from polyaxon.actions.groups import stop_group
from polyaxon.actions.new_trials import MOST_AS_READ, RENDERED, Draft, add_trials
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import (
    ActivityLog,
    Event,
    Experiment,
    ExperimentGroup,
    ExperimentGroupIteration,
    ExperimentStatus,
    SearchDecision,
    Webhook,
    WebhookDelivery,
)
from polyaxon_schemas import parse
from tests.contents import group_content
from tests.factories import make_group

pytestmark = pytest.mark.django_db(transaction=True)
ON_POSTGRES = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one lock for all")
# What differs from row to row by itself.
OWN = {"id", "uuid", "object_id", "project_id", "user_id", "actor_id", "experiment_group_id"}
OWN |= {f"{what}_at" for what in ("created", "updated", "started", "finished")}


def suggestions(*indexes: int, **more: Any) -> list[Suggestion]:
    return [Suggestion(index, {"lr": index / 100}, reason="because", **more) for index in indexes]


def running() -> ExperimentGroup:
    group = make_group(content=group_content(n=100))
    set_status(group, "running")
    return group


def told(model: type[Model], group: ExperimentGroup) -> list[dict[str, Any]]:
    """Rows of a search, by places instead of numbers."""
    places = {
        key: place for place, key in enumerate(group.experiments.order_by("trial_index").values_list("pk", flat=True))
    }
    iterations = dict(group.iterations.values_list("pk", "number"))
    found = []
    for row in model._base_manager.order_by("id").values():
        kept = {name: value for name, value in row.items() if name not in OWN}
        for name in ("experiment_id", "original_experiment_id"):
            kept[name] = places.get(kept.get(name))
        kept["iteration_id"] = iterations.get(kept.get("iteration_id"))
        found.append(kept)
    return found


def everything(group: ExperimentGroup) -> list[Any]:
    models = (ExperimentGroupIteration, Experiment, ExperimentStatus, SearchDecision, Event, ActivityLog)
    return [told(model, group) for model in models]


def fill(group: ExperimentGroup) -> None:
    add_trials(group, suggestions(0, 1), complete=False)
    set_status(Experiment.objects.get(trial_index=0), "succeeded")
    promoted = {"stage": Stage(0, 1), "parent": 0, "strategy": Strategy.RESUME, "numbers": {"rank": 1}}
    add_trials(group, suggestions(2, **promoted), complete=False)


@ON_POSTGRES
def test_both_ways_store_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    group = running()
    fill(group)
    as_read = everything(group)
    for model in (Event, ActivityLog):
        model.objects.all().delete()
    group.delete()
    monkeypatch.setattr(new_trials, "_add_as_read", lambda *_: None)
    group = running()
    fill(group)
    for under_lock, without in zip(everything(group), as_read, strict=True):
        assert under_lock == without


@ON_POSTGRES
def test_few_trials_take_two_round_trips(django_assert_num_queries: Any) -> None:
    group = running()
    add_trials(group, suggestions(0), complete=False)
    with django_assert_num_queries(2):
        add_trials(group, suggestions(1, 2), complete=False)


def test_no_suggestion_becomes_two_trials() -> None:
    group = running()

    def add() -> int:
        try:
            return sum(
                len(add_trials(group, suggestions(*range(start, start + 3)), complete=False)) for start in (0, 2, 5)
            )
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        made = [each.result() for each in [pool.submit(add) for _ in range(4)]]
    assert sum(made) == 8
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == list(range(8))
    assert group.decisions.count() == 8
    numbers = list(group.iterations.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(len(numbers)))


def test_the_same_decision_may_be_stored_twice() -> None:
    group = running()
    assert len(add_trials(group, suggestions(0, 1), complete=False)) == 2
    assert [trial.trial_index for trial in add_trials(group, suggestions(1, 2), complete=False)] == [2]
    assert add_trials(group, suggestions(0, 1, 2), complete=False) == []
    assert group.iterations.count() == 2


def while_deciding(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Between what was read of a search and what is written."""
    origins = new_trials._origins

    def late(*arguments: Any) -> Any:
        monkeypatch.setattr(new_trials, "_origins", origins)
        happens()
        return origins(*arguments)

    monkeypatch.setattr(new_trials, "_origins", late)


@ON_POSTGRES
def test_a_search_that_is_stopped_meanwhile_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    group = running()
    while_deciding(monkeypatch, lambda: stop_group(ExperimentGroup.objects.get(pk=group.pk), group.user))
    assert add_trials(group, suggestions(0), complete=False) == []
    assert not group.experiments.exists()
    assert not group.iterations.exists()


@ON_POSTGRES
def test_what_another_process_adds_meanwhile_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    group = running()
    while_deciding(monkeypatch, lambda: add_trials(group, suggestions(0), complete=False))
    assert [trial.trial_index for trial in add_trials(group, suggestions(0, 1), complete=False)] == [1]
    assert sorted(group.experiments.values_list("trial_index", flat=True)) == [0, 1]
    assert [each.data["num_suggestions"] for each in group.iterations.order_by("number")] == [1, 1]


@ON_POSTGRES
def test_a_failure_of_the_database_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    group = running()
    monkeypatch.setattr(search_states, "_AS_READ", "SELECT ln(0), %s, %s")
    with pytest.raises(DataError, match="logarithm"):
        add_trials(group, suggestions(0), complete=False)
    assert not group.experiments.exists()


def test_who_listens_is_told() -> None:
    group = running()
    Webhook.objects.create(
        project=group.project, url="http://127.0.0.1:9/", enabled=True, events=["experiment.created"]
    )
    add_trials(group, suggestions(0), complete=False)
    assert group.experiments.count() == 1
    assert WebhookDelivery.objects.count() > 0
    assert ActivityLog.objects.filter(event_type="experiment.created").count() == 1


@ON_POSTGRES
def test_many_are_added_under_the_lock() -> None:
    group = running()
    with CaptureQueriesContext(connection) as asked:
        add_trials(group, suggestions(*range(MOST_AS_READ + 1)), complete=False)
    assert unlocked.is_possible()
    assert group.experiments.count() == MOST_AS_READ + 1
    assert len(asked) > 2


@ON_POSTGRES
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"params": {"lr": 9, "size": "{{ lr }}0", "mode": "fast"}},
        {"inputs": [{"name": "lr", "type": "float"}], "params": {"lr": 0.1}},
        {"environment": {"resources": {"cpu": {"requests": "{{ lr }}"}}, "env_vars": [["RATE", "{{ lr }}"]]}},
        {"tags": ["{{ lr }}"], "framework": "pytorch"},
    ],
)
def test_what_a_trial_that_is_not_stored_yet_would_run_is_what_its_file_says(more: dict[str, Any]) -> None:
    file = {"version": 1, "kind": "group", "hptuning": {"matrix": {"lr": {"values": [0.5, 1.5]}}}, **more}
    file["run"] = {"cmd": "train --lr={{ lr }}" + (" --size={{ size }} --{{ mode }}" if "size" in str(more) else "")}
    group = make_group(content=json.dumps(file))
    set_status(group, "running")
    drafts: list[Draft] = []
    add_trials(group, suggestions(1, 2), complete=False, starter=lambda draft: bool(drafts.append(draft)))
    for trial, stored in zip(drafts[0].trials, group.experiments.order_by("trial_index"), strict=True):
        assert trial.__dict__[RENDERED] == parse(stored.content, kind="experiment").render(stored.params)
