"""Which points were tried already, whatever is remembered of them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hpsearch import SearchSpace, Trial, TrialState
from hpsearch.taken import Taken, Tried
from polyaxon_schemas.hptuning import HpTuning


def space(**matrix: Any) -> SearchSpace:
    return SearchSpace.from_matrix(HpTuning.model_validate({"matrix": matrix}).matrix)


SPACE = space(lr={"values": [0.1, 0.2, 0.3]}, layers={"range": [0, 9, 1]})


def trial(index: int | None, params: dict[str, Any], state: TrialState = TrialState.SUCCEEDED) -> Trial:
    return Trial(index, params, state)


def point(rng: random.Random) -> dict[str, Any]:
    return {"lr": rng.choice([0.1, 0.2, 0.3]), "layers": rng.randrange(9)}


@pytest.mark.parametrize("seed", range(10))
def test_what_is_remembered_changes_no_answer(seed: int) -> None:
    rng, tried = random.Random(seed), Tried(SPACE)
    trials: list[Trial] = []
    for _ in range(40):
        act = rng.random()
        if act < 0.6 or not trials:
            trials.append(trial(len(trials), point(rng), rng.choice(list(TrialState))))
        elif act < 0.8:
            place = rng.randrange(len(trials))  # it has ended meanwhile, or a person has changed its params
            trials[place] = trial(place, point(rng) if rng.random() < 0.3 else dict(trials[place].params))
        elif act < 0.9:
            trials = trials[: rng.randrange(len(trials))]
        added = [trial(None, point(rng)) for _ in range(rng.randrange(3))]
        taken, there = tried.taken(trials, added), [dict(each.params) for each in (*trials, *added)]
        asked = [point(rng) for _ in range(10)]
        assert [each in taken for each in asked] == [each in there for each in asked]
        assert taken.keys == {SPACE.key(each) for each in there}


def test_a_point_that_is_added_is_forgotten_with_the_question() -> None:
    tried, ended, fresh = Tried(SPACE), [trial(0, {"lr": 0.1, "layers": 1})], {"lr": 0.2, "layers": 2}
    taken = tried.taken(ended, [])
    assert len(taken.keys) == 1
    taken.add(fresh)
    assert fresh in taken
    assert len(taken.keys) == 2
    assert fresh not in tried.taken(ended, [])


@pytest.mark.parametrize("params", [{}, {"lr": 0.1}, {"layers": [1], "lr": 0.1}, {"layers": {"a": 1}, "lr": None}])
def test_what_people_add_need_be_no_point(params: dict[str, Any]) -> None:
    taken = Taken(SPACE)
    taken.add(params)
    assert {"lr": 0.1, "layers": 1} not in taken


def test_values_that_are_lists() -> None:
    lists = space(sizes={"values": [[1, 2], [3]]})
    taken = Taken(lists)
    taken.add({"sizes": [1, 2]})
    assert [point in taken for point in ({"sizes": [1, 2]}, {"sizes": [3]})] == [True, False]
