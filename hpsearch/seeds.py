"""Random streams that can be made again at any time."""

from __future__ import annotations

import numpy as np

_BITS = 64


def generator(seed: int, index: int) -> np.random.Generator:
    """The stream of draw ``index``; any seed will do, also a negative one."""
    return np.random.default_rng([seed % 2**_BITS, index])
