"""The best points of an acquisition function over the codes of a space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hpsearch.encoding import Axis, Encoding

    Floats = NDArray[np.float64]
    #: The worth of points (points by codes), the higher the better.
    Worth = Callable[[Floats], Floats]

# Of the first candidates this share lies near the best points observed.
_NEAR_SHARE = 0.3
_NEAR_DEVIATIONS = (0.03, 0.2)
# Parameters with more levels than this are not tried level by level, only at some of them.
_MOST_LEVELS = 24
_ROUNDS = 2
_STEP = 1e-6


class Maximiser:
    """Draws ``n_warmup`` candidates, then improves the best ``n_iter`` of them.

    Continuous parameters are improved together by L-BFGS-B, those with levels one after the other.
    """

    def __init__(self, encoding: Encoding, n_warmup: int, n_iter: int) -> None:
        self._axes = list(encoding.axes.values())
        self._encoding = encoding
        self._n_warmup = n_warmup
        self._n_iter = n_iter
        self._continuous = [place for place, axis in enumerate(self._axes) if axis.count is None]

    def ranked(self, worth: Worth, best: Floats, rng: np.random.Generator) -> Floats:
        """Points (points by codes) in descending order of their worth; ``best`` are some to start near to."""
        candidates = self._candidates(best, rng)
        values = worth(candidates)
        starts = candidates[np.argsort(-values, kind="stable")[: self._n_iter]]
        improved = np.array([self._improved(worth, start, rng) for start in starts])
        points = np.vstack([improved, candidates])
        return np.asarray(points[np.argsort(-np.concatenate([worth(improved), values]), kind="stable")])

    def _candidates(self, best: Floats, rng: np.random.Generator) -> Floats:
        near = int(self._n_warmup * _NEAR_SHARE) if len(best) else 0
        shares = rng.random((self._n_warmup - near, len(self._axes)))
        spread = np.array([self._encoding.at(row) for row in shares]).reshape(-1, len(self._axes))
        if not near:
            return spread
        around = best[rng.integers(len(best), size=near)].astype(float)
        return np.vstack([spread, self._moved(around, rng)])

    def _moved(self, points: Floats, rng: np.random.Generator) -> Floats:
        """Points a little away from some others, each in about half of the parameters."""
        width = rng.choice(_NEAR_DEVIATIONS, size=(len(points), 1))
        steps = rng.normal(size=points.shape) * width
        moves = rng.random(points.shape) < 0.5  # noqa: PLR2004 - half of them
        fresh = rng.random(points.shape)
        for place, axis in enumerate(self._axes):
            column = points[:, place]
            points[:, place] = np.where(moves[:, place], _moved(axis, column, steps[:, place], fresh[:, place]), column)
        return points

    def _improved(self, worth: Worth, point: Floats, rng: np.random.Generator) -> Floats:
        for _ in range(_ROUNDS):
            before = point
            point = self._climbed(worth, point)
            for place in self._places_with_levels():
                point = self._best_level(worth, point, place, rng)
            if np.array_equal(before, point) or len(self._continuous) in {0, len(self._axes)}:
                break
        return point

    def _places_with_levels(self) -> list[int]:
        return [place for place, axis in enumerate(self._axes) if axis.count is not None and axis.count > 1]

    def _best_level(self, worth: Worth, point: Floats, place: int, rng: np.random.Generator) -> Floats:
        axis = self._axes[place]
        count = axis.count or 1
        if count <= _MOST_LEVELS:
            levels = np.arange(count, dtype=np.float64)
        else:
            near = point[place] + np.array([0, -1, 1, -2, 2])
            levels = np.unique(np.clip([*near, *rng.integers(count, size=_MOST_LEVELS - len(near))], 0, count - 1))
        tried = np.repeat(point[None, :], len(levels), axis=0)
        tried[:, place] = levels
        values = worth(tried)
        return point if worth(point[None, :])[0] >= np.max(values) else np.asarray(tried[int(np.argmax(values))])

    def _climbed(self, worth: Worth, point: Floats) -> Floats:
        """The point after L-BFGS-B in its continuous parameters; itself if that leads nowhere."""
        places = self._continuous
        if not places:
            return point

        def descent(codes: Floats) -> tuple[float, Floats]:
            # Backward at the upper bound: a code beyond it is none.
            steps = np.where(codes + _STEP > 1, -_STEP, _STEP)
            tried = np.repeat(point[None, :], len(places) + 1, axis=0)
            tried[:, places] = codes
            tried[np.arange(len(places)), places] += steps
            values = -worth(tried)
            return float(values[-1]), (values[:-1] - values[-1]) / steps

        start = np.clip(point[places], 0, 1)
        found = minimize(
            descent, start, jac=True, bounds=[(0, 1)] * len(places), method="L-BFGS-B", options={"maxiter": 40}
        )
        climbed = point.copy()
        climbed[places] = np.clip(found.x, 0, 1)
        better = np.all(np.isfinite(climbed)) and worth(climbed[None, :])[0] >= worth(point[None, :])[0]
        return np.asarray(climbed if better else point)


def _moved(axis: Axis, codes: Floats, steps: Floats, fresh: Floats) -> Floats:
    if axis.count is None:
        return np.asarray(np.clip(codes + steps, 0, 1))
    if not axis.is_ordered:
        return np.asarray(np.floor(fresh * axis.count))
    # At least one level further, or nothing would move where levels are few.
    jump = np.sign(steps) * np.maximum(1, np.round(np.abs(steps) * axis.count))
    return np.asarray(np.clip(np.round(codes + jump), 0, axis.count - 1))
