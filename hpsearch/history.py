"""The trials of a search, as an algorithm asks for them.

An algorithm that needs little asks for little: a search of many thousand trials is not read whole for the next one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hpsearch.trial import Stage, Trial, TrialState


@dataclass(frozen=True, slots=True)
class Score:
    """What a stage is ranked by: the last value of one metric, None when it is missing or NaN."""

    index: int
    state: TrialState
    value: float | None
    promoted: bool  # some suggestion has this one as its parent; clones that people made do not count


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

    def _score(self, index: int, trial: Trial, metric: str) -> Score:
        value = trial.metrics.get(metric)
        known = value is not None and value == value  # noqa: PLR0124 - NaN is no value
        return Score(index, trial.state, value if known else None, index in self._parents)

    def _items(self) -> list[tuple[int, Trial]]:
        return sorted(self._by_index.items())

    def _sorted(self) -> list[Trial]:
        return [trial for _, trial in self._items()]
