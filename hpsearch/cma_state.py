"""The state of CMA-ES after some generations, as a value that its history names."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from cmaes import CMA, CMAwM

from hpsearch.caching import Recent
from hpsearch.seeds import seed_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hpsearch.encoding import Axis, Encoding
    from polyaxon_schemas.search import CmaEs

_STATES = 64
_SEEDS = 2**32
# Of the width of the cube, within which every parameter goes from 0 to 1.
_SIGMA = 0.2
# Parameters with more levels than this are taken as continuous and rounded.
_MOST_LEVELS = 200
# The probability that margins keep for other levels; with a tiny population it would be all there is.
_LARGEST_MARGIN = 0.2
# Larger losses are no different to a strategy that looks at ranks, but their differences would be no floats.
_WORST = 1e100

Told = tuple["Sequence[float]", "float | None"]


class CmaState:
    """What a generation is drawn from; never changed, `after` answers with another one."""

    def __init__(self, axes: Sequence[Axis], settings: dict[str, Any], strategy: Any, digest: str) -> None:
        self._axes = axes
        self._settings = settings
        self._strategy = strategy
        self.digest = digest

    @property
    def population_size(self) -> int:
        return int(self._strategy.population_size)

    def places(self, index: int, count: int) -> Iterator[list[float]]:
        """Places for suggestion ``index``, as it were the first, the second choice and so on."""
        strategy = _seeded(self._strategy, seed_of(self._settings["seed"], index))
        for _ in range(count):
            # With margin there are two: where the trial is and where it was drawn, which is what is told.
            drawn = strategy.ask()
            yield [float(x) for x in (drawn[1] if isinstance(strategy, CMAwM) else drawn)]

    def codes(self, place: Sequence[float]) -> list[float]:
        """The codes of the point at a place."""
        left = iter(place)
        return [0.0 if axis.is_constant else _code(axis, next(left)) for axis in self._axes]

    def place(self, codes: Sequence[float]) -> list[float]:
        """The place of a point that was not drawn."""
        named = zip(self._axes, codes, strict=True)
        return [float(code) / _last(axis) for axis, code in named if not axis.is_constant]

    def after(self, told: Sequence[Told]) -> CmaState:
        """The state after a generation. Places that are not known are told as the centre, and as bad."""
        width = sum(not axis.is_constant for axis in self._axes)
        given = [(list(place) if len(place) == width else [0.5] * width, value) for place, value in told]
        digest = _digest([self.digest, given])
        return remembered(digest) or _states.put(digest, self._advanced(given, digest))

    def _advanced(self, told: list[tuple[list[float], float | None]], digest: str) -> CmaState:
        strategy = copy.deepcopy(self._strategy)
        strategy.tell([(np.array(place), _held(value)) for place, value in told])
        if strategy.should_stop() or not np.all(np.isfinite(strategy.mean)):
            # It has converged, or knows no way: begin anew from somewhere else.
            rng = np.random.default_rng(int(digest, 16) % _SEEDS)
            strategy = _strategy(self._axes, self._settings, rng.random(strategy.dim))
        return CmaState(self._axes, self._settings, strategy, digest)


_states: Recent[CmaState] = Recent(_STATES)


def remembered(digest: str | None) -> CmaState | None:
    """The state with this digest, if this process has it."""
    return None if digest is None else _states.get(digest)


def initial(encoding: Encoding, settings: CmaEs, seed: int) -> CmaState:
    """The state of a search without trials: centred in the cube."""
    axes = list(encoding.axes.values())
    chosen = {"seed": seed, "sigma": settings.sigma or _SIGMA, "population": settings.population_size}
    digest = _digest([chosen, [axis.count for axis in axes]])
    width = sum(not axis.is_constant for axis in axes)
    return CmaState(axes, chosen, _strategy(axes, chosen, np.full(width, 0.5)), digest)


def _strategy(axes: Sequence[Axis], settings: dict[str, Any], mean: Any) -> Any:
    steps = np.array([_step(axis) for axis in axes if not axis.is_constant])
    bounds = np.array([[0.0, 1.0]] * len(steps))
    # The seed is of no account: every suggestion sets its own.
    # Of two or three trials no covariance is learnt, and what is divided by its weight is not used.
    with np.errstate(divide="ignore"):
        plain = CMA(mean, settings["sigma"], bounds=bounds, population_size=settings["population"], seed=0)
    if not np.any(steps > 0):
        return plain
    size = plain.population_size
    margin = min(_LARGEST_MARGIN, 1.0 / (len(steps) * size))
    with np.errstate(divide="ignore"):
        return CMAwM(mean, settings["sigma"], bounds, steps, population_size=size, margin=margin, seed=0)


def _seeded(strategy: Any, seed: int) -> Any:
    """The strategy with random numbers of its own. To ask changes nothing else that it shares with the other one.

    A copy of the whole takes several times as long as to ask.
    """
    own = object.__new__(type(strategy))
    own.__dict__.update(strategy.__dict__)
    if isinstance(strategy, CMAwM):
        own._cma = _seeded(strategy._cma, seed)  # noqa: SLF001 - as `reseed_rng` does
    else:
        own._rng = np.random.RandomState(seed)
    return own


def _step(axis: Axis) -> float:
    return 1.0 / (axis.count - 1) if axis.count is not None and axis.count <= _MOST_LEVELS else 0.0


def _last(axis: Axis) -> float:
    return 1.0 if axis.count is None else axis.count - 1.0


def _code(axis: Axis, place: float) -> float:
    return place if axis.count is None else round(min(1.0, max(0.0, place)) * _last(axis))


def _held(value: float | None) -> float:
    return _WORST if value is None else max(-_WORST, min(_WORST, value))


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:32]
