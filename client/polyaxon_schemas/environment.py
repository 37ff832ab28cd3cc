"""The environment section: what a run asks of the machine or cluster."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import re
from typing import Annotated, Any, Optional, Union

from pydantic import BeforeValidator, Field, model_validator

from polyaxon_schemas.fields import Labels, Number, Section, TextList, Whole, to_number
from polyaxon_schemas.problems import describe

_QUANTITY = re.compile(r"([-+0-9.eE]+)\s*([A-Za-z]*)")
_MIB = 1024 * 1024
_BYTES = {
    "": _MIB,
    **{unit: 1000**power for power, unit in enumerate(("k", "M", "G", "T", "P"), start=1)},
    **{unit: 1024**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"), start=1)},
}


def _quantity(value: Any, units: dict[str, float]) -> Any:
    """A number, or a Kubernetes quantity such as 500m or 2Gi, in the section's own unit."""
    match = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not match[2]:
        return to_number(value)
    if match[2] not in units:
        raise ValueError(f"expected a number or a quantity such as 2{list(units)[-1]}, found {describe(value)}")
    return to_number(match[1]) * units[match[2]]


def _cores(value: Any) -> Any:
    return _quantity(value, {"m": 0.001})


def _mebibytes(value: Any) -> Any:
    return _quantity(value, {unit: size / _MIB for unit, size in _BYTES.items()})


def _short_form(value: Any) -> Any:
    return {"limits": value} if isinstance(value, (int, float, str)) and not isinstance(value, bool) else value


Amount = Annotated[Number, Field(ge=0)]
Cores = Annotated[Amount, BeforeValidator(_cores)]
Mebibytes = Annotated[Amount, BeforeValidator(_mebibytes)]


class _Bounds(Section):
    @model_validator(mode="after")
    def _ordered(self) -> Any:
        limits, requests = getattr(self, "limits", None), getattr(self, "requests", None)
        if limits and requests and requests > limits:
            raise ValueError(f"requests ({requests}) must not be more than limits ({limits})")
        return self


class Cpu(_Bounds):
    """In cores."""

    limits: Optional[Cores] = None
    requests: Optional[Cores] = None


class Memory(_Bounds):
    """In MiB."""

    limits: Optional[Mebibytes] = None
    requests: Optional[Mebibytes] = None


class Devices(_Bounds):
    """In devices."""

    limits: Optional[Amount] = None
    requests: Optional[Amount] = None


class Resources(Section):
    cpu: Annotated[Optional[Cpu], BeforeValidator(_short_form)] = None
    memory: Annotated[Optional[Memory], BeforeValidator(_short_form)] = None
    gpu: Annotated[Optional[Devices], BeforeValidator(_short_form)] = None
    tpu: Annotated[Optional[Devices], BeforeValidator(_short_form)] = None


def _reference(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f"expected an id or a name, found {describe(value)}")
    return value


Reference = Annotated[Union[int, str], BeforeValidator(_reference)]


class OutputsRefs(Section):
    """Runs whose outputs this run reads."""

    jobs: Optional[list[Reference]] = None
    experiments: Optional[list[Reference]] = None


def _move(data: dict[str, Any], old: str, new: str, value: Any) -> None:
    if value is None:
        return
    if data.get(new) is not None:
        raise ValueError(f"{old} is the old name of {new}; keep only one of the two")
    data[new] = value


def _without_old_names(data: dict[str, Any]) -> dict[str, Any]:
    data = dict(data)
    _move(data, "configmap_refs", "config_map_refs", data.pop("configmap_refs", None))
    persistence = data.pop("persistence", None) or {}
    if not isinstance(persistence, dict) or set(persistence) - {"data", "outputs"}:
        raise ValueError("persistence (the old name of data_refs and artifact_refs) takes data and outputs")
    outputs = persistence.get("outputs")
    _move(data, "persistence.data", "data_refs", persistence.get("data"))
    _move(data, "persistence.outputs", "artifact_refs", None if outputs is None else [outputs])
    return data


class Environment(Section):
    """What every kind of run may ask for; a key left out means the platform's default."""

    resources: Optional[Resources] = None
    labels: Optional[Labels] = None
    annotations: Optional[Labels] = None
    node_selector: Optional[Labels] = None
    affinity: Optional[dict[str, Any]] = None
    tolerations: Optional[list[dict[str, Any]]] = None
    service_account: Optional[str] = None
    image_pull_secrets: TextList = None
    max_restarts: Optional[Annotated[Whole, Field(ge=0)]] = None
    secret_refs: TextList = None
    config_map_refs: TextList = None
    data_refs: TextList = None
    artifact_refs: TextList = None
    outputs: Optional[OutputsRefs] = None
    index: Optional[Annotated[Whole, Field(ge=0)]] = None

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, data: Any) -> Any:
        return _without_old_names(data) if isinstance(data, dict) else data


class ReplicaEnvironment(Environment):
    """The environment of one replica."""

    index: Annotated[Whole, Field(ge=0)]


class Replicas(Section):
    n_workers: Optional[Annotated[Whole, Field(ge=0)]] = None
    n_ps: Optional[Annotated[Whole, Field(ge=0)]] = None
    default_worker: Optional[Environment] = None
    default_ps: Optional[Environment] = None
    worker: Optional[list[ReplicaEnvironment]] = None
    ps: Optional[list[ReplicaEnvironment]] = None

    def given(self) -> set[str]:
        """The keys that are set."""
        return {name for name in type(self).model_fields if getattr(self, name) is not None}


class DistributedEnvironment(Environment):
    """The environment of an experiment, which may have replicas."""

    replicas: Optional[Replicas] = None


_WORKERS_ONLY = {"n_workers", "default_worker", "worker"}
_MPI = {"n_workers", "default_worker"}
_FRAMEWORKS = ("tensorflow", "mxnet", "pytorch", "horovod")


def check_replicas(replicas: Replicas, framework: Optional[str], backend: Optional[str]) -> None:
    """Raises ValueError when the framework or the back-end cannot have these replicas."""
    if framework not in _FRAMEWORKS:
        found = f", found {describe(framework)}" if framework else ""
        raise ValueError(f"replicas need framework to be one of {', '.join(_FRAMEWORKS)}{found}")
    allowed = _WORKERS_ONLY if framework in {"pytorch", "horovod"} else replicas.given()
    if backend == "mpi":
        allowed = allowed & _MPI
    wrong = sorted(replicas.given() - allowed)
    if wrong:
        where = "backend mpi" if backend == "mpi" else f"framework {framework}"
        raise ValueError(f"replicas.{wrong[0]} cannot be used with {where}")
