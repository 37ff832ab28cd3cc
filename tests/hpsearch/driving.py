"""Searches from beginning to end, without a platform."""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpsearch import MemoryHistory, SearchAlgorithm, Strategy, Suggestion, Trial, TrialState

# More calls than any search of these tests needs; a search that goes on is one that never ends.
MOST_CALLS = 2000
ENDS = {TrialState.SUCCEEDED, TrialState.FAILED, TrialState.STOPPED}

History = dict[int, Trial]
Metrics = Mapping[str, float]
#: What becomes of a suggestion: its metrics, or these with a state other than `succeeded`.
Outcome = Callable[[Suggestion], "Metrics | tuple[Metrics, TrialState]"]


def measure(suggestion: Suggestion) -> dict[str, float]:
    """Metrics that only depend on the params; some trials are equally good."""
    mark = zlib.crc32(json.dumps(suggestion.params, sort_keys=True).encode())
    return {"loss": mark % 97 / 97, "accuracy": mark % 89 / 89, "cost": float(mark % 7)}


def chance(seed: int) -> Callable[[Suggestion], tuple[Metrics, TrialState]]:
    """Trials that fail, are stopped, or report all, nothing, or what is no number."""

    def outcome(suggestion: Suggestion) -> tuple[Metrics, TrialState]:
        rng = random.Random(f"{seed} {suggestion.index}")
        good = measure(suggestion)
        bad = {name: rng.choice([math.nan, math.inf, -math.inf]) for name in good}
        return rng.choice([good, good, good, bad, {}]), rng.choice([*ENDS_IN_ORDER, TrialState.SUCCEEDED])

    return outcome


ENDS_IN_ORDER = sorted(ENDS)


class NarrowHistory(MemoryHistory):
    """For algorithms that must not read a search whole."""

    def all(self) -> Sequence[Trial]:
        raise AssertionError("the algorithm reads every trial")


def trial(suggestion: Suggestion, state: TrialState, metrics: Metrics) -> Trial:
    """A trial as the platform keeps it: its params went through JSON and hold other params, too."""
    return Trial(
        suggestion.index,
        {"static": 1, **json.loads(json.dumps(suggestion.params, allow_nan=False))},
        state,
        metrics,
        stage=suggestion.stage,
        parent=suggestion.parent,
        numbers=json.loads(json.dumps(suggestion.numbers, allow_nan=False)),
    )


def points(history: History) -> dict[int, dict[str, Any]]:
    """The params that were suggested, by index."""
    return {index: {k: v for k, v in t.params.items() if k != "static"} for index, t in sorted(history.items())}


def check(suggestion: Suggestion, history: History) -> None:
    """What must hold for any suggestion."""
    assert suggestion.index >= 0
    assert suggestion.index not in history
    assert "\n" not in suggestion.reason
    assert (suggestion.parent is None) == (suggestion.strategy is None)
    if suggestion.parent is not None:
        assert history[suggestion.parent].state.is_done
        assert suggestion.reason
        assert suggestion.strategy in set(Strategy)


def ended(suggestion: Suggestion, outcome: Outcome) -> Trial:
    found = outcome(suggestion)
    metrics, state = found if isinstance(found, tuple) else (found, TrialState.SUCCEEDED)
    return trial(suggestion, state, metrics)


def drive(
    algorithm: SearchAlgorithm,
    history: History | None = None,
    *,
    state: TrialState = TrialState.SUCCEEDED,
    metrics: Metrics | None = None,
    outcome: Outcome = measure,
    limit: int = 1000,
    by_hand: Iterable[Trial] = (),
) -> History:
    """Run a search to its end; every suggestion is done before the next call.

    It ends in `state` with `metrics` (when these are given), or as `outcome` says.
    """
    history = dict(history or {})
    for _ in range(MOST_CALLS):
        decision = algorithm.suggest(MemoryHistory([*history.values(), *by_hand]), limit=limit)
        assert len(decision.suggestions) <= limit
        assert decision.suggestions or decision.finished, "nothing is to be waited for"
        before = dict(history)
        for suggestion in decision.suggestions:
            check(suggestion, before)
            assert suggestion.index not in history
            fixed = None if metrics is None else (metrics, state)
            history[suggestion.index] = ended(suggestion, outcome) if fixed is None else trial(suggestion, *fixed[::-1])
        if decision.finished:
            return history
    raise AssertionError("the search does not end")


def pool(
    make: Callable[[], SearchAlgorithm], workers: int, seed: int, *, outcome: Outcome = measure, most: int = MOST_CALLS
) -> History:
    """Run a search with so many trials at a time, which end in a random order. Every call is to a new instance."""
    rng = random.Random(seed)
    history: History = {}
    running: dict[int, Suggestion] = {}
    finished = False
    for _ in range(most):
        if len(running) < workers and not finished:
            free = workers - len(running)
            decision = make().suggest(MemoryHistory(history.values()), limit=free)
            assert len(decision.suggestions) <= free
            before = dict(history)
            for suggestion in decision.suggestions:
                check(suggestion, before)
                assert suggestion.index not in running
                running[suggestion.index] = suggestion
                history[suggestion.index] = _under_way(suggestion, rng)
            finished = decision.finished
        if not running:
            assert finished, "nothing runs, and nothing comes"
            return history
        index = rng.choice(sorted(running))
        history[index] = ended(running.pop(index), outcome)
    raise AssertionError("the search does not end")


def _under_way(suggestion: Suggestion, rng: random.Random) -> Trial:
    """A trial that has reported something better than it will be worth in the end."""
    state = rng.choice([TrialState.PENDING, TrialState.RUNNING])
    best = {"loss": -9.0, "accuracy": 9.0, "cost": -9.0}
    return replace(trial(suggestion, state, best), metrics=best if state == TrialState.RUNNING else {})
