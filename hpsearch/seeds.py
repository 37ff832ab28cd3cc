"""Random streams that can be made again at any time."""

from __future__ import annotations

import numpy as np

_BITS = 64


def generator(seed: int, index: int) -> np.random.Generator:
    """The stream of draw ``index``; any seed will do, also a negative one."""
    return np.random.default_rng([seed % 2**_BITS, index])


def seed_of(seed: int, index: int) -> int:
    """A seed of 32 bits for draw ``index``, for libraries that have generators of their own."""
    return int(generator(seed, index).integers(2**32))
