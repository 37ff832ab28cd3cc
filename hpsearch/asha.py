"""Asynchronous successive halving: no trial waits for others of its rung.

L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, J. Ben-Tzur, M. Hardt, B. Recht, A. Talwalkar: A system for massively
parallel hyperparameter tuning. Proceedings of Machine Learning and Systems 2, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.draws import draws
from hpsearch.halving import amount, floor, highest_power, ratio
from hpsearch.history import Leader, Tally
from hpsearch.ranking import ranked, unfinished
from hpsearch.trial import Decision, Stage, Strategy, Suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hpsearch.history import History, Score
    from hpsearch.space import SearchSpace
    from polyaxon_schemas import search
    from polyaxon_schemas.hptuning import HpTuning


def ladder(section: search.Asha) -> list[int | float]:
    """The resource of every rung: min_iter · eta^k, for as long as that is no more than max_iter.

    Rungs that rounding makes equal are one.
    """
    eta = ratio(section.eta)
    last = highest_power(eta, Fraction(section.max_iter, section.min_iter))
    found = [amount(section.resource, section.min_iter * eta**k, section.max_iter) for k in range(last + 1)]
    return sorted(set(found))


@dataclass(frozen=True)
class _Due:
    """A trial that may be promoted: one of the best ``kept`` among the ``of`` finished ones of its rung."""

    leader: Leader
    kept: int
    of: int


@dataclass
class _Course:
    """What one call knows of the search, and what it has given out by now."""

    rungs: list[Tally]
    unused: Iterator[int]  # numbers of configurations that no trial has
    due: list[_Due]  # in the order in which they are promoted
    taken: set[int] = field(default_factory=set)

    def next_due(self, among: Sequence[_Due] | None = None) -> _Due | None:
        candidates = self.due if among is None else among
        return next((each for each in candidates if each.leader.index not in self.taken), None)


class Asha(SearchAlgorithm):
    """Promotes a trial that is among the best 1/eta of the finished ones of its rung, the highest rung first.

    When there is none, a new configuration starts at the lowest rung, until there were ``n_experiments``. Trials that
    failed or reported nothing count among the finished ones, so that a rung promotes no more for their sake.
    """

    adaptive: ClassVar[bool] = True

    def __init__(self, space: SearchSpace, section: search.Asha, seed: int) -> None:
        self._section = section
        self._names = list(space.dimensions)
        self._draws = draws(space, seed)
        self._configurations = self._draws.count(section.n_experiments)
        self._eta = ratio(section.eta)
        self._resources = ladder(section)
        self._top = len(self._resources) - 1

    @property
    def planned(self) -> None:
        """Unknown: a trial may be promoted that is no longer among the best when its rung is complete."""

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        present = len(history)
        indexes = history.missing(present + limit, limit)
        has_gaps = indexes[:1] != [present]
        course = self._course(history, len(indexes) + 1, has_gaps=has_gaps)
        before = self._before(history) if has_gaps else _nobody
        suggestions: list[Suggestion] = []
        for number, index in enumerate(indexes):
            is_gap = index - number < present
            made = self._next(history, course, index, before(index) if is_gap else None)
            if made is None:
                break
            suggestions.append(made)
        return self._decision(course, suggestions)

    def _course(self, history: History, wanted: int, *, has_gaps: bool) -> _Course:
        tallies = history.tallies(0)
        rungs = [tallies.get(k, Tally(0, 0)) for k in range(self._top + 1)]
        unused: Iterator[int] = iter(range(rungs[0].trials, self._configurations))
        if has_gaps:
            used = {trial.numbers.get("configuration") for trial in history.stage(Stage(0, 0))}
            unused = (number for number in range(self._configurations) if number not in used)
        return _Course(rungs, unused, self._due(history, rungs, wanted))

    def _due(self, history: History, rungs: Sequence[Tally], wanted: int) -> list[_Due]:
        """The first that may be promoted: the highest rung first, and of a rung the best."""
        kept = {k: floor(rungs[k].done / self._eta) for k in range(self._top)}
        best = {k: number for k, number in kept.items() if number}
        leaders = history.leaders(0, self._section.metric, best, wanted) if best else ()
        return [_Due(leader, kept[leader.rung], rungs[leader.rung].done) for leader in leaders]

    def _before(self, history: History) -> Callable[[int], list[_Due]]:
        """Whom the trials before an index alone promote: who had that index before it was lost."""
        metric = self._section.metric.name
        rungs = [history.scores(Stage(0, k), metric) for k in range(self._top)]

        def before(index: int) -> list[_Due]:
            earlier = [[score for score in scores if score.index < index] for scores in rungs]
            return [each for k in reversed(range(self._top)) for each in self._due_among(k, earlier[k])]

        return before

    def _due_among(self, rung: int, scores: Sequence[Score]) -> list[_Due]:
        done = len(scores) - unfinished(scores)
        kept = floor(done / self._eta)
        best = enumerate(ranked(scores, self._section.metric)[:kept], 1)
        return [
            _Due(Leader(rung, score.index, score.value, rank), kept, done)
            for rank, score in best
            if score.value is not None and not score.promoted
        ]

    def _next(self, history: History, course: _Course, index: int, before: Sequence[_Due] | None) -> Suggestion | None:
        """``before``: who may have had the index when it was given out first; None for a new one."""
        due = course.next_due(before)
        number = next(course.unused, None) if due is None else None
        if due is None and number is None:
            due = course.next_due()
        if due is not None:
            course.taken.add(due.leader.index)
            return self._promotion(history, index, due)
        return None if number is None else self._configuration(index, number)

    def _configuration(self, index: int, number: int) -> Suggestion:
        point = self._draws.point(number)
        assert point is not None
        resource = self._resources[0]
        return Suggestion(
            index,
            {**point, self._section.resource.name: resource},
            reason=f"asha rung 0, {self._section.resource.name} = {resource:g}: new configuration {number + 1} of "
            f"{self._configurations}, as no trial is due for promotion",
            numbers={"configuration": number, "resource": resource, "of": self._configurations},
        )

    def _promotion(self, history: History, index: int, due: _Due) -> Suggestion:
        leader, metric = due.leader, self._section.metric.name
        parent = history.get(leader.index)
        assert parent is not None
        rung = leader.rung + 1
        resource = self._resources[rung]
        params: dict[str, Any] = {name: parent.params[name] for name in self._names}
        return Suggestion(
            index,
            {**params, self._section.resource.name: resource},
            Stage(0, rung),
            parent=leader.index,
            strategy=Strategy.RESUME if self._section.resume else Strategy.RESTART,
            reason=f"asha rung {rung}, {self._section.resource.name} = {resource:g}: trial {leader.index} is "
            f"{leader.rank} of {due.of} with {metric} = {leader.value}, {due.kept} go on",
            numbers={
                "rank": leader.rank, "value": leader.value, "kept": due.kept, "of": due.of, "resource": resource,
            },
        )  # fmt: skip

    def _decision(self, course: _Course, suggestions: list[Suggestion]) -> Decision:
        more = course.next_due() is not None or next(course.unused, None) is not None
        under_way = sum(rung.trials - rung.done for rung in course.rungs[: self._top])
        under_way += sum(each.stage.rung < self._top for each in suggestions)
        reason = f"asha of {self._configurations} configurations and {self._top + 1} rungs"
        if not suggestions and under_way:
            reason += f": waits for {under_way} trials, some of which may be promoted"
        return Decision(tuple(suggestions), not more and not under_way, reason)


def _nobody(_index: int) -> list[_Due]:
    return []


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> Asha:
    """The algorithm of a section."""
    assert tuning.asha is not None
    return Asha(space, tuning.asha, seed)
