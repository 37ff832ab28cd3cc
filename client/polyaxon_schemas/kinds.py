"""One model per kind of polyaxonfile."""

from typing import Annotated, Any, ClassVar, Literal, Optional

from pydantic import Field, model_validator

from polyaxon_schemas.build import Build, BuildKeys
from polyaxon_schemas.environment import DistributedEnvironment, FiniteEnvironment, RunEnvironment
from polyaxon_schemas.fields import Section, Slug, Tags, Whole
from polyaxon_schemas.hptuning import HpTuning
from polyaxon_schemas.io import InputOutput
from polyaxon_schemas.logging_section import Logging
from polyaxon_schemas.pipeline import Operation, Schedule
from polyaxon_schemas.replicas import check_replicas
from polyaxon_schemas.run import Run

_PARAMS = "Values of any shape by name; `{{ name }}` in other sections stands for them."
_ENVIRONMENT = "What is asked of the machine or cluster."
_BUILD = "The image."
_BACKEND = "What executes it."
_OLD_PARAMS: dict[str, tuple[Any, str]] = {"declarations": (Optional[dict[str, Any]], "params")}


class Header(Section):
    """What every kind holds. ``version`` and ``kind`` are checked before, with messages of their own."""

    version: int = Field(description="1.")
    kind: str = Field(description="What the file defines.")
    name: Optional[Slug] = Field(None, description="A name; runs are named when they are created.")
    description: Optional[str] = Field(None, description="What it is for.")
    logging: Optional[Logging] = Field(None, description="What the run is told about logging.")
    tags: Optional[Tags] = Field(None, description="Tags of the run, unless the request brings some.")


class RunFile(Header):
    """What every kind but pipelines holds."""

    inputs: Optional[list[InputOutput]] = Field(None, description="Typed params.")
    outputs: Optional[list[InputOutput]] = Field(None, description="Typed results.")


class Experiment(RunFile):
    """A run with metrics."""

    params: Optional[dict[str, Any]] = Field(None, description=_PARAMS)
    environment: Optional[DistributedEnvironment] = Field(None, description=_ENVIRONMENT)
    backend: Optional[Literal["native", "kubeflow", "mpi", "other", "external"]] = Field(None, description=_BACKEND)
    framework: Optional[str] = Field(None, description="Any name; with replicas, one that has them.")
    build: Optional[Build] = Field(None, description=_BUILD)
    run: Optional[Run] = Field(None, description="The command.")

    old_keys: ClassVar[dict[str, tuple[Any, str]]] = _OLD_PARAMS

    @model_validator(mode="after")
    def _replicas_suit_framework(self) -> "Experiment":
        if self.environment and self.environment.replicas:
            check_replicas(self.environment.replicas, self.framework, self.backend)
        return self


class Group(Experiment):
    """A search over values of params: an experiment for each suggestion."""

    hptuning: HpTuning = Field(description="The search.")


class Job(RunFile):
    """A run without metrics."""

    params: Optional[dict[str, Any]] = Field(None, description=_PARAMS)
    environment: Optional[FiniteEnvironment] = Field(None, description=_ENVIRONMENT)
    backend: Optional[str] = Field(None, description=_BACKEND)
    build: Optional[Build] = Field(None, description=_BUILD)
    run: Optional[Run] = Field(description="The command; may be null.")

    old_keys: ClassVar[dict[str, tuple[Any, str]]] = _OLD_PARAMS


class BuildFile(RunFile, BuildKeys):
    """An image."""

    environment: Optional[FiniteEnvironment] = Field(None, description=_ENVIRONMENT)
    backend: Optional[Literal["native", "kaniko", "other"]] = Field(None, description="What builds the image.")


class Notebook(RunFile):
    """A notebook server."""

    environment: Optional[RunEnvironment] = Field(None, description=_ENVIRONMENT)
    backend: Optional[Literal["notebook", "lab"]] = Field(None, description="Which program.")
    build: Build = Field(description=_BUILD)


class Tensorboard(RunFile):
    """A tensorboard of a project, a group or an experiment."""

    environment: Optional[RunEnvironment] = Field(None, description=_ENVIRONMENT)
    build: Build = Field(description=_BUILD)


class Pipeline(Header):
    """Operations that depend on each other. Read and checked; no server of this release runs one."""

    backend: Optional[str] = Field(None, description=_BACKEND)
    templates: list[dict[str, Any]] = Field(
        min_length=1, description="Whole files of the other kinds, each with a `name` of its own."
    )
    ops: list[Operation] = Field(min_length=1, description="The operations.")
    schedule: Optional[Schedule] = Field(None, description="When it is run again.")
    concurrency: Optional[Annotated[Whole, Field(ge=1)]] = Field(None, description="How many may run at once.")


MODELS: dict[str, type[Header]] = {
    "experiment": Experiment,
    "group": Group,
    "job": Job,
    "build": BuildFile,
    "notebook": Notebook,
    "tensorboard": Tensorboard,
    "pipeline": Pipeline,
}
KINDS = tuple(MODELS)
