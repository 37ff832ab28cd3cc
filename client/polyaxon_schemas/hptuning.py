"""The hptuning section of a group: the matrix, one search algorithm, and when to stop early."""

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BeforeValidator, Field, field_validator, model_validator

from polyaxon_schemas.fields import Number, Section, Whole
from polyaxon_schemas.matrix import LinSpace, MatrixParam, PValues, Values
from polyaxon_schemas.problems import describe
from polyaxon_schemas.search import (
    Asha,
    BayesianOptimization,
    CmaEs,
    Count,
    Custom,
    GridSearch,
    Hyperband,
    Metric,
    Nsga2,
    Optimization,
    PopulationBasedTraining,
    Qmc,
    RandomSearch,
    Resource,
    Tpe,
)

ALGORITHMS = (
    "grid_search",
    "random_search",
    "hyperband",
    "bo",
    "asha",
    "tpe",
    "cma_es",
    "qmc",
    "nsga2",
    "pbt",
    "custom",
)
_MAX_GRID = 100_000


def _default(value: Any) -> Any:
    return 1 if value is None else value


class _Policy(Section):
    """When a running trial is compared with the others: every ``evaluation_interval`` steps of its metric."""

    evaluation_interval: Count
    # Neither a trial before this step nor one with fewer others to compare with is stopped.
    warmup_steps: Annotated[Whole, Field(ge=0)] = 0
    min_trials: Count = 3


class MedianPolicy(_Policy):
    """Stops a trial whose best value is worse than the median of the others' averages up to that step."""

    kind: Literal["median"]


class AveragePolicy(_Policy):
    """Stops a trial whose best value is worse than the mean of the others' averages up to that step."""

    kind: Literal["average"]


class TruncationPolicy(_Policy):
    """Stops the worst ``percent`` of the trials at every evaluation."""

    kind: Literal["truncation"]
    percent: Annotated[Whole, Field(ge=1, le=99)]


class PercentilePolicy(_Policy):
    """Stops a trial whose best value is worse than this percentile of the others' at the same step."""

    kind: Literal["percentile"]
    percentile: Annotated[Number, Field(gt=0, lt=100)]


Policy = Union[MedianPolicy, AveragePolicy, TruncationPolicy, PercentilePolicy]


class Budget(Section):
    """What a search may spend; it ends when one of them is used up."""

    max_trials: Optional[Count] = None
    max_hours: Optional[Annotated[Number, Field(gt=0)]] = None
    max_failures: Optional[Count] = None


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
    asha: Optional[Asha] = None
    tpe: Optional[Tpe] = None
    cma_es: Optional[CmaEs] = None
    qmc: Optional[Qmc] = None
    nsga2: Optional[Nsga2] = None
    pbt: Optional[PopulationBasedTraining] = None
    custom: Optional[Custom] = None
    early_stopping: list[EarlyStopping] = []
    budget: Budget = Budget()
    # How often a trial that fails is started again, in its outputs.
    max_retries: Annotated[Whole, Field(ge=0)] = 0

    @field_validator("early_stopping", mode="before")
    @classmethod
    def _null_is_none(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("budget", mode="before")
    @classmethod
    def _null_is_no_budget(cls, value: Any) -> Any:
        return {} if value is None else value

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
        resource = self.resource
        if resource is not None and resource.name in self.matrix:
            raise ValueError(f"{self.algorithm}.resource is {resource.name}, so the matrix must not hold it")
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
    def resource(self) -> Optional[Resource]:
        """What the algorithm gives its trials more or less of, if it does."""
        section = getattr(self, self.algorithm)
        return getattr(section, "resource", None)

    @property
    def metrics(self) -> list[Metric]:
        """What the algorithm optimises, the main one first; empty for those that look at no metric."""
        section = getattr(self, self.algorithm)
        several = getattr(section, "metrics", None) or [getattr(section, "metric", None)]
        return [metric for metric in several if metric is not None]

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
