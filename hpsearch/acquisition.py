"""How much a point is worth trying, given mean and deviation of its loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
# Below this the difference in the expected improvement cancels out, and its logarithm is taken another way.
_FAR = -1.0
_VERY_FAR = -1e6
_CANCELLED = -1e4


@dataclass(frozen=True)
class Acquisition:
    """``kind`` is ucb, ei or poi; ``kappa`` counts deviations, ``eps`` is in the unit of the scaled loss."""

    kind: str
    kappa: float = 0.0
    eps: float = 0.0

    def __call__(self, mean: Floats, deviation: Floats, best: float) -> Floats:
        """The worth of points, the higher the better; ei and poi as logarithms, which tell hopeless points apart."""
        if self.kind == "ucb":
            return np.asarray(self.kappa * deviation - mean)
        z = (best - mean - self.eps) / deviation
        if self.kind == "poi":
            return np.asarray(log_ndtr(z))
        return np.asarray(np.log(deviation) + log_improvement(z))


def log_improvement(z: Floats) -> Floats:
    """log(φ(z) + z Φ(z)), exact also far below 0.

    Ament et al. (2023), "Unexpected improvements to expected improvement for Bayesian optimization".
    """
    near = np.maximum(z, _FAR)
    density = np.exp(-0.5 * near * near - _LOG_ROOT_2PI)
    close = np.log(density + near * ndtr(near))
    far = np.clip(z, _VERY_FAR, _FAR)
    mills = math.sqrt(math.pi / 2) * erfcx(-far / math.sqrt(2))
    # For very negative z, 1 + z mills tends to 1 / z².
    rest = np.where(far > _CANCELLED, np.log1p(np.maximum(far * mills, -1 + 1e-300)), -2 * np.log(-far))
    return np.asarray(np.where(z > _FAR, close, -0.5 * far * far - _LOG_ROOT_2PI + rest))
