"""The history that the database gives is the one that the same trials in memory give."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest

from hpsearch import MemoryHistory, Stage, Strategy, Suggestion, Trial, TrialState
from polyaxon.actions.group_clones import copy_group
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.projects import archive_project, restore_project
from polyaxon.actions.runs import archive
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, SearchDecision
from polyaxon.trials import DatabaseHistory, count_trials
from polyaxon.trials.members import MEMBERS
from polyaxon.trials.states import state_of
from polyaxon_schemas.search import Metric
from tests.contents import group_content
from tests.factories import make_experiment, make_group, make_metrics

pytestmark = pytest.mark.django_db
STATUSES = ["created", "scheduled", "running", "succeeded", "failed", "stopped"]


def suggestion(index: int, rng: random.Random) -> Suggestion:
    parent = rng.randrange(index) if index and rng.random() < 0.4 else None
    return Suggestion(
        index,
        {"lr": rng.random()},
        stage=Stage(rng.randrange(2), rng.randrange(2)),
        parent=parent,
        strategy=Strategy.COPY if parent is not None else None,
        reason="because",
        numbers={"rank": index},
    )


def move(trial: Experiment, status: str) -> None:
    if status != "created":
        set_status(trial, status)


def world(seed: int, indexes: list[int], group: ExperimentGroup) -> list[Trial]:
    """Trials of these indexes in any state, with any metrics, and what they are in memory."""
    rng = random.Random(seed)
    suggestions = [suggestion(index, rng) for index in indexes]
    rows = add_trials(group, rng.sample(suggestions, len(suggestions)), complete=False)
    by_index = {row.trial_index: row for row in rows}
    found = []
    for each in suggestions:
        row, status = by_index[each.index], rng.choice(STATUSES)
        move(row, status)
        metrics = {
            name: rng.choice([rng.random(), math.nan, math.inf]) for name in ("loss", "acc") if rng.random() < 0.7
        }
        if metrics:
            make_metrics(row, dict.fromkeys(metrics, 0.5), metrics)
        found.append(
            Trial(each.index, each.params, state_of(status), metrics, each.stage, each.parent, dict(each.numbers))
        )
    return found


def plain(trials: Any) -> list[Any]:
    """Comparable, also where NaN is."""
    return [
        (t.index, dict(t.params), t.state, str(sorted(t.metrics.items())), t.stage, t.parent, t.numbers) for t in trials
    ]


@pytest.mark.parametrize("seed", range(6))
def test_it_answers_like_the_history_in_memory(seed: int) -> None:
    group = make_group(content=group_content(n=40))
    rng = random.Random(seed)
    indexes = list(range(20)) if seed == 0 else sorted(rng.sample(range(3, 30), rng.randint(0, 15)))
    memory, database = MemoryHistory(world(seed, indexes, group)), DatabaseHistory(group)
    assert len(database) == len(memory)
    for planned, limit in ((0, 5), (10, 3), (25, 100), (40, 7), (40, 1)):
        assert database.missing(planned, limit) == memory.missing(planned, limit)
    for index in (0, 5, 50):
        assert plain(filter(None, [database.get(index)])) == plain(filter(None, [memory.get(index)]))
    for stage in (Stage(0, 0), Stage(0, 1), Stage(1, 1), Stage(7, 7)):
        assert plain(database.stage(stage)) == plain(memory.stage(stage))
        for metric in ("loss", "nothing"):
            assert list(database.scores(stage, metric)) == list(memory.scores(stage, metric))
    for bracket in (0, 1, 7):
        assert dict(database.tallies(bracket)) == dict(memory.tallies(bracket))
    for optimization in ("minimize", "maximize"):
        ranking = Metric(name="loss", optimization=optimization)
        for bracket, best, limit in itertools.product((0, 1), ({0: 1}, {0: 9, 1: 2}, {1: 3, 5: 1}), (1, 5)):
            wanted = memory.leaders(bracket, ranking, best, limit)
            assert list(database.leaders(bracket, ranking, best, limit)) == list(wanted)
    assert plain(database.all()) == plain(memory.all())
    assert plain(DatabaseHistory(group).all()) == plain(memory.all()), "from what was kept"


def test_what_changes_of_a_finished_trial_is_seen() -> None:
    group = make_group(content=group_content(n=3))
    (trial,) = add_trials(group, [Suggestion(0, {"lr": 0.5})], complete=False)
    set_status(trial, "succeeded")
    assert DatabaseHistory(group).all()[0].metrics == {}
    make_metrics(trial, {"loss": 1.0})
    assert DatabaseHistory(group).all()[0].metrics == {"loss": 1.0}
    make_metrics(trial, {"loss": 2.0})
    assert DatabaseHistory(group).all()[0].metrics == {"loss": 2.0}


def test_finished_trials_are_read_once(django_assert_num_queries: Any) -> None:
    group = make_group(content=group_content(n=3))
    for trial in add_trials(group, [Suggestion(index, {"lr": 0.5}) for index in range(3)], complete=False):
        set_status(trial, "succeeded")
    DatabaseHistory(group).all()
    with django_assert_num_queries(2):
        assert len(DatabaseHistory(group).all()) == 3


def test_runs_that_people_add_inform_it_without_an_index() -> None:
    group = make_group(content=group_content(n=3))
    add_trials(group, [Suggestion(0, {"lr": 0.5})], complete=False)
    by_hand = make_experiment(group.project, group=group, params={"lr": 0.25})
    archived = make_experiment(group.project, group=group, params={"lr": 0.75})
    archive(archived, group.user)
    history = DatabaseHistory(group)
    assert [(trial.index, trial.params["lr"]) for trial in history.all()] == [(0, 0.5), (None, 0.25)]
    assert (len(history), history.missing(3, 5)) == (1, [1, 2])
    assert count_trials(group).trials == 1
    assert by_hand.trial_index is None


def test_runs_that_people_add_go_and_come_with_their_project() -> None:
    group = make_group(content=group_content(n=3))
    make_experiment(group.project, group=group, params={"lr": 0.25})
    assert len(DatabaseHistory(group).all()) == 1
    archive_project(group.project, group.user)
    assert DatabaseHistory(group).all() == []
    restore_project(group.project, group.user)
    assert len(DatabaseHistory(group).all()) == 1


def test_what_a_stop_interrupted_is_no_trial_any_more() -> None:
    group = make_group(content=group_content(n=3))
    (trial,) = add_trials(group, [Suggestion(0, {"lr": 0.5})], complete=False)
    Experiment.objects.filter(pk=trial.pk).update(trial_index=None)
    trial.decisions.update(kind=SearchDecision.REPLACED)
    assert DatabaseHistory(group).all() == []


def test_a_copy_knows_what_its_original_found() -> None:
    group = make_group(content=group_content(n=3))
    done, _ = add_trials(group, [Suggestion(index, {"lr": index / 10}) for index in range(2)], complete=False)
    make_metrics(done, {"loss": 3.0})
    set_status(done, "succeeded")
    copy = copy_group(copy_group(group, group.user), group.user)
    add_trials(copy, [Suggestion(0, {"lr": 0.9})], complete=False)
    found = DatabaseHistory(copy).all()
    assert [(trial.index, trial.params["lr"], dict(trial.metrics)) for trial in found] == [
        (0, 0.9, {}),
        (None, 0.0, {"loss": 3.0}),
    ]
    assert found[1].state is TrialState.SUCCEEDED
    assert len(DatabaseHistory(copy)) == 1


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Numbers of rows come again in other tests."""
    MEMBERS.clear()
