"""The trials of a search, as an algorithm asks for them.

An algorithm that needs little asks for little: a search of many thousand trials is not read whole for the next one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from hpsearch.ranking import ranked, unfinished
from hpsearch.trial import Stage, Trial, TrialState

if TYPE_CHECKING:
    from polyaxon_schemas.search import Metric


@dataclass(frozen=True, slots=True)
class Score:
    """What a stage is ranked by: the last value of one metric, None when it is missing or NaN."""

    index: int
    state: TrialState
    value: float | None
    promoted: bool  # some suggestion has this one as its parent; clones that people made do not count


class Tally(NamedTuple):
    """How far a stage is."""

    trials: int
    done: int


@dataclass(frozen=True, slots=True)
class Leader:
    """A trial by its place among the finished ones of its rung, the best at 1."""

    rung: int
    index: int
    value: float
    rank: int


class History(ABC):
    """Every trial of one search at one moment. Answers do not depend on the order in which trials were stored."""

    @abstractmethod
    def __len__(self) -> int:
        """How many trials were suggested; those that people added are not counted."""

    @abstractmethod
    def missing(self, planned: int, limit: int) -> list[int]:
        """The lowest indexes below ``planned`` that no trial has, at most ``limit`` of them."""

    @abstractmethod
    def get(self, index: int) -> Trial | None:
        """The trial of one suggestion."""

    @abstractmethod
    def all(self) -> Sequence[Trial]:
        """Every trial by index, then those that people added, in the order they came."""

    @abstractmethod
    def stage(self, stage: Stage) -> Sequence[Trial]:
        """The trials of one stage, by index."""

    @abstractmethod
    def scores(self, stage: Stage, metric: str) -> Sequence[Score]:
        """The trials of one stage, by index, as far as a ranking needs them."""

    @abstractmethod
    def tallies(self, bracket: int) -> Mapping[int, Tally]:
        """The rungs of one bracket that have trials, by number."""

    @abstractmethod
    def leaders(self, bracket: int, metric: Metric, best: Mapping[int, int], limit: int) -> Sequence[Leader]:
        """Of the ``best`` trials of each rung those that have not been promoted: at most ``limit``.

        The highest rung comes first, and of a rung the best; they rank as ``ranking.ranked`` says.
        """


class MemoryHistory(History):
    """A history of trials that are at hand."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        given = list(trials)
        self._by_hand = [trial for trial in given if trial.index is None]
        self._by_index = {trial.index: trial for trial in given if trial.index is not None}
        self._parents = {trial.parent for trial in self._by_index.values()}

    def __len__(self) -> int:
        return len(self._by_index)

    def missing(self, planned: int, limit: int) -> list[int]:
        found: list[int] = []
        for index in range(planned):
            if len(found) == limit:
                break
            if index not in self._by_index:
                found.append(index)
        return found

    def get(self, index: int) -> Trial | None:
        return self._by_index.get(index)

    def all(self) -> Sequence[Trial]:
        return [*self._sorted(), *self._by_hand]

    def stage(self, stage: Stage) -> Sequence[Trial]:
        return [trial for trial in self._sorted() if trial.stage == stage]

    def scores(self, stage: Stage, metric: str) -> Sequence[Score]:
        return [self._score(index, trial, metric) for index, trial in self._items() if trial.stage == stage]

    def tallies(self, bracket: int) -> Mapping[int, Tally]:
        found: dict[int, Tally] = {}
        for rung in {trial.stage.rung for trial in self._by_index.values() if trial.stage.bracket == bracket}:
            scores = self.scores(Stage(bracket, rung), "")
            found[rung] = Tally(len(scores), len(scores) - unfinished(scores))
        return found

    def leaders(self, bracket: int, metric: Metric, best: Mapping[int, int], limit: int) -> Sequence[Leader]:
        found = [
            Leader(rung, score.index, score.value, rank)
            for rung in sorted(best, reverse=True)
            for rank, score in enumerate(self._ranked(Stage(bracket, rung), metric)[: best[rung]], 1)
            if score.value is not None and not score.promoted
        ]
        return found[:limit]

    def _ranked(self, stage: Stage, metric: Metric) -> list[Score]:
        return ranked(self.scores(stage, metric.name), metric)

    def _score(self, index: int, trial: Trial, metric: str) -> Score:
        value = trial.metrics.get(metric)
        known = value is not None and value == value  # noqa: PLR0124 - NaN is no value
        return Score(index, trial.state, value if known else None, index in self._parents)

    def _items(self) -> list[tuple[int, Trial]]:
        return sorted(self._by_index.items())

    def _sorted(self) -> list[Trial]:
        return [trial for _, trial in self._items()]
