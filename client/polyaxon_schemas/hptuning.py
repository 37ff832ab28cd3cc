"""The hptuning section of a group: the matrix, one search algorithm, and when to stop early."""

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BeforeValidator, Field, field_validator, model_validator

from polyaxon_schemas.fields import Number, Section, Whole
from polyaxon_schemas.matrix import LinSpace, MatrixParam, PValues, Uniform, Values
from polyaxon_schemas.problems import describe

ALGORITHMS = ("grid_search", "random_search", "hyperband", "bo")
_MAX_GRID = 100_000


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _default(value: Any) -> Any:
    return 1 if value is None else value


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
    """What hyperband gives more of to better trials."""

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


class MedianPolicy(Section):
    kind: Literal["median"]
    evaluation_interval: Count


class AveragePolicy(Section):
    kind: Literal["average"]
    evaluation_interval: Count


class TruncationPolicy(Section):
    kind: Literal["truncation"]
    percent: Annotated[Whole, Field(ge=1, le=99)]
    evaluation_interval: Count


_POLICIES: dict[Any, type[Section]] = {
    "median": MedianPolicy,
    "average": AveragePolicy,
    "truncation": TruncationPolicy,
}
Policy = Union[MedianPolicy, AveragePolicy, TruncationPolicy]


class EarlyStopping(Section):
    """Stop the group when a trial's metric reaches a value, or (with a policy) trials that do badly."""

    metric: str
    value: Optional[Number] = None
    optimization: Optimization = "maximize"
    policy: Annotated[Optional[Policy], Field(discriminator="kind")] = None

    @model_validator(mode="before")
    @classmethod
    def _value_or_policy(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("value") is None and data.get("policy") is None:
            raise ValueError("needs a value to stop at, or a policy")
        return data


class HpTuning(Section):
    matrix: dict[str, MatrixParam]
    concurrency: Annotated[Count, BeforeValidator(_default)] = 1
    seed: Optional[Annotated[Whole, Field(ge=0)]] = None
    grid_search: Optional[GridSearch] = None
    random_search: Optional[RandomSearch] = None
    hyperband: Optional[Hyperband] = None
    bo: Optional[BayesianOptimization] = None
    early_stopping: list[EarlyStopping] = []

    @field_validator("early_stopping", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("matrix", mode="before")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not value:
            raise ValueError(f"expected a mapping of at least one parameter, found {describe(value)}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_algorithm(cls, data: Any) -> Any:
        given = [name for name in ALGORITHMS if isinstance(data, dict) and data.get(name) is not None]
        if len(given) > 1:
            raise ValueError(f"expected one search algorithm, found {', '.join(given)}")
        return data

    @model_validator(mode="after")
    def _suits_matrix(self) -> "HpTuning":
        for name, param in self.matrix.items():
            option = param.option
            if self.algorithm == "grid_search" and option.is_distribution:
                raise ValueError(f"grid search needs a finite list of values, but {name} is {param.name}")
            if self.algorithm == "bo" and option.is_distribution and type(option) is not Uniform:
                raise ValueError(f"bo takes no distribution but uniform, but {name} is {param.name}")
        self._check_grid_size()
        return self

    def _check_grid_size(self) -> None:
        if self.algorithm != "grid_search" or (self.grid_search and self.grid_search.n_experiments):
            return
        size = 1
        for param in self.matrix.values():
            size *= _length(param)
        if size > _MAX_GRID:
            raise ValueError(f"the grid has {size} points; set grid_search.n_experiments")

    @property
    def algorithm(self) -> str:
        """The key of the search algorithm; grid search when none is given."""
        return next((name for name in ALGORITHMS if getattr(self, name) is not None), "grid_search")

    def resolved(self) -> dict[str, Any]:
        """JSON data with every default filled in; an implicit grid search is named."""
        data = self.model_dump(mode="json", exclude_none=True)
        data.setdefault(self.algorithm, {})
        return data


def _length(param: MatrixParam) -> int:
    option: Any = param.option
    if isinstance(option, Values):
        return len(option.items)
    if isinstance(option, PValues):
        return len(option.pairs)
    if isinstance(option, LinSpace):
        return int(option.num)
    return int((option.stop - option.start) / option.step) + 1
