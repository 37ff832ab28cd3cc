"""The surrogate of a Bayesian optimisation, and what it proposes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.acquisition import Acquisition
from hpsearch.gaussian import Scaling, fit, tamed
from hpsearch.maximiser import Maximiser
from hpsearch.seeds import generator
from hpsearch.threads import single_threaded
from polyaxon_schemas.search import GaussianProcess, UtilityFunction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hpsearch.encoding import Encoding

    Floats = NDArray[np.float64]

_N_WARMUP, _N_ITER = 1000, 6
_NEAR = 5
_SHORT = 6
# What is used when the section does not say.
_DEFAULT = UtilityFunction(
    acquisition_function="ei", eps=0.0, gaussian_process=GaussianProcess(kernel="matern", nu=2.5, length_scale=0.5)
)


class Model:
    """Fitted to the codes and losses of some trials, a loss of None being as bad as the worst."""

    def __init__(
        self,
        encoding: Encoding,
        utility: UtilityFunction | None,
        observed: Sequence[tuple[tuple[float, ...], float | None]],
        seed: int,
    ) -> None:
        self._encoding = encoding
        self._utility = utility or _DEFAULT
        self._seed = seed
        self._codes = np.array([codes for codes, _ in observed], dtype=np.float64)
        known = [value for _, value in observed if value is not None]
        losses = tamed(np.array([max(known) if value is None else value for _, value in observed], dtype=np.float64))
        self._scaling = Scaling.of(losses)
        self._targets = self._scaling.apply(losses)
        self._acquisition = Acquisition(
            self._utility.acquisition_function,
            kappa=float(self._utility.kappa or 0.0),
            eps=float(self._utility.eps or 0.0) / self._scaling.scale,
        )
        self._maximiser = Maximiser(encoding, self._utility.n_warmup or _N_WARMUP, self._utility.n_iter or _N_ITER)
        rng = generator(seed, len(observed))
        with single_threaded():
            features = encoding.features(self._codes)
            self._surrogate = fit(features, self._targets, self._utility.gaussian_process, rng)

    def ranked(
        self, waiting: Sequence[tuple[float, ...]], whole: Sequence[tuple[float, ...]] | None, index: int
    ) -> Floats:
        """Codes of points, the most promising first; of those of ``whole`` if there are any."""
        features = self._encoding.features
        with single_threaded():
            surrogate = self._surrogate
            if waiting:
                surrogate = surrogate.conditioned(features(np.array(waiting, dtype=np.float64)))
            best = surrogate.best_mean()

            def worth(codes: Floats) -> Floats:
                return self._acquisition(*surrogate.predict(features(codes)), best)

            if whole:
                codes = np.array(whole, dtype=np.float64)
                return np.asarray(codes[np.argsort(-worth(codes), kind="stable")])
            near = self._codes[np.argsort(self._targets, kind="stable")[:_NEAR]]
            return self._maximiser.ranked(worth, near, generator(self._seed, index))

    def numbers(self, codes: Floats) -> dict[str, Any]:
        """What the model says of a point, in the metric's unit but with less being better, and of itself."""
        mean, deviation = self._surrogate.predict(self._encoding.features(codes[None, :]))
        found = {
            "predicted": float(mean[0]) * self._scaling.scale + self._scaling.centre,
            "deviation": float(deviation[0]) * self._scaling.scale,
        }
        short = {name: float(f"{value:.{_SHORT}g}") for name, value in found.items() if math.isfinite(value)}
        return {**short, **self._surrogate.numbers}

    def reason(self, waiting: int) -> str:
        """One line for people."""
        kind = self._utility.acquisition_function
        return f"highest {kind} of a model of {len(self._targets)} trials, with {waiting} under way"
