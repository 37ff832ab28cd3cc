"""The environment section: what a run asks of the machine or cluster."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import contextlib
from typing import Annotated, Any, ClassVar, Optional, Union

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, model_validator

from polyaxon_schemas.fields import Labels, Section, Text, TextList, Whole, with_check
from polyaxon_schemas.forms import REFERENCE
from polyaxon_schemas.policy import Duration, EnvVars, Priority, Queue, RestartPolicy, Retries
from polyaxon_schemas.problems import describe
from polyaxon_schemas.quantities import Resources


def _reference(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"expected an id or a name, found {describe(value)}")
    return value


Reference = Annotated[Union[int, str], BeforeValidator(_reference), REFERENCE]


class OutputsRefs(Section):
    """Runs whose outputs this run reads: an id, `name`, `project/name` or `user/project/name` each."""

    jobs: Optional[list[Reference]] = Field(None, description="Jobs.")
    experiments: Optional[list[Reference]] = Field(None, description="Experiments.")


class Persistence(Section):
    """The old way to name stores."""

    data: TextList = Field(None, description="Now `data_refs`.")
    outputs: Optional[Text] = Field(None, description="Now `artifact_refs`.")


def _old_values(data: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """(old key, present key, value in the present form) of the old keys that are set."""
    persistence = data.get("persistence")
    if persistence is not None and (not isinstance(persistence, dict) or set(persistence) - {"data", "outputs"}):
        raise ValueError("persistence (the old name of data_refs and artifact_refs) takes data and outputs")
    stores = persistence or {}
    outputs = stores.get("outputs")
    moved = [
        ("configmap_refs", "config_map_refs", data.get("configmap_refs")),
        ("persistence.data", "data_refs", stores.get("data")),
        ("persistence.outputs", "artifact_refs", None if outputs is None else [outputs]),
    ]
    return [each for each in moved if each[2] is not None]


def _check_old_names(data: Any) -> None:
    for old, new, _ in _old_values(data) if isinstance(data, dict) else ():
        if data.get(new) is not None:
            raise ValueError(f"{old} is the old name of {new}; keep only one of the two")


def _with_new_names(data: Any) -> Any:
    if not isinstance(data, dict):
        return data
    renamed = {key: value for key, value in data.items() if key not in Environment.old_keys}
    with contextlib.suppress(ValueError):  # the check of the old names tells
        for _, new, value in _old_values(data):
            renamed[new] = value if renamed.get(new) is None else renamed[new]
    return renamed


class Environment(Section):
    """What a run, or a replica of one, asks for; a key left out means the platform's default."""

    resources: Optional[Resources] = Field(None, description="Processors, memory and devices.")
    env_vars: Optional[EnvVars] = Field(
        None, description="Environment variables of the process. What the platform sets itself (`POLYAXON_…`) wins."
    )
    labels: Optional[Labels] = Field(None, description="Labels of the pod.")
    annotations: Optional[Labels] = Field(None, description="Annotations of the pod.")
    node_selector: Optional[Labels] = Field(None, description="Labels that the node must have.")
    affinity: Optional[dict[str, Any]] = Field(None, description="Kubernetes' `affinity`, as it is.")
    tolerations: Optional[list[dict[str, Any]]] = Field(None, description="Kubernetes' `tolerations`, as they are.")
    security_context: Optional[dict[str, Any]] = Field(
        None, description="Kubernetes' `securityContext` of the pod, as it is, such as `{runAsUser: 1000}`."
    )
    service_account: Optional[str] = Field(None, description="Service account of the pod.")
    image_pull_secrets: TextList = Field(None, description="Names of secrets that images are pulled with.")
    max_restarts: Optional[Annotated[Whole, Field(ge=0)]] = Field(
        None,
        description="How often a failed run is started again: with a value above 0, the same as "
        "`restart_policy: on_failure` with as many `max_retries`.",
    )
    secret_refs: TextList = Field(None, description="Secrets of the catalog that become environment variables.")
    config_map_refs: TextList = Field(None, description="The same of config maps.")
    data_refs: TextList = Field(None, description="Data stores of the catalog to mount; all of them by default.")
    artifact_refs: TextList = Field(None, description="Outputs stores of the catalog; the first one is used.")
    outputs: Optional[OutputsRefs] = Field(None, description="Runs whose outputs are read.")
    index: Optional[Annotated[Whole, Field(ge=0)]] = Field(None, description="Which replica this is.")

    old_keys: ClassVar[dict[str, tuple[Any, str]]] = {
        "configmap_refs": (TextList, "config_map_refs"),
        "persistence": (Optional[Persistence], "data_refs and artifact_refs"),
    }

    @model_validator(mode="wrap")
    @classmethod
    def _old_names(cls, data: Any, handler: ModelWrapValidatorHandler["Environment"]) -> "Environment":
        found: Environment = with_check(data, lambda raw: handler(_with_new_names(raw)), _check_old_names)
        return found


class RunEnvironment(Environment):
    """What a run asks for as a whole."""

    timeout: Optional[Annotated[Duration, Field(ge=1)]] = Field(
        None, description="The longest that one attempt may run; then it is ended, and the run is `failed`."
    )
    ttl: Optional[Annotated[Duration, Field(ge=0)]] = Field(
        None,
        description="How long what a finished run leaves with its runner (process state, work tree, pods) is kept. "
        "The `ttl` of a request wins.",
    )
    max_retries: Optional[Retries] = Field(
        None,
        description="How often the run is started again after the platform lost it (its machine restarted, its pod "
        "was evicted); with `restart_policy: on_failure` also after it failed by itself. Default 0.",
    )
    restart_policy: Optional[RestartPolicy] = Field(
        None,
        description="`never` (default): a command that fails is a failed run. `on_failure`: it is started again, at "
        "most `max_retries` times (3 if that is not set). `always` is for notebooks and tensorboards.",
    )
    queue: Optional[Queue] = Field(None, description="Name of the queue that the run waits in.")
    priority: Optional[Priority] = Field(
        None,
        description="Of a user's runs that wait in one queue, those with more start first; equals, the oldest first. "
        "Default 0.",
    )


class FiniteEnvironment(RunEnvironment):
    """What a run that comes to an end asks for."""

    @model_validator(mode="after")
    def _ends(self) -> Any:
        if self.restart_policy == "always":
            raise ValueError("restart_policy always is for notebooks and tensorboards; use on_failure")
        return self


class ReplicaEnvironment(Environment):
    """The environment of one replica."""

    index: Annotated[Whole, Field(ge=0)] = Field(description="Which replica this is, from 0.")


class Replicas(Section):
    """The processes of a distributed experiment beside its first one."""

    n_workers: Optional[Annotated[Whole, Field(ge=0)]] = Field(None, description="Number of workers.")
    n_ps: Optional[Annotated[Whole, Field(ge=0)]] = Field(None, description="Number of parameter servers.")
    default_worker: Optional[Environment] = Field(None, description="What each worker asks for.")
    default_ps: Optional[Environment] = Field(None, description="What each parameter server asks for.")
    worker: Optional[list[ReplicaEnvironment]] = Field(None, description="What single workers ask for instead.")
    ps: Optional[list[ReplicaEnvironment]] = Field(None, description="The same of parameter servers.")

    def given(self) -> set[str]:
        """The keys that are set."""
        return {name for name in type(self).model_fields if getattr(self, name) is not None}


class DistributedEnvironment(FiniteEnvironment):
    """The environment of an experiment, which may have replicas."""

    replicas: Optional[Replicas] = Field(None, description="Further processes; needs `framework`.")
