"""Gaussian process regression of a loss over features from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import minimize
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Matern, WhiteKernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from polyaxon_schemas.search import GaussianProcess

    Floats = NDArray[np.float64]

# With more features than this they share one length scale: fitting one each would take long and tell little.
_MOST_SCALES = 32
# The hyperparameters are fitted to this many observations, the posterior rests on that many.
_FITTED, _KEPT = 150, 1000
_BOUNDS = {"amplitude": (1e-2, 1e2), "length": (1e-2, 1e2), "noise": (1e-6, 1.0)}
# Log-normal priors, as mean and deviation of the natural logarithm, for a loss of variance 1. They keep the fit to few
# observations from extremes; that of the lengths is centred at `length_scale` of the settings.
_AMPLITUDE = (0.0, 1.0)
_LENGTH_DEVIATION = 1.0
_NOISE = (np.log(1e-4), 2.0)
_SMALLEST_VARIANCE = 1e-12
_OUTLYING = 2.0
# Losses that differ by less, as a share of the largest, are equal.
_EQUAL = 1e-12


@dataclass(frozen=True)
class Scaling:
    """From a loss in its own unit to one with mean 0 and variance 1."""

    centre: float
    scale: float

    @classmethod
    def of(cls, losses: Floats) -> Scaling:
        # Halved, and divided before anything is squared: losses may be as large as floats go.
        widest = float(np.max(np.abs(losses))) or 1.0
        shares = losses / widest
        deviation = float(np.std(shares))
        return cls(float(np.mean(shares)) * widest, deviation * widest if deviation > _EQUAL else widest)

    def apply(self, losses: Floats) -> Floats:
        return np.asarray(losses / self.scale - self.centre / self.scale, dtype=np.float64)


def tamed(losses: Floats) -> Floats:
    """Losses without the worst of them standing out.

    One further above the median than twice what the best is below it counts as just that: beside runs that diverged
    all others would look alike.
    """
    widest = float(np.max(np.abs(losses))) or 1.0
    shares = losses / widest
    middle, best = float(np.median(shares)), float(np.min(shares))
    limit = middle + _OUTLYING * (middle - best)
    return losses if middle == best else np.where(shares > limit, min(limit, 1.0) * widest, losses)


class Surrogate:
    """The posterior of a Gaussian process with fitted hyperparameters; ``conditioned`` adds observations to it."""

    def __init__(self, kernel: Any, features: Floats, targets: Floats) -> None:
        self._kernel = kernel
        self._features = features
        self._targets = targets
        self._model = GaussianProcessRegressor(kernel, optimizer=None, alpha=1e-10).fit(features, targets)
        self._latent = self._model.kernel_.k1
        self.variance = float(self._latent.k1.constant_value)

    @property
    def numbers(self) -> dict[str, Any]:
        """The fitted hyperparameters, as plain JSON."""
        lengths = np.atleast_1d(self._latent.k2.length_scale)
        noise = float(self._model.kernel_.k2.noise_level)
        return {
            "variance": _short(self.variance),
            "noise": _short(noise),
            "length_scales": [_short(float(length)) for length in lengths],
        }

    def predict(self, features: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the loss without noise at each of the points."""
        covariance = self._latent(features, self._features)
        mean = covariance @ self._model.alpha_
        explained = solve_triangular(self._model.L_, covariance.T, lower=True, check_finite=False)
        variance = self.variance - np.einsum("ij,ij->j", explained, explained)
        return mean, np.sqrt(np.maximum(variance, _SMALLEST_VARIANCE))

    def best_mean(self) -> float:
        """The lowest mean at any point that was observed."""
        return float(np.min(self.predict(self._features)[0]))

    def conditioned(self, features: Floats) -> Surrogate:
        """As if the points had turned out as predicted (kriging believer, Ginsbourger et al. 2010)."""
        if not len(features):
            return self
        mean, _ = self.predict(features)
        return Surrogate(self._kernel, np.vstack([self._features, features]), np.concatenate([self._targets, mean]))


def fit(features: Floats, targets: Floats, settings: GaussianProcess, rng: np.random.Generator) -> Surrogate:
    """The surrogate with the hyperparameters of highest posterior density.

    ``features`` (observations by columns) lie in 0..1, ``targets`` have mean 0 and variance 1.
    """
    chosen = _chosen(targets, _KEPT)
    features, targets = features[chosen], targets[chosen]
    sample = _chosen(targets, _FITTED)
    kernel = _kernel(features.shape[1], settings)
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=1e-10).fit(features[sample], targets[sample])
    theta = _best_theta(model, settings, rng)
    return Surrogate(kernel.clone_with_theta(theta), features, targets)


def _chosen(targets: Floats, count: int) -> NDArray[np.int_]:
    """The places of at most ``count`` observations: the better half by value, the others the most recent."""
    if len(targets) <= count:
        return np.arange(len(targets))
    best = np.argsort(targets, kind="stable")[: count // 2]
    rest = np.setdiff1d(np.arange(len(targets)), best)[-(count - len(best)) :]
    return np.sort(np.concatenate([best, rest]))


def _kernel(width: int, settings: GaussianProcess) -> Any:
    scale: Any = float(settings.length_scale)
    length = np.full(width, scale) if 1 < width <= _MOST_SCALES else scale
    low, high = _BOUNDS["length"]
    bounds = (min(low, scale), max(high, scale))
    shape = RBF(length, bounds) if settings.kernel == "rbf" else Matern(length, bounds, nu=float(settings.nu))
    return ConstantKernel(1.0, _BOUNDS["amplitude"]) * shape + WhiteKernel(1e-3, _BOUNDS["noise"])


def _best_theta(model: Any, settings: GaussianProcess, rng: np.random.Generator) -> Floats:
    start = model.kernel_.theta
    bounds = model.kernel_.bounds
    centre, deviation = _prior(len(start), settings)

    def objective(theta: Floats) -> tuple[float, Floats]:
        likelihood, gradient = model.log_marginal_likelihood(theta, eval_gradient=True, clone_kernel=False)
        offset = (theta - centre) / deviation
        return -likelihood + 0.5 * float(offset @ offset), -gradient + offset / deviation

    starts = [start, *(rng.uniform(bounds[:, 0], bounds[:, 1]) for _ in range(settings.n_restarts_optimizer))]
    found = [minimize(objective, each, jac=True, bounds=bounds, method="L-BFGS-B") for each in starts]
    usable = [result for result in found if np.isfinite(result.fun) and np.all(np.isfinite(result.x))]
    return np.asarray(min(usable, key=lambda result: result.fun).x if usable else start)


def _prior(count: int, settings: GaussianProcess) -> tuple[Floats, Floats]:
    lengths = count - 2
    centre = [_AMPLITUDE[0], *[np.log(settings.length_scale)] * lengths, _NOISE[0]]
    deviation = [_AMPLITUDE[1], *[_LENGTH_DEVIATION] * lengths, _NOISE[1]]
    return np.asarray(centre), np.asarray(deviation)


def _short(value: float) -> float:
    return float(f"{value:.6g}")
