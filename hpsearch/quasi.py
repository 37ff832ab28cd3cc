"""Quasi-random points: low-discrepancy sequences over the unit cube."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hpsearch.encoding import Encoding

_SEEDS = 2**64
_BLOCK = 256


class QuasiRandom:
    """A Sobol' (1967) or Halton (1960) sequence, scrambled by a seed (Owen) unless told otherwise."""

    def __init__(self, encoding: Encoding, seed: int, sequence: str = "sobol", *, scramble: bool = True) -> None:
        self._encoding = encoding
        self._key = (sequence, len(encoding), scramble, seed % _SEEDS)

    def point(self, position: int) -> dict[str, Any]:
        """The point at a position of the sequence, counted from 0."""
        block, place = divmod(position, _BLOCK)
        return self._encoding.point(self._encoding.at(_block(*self._key, block)[place]))


@lru_cache(maxsize=64)
def _block(sequence: str, width: int, scramble: bool, seed: int, block: int) -> NDArray[np.float64]:
    """A run of the sequence, positions by coordinates."""
    import numpy as np  # noqa: PLC0415 - scipy is loaded when it is needed
    from scipy.stats import qmc  # noqa: PLC0415

    engine: Any = qmc.Sobol if sequence == "sobol" else qmc.Halton
    made = engine(width, scramble=scramble, rng=np.random.default_rng(seed))
    if block:
        made.fast_forward(block * _BLOCK)
    return np.asarray(made.random(_BLOCK))
