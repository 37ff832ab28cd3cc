"""Distributed experiments: which processes a framework has, and what each of them asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from polyaxon_schemas.problems import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polyaxon_schemas.environment import DistributedEnvironment, Environment, Replicas

MASTER, WORKER, SERVER = "master", "worker", "server"
FRAMEWORKS = ("tensorflow", "mxnet", "pytorch", "horovod")
_WORKERS_ONLY = {"n_workers", "default_worker", "worker"}
_MPI = {"n_workers", "default_worker"}
# What a replica's own entry may set; what it leaves out is that of all replicas of its role.
_OWN = (
    *("resources", "labels", "annotations", "node_selector", "affinity", "tolerations"),
    *("env_vars", "security_context"),
)


def check_replicas(replicas: Replicas, framework: str | None, backend: str | None) -> None:
    """Raises ValueError when the framework or the back-end cannot have these replicas."""
    if framework not in FRAMEWORKS:
        found = f", found {describe(framework)}" if framework else ""
        raise ValueError(f"replicas need framework to be one of {', '.join(FRAMEWORKS)}{found}")
    allowed = _WORKERS_ONLY if framework in {"pytorch", "horovod"} else replicas.given()
    if backend == "mpi":
        allowed = allowed & _MPI
    wrong = sorted(replicas.given() - allowed)
    if wrong:
        where = "backend mpi" if backend == "mpi" else f"framework {framework}"
        raise ValueError(f"replicas.{wrong[0]} cannot be used with {where}")


@dataclass(frozen=True)
class Replica:
    """One process of a run: its role, its number within the role from 0, and what it asks for."""

    role: str
    index: int
    environment: Environment | None


def replicas_of(
    environment: DistributedEnvironment | Environment | None, framework: str | None, backend: str | None
) -> list[Replica]:
    """Every process of a run, the first one first. A run that is not distributed has one, the master.

    With the back-end ``mpi`` there are workers only. Parameter servers are ``ps`` in TensorFlow, ``server`` in MXNet.
    """
    replicas = getattr(environment, "replicas", None)
    if replicas is None or not (replicas.n_workers or replicas.n_ps):
        return [Replica(MASTER, 0, environment)]
    first = [] if backend == "mpi" else [Replica(MASTER, 0, environment)]
    servers = SERVER if framework == "mxnet" else "ps"
    return [
        *first,
        *_of_role(WORKER, replicas.n_workers, replicas.default_worker, replicas.worker),
        *_of_role(servers, replicas.n_ps, replicas.default_ps, replicas.ps),
    ]


def unused_entries(replicas: Replicas) -> list[str]:
    """Entries for replicas that there are not, as ``worker[0] (index 5)``."""
    found = []
    for role, count, entries in (("worker", replicas.n_workers, replicas.worker), ("ps", replicas.n_ps, replicas.ps)):
        for place, entry in enumerate(entries or []):
            if (entry.index or 0) >= (count or 0):
                found.append(f"{role}[{place}] (index {entry.index})")
    return found


def _of_role(
    role: str, count: int | None, default: Environment | None, entries: Sequence[Environment] | None
) -> Iterator[Replica]:
    named = {entry.index: entry for entry in entries or []}
    for index in range(count or 0):
        yield Replica(role, index, _effective(named.get(index), default))


def _effective(own: Environment | None, default: Environment | None) -> Environment | None:
    """Key by key: the replica's own, else that of all replicas of its role."""
    if own is None or default is None:
        return own or default
    return default.model_copy(update={key: getattr(own, key) for key in _OWN if getattr(own, key) is not None})
