"""What algorithms that model the trials so far have in common."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, ClassVar

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.seeds import generator
from hpsearch.taken import Tried
from hpsearch.trial import Decision, Suggestion, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from hpsearch.history import History
    from hpsearch.space import SearchSpace
    from hpsearch.taken import Taken

# Random points that may in a row be taken already before the search looks for a free one by other means.
_MAX_REPEATS = 100


class ModelSearch(SearchAlgorithm):
    """``n_experiments`` trials, fewer when the space has fewer points; none of them comes twice.

    Suggestion ``i`` rests on the trials with a lower index and on those that people added, so that it is made again
    as it was when its trial got lost. It never equals any other trial's point.
    """

    adaptive: ClassVar[bool] = True

    def __init__(self, space: SearchSpace, n_experiments: int, seed: int) -> None:
        size = space.size
        self._space = space
        self._seed = seed
        self._tried = Tried(space)
        self._planned = n_experiments if size is None else min(n_experiments, size)

    @property
    def planned(self) -> int:
        return self._planned

    @property
    @abstractmethod
    def _title(self) -> str:
        """What the search is, for people."""

    @abstractmethod
    def _propose(self, index: int, trials: Sequence[Trial], taken: Taken) -> Suggestion | None:
        """Suggestion ``index`` given the trials before it; None when every point is taken."""

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self._planned, limit + 1)
        if not missing:
            return Decision((), True, self._title)
        suggested, added = by_origin(history.all())
        taken = self._tried.taken(suggested, added)
        made: list[Suggestion] = []
        for index in missing[:limit]:
            place = bisect_left(suggested, index, key=_index)
            suggestion = self._propose(index, [*suggested[:place], *added], taken)
            if suggestion is None:
                return Decision(tuple(made), True, f"{self._title}; every point of the space is taken")
            made.append(suggestion)
            taken.add(suggestion.params)
            suggested.insert(place, _waiting(suggestion))
        return Decision(tuple(made), len(missing) <= limit, self._title)

    def _free(
        self, index: int, taken: Taken, draw: Callable[[np.random.Generator], dict[str, Any]] | None = None
    ) -> dict[str, Any] | None:
        """A point that is not taken, drawn from the space or by ``draw``; None when there seems to be none."""
        rng = generator(self._seed, index)
        for _ in range(_MAX_REPEATS):
            point = (draw or self._space.sample)(rng)
            if point not in taken:
                return point
        return self._space.free_point(rng, taken.keys)


def by_origin(trials: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """Those that were suggested, and those that people added, which come after all others."""
    place = bisect_left(trials, True, key=lambda trial: trial.index is None)
    return list(trials[:place]), list(trials[place:])


def _index(trial: Trial) -> int:
    assert trial.index is not None
    return trial.index


def _waiting(suggestion: Suggestion) -> Trial:
    return Trial(
        suggestion.index,
        suggestion.params,
        TrialState.PENDING,
        stage=suggestion.stage,
        parent=suggestion.parent,
        numbers=suggestion.numbers,
    )
