"""Population-based training: bad members of a population go on from copies of good ones, with other values.

M. Jaderberg, V. Dalibard, S. Osindero, W. M. Czarnecki, J. Donahue, A. Razavi, O. Vinyals, T. Green, I. Dunning,
K. Simonyan, C. Fernando, K. Kavukcuoglu: Population based training of neural networks. arXiv:1711.09846, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.draws import draws
from hpsearch.exploring import explored
from hpsearch.halving import amount, ceil, ratio
from hpsearch.ranking import ranked, unfinished
from hpsearch.seeds import generator
from hpsearch.trial import Decision, Stage, Strategy, Suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.history import History, Score
    from hpsearch.space import SearchSpace
    from polyaxon_schemas import search
    from polyaxon_schemas.hptuning import HpTuning


@dataclass(frozen=True)
class _Generation:
    """What the next generation is made from: the members that have a value, the best first."""

    number: int
    ranking: Sequence[Score]
    cut: int  # how many at either end

    @property
    def donors(self) -> Sequence[Score]:
        return self.ranking[: max(1, self.cut)]

    @cached_property
    def _ranks(self) -> dict[int, int]:
        return {score.index: rank for rank, score in enumerate(self.ranking, 1)}

    def rank(self, index: int) -> int | None:
        return self._ranks.get(index)

    def is_kept(self, index: int) -> bool:
        rank = self.rank(index)
        return rank is not None and rank <= len(self.ranking) - self.cut


class PopulationBasedTraining(SearchAlgorithm):
    """Generation ``g`` of ``population_size`` members trains each to (g + 1) · ``interval`` resource in all.

    It begins when all members of the one before are done. Then a member among the worst ``quantile``, or one without
    a value, is replaced: it exploits one of the best ``quantile`` and explores, with other values than that had.

    Every member goes on in a copy, the good ones too. Were a good one to go on in its own outputs, it would write over
    the state that a bad one, which may have to wait for a slot, has yet to copy; and a trial that is lost or started
    again would not find what it began with. As they are, the outputs of a generation never change once it is done.
    """

    def __init__(self, space: SearchSpace, section: search.PopulationBasedTraining, seed: int) -> None:
        self._space = space
        self._section = section
        self._seed = seed
        self._draws = draws(space, seed)
        self._size = section.population_size
        self._generations = ceil(Fraction(section.max_iter, section.interval))

    @property
    def planned(self) -> int:
        """As long as some member of every generation has a value."""
        return self._size * self._generations

    def suggest(self, history: History, *, limit: int = SearchAlgorithm.BATCH) -> Decision:
        missing = history.missing(self.planned, limit + 1)
        if not missing:
            return Decision((), True, f"pbt: all {self._generations} generations are complete")
        number = missing[0] // self._size
        indexes = [index for index in missing[:limit] if index // self._size == number]
        is_last = number == self._generations - 1 and len(missing) <= limit
        if number == 0:
            members = [self._first(index) for index in indexes]
            return Decision(tuple(members), is_last, self._title(number))
        return self._next(history, number, indexes, is_last=is_last)

    def _next(self, history: History, number: int, indexes: Sequence[int], *, is_last: bool) -> Decision:
        scores = history.scores(Stage(0, number - 1), self._section.metric.name)
        waiting = self._size - len(scores) + unfinished(scores)
        if waiting:
            return Decision((), False, f"{self._title(number)} waits for {waiting} trials of the one before")
        ranking = ranked(scores, self._section.metric)
        if not ranking:
            metric = self._section.metric.name
            return Decision((), True, f"pbt: no member of generation {number} has a value of {metric} to go on from")
        cut = min(ceil(ratio(self._section.quantile) * len(ranking)), len(ranking) // 2)
        generation = _Generation(number, ranking, cut)
        members = [self._member(history, generation, index) for index in indexes]
        return Decision(tuple(members), is_last, self._title(number))

    def _first(self, index: int) -> Suggestion:
        return Suggestion(
            index,
            self._params(self._draws.round_robin(index), 0),
            reason=f"{self._title(0)}: member {index + 1} of {self._size} begins",
            numbers={"member": index, "resource": self._resource(0)},
        )

    def _member(self, history: History, generation: _Generation, index: int) -> Suggestion:
        before = index - self._size
        if generation.is_kept(before):
            return self._kept(history, generation, index)
        return self._replaced(history, generation, index)

    def _kept(self, history: History, generation: _Generation, index: int) -> Suggestion:
        before = history.get(index - self._size)
        assert before is not None
        rank = generation.rank(index - self._size)
        return Suggestion(
            index,
            self._params(before.params, generation.number),
            Stage(0, generation.number),
            parent=before.index,
            strategy=Strategy.COPY,
            reason=f"{self._title(generation.number)}: trial {before.index} was {rank} of {len(generation.ranking)} "
            "and goes on",
            numbers=self._numbers(generation, index),
        )

    def _replaced(self, history: History, generation: _Generation, index: int) -> Suggestion:
        rng = generator(self._seed, index)
        donor = generation.donors[int(rng.integers(len(generation.donors)))]
        source = history.get(donor.index)
        assert source is not None
        values = {
            name: explored(
                each,
                source.params[name],
                rng,
                factors=self._section.factors,
                resample_prob=self._section.resample_prob,
            )
            for name, each in self._space.dimensions.items()
        }
        copied = {"copied_rank": generation.rank(donor.index), "copied_value": donor.value}
        return Suggestion(
            index,
            self._params(values, generation.number),
            Stage(0, generation.number),
            parent=donor.index,
            strategy=Strategy.COPY,
            reason=f"{self._title(generation.number)}: {self._why_replaced(generation, index - self._size)}; goes on "
            f"from trial {donor.index}, {copied['copied_rank']} with {donor.value}, with other values",
            numbers={**self._numbers(generation, index), **copied},
        )

    def _why_replaced(self, generation: _Generation, index: int) -> str:
        rank = generation.rank(index)
        if rank is None:
            return f"trial {index} has no value of {self._section.metric.name}"
        return f"trial {index} was {rank} of {len(generation.ranking)}"

    def _numbers(self, generation: _Generation, index: int) -> dict[str, Any]:
        rank = generation.rank(index - self._size)
        return {
            "member": index % self._size,
            "resource": self._resource(generation.number),
            "rank": rank,
            "value": generation.ranking[rank - 1].value if rank else None,
            "of": len(generation.ranking),
            "replaced": generation.cut,
        }

    def _resource(self, number: int) -> int | float:
        """What a member of the generation has had in all when it is done."""
        most = self._section.max_iter
        return amount(self._section.resource, Fraction((number + 1) * self._section.interval), most)

    def _params(self, values: Any, number: int) -> dict[str, Any]:
        point = {name: values[name] for name in self._space.dimensions}
        return {**point, self._section.resource.name: self._resource(number)}

    def _title(self, number: int) -> str:
        resource = f"{self._section.resource.name} = {self._resource(number):g}"
        return f"pbt generation {number + 1} of {self._generations}, {resource}"


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> PopulationBasedTraining:
    """The algorithm of a section."""
    assert tuning.pbt is not None
    return PopulationBasedTraining(space, tuning.pbt, seed)
