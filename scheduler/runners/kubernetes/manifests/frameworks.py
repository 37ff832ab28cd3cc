"""How the replicas of an experiment find each other: the environment that each framework's launcher reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scheduler.runners.kubernetes.manifests import names
from scheduler.runners.kubernetes.manifests.commands import MPI_FRAMEWORKS, PORT
from scheduler.runners.kubernetes.spec import MASTER, PS, SERVER, WORKER

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import Replica


def replica_environment(launch: LaunchSpec, replica: Replica) -> dict[str, str]:
    """Variables of one replica of our own pods. Operators set theirs themselves."""
    spec = names.cluster(launch)
    found = {
        "POLYAXON_TASK_INFO": json.dumps({"type": replica.role, "index": replica.index}),
        "POLYAXON_CLUSTER": json.dumps(_addresses(launch)),
    }
    build = _BY_FRAMEWORK.get(spec.framework or "")
    return found | (build(launch, replica) if build and spec.is_distributed else {})


def _addresses(launch: LaunchSpec) -> dict[str, list[str]]:
    """`{"master": ["host:port"], "worker": […]}`."""
    found: dict[str, list[str]] = {}
    for replica in names.cluster(launch).replicas:
        found.setdefault(replica.role, []).append(f"{names.address(launch, replica)}:{PORT}")
    return found


def _master(launch: LaunchSpec) -> str:
    first = names.cluster(launch).replicas[0]
    return names.address(launch, first)


def _tensorflow(launch: LaunchSpec, replica: Replica) -> dict[str, str]:
    """`TF_CONFIG`. TensorFlow 2 knows the first replica as `chief` only, TensorFlow 1 as that as well."""
    called = {MASTER: "chief"}
    cluster = {called.get(role, role): hosts for role, hosts in _addresses(launch).items()}
    task = {"type": called.get(replica.role, replica.role), "index": replica.index}
    config = {"cluster": cluster, "task": task, "model_dir": str(launch.outputs_path), "environment": "cloud"}
    return {"TF_CONFIG": json.dumps(config)}


def _pytorch(launch: LaunchSpec, replica: Replica) -> dict[str, str]:
    """Of `init_process_group("env://")`, one process per replica; and of `torchrun`, which reads `PET_…`."""
    size = len(names.cluster(launch).replicas)
    rank = 0 if replica.role == MASTER else replica.index + 1
    address = "localhost" if replica.role == MASTER else _master(launch)
    return {
        "MASTER_ADDR": address,
        "MASTER_PORT": str(PORT),
        "WORLD_SIZE": str(size),
        "RANK": str(rank),
        "PET_MASTER_ADDR": address,
        "PET_MASTER_PORT": str(PORT),
        "PET_NNODES": str(size),
        "PET_NODE_RANK": str(rank),
        "PET_NPROC_PER_NODE": str(max(replica.place.gpus, 1)),
    }


def _mxnet(launch: LaunchSpec, replica: Replica) -> dict[str, str]:
    """Of MXNet's parameter server. The master is its scheduler, and tells the others its own address as it knows it."""
    spec = names.cluster(launch)
    found = {
        "DMLC_NUM_WORKER": str(spec.count(WORKER)),
        "DMLC_NUM_SERVER": str(spec.count(SERVER) + spec.count(PS)),
        "DMLC_PS_ROOT_URI": _master(launch),
        "DMLC_PS_ROOT_PORT": str(PORT),
    }
    if replica.role == MASTER:
        # With this it listens at all addresses, rather than at that one.
        return found | {"DMLC_ROLE": "scheduler", "DMLC_USE_KUBERNETES": "1"}
    if replica.role == WORKER:
        return found | {"DMLC_ROLE": "worker", "DMLC_WORKER_ID": str(replica.index)}
    return found | {"DMLC_ROLE": "server", "DMLC_SERVER_ID": str(replica.index)}


def _mpi(launch: LaunchSpec, replica: Replica) -> dict[str, str]:
    """Of Open MPI, which has to be told that images are run by whomever the cluster says."""
    del launch, replica
    return {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        # Processes of a container without capabilities may not read each other's memory; it would complain each time.
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    }


_BY_FRAMEWORK = {
    "tensorflow": _tensorflow,
    "pytorch": _pytorch,
    "mxnet": _mxnet,
    **dict.fromkeys(MPI_FRAMEWORKS, _mpi),
}
