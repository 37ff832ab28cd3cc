"""The sections of the search algorithms, one of which a group's hptuning section holds."""

from typing import Annotated, Any, Literal, Optional

from pydantic import BeforeValidator, Field, field_validator, model_validator

from polyaxon_schemas.fields import Number, Section, Slug, Whole


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Count = Annotated[Whole, Field(ge=1)]
Optimization = Annotated[Literal["maximize", "minimize"], BeforeValidator(_lower)]


class GridSearch(Section):
    n_experiments: Optional[Count] = None


class RandomSearch(Section):
    n_experiments: Count


class Metric(Section):
    """What a search optimises."""

    name: str
    optimization: Optimization = "maximize"


class Resource(Section):
    """What an algorithm gives more of to better trials."""

    name: str
    type: Annotated[Literal["int", "float"], BeforeValidator(_lower)] = "float"


class Hyperband(Section):
    max_iter: Count
    eta: Annotated[Number, Field(gt=1)]
    resource: Resource
    metric: Metric
    resume: bool = False


class GaussianProcess(Section):
    kernel: Annotated[Literal["matern", "rbf"], BeforeValidator(_lower)] = "matern"
    length_scale: Annotated[Number, Field(gt=0)] = 1.0
    nu: Annotated[Number, Field(gt=0)] = 1.5
    n_restarts_optimizer: Annotated[Whole, Field(ge=0)] = 0


class UtilityFunction(Section):
    acquisition_function: Annotated[Literal["ucb", "ei", "poi"], BeforeValidator(_lower)] = "ucb"
    gaussian_process: GaussianProcess = GaussianProcess()
    kappa: Optional[Number] = None
    eps: Optional[Number] = None
    n_warmup: Optional[Count] = None
    n_iter: Optional[Count] = None

    @field_validator("gaussian_process", mode="before")
    @classmethod
    def _null_is_default(cls, value: Any) -> Any:
        return GaussianProcess() if value is None else value

    @model_validator(mode="after")
    def _needed_constant(self) -> "UtilityFunction":
        needed = "kappa" if self.acquisition_function == "ucb" else "eps"
        if getattr(self, needed) is None:
            raise ValueError(f"acquisition_function {self.acquisition_function} needs {needed}")
        return self


class BayesianOptimization(Section):
    n_initial_trials: Count
    n_iterations: Annotated[Whole, Field(ge=0)]
    metric: Metric
    utility_function: Optional[UtilityFunction] = None


class Asha(Section):
    """Asynchronous successive halving: a trial is promoted as soon as it is among the best 1/eta of its rung."""

    n_experiments: Count  # configurations that start at the lowest rung
    max_iter: Count
    min_iter: Count = 1
    eta: Annotated[Number, Field(gt=1)] = 3
    resource: Resource
    metric: Metric
    resume: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> "Asha":
        if self.min_iter > self.max_iter:
            raise ValueError(f"min_iter ({self.min_iter}) must not be more than max_iter ({self.max_iter})")
        return self


class Tpe(Section):
    """Tree-structured Parzen estimator."""

    n_experiments: Count
    metric: Metric
    n_startup_trials: Annotated[Whole, Field(ge=0)] = 10
    n_ei_candidates: Count = 24
    # Models parameters together, which finds better points unless they have nothing to do with each other.
    multivariate: bool = True


class CmaEs(Section):
    """Covariance matrix adaptation evolution strategy, for spaces of numbers."""

    n_experiments: Count
    metric: Metric
    population_size: Optional[Annotated[Whole, Field(ge=2)]] = None
    sigma: Optional[Annotated[Number, Field(gt=0)]] = None


class Qmc(Section):
    """Quasi-random points, which fill the space more evenly than random ones."""

    n_experiments: Count
    sequence: Annotated[Literal["sobol", "halton"], BeforeValidator(_lower)] = "sobol"
    scramble: bool = True


class Nsga2(Section):
    """Elitist non-dominated sorting genetic algorithm, for several metrics at once."""

    n_experiments: Count
    metrics: Annotated[list[Metric], Field(min_length=1)]
    population_size: Annotated[Whole, Field(ge=2)] = 50
    mutation_prob: Optional[Annotated[Number, Field(ge=0, le=1)]] = None
    crossover_prob: Annotated[Number, Field(ge=0, le=1)] = 0.9
    swapping_prob: Annotated[Number, Field(ge=0, le=1)] = 0.5

    @field_validator("metrics")
    @classmethod
    def _named_once(cls, metrics: list[Metric]) -> list[Metric]:
        names = [metric.name for metric in metrics]
        if len(set(names)) != len(names):
            raise ValueError("names a metric twice")
        return metrics


class PopulationBasedTraining(Section):
    """Population-based training: after each interval bad members go on from copies of good ones, with other params."""

    population_size: Annotated[Whole, Field(ge=2)]
    max_iter: Count  # resource that a member has had at the end
    interval: Count  # resource between two comparisons
    resource: Resource
    metric: Metric
    quantile: Annotated[Number, Field(gt=0, le=0.5)] = 0.25
    resample_prob: Annotated[Number, Field(ge=0, le=1)] = 0.25
    factors: Annotated[list[Annotated[Number, Field(gt=0)]], Field(min_length=1)] = [0.8, 1.2]

    @model_validator(mode="after")
    def _ordered(self) -> "PopulationBasedTraining":
        if self.interval > self.max_iter:
            raise ValueError(f"interval ({self.interval}) must not be more than max_iter ({self.max_iter})")
        return self


class Custom(Section):
    """An algorithm of the installation's own, registered as entry point `name` of `polyaxon.search_algorithms`."""

    name: Slug
    settings: dict[str, Any] = {}
