"""Hyperband: its brackets, who is promoted, and the defects of other implementations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hpsearch import MemoryHistory, SearchError, Stage, Strategy, Suggestion, TrialState, create_algorithm
from hpsearch.hyperband import brackets
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.search import Hyperband
from tests.hpsearch.contract import AlgorithmContract
from tests.hpsearch.driving import History, chance, drive, trial

LR: dict[str, Any] = {"lr": {"uniform": "0:1"}}


def section(max_iter: int = 9, eta: float = 3, kind: str = "int", **more: Any) -> dict[str, Any]:
    resource = {"name": "epochs", "type": kind}
    metric = {"name": "loss", "optimization": "minimize"}
    return {"max_iter": max_iter, "eta": eta, "resource": resource, "metric": metric, **more}


def tuning(matrix: Mapping[str, Any] = LR, **given: Any) -> HpTuning:
    return HpTuning.model_validate({"matrix": matrix, "hyperband": section(**given)})


def table(max_iter: int, eta: float, kind: str = "float") -> list[list[tuple[int, float]]]:
    found = brackets(Hyperband.model_validate(section(max_iter, eta, kind)))
    return [[(rung.configurations, rung.resource) for rung in bracket] for bracket in found]


class TestHyperband(AlgorithmContract):
    resource = "epochs"
    starts_over = True
    of_one_point = 3  # once in every bracket
    asks_narrowly = True

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "hyperband": section(9, 3)}


class TestResumingHyperband(TestHyperband):
    of_one_point = 4

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "hyperband": section(8, 2, "float", resume=True)}


class TestHyperbandOfOneBracket(TestHyperband):
    of_one_point = 1

    def settings(self, matrix: Mapping[str, Any]) -> dict[str, Any]:
        return {"matrix": dict(matrix), "hyperband": section(2, 3)}


@pytest.mark.parametrize(
    ("max_iter", "eta", "expected"),
    [
        (
            81,
            3,
            [
                [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
                [(34, 3), (11, 9), (3, 27), (1, 81)],
                [(15, 9), (5, 27), (1, 81)],
                [(8, 27), (2, 81)],
                [(5, 81)],
            ],
        ),
        (10, 3, [[(9, 10 / 9), (3, 10 / 3), (1, 10)], [(5, 10 / 3), (1, 10)], [(3, 10)]]),
        (
            81,
            10 / 3,
            [
                [(38, 2.187), (11, 7.29), (3, 24.3), (1, 81)],
                [(15, 7.29), (4, 24.3), (1, 81)],
                [(7, 24.3), (2, 81)],
                [(4, 81)],
            ],
        ),
        (27, 3, [[(27, 1), (9, 3), (3, 9), (1, 27)], [(12, 3), (4, 9), (1, 27)], [(6, 9), (2, 27)], [(4, 27)]]),
        (1, 3, [[(1, 1)]]),
    ],
)
def test_the_published_brackets(max_iter: int, eta: float, expected: list[list[tuple[int, float]]]) -> None:
    assert table(max_iter, eta) == [[(n, pytest.approx(r)) for n, r in bracket] for bracket in expected]


def test_defect_extra_rung() -> None:
    """No bracket goes above max_iter, and every one ends at it."""
    for max_iter in range(1, 130):
        for eta in (1.5, 2, 3, 10 / 3, 4):
            for kind in ("int", "float"):
                found = table(max_iter, eta, kind)
                assert [len(bracket) for bracket in found] == list(range(len(found), 0, -1))
                assert all(bracket[-1][1] == max_iter for bracket in found)
                assert all(1 <= resource <= max_iter for bracket in found for _, resource in bracket)
    trials = drive(create_algorithm(tuning(max_iter=81), seed=1))
    assert len(trials) == 206
    assert sum(t.params["epochs"] for t in trials.values()) == 1902


@pytest.mark.parametrize(
    ("max_iter", "eta", "count"),
    [(243, 3, 6), (1000, 10, 4), (59049, 3, 11), (10**6, 10, 7), (125, 5, 4), (10, math.sqrt(10), 3), (999, 10, 3)],
)
def test_defect_float_s_max(max_iter: int, eta: float, count: int) -> None:
    """Exact powers keep all their brackets."""
    found = table(max_iter, eta)
    assert len(found) == count
    assert found[-1] == [(count, max_iter)]
    assert found[0][-1] == (1, max_iter) or eta**count > max_iter


def test_a_bracket_more_at_an_exact_power() -> None:
    found = table(1000, 10)
    assert found[0] == [(1000, 1), (100, 10), (10, 100), (1, 1000)]
    assert table(10, math.sqrt(10))[0] == [(10, pytest.approx(1)), (3, pytest.approx(10**0.5)), (1, 10)]


@pytest.mark.parametrize(
    ("max_iter", "expected"),
    [
        (14, [[2, 5, 14], [5, 14], [14]]),
        (50, [[2, 6, 17, 50], [6, 17, 50], [17, 50], [50]]),
        (100, [[1, 4, 11, 33, 100], [4, 11, 33, 100], [11, 33, 100], [33, 100], [100]]),
        (10, [[1, 3, 10], [3, 10], [10]]),
    ],
)
def test_defect_float_truncation(max_iter: int, expected: list[list[int]]) -> None:
    found = [[resource for _, resource in bracket] for bracket in table(max_iter, 3, "int")]
    assert found == expected
    assert {type(resource) for bracket in found for resource in bracket} == {int}


def test_defect_eta_near_one() -> None:
    with pytest.raises(SearchError, match=r"eta is 1.0001.*choose a larger one"):
        create_algorithm(tuning(eta=1.0001, max_iter=100), seed=0)


@pytest.mark.parametrize(("kind", "expected"), [("int", int), ("float", float)])
def test_defect_rung_command(kind: str, expected: type) -> None:
    """The resource of a promoted trial is among its params, from which its command is made."""
    trials = drive(create_algorithm(tuning(kind=kind), seed=1))
    promoted = [t for t in trials.values() if t.parent is not None]
    assert promoted
    for each in promoted:
        assert each.params["epochs"] == 3 * trials[each.parent or 0].params["epochs"]
        assert each.params["lr"] == trials[each.parent or 0].params["lr"]
        assert type(each.params["epochs"]) is expected


@pytest.mark.parametrize(("resume", "strategy"), [(True, Strategy.RESUME), (False, Strategy.RESTART)])
def test_defect_resume(resume: bool, strategy: Strategy) -> None:
    algorithm = create_algorithm(tuning(resume=resume), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    history = [trial(each, TrialState.SUCCEEDED, {"loss": each.index}) for each in first]
    assert {each.strategy for each in first} == {None}
    promoted = algorithm.suggest(MemoryHistory(history)).suggestions
    assert [(each.parent, each.strategy) for each in promoted] == [(0, strategy), (1, strategy), (2, strategy)]


def by_stage(history: History) -> dict[Stage, list[int]]:
    found: dict[Stage, list[int]] = {}
    for index, each in sorted(history.items()):
        found.setdefault(each.stage, []).append(index)
    return found


def test_defect_wrong_pool() -> None:
    """Only the trials of the rung below are ranked: those of other brackets are no better for having had more."""
    history = drive(create_algorithm(tuning(max_iter=27), seed=1))
    for stage, indexes in by_stage(history).items():
        for index in indexes:
            parent = history[index].parent
            assert (parent is None) == (stage.rung == 0)
            if parent is not None:
                assert history[parent].stage == Stage(stage.bracket, stage.rung - 1)


def test_defect_concurrency() -> None:
    """Promotions are suggestions like all others, so they come in chunks of what is asked for."""
    algorithm = create_algorithm(tuning(), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    history = [trial(each, TrialState.SUCCEEDED, {"loss": each.index}) for each in first]
    assert [each.parent for each in algorithm.suggest(MemoryHistory(history), limit=2).suggestions] == [0, 1]


def test_defect_seed() -> None:
    """Brackets draw configurations of their own."""
    history = drive(create_algorithm(tuning(max_iter=81), seed=1))
    drawn = [each.params["lr"] for each in history.values() if each.parent is None]
    assert len(drawn) == len(set(drawn)) == 81 + 34 + 15 + 8 + 5


def test_defect_kept_count() -> None:
    """What a rung keeps is counted from the configurations that there are, not from those that were planned."""
    history = drive(create_algorithm(tuning({"a": {"range": "0:7:1"}}), seed=1))
    counts = [(stage.bracket, stage.rung, len(indexes)) for stage, indexes in by_stage(history).items()]
    assert counts == [(0, 0, 7), (0, 1, 2), (1, 0, 5), (1, 1, 1), (2, 0, 3)]
    drawn = [each.params["a"] for each in history.values() if each.parent is None]
    assert sorted(drawn[:7]) == list(range(7))
    assert drawn[7:14] == drawn[:7]


def promotions(values: Sequence[float | None], **given: Any) -> list[Suggestion]:
    """What the second rung is made of when the nine trials of the first have these values."""
    algorithm = create_algorithm(tuning(**given), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    trials = [
        trial(each, TrialState.SUCCEEDED, {} if value is None else {"loss": value})
        for each, value in zip(first, values, strict=True)
    ]
    return [each for each in algorithm.suggest(MemoryHistory(trials)).suggestions if each.stage == Stage(0, 1)]


MAXIMISED = {"metric": {"name": "loss", "optimization": "maximize"}}


@pytest.mark.parametrize(
    ("values", "given", "parents"),
    [
        ([5, 3, 9, 1, 7, 2, 8, 6, 4], {}, [3, 5, 1]),
        ([5, 3, 9, 1, 7, 2, 8, 6, 4], MAXIMISED, [2, 6, 4]),
        ([1, 1, 0, 1, 1, 1, 1, 1, 1], {}, [2, 0, 1]),
        ([math.nan, 3, None, math.inf, -math.inf, 2, 8, 6, 4], {}, [5, 1, 8]),
        ([math.nan, 3, None, math.inf, -math.inf, 2, 8, 6, 4], MAXIMISED, [6, 7, 8]),
        ([None, None, 5, None, None, 4, None, None, None], {}, [5, 2]),
        ([None] * 9, {}, []),
    ],
)
def test_who_is_promoted(values: list[float | None], given: dict[str, Any], parents: list[int]) -> None:
    found = promotions(values, **given)
    assert [each.parent for each in found] == parents
    assert [each.index for each in found] == [9 + i for i in range(len(parents))]
    kept = len(parents)
    reported = sum(value is not None and math.isfinite(value) for value in values)
    for rank, each in enumerate(found, 1):
        assert {**each.numbers, "first": 9, "resource": 3} == each.numbers
        assert [each.numbers[name] for name in ("rank", "kept", "of")] == [rank, kept, reported]
        assert each.numbers["value"] == values[each.parent or 0]


def test_a_promotion_says_why() -> None:
    assert promotions([5, 3, 9, 1, 7, 2, 8, 6, 4])[1].reason == (
        "hyperband bracket 1 of 3, rung 1, epochs = 3: trial 5 was 2 of 9 with loss = 2, 3 go on"
    )


def test_a_failed_trial_is_not_promoted_and_a_stopped_one_counts() -> None:
    algorithm = create_algorithm(tuning(), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    states = [TrialState.FAILED, TrialState.STOPPED, *[TrialState.SUCCEEDED] * 7]
    trials = [trial(each, state, {"loss": each.index}) for each, state in zip(first, states, strict=True)]
    assert [each.parent for each in algorithm.suggest(MemoryHistory(trials)).suggestions] == [1, 2, 3]


@pytest.mark.parametrize("state", [TrialState.FAILED, TrialState.STOPPED, TrialState.SUCCEEDED])
def test_a_bracket_without_values_gives_way_to_the_next(state: TrialState) -> None:
    history = drive(create_algorithm(tuning(max_iter=81), seed=1), state=state, metrics={"other": 1})
    assert Counter(each.stage for each in history.values()) == {
        Stage(k, 0): n for k, n in enumerate([81, 34, 15, 8, 5])
    }


def test_a_rung_waits_for_all_of_the_one_below() -> None:
    algorithm = create_algorithm(tuning(), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    trials = [trial(each, TrialState.SUCCEEDED, {"loss": each.index}) for each in first[:-1]]
    waiting = algorithm.suggest(MemoryHistory([*trials, trial(first[-1], TrialState.RUNNING, {"loss": -1})]))
    assert (waiting.suggestions, waiting.finished) == ((), False)
    assert waiting.reason.endswith("rung 0, epochs = 1 waits for 1 of its trials")


def test_a_rung_that_has_begun_stays_as_it_was() -> None:
    """A metric that is reported late neither adds to a rung nor doubles or changes a promotion of it."""
    algorithm = create_algorithm(tuning(), seed=1)
    first = algorithm.suggest(MemoryHistory()).suggestions
    trials = [trial(each, TrialState.SUCCEEDED, {"loss": each.index} if each.index < 2 else {}) for each in first]
    second = algorithm.suggest(MemoryHistory(trials)).suggestions
    assert [each.parent for each in second] == [0, 1]
    late = [trial(each, TrialState.SUCCEEDED, {"loss": -each.index}) for each in first]
    running = [trial(each, TrialState.RUNNING, {}) for each in second]
    assert algorithm.suggest(MemoryHistory([*late, *running])).suggestions == ()
    again = algorithm.suggest(MemoryHistory([*late, running[0]])).suggestions
    assert [(each.index, each.parent) for each in again] == [(10, 8)]
    gone = [trial(each, TrialState.FAILED, {}) for each in first]
    again = algorithm.suggest(MemoryHistory([*gone, running[0]])).suggestions
    assert [(each.index, each.parent) for each in again] == [(10, 1)]


def test_every_bracket_runs_after_the_one_before() -> None:
    history = drive(create_algorithm(tuning(max_iter=27), seed=1), outcome=chance(1))
    stages = [history[index].stage for index in sorted(history)]
    assert stages == sorted(stages, key=lambda stage: (stage.bracket, stage.rung))
