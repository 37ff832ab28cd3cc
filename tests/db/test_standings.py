"""What a process keeps of a search from pass to pass is what another one would read."""

from __future__ import annotations

import math
import random
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from hpsearch import Leader, Stage, Strategy, Suggestion, Tally, TrialState
from polyaxon.actions.experiments import clone_experiment
from polyaxon.actions.new_trials import add_trials
from polyaxon.actions.revisions import tell_of_members
from polyaxon.actions.runs import WAITING, archive, restore, update
from polyaxon.actions.statuses import set_status
from polyaxon.db.models import Experiment, ExperimentGroup, SearchDecision
from polyaxon.lifecycles import EXPERIMENT
from polyaxon.trials import Counts, DatabaseHistory, count_trials, counts, members
from polyaxon.trials.counts import counted, counts_as_read, number_as_read, read_places, with_numbers
from polyaxon.trials.kept import Kept
from polyaxon.trials.members import MEMBERS
from polyaxon.trials.standings import STANDINGS, Standing, Standings, brought_up_to_date
from polyaxon_schemas.search import Metric
from tests.contents import group_content
from tests.db.test_trial_history import plain
from tests.factories import make_experiment, make_group, make_metrics

LOSS = Metric(name="loss", optimization="minimize")
ACCURACY = Metric(name="acc", optimization="maximize")
BEST = {0: 9, 1: 3}


def seen(group: ExperimentGroup, metric: Metric = LOSS) -> tuple[Any, ...]:
    history = DatabaseHistory(group)
    tallies = [dict(history.tallies(bracket)) for bracket in range(2)]
    leaders = [list(history.leaders(bracket, metric, BEST, 5)) for bracket in range(2)]
    return tallies, leaders, dict(history.tallies(0)), plain(history.all())


def numbers(group: ExperimentGroup) -> tuple[int, Counts]:
    """How many trials a pass counts, beside what was counted before, and how they stand."""
    known = counted(group.pk)
    row = with_numbers(ExperimentGroup._base_manager.filter(pk=group.pk), known.last).get()
    number = number_as_read(row, known)
    return number, counts_as_read(row, number)


def true_numbers(group: ExperimentGroup) -> tuple[int, Counts]:
    statuses = list(group.experiments.filter(trial_index__isnull=False).values_list("status", flat=True))
    having = [sum(map(kind.__contains__, statuses)) for kind in (WAITING, EXPERIMENT.open, EXPERIMENT.failed)]
    return len(statuses), Counts(len(statuses), *having)


def seen_by_another(group: ExperimentGroup, metric: Metric = LOSS) -> tuple[Any, ...]:
    """By a process that knows nothing."""
    kept: list[Kept[Any]] = [STANDINGS, MEMBERS]
    before = [dict(each._searches) for each in kept]
    for each in kept:
        each.clear()
    try:
        return seen(group, metric)
    finally:
        for each, known in zip(kept, before, strict=True):
            each.clear()
            each._searches.update(known)


def values(rng: random.Random) -> dict[str, float]:
    choices = [rng.random(), rng.choice([0.0, -0.0, 0.5]), math.nan, math.inf]
    return {name: rng.choice(choices) for name in ("loss", "acc")}


class World:
    """A search in which anything may happen next."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.group = make_group(content=group_content(n=100))

    @property
    def trials(self) -> list[Experiment]:
        return list(self.group.experiments.filter(trial_index__isnull=False).order_by("pk"))

    def act(self) -> None:
        often = [self.add, self.report, self.end] * 2
        seldom = [self.replace, self.lose, self.add_by_hand, self.archive, self.restore, self.repeat, self.change]
        self.rng.choice([*often, self.end_reporting, *seldom])()

    def add(self) -> None:
        there = {trial.trial_index or 0 for trial in self.trials}
        missing = [index for index in range(len(there) + 5) if index not in there]
        for index in missing[: self.rng.randint(1, 3)]:
            parents = [each for each in there if each < index]
            parent = self.rng.choice(parents) if parents and self.rng.random() < 0.4 else None
            stage = Stage(self.rng.randrange(2), self.rng.randrange(2))
            strategy = Strategy.RESTART if parent is not None else None
            made = Suggestion(index, {"lr": 0.1}, stage=stage, parent=parent, strategy=strategy)
            add_trials(self.group, [made], complete=False)

    @property
    def by_hand(self) -> list[Experiment]:
        return list(self.group.experiments.filter(trial_index=None, deleted=False).order_by("pk"))

    def add_by_hand(self) -> None:
        made = make_experiment(self.group.project, group=self.group, params={"lr": self.rng.random()})
        make_metrics(made, values(self.rng))

    def archive(self) -> None:
        if self.by_hand:
            archive(self.rng.choice(self.by_hand), self.group.user)

    def restore(self) -> None:
        for archived in self.group.experiments.filter(trial_index=None, deleted=True)[:1]:
            restore(archived, self.group.user)

    def repeat(self) -> None:
        if self.by_hand:
            clone_experiment(self.rng.choice(self.by_hand), self.group.user, "restart")

    def change(self) -> None:
        """The params of any trial."""
        if self.trials:
            update(self.rng.choice([*self.trials, *self.by_hand]), None, {"params": {"lr": self.rng.random()}})

    def report(self) -> None:
        """Of any trial, those that have ended too."""
        if self.trials:
            make_metrics(self.rng.choice([*self.trials, *self.by_hand]), values(self.rng))

    def end(self) -> None:
        open_ones = [trial for trial in (*self.trials, *self.by_hand) if not trial.is_done]
        if open_ones:
            set_status(self.rng.choice(open_ones), self.rng.choice(["running", "succeeded", "failed", "stopped"]))

    def end_reporting(self) -> None:
        for trial in [trial for trial in self.trials if not trial.is_done][:2]:
            make_metrics(trial, values(self.rng))
            set_status(trial, "succeeded")

    def replace(self) -> None:
        """As when a search is resumed."""
        stopped = [trial.pk for trial in self.trials if trial.status == "stopped"]
        Experiment.objects.filter(pk__in=stopped).update(trial_index=None)
        SearchDecision.objects.filter(experiment__in=stopped, kind="start").update(kind=SearchDecision.REPLACED)
        tell_of_members(self.group)

    def lose(self) -> None:
        if self.trials and self.rng.random() < 0.3:
            lost = self.rng.choice(self.trials)
            lost.delete()
            tell_of_members(lost)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(8))
def test_what_is_kept_is_what_another_process_reads(seed: int) -> None:
    world = World(seed)
    for _ in range(60):
        for _ in range(world.rng.randint(1, 3)):
            world.act()
        metric = ACCURACY if world.rng.random() < 0.1 else LOSS
        assert seen(world.group, metric) == seen_by_another(world.group, metric)
        assert numbers(world.group) == true_numbers(world.group)
        assert count_trials(world.group) == true_numbers(world.group)[1]


@pytest.mark.django_db
def test_members_are_read_once_in_one_round_trip(django_assert_num_queries: Any) -> None:
    group = make_group(content=group_content(n=100))
    trials = add_trials(group, [Suggestion(index, {"lr": 0.5}) for index in range(10)], complete=False)
    for trial in trials[:9]:
        make_metrics(trial, {"loss": 1.0})
        set_status(trial, "succeeded")
    before, places = DatabaseHistory(group).all(), read_places(group)
    set_status(trials[9], "succeeded")
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 2):
        now = DatabaseHistory(group, places).all()
    assert [trial.state.is_done for trial in now] == [True] * 10
    assert [one is other for one, other in zip(now, before, strict=True)] == [True] * 9 + [False]


@pytest.mark.django_db
def test_trials_are_counted_once(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    group = make_group(content=group_content(n=100))
    add_trials(group, [Suggestion(index, {"lr": 0.5}) for index in range(10)], complete=False)
    with django_assert_num_queries(2):
        assert numbers(group)[0] == 10
    add_trials(group, [Suggestion(10, {"lr": 0.5}), Suggestion(11, {"lr": 0.5})], complete=False)
    for _ in range(2):
        with django_assert_num_queries(1):
            assert numbers(group)[0] == 12
    group.experiments.filter(trial_index=3).update(trial_index=None)  # of which nobody tells
    monkeypatch.setattr(counts, "LONGEST_KEPT", 0.0)
    assert numbers(group)[0] == 11


@pytest.mark.django_db
def test_what_nobody_told_of_is_seen_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    group = make_group(content=group_content(n=100))
    (trial,) = add_trials(group, [Suggestion(0, {"lr": 0.5})], complete=False)
    set_status(trial, "succeeded")
    assert DatabaseHistory(group).all()[0].params["lr"] == 0.5
    Experiment.objects.filter(pk=trial.pk).update(params={"lr": 0.25})
    monkeypatch.setattr(members, "LONGEST_KEPT", 0.0)
    assert DatabaseHistory(group).all()[0].params["lr"] == 0.25


def test_what_is_kept_is_bounded() -> None:
    kept: Kept[list[int]] = Kept(most_searches=2, most_trials=5)
    searches = [uuid4() for _ in range(3)]

    def there() -> list[int]:
        return [len(kept._searches.get(search, ())) for search in searches]

    for search in searches:
        kept.put(search, [1, 2])
    assert there() == [0, 2, 2]
    kept.put(searches[0], [1, 2, 3])
    assert there() == [3, 0, 2]
    kept.put(searches[2], [1, 2, 3, 4, 5, 6])
    assert there() == [0, 0, 0], "more than there is room for is not kept"


@pytest.mark.django_db
def test_of_what_has_ended_nothing_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    update = Standings.update

    def counting(known: Standings, standings: list[Standing]) -> bool:
        read.append(len(standings))
        return update(known, standings)

    monkeypatch.setattr(Standings, "update", counting)
    group = make_group(content=group_content(n=100))
    trials = add_trials(group, [Suggestion(index, {"lr": 0.5}) for index in range(10)], complete=False)
    for trial in trials[:9]:
        set_status(trial, "succeeded")
    for _ in range(3):
        seen(group)
    add_trials(group, [Suggestion(10, {"lr": 0.5})], complete=False)
    seen(group)
    assert read[-3:] == [1, 1, 2]


@pytest.mark.django_db
def test_values_that_come_late_count() -> None:
    group = make_group(content=group_content(n=3))
    first, second = add_trials(group, [Suggestion(index, {"lr": 0.5}) for index in range(2)], complete=False)
    for trial, loss in ((first, 1.0), (second, 2.0)):
        make_metrics(trial, {"loss": loss})
        set_status(trial, "succeeded")
    assert [leader.index for leader in DatabaseHistory(group).leaders(0, LOSS, {0: 2}, 5)] == [0, 1]
    make_metrics(second, {"loss": 0.5})
    assert [leader.index for leader in DatabaseHistory(group).leaders(0, LOSS, {0: 2}, 5)] == [1, 0]
    group.refresh_from_db()
    assert group.history_revision == 1


@pytest.mark.django_db
def test_values_in_time_tell_the_search_nothing() -> None:
    group = make_group(content=group_content(n=3))
    (trial,) = add_trials(group, [Suggestion(0, {"lr": 0.5})], complete=False)
    make_metrics(trial, {"loss": 1.0})
    elsewhere = make_experiment(group.project)
    set_status(elsewhere, "succeeded")
    make_metrics(elsewhere, {"loss": 1.0})
    group.refresh_from_db()
    assert group.history_revision == 0


def standing(index: int, value: float, *, done: bool = True) -> Standing:
    state = TrialState.SUCCEEDED if done else TrialState.RUNNING
    return Standing(index + 1, index + 1, index, Stage(), None, state, value)


def test_standings_that_do_not_fit_are_read_again() -> None:
    search, begun = uuid4(), []

    def use(trials: int = 1, metric: Metric = LOSS, revision: int = 0) -> Standings:
        def read(known: Standings) -> list[Standing]:
            if not len(known):
                begun.append((trials, metric.name, revision))
            return [standing(index, 0.5) for index in range(len(known), trials)]

        return brought_up_to_date(search, metric, revision, trials, read)

    use()
    assert use(9).tallies(0) == {0: Tally(9, 9)}
    assert use(9).leaders(0, {0: 1}, 5) == [Leader(0, 0, 0.5, 1)]
    assert begun == [(1, "loss", 0)]
    for fields in ({"trials": 8}, {"trials": 8, "metric": ACCURACY}, {"trials": 8, "metric": ACCURACY, "revision": 1}):
        use(**fields)  # type: ignore[arg-type]
        use(**fields)  # type: ignore[arg-type]
    assert begun[1:] == [(8, "loss", 0), (8, "acc", 0), (8, "acc", 1)]
