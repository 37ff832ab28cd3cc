"""How the trials of a search stand in their rungs, kept by this process from one pass to the next.

What a trial has reached does not change once it has ended, so of a search that was looked at before only what is new
and what was under way is read. Who keeps standings must begin anew when the group has another `history_revision`, and
when there are fewer trials than these know of.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from hpsearch import Leader, Stage, Tally, TrialState
from polyaxon.trials.kept import Kept
from polyaxon_schemas.search import Metric

MOST_SEARCHES = 32
MOST_TRIALS = 100_000  # together; about 0.4 KB each


@dataclass(frozen=True, slots=True)
class Standing:
    """A trial as it is now. `decision`: number of the one that made it; `value` None: missing, or NaN."""

    decision: int
    experiment: int
    index: int
    stage: Stage
    parent: int | None
    state: TrialState
    value: float | None


_Key = tuple[float, int]
"""Sorts the trials of a rung: the value, negative if the largest is the best, and the index."""


@dataclass(slots=True)
class _Rung:
    trials: int = 0
    done: int = 0
    ranked: list[_Key] = field(default_factory=list)
    due: list[_Key] = field(default_factory=list)  # of those the ones that no trial goes on from


class Standings:
    """Of the trials of one search, ranked by a metric if there is one. `revision`: its `history_revision` then."""

    def __init__(self, metric: Metric | None, revision: int) -> None:
        self.metric = metric
        self.revision = revision
        self.newest = 0  # decision that is known
        self._sign = -1.0 if metric and metric.optimization == "maximize" else 1.0
        self._indexes: set[int] = set()
        self._parents: set[int] = set()
        self._open: set[int] = set()  # experiments
        self._rungs: dict[Stage, _Rung] = defaultdict(_Rung)
        self._keys: dict[int, tuple[_Rung, _Key]] = {}  # by index, of those that rank

    def __len__(self) -> int:
        return len(self._indexes)

    def has(self, metric: Metric | None) -> bool:
        """Whether they rank by `metric`, or it is None."""
        return metric is None or metric == self.metric

    @property
    def under_way(self) -> list[int]:
        """The experiments that had not ended."""
        return list(self._open)

    def update(self, standings: Iterable[Standing]) -> bool:
        """Take in what is new and what has changed. Returns False if a trial was made anew: then nothing holds."""
        for each in standings:
            if each.experiment not in self._open:
                if each.index in self._indexes:
                    return False
                self._add(each)
            if each.state.is_done:
                self._end(each)
        return True

    def tallies(self, bracket: int) -> dict[int, Tally]:
        """As `hpsearch.History.tallies`."""
        return {
            stage.rung: Tally(rung.trials, rung.done) for stage, rung in self._rungs.items() if stage.bracket == bracket
        }

    def leaders(self, bracket: int, best: Mapping[int, int], limit: int) -> list[Leader]:
        """As `hpsearch.History.leaders`."""
        found: list[Leader] = []
        for number in sorted(best, reverse=True):
            rung = self._rungs.get(Stage(bracket, number), _Rung())
            for key in rung.due[: limit - len(found)]:
                rank = bisect_left(rung.ranked, key) + 1
                if rank > best[number]:
                    break
                found.append(Leader(number, key[1], self._sign * key[0], rank))
        return found

    def _add(self, each: Standing) -> None:
        self.newest = max(self.newest, each.decision)
        self._indexes.add(each.index)
        self._open.add(each.experiment)
        self._rungs[each.stage].trials += 1
        if each.parent is not None and each.parent not in self._parents:
            self._parents.add(each.parent)
            if each.parent in self._keys:
                rung, key = self._keys[each.parent]
                rung.due.remove(key)

    def _end(self, each: Standing) -> None:
        self._open.remove(each.experiment)
        rung = self._rungs[each.stage]
        rung.done += 1
        if each.state == TrialState.FAILED or each.value is None or not math.isfinite(each.value):
            return
        key = (self._sign * each.value, each.index)
        self._keys[each.index] = rung, key
        insort(rung.ranked, key)
        if each.index not in self._parents:
            insort(rung.due, key)


STANDINGS: Kept[Standings] = Kept(most_searches=MOST_SEARCHES, most_trials=MOST_TRIALS)


def brought_up_to_date(
    search: UUID,
    metric: Metric | None,
    revision: int,
    trials: int,
    read: Callable[[Standings], Iterable[Standing]],
) -> Standings:
    """The standings of a search with so many trials, with what `read` gives taken in.

    `metric` None: by any metric. They are the caller's alone until they are asked for again: a search has one pass at a
    time in a process.
    """
    known = STANDINGS.take(search)
    fits = known is not None and known.revision == revision and known.has(metric)
    if known is None or not fits or not known.update(read(known)) or len(known) != trials:
        known = Standings(metric, revision)
        known.update(read(known))
    STANDINGS.put(search, known)
    return known
