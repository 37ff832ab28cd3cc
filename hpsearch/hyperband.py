"""Hyperband: brackets of successive halving, each with more resource at the start and fewer configurations.

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar: Hyperband: a novel bandit-based approach to
hyperparameter optimization. Journal of Machine Learning Research 18(185), 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.draws import draws
from hpsearch.halving import amount, ceil, floor, highest_power, ratio
from hpsearch.ranking import ranked, unfinished
from hpsearch.trial import Decision, Stage, Strategy, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.history import History, Score
    from hpsearch.space import SearchSpace
    from polyaxon_schemas import search
    from polyaxon_schemas.hptuning import HpTuning


@dataclass(frozen=True)
class Rung:
    """One rung: ``configurations`` is how many there are when every trial reports and the space holds so many."""

    stage: Stage
    configurations: int
    resource: int | float


def brackets(section: search.Hyperband) -> list[list[Rung]]:
    """The rungs of every bracket, in the order in which they run.

    With R = max_iter and s = s_max, …, 0: n = ceil((s_max + 1) · eta^s / (s + 1)) configurations begin with
    R · eta^-s; rung i keeps floor(n · eta^-i) of them with R · eta^(i-s), so that the last rung has R.
    """
    eta = ratio(section.eta)
    s_max = highest_power(eta, Fraction(section.max_iter))
    return [_bracket(section, eta, s_max, s) for s in range(s_max, -1, -1)]


def _bracket(section: search.Hyperband, eta: Fraction, s_max: int, s: int) -> list[Rung]:
    count = ceil((s_max + 1) * eta**s / (s + 1))
    most = section.max_iter
    return [
        Rung(Stage(s_max - s, i), floor(count / eta**i), amount(section.resource, most * eta ** (i - s), most))
        for i in range(s + 1)
    ]


@dataclass(frozen=True)
class _Place:
    """Where a search stands: a rung, by its number in the whole search, and the index of its first trial."""

    rung: int = 0
    first: int = 0


class Hyperband(SearchAlgorithm):
    """Rungs are synchronous: one begins when all trials of the one before are done, and so does a bracket.

    Indexes follow each other in this order. Suggestions say in their numbers where their rung begins and what it
    keeps, so the next one needs the trials of a rung or two, not of the whole search.
    """

    def __init__(self, space: SearchSpace, section: search.Hyperband, seed: int) -> None:
        self._section = section
        self._names = list(space.dimensions)
        self._draws = draws(space, seed)
        self._eta = ratio(section.eta)
        plan = brackets(section)
        self._rungs = [rung for bracket in plan for rung in bracket]
        self._starts = [bracket[0].configurations for bracket in plan]

    @property
    def planned(self) -> None:
        """Unknown: how many trials a rung passes on depends on how many report."""

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        place = self._place(history)
        while place.rung < len(self._rungs):
            size = self._size(history, place)
            points = self._missing(history, place, size, limit + 1)
            if points:
                complete = len(points) <= limit and place.rung == len(self._rungs) - 1
                return Decision(tuple(points[:limit]), complete, self._title(place))
            waiting = unfinished(history.scores(self._rungs[place.rung].stage, self._section.metric.name))
            if waiting:
                last = place.rung == len(self._rungs) - 1
                return Decision((), last, f"{self._title(place)} waits for {waiting} of its trials")
            place = _Place(place.rung + 1, place.first + size)
        return Decision((), True, f"hyperband: all {len(self._starts)} brackets are done")

    def _place(self, history: History) -> _Place:
        """The rung of the last trial, or the first rung when any trial is missing."""
        count = len(history)
        last = None if history.missing(count, 1) else history.get(count - 1)
        if last is None or "first" not in last.numbers:
            return _Place()
        number = next((i for i, rung in enumerate(self._rungs) if rung.stage == last.stage), 0)
        return _Place(number, int(last.numbers["first"])) if number else _Place()

    def _size(self, history: History, place: _Place) -> int:
        """How many trials the rung has in the end."""
        rung = self._rungs[place.rung]
        if rung.stage.rung == 0:
            return self._draws.count(rung.configurations)
        begun = history.stage(rung.stage)
        if begun:
            return int(begun[0].numbers["kept"])  # decided once, whatever is reported later
        started = self._draws.count(self._starts[rung.stage.bracket])
        reported = len(ranked(self._below(history, rung), self._section.metric))
        return min(floor(started / self._eta**rung.stage.rung), reported)

    def _below(self, history: History, rung: Rung) -> Sequence[Score]:
        """The trials that the rung chooses from."""
        stage = Stage(rung.stage.bracket, rung.stage.rung - 1)
        return history.scores(stage, self._section.metric.name)

    def _missing(self, history: History, place: _Place, size: int, limit: int) -> list[Suggestion]:
        indexes = [i for i in history.missing(place.first + size, limit) if i >= place.first]
        if not indexes:
            return []
        if self._rungs[place.rung].stage.rung == 0:
            return [self._configuration(place, index, size) for index in indexes]
        return self._promotions(history, place, indexes, size)

    def _configuration(self, place: _Place, index: int, size: int) -> Suggestion:
        rung = self._rungs[place.rung]
        earlier = sum(self._draws.count(start) for start in self._starts[: rung.stage.bracket])
        number = index - place.first
        return Suggestion(
            index,
            self._params(self._draws.round_robin(earlier + number), rung),
            rung.stage,
            reason=f"{self._title(place)}: new configuration {number + 1} of {size}",
            numbers={"first": place.first, "resource": rung.resource, "of": size},
        )

    def _promotions(self, history: History, place: _Place, indexes: Sequence[int], size: int) -> list[Suggestion]:
        rung = self._rungs[place.rung]
        scores = self._below(history, rung)
        ranking = ranked(scores, self._section.metric)
        in_ranking = {score.index for score in ranking}
        # The others' turn comes only when a trial was lost and metrics have changed since.
        order = enumerate([*ranking, *[score for score in scores if score.index not in in_ranking]], 1)
        free = [(rank, score) for rank, score in order if not score.promoted]
        numbers = {"first": place.first, "resource": rung.resource, "kept": size, "of": len(ranking)}
        return [
            self._promotion(history, place, index, score, {**numbers, "rank": rank, "value": score.value})
            for index, (rank, score) in zip(indexes, free, strict=False)
        ]

    def _promotion(
        self, history: History, place: _Place, index: int, score: Score, numbers: dict[str, Any]
    ) -> Suggestion:
        rung, parent = self._rungs[place.rung], history.get(score.index)
        assert parent is not None
        return Suggestion(
            index,
            self._params(parent.params, rung),
            rung.stage,
            parent=score.index,
            strategy=Strategy.RESUME if self._section.resume else Strategy.RESTART,
            reason=f"{self._title(place)}: trial {score.index} was {numbers['rank']} of {numbers['of']} with "
            f"{self._section.metric.name} = {score.value}, {numbers['kept']} go on",
            numbers=numbers,
        )

    def _params(self, point: Any, rung: Rung) -> dict[str, Any]:
        """The point of the space, without what else a trial has, and the resource."""
        return {**{name: point[name] for name in self._names}, self._section.resource.name: rung.resource}

    def _title(self, place: _Place) -> str:
        rung = self._rungs[place.rung]
        return (
            f"hyperband bracket {rung.stage.bracket + 1} of {len(self._starts)}, rung {rung.stage.rung}, "
            f"{self._section.resource.name} = {rung.resource:g}"
        )


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> Hyperband:
    """The algorithm of a section."""
    assert tuning.hyperband is not None
    return Hyperband(space, tuning.hyperband, seed)
