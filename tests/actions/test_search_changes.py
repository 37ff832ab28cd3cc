"""What may change of a search, and what may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from polyaxon.actions.groups import stop_group
from polyaxon.actions.search_changes import change_search, changed_search
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import ExperimentGroup
from polyaxon.errors import InvalidInput
from polyaxon.trials import plan_of
from tests.factories import make_group

pytestmark = pytest.mark.django_db
SECTION = {
    "matrix": {"b": {"values": [1, 2]}, "lr": {"uniform": [0, 1]}},
    "seed": 3,
    "concurrency": 2,
    "random_search": {"n_experiments": 5},
    "budget": {"max_trials": 4},
}


def group_of(section: dict[str, Any] | None = None) -> ExperimentGroup:
    content = {"version": 1, "kind": "group", "hptuning": section or SECTION, "run": {"cmd": "echo {{ lr }}"}}
    return make_group(content=json.dumps(content))


def test_the_column_is_the_truth_of_what_may_change() -> None:
    group = group_of()
    change_search(
        group,
        group.user,
        {
            "concurrency": 7,
            "max_retries": 2,
            "budget": {"max_hours": 1.5, "max_trials": None},
            "random_search": {"n_experiments": 9},
        },
    )
    tuning = plan_of(ExperimentGroup.objects.get(pk=group.pk)).hptuning
    assert (tuning.concurrency, tuning.max_retries) == (7, 2)
    assert (tuning.budget.max_hours, tuning.budget.max_trials) == (1.5, None)
    assert tuning.random_search is not None
    assert tuning.random_search.n_experiments == 9
    assert list(tuning.matrix) == ["b", "lr"]
    assert group.hptuning is not None
    assert group.hptuning["budget"] == {"max_hours": 1.5}


def test_what_is_left_out_stays() -> None:
    group = group_of()
    before = dict(group.hptuning or {})
    assert changed_search(group, {}) == before
    assert changed_search(group, None) == before
    assert changed_search(group, before) == before
    assert changed_search(group, {"concurrency": 3}) == {**before, "concurrency": 3}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"concurrency": 0}, "concurrency is a whole number from 1"),
        ({"concurrency": True}, "concurrency"),
        ({"concurrency": None}, "concurrency"),
        ({"max_retries": -1}, "max_retries is a whole number from 0"),
        ({"budget": {"max_hours": 0}}, "max_hours"),
        ({"budget": {"max_minutes": 3}}, "max_minutes"),
        ({"random_search": {"n_experiments": 4}}, "can only grow"),
        ({"random_search": {"n_experiments": "9"}}, "can only grow"),
        ({"random_search": {"other": 4}}, "Restart or copy"),
        ({"grid_search": {}}, "Restart or copy"),
        ({"seed": 4}, "Restart or copy"),
        ({"matrix": {"lr": {"values": [7]}}}, "Restart or copy"),
    ],
)
def test_a_change_that_is_none_is_refused_in_one_line(wanted: dict[str, Any], words: str) -> None:
    group = group_of()
    with pytest.raises(InvalidInput, match=words) as refused:
        change_search(group, group.user, wanted)
    assert "\n" not in str(refused.value)
    group.refresh_from_db()
    assert changed_search(group, {}) == group.hptuning


def test_a_grid_grows_too() -> None:
    group = group_of({"matrix": {"lr": {"range": [0, 9, 1]}}, "grid_search": {"n_experiments": 2}})
    change_search(group, group.user, {"grid_search": {"n_experiments": 5}})
    assert plan_of(group).algorithm.planned == 5


def test_an_implicit_grid_has_no_number_to_change() -> None:
    group = group_of({"matrix": {"lr": {"range": [0, 9, 1]}}})
    with pytest.raises(InvalidInput):
        change_search(group, group.user, {"grid_search": {"n_experiments": 5}})


def test_a_search_that_made_all_its_trials_makes_more_when_it_may() -> None:
    group = group_of()
    set_status(group, "running")
    ExperimentGroup.objects.filter(pk=group.pk).update(suggestions_complete=True)
    change_search(group, group.user, {"concurrency": 2})
    assert group.suggestions_complete, "nothing changed"
    change_search(group, group.user, {"random_search": {"n_experiments": 8}})
    assert not group.suggestions_complete


def test_after_its_pending_trials_were_stopped_it_makes_no_more() -> None:
    group = group_of()
    set_status(group, "running")
    stop_group(group, group.user, pending_only=True)
    change_search(group, group.user, {"random_search": {"n_experiments": 8}})
    assert group.suggestions_complete


def test_one_that_is_done_stays_done() -> None:
    group = group_of()
    set_status(group, "running")
    ExperimentGroup.objects.filter(pk=group.pk).update(suggestions_complete=True)
    set_status(group, "done")
    change_search(group, group.user, {"random_search": {"n_experiments": 8}})
    assert (group.status, group.suggestions_complete) == ("done", True)
