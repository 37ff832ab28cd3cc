"""One model per kind of polyaxonfile."""

from typing import Annotated, Any, Literal, Optional

from pydantic import BeforeValidator, model_validator

from polyaxon_schemas.build import Build, BuildKeys
from polyaxon_schemas.environment import DistributedEnvironment, Environment, check_replicas
from polyaxon_schemas.fields import Section, Slug, Tags
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.io import InputOutput
from polyaxon_schemas.run import Run

LogLevel = Literal["INFO", "DEBUG", "WARN", "ERROR", "FATAL"]


def _level(value: Any) -> Any:
    level = value.upper() if isinstance(value, str) else value
    return "WARN" if level == "WARNING" else level


class Logging(Section):
    level: Annotated[Optional[LogLevel], BeforeValidator(_level)] = None
    formatter: Optional[str] = None


class Header(Section):
    """What every kind holds. ``version`` and ``kind`` are checked before, with messages of their own."""

    version: int
    kind: str
    name: Optional[Slug] = None
    description: Optional[str] = None
    logging: Optional[Logging] = None
    tags: Optional[Tags] = None
    inputs: Optional[list[InputOutput]] = None
    outputs: Optional[list[InputOutput]] = None


class Experiment(Header):
    params: Optional[dict[str, Any]] = None
    environment: Optional[DistributedEnvironment] = None
    backend: Optional[Literal["native", "kubeflow", "mpi", "other", "external"]] = None
    framework: Optional[str] = None
    build: Optional[Build] = None
    run: Optional[Run] = None

    @model_validator(mode="after")
    def _replicas_suit_framework(self) -> "Experiment":
        if self.environment and self.environment.replicas:
            check_replicas(self.environment.replicas, self.framework, self.backend)
        return self


class Group(Experiment):
    hptuning: HpTuning


class Job(Header):
    params: Optional[dict[str, Any]] = None
    environment: Optional[Environment] = None
    backend: Optional[str] = None
    build: Optional[Build] = None
    run: Optional[Run]


class BuildFile(Header, BuildKeys):
    environment: Optional[Environment] = None
    backend: Optional[Literal["native", "kaniko", "other"]] = None


class Notebook(Header):
    environment: Optional[Environment] = None
    backend: Optional[Literal["notebook", "lab"]] = None
    build: Build


class Tensorboard(Header):
    environment: Optional[Environment] = None
    build: Build


MODELS: dict[str, type[Header]] = {
    "experiment": Experiment,
    "group": Group,
    "job": Job,
    "build": BuildFile,
    "notebook": Notebook,
    "tensorboard": Tensorboard,
}
KINDS = (*MODELS, "pipeline")
