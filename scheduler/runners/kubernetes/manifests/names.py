"""Names and labels. They derive from run, attempt, role and index alone, so "already exists" means done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from polyaxon.pods.labels import ATTEMPT, INDEX, KIND, MANAGED_BY, ROLE, RUN
from scheduler.runners.base import LaunchRefused
from scheduler.runners.kubernetes.spec import ClusterSpec, Kind

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings, Replica

_APPS = {
    Kind.EXPERIMENT: "polyaxon-experiment",
    Kind.JOB: "polyaxon-job",
    Kind.BUILD: "polyaxon-dockerizer",
    Kind.NOTEBOOK: "polyaxon-notebook",
    Kind.TENSORBOARD: "polyaxon-tensorboard",
}
_CONTAINERS = {
    Kind.EXPERIMENT: "polyaxon-experiment-job",
    Kind.JOB: "polyaxon-job",
    Kind.BUILD: "polyaxon-dockerizer-job",
    Kind.NOTEBOOK: "polyaxon-plugin-job",
    Kind.TENSORBOARD: "polyaxon-plugin-job",
}
SERVICES = frozenset({Kind.NOTEBOOK, Kind.TENSORBOARD})  # kinds that people look at
LABEL_LENGTH = 63

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def cluster(launch: LaunchSpec) -> ClusterSpec:
    """The cluster's part of a launch."""
    return launch.cluster or ClusterSpec()


def check_run(run: str) -> None:
    """Raise `LaunchRefused` for what is no run's id: names and selectors are made of it."""
    if not _RUN_ID.fullmatch(run):
        raise LaunchRefused(f"run {run[:64]!r}: 32 hexadecimal digits are expected")


def base(kind: Kind, run: str, attempt: int) -> str:
    """Name of what an attempt has one of. The first attempt's is that of 0.6."""
    word = "" if kind is Kind.EXPERIMENT else f"{kind.value}-"
    return f"plx-{word}{run}" + (f"-a{attempt}" if attempt > 1 else "")


def anchor(run: str, attempt: int) -> str:
    """Name of what owns everything of an attempt. Known without knowing what is run."""
    return base(Kind.EXPERIMENT, run, attempt)


def base_of(launch: LaunchSpec) -> str:
    """The same of a launch."""
    return base(cluster(launch).kind, launch.run, launch.attempt)


def pod(launch: LaunchSpec, replica: Replica) -> str:
    """Name of a replica's pod, which is its host name as well."""
    spec = cluster(launch)
    if spec.kind is not Kind.EXPERIMENT:
        return base_of(launch)
    again = f"-a{launch.attempt}" if launch.attempt > 1 else ""
    return f"plx-{launch.run}-{replica.role}-{replica.index}{again}"


def address(launch: LaunchSpec, replica: Replica) -> str:
    """Where other replicas reach this one, from inside the namespace."""
    return f"{pod(launch, replica)}.{base_of(launch)}"


def main_container(kind: Kind) -> str:
    """Name of the container that the run's command is in."""
    return _CONTAINERS[kind]


def label_value(text: str) -> str:
    """`text` as far as a label may hold it."""
    cut = re.sub(r"[^A-Za-z0-9._-]", "-", text)[:LABEL_LENGTH]
    return cut.strip("-_.")


def attempt_labels(launch: LaunchSpec) -> dict[str, str]:
    """What everything of an attempt is found by."""
    return {
        MANAGED_BY[0]: MANAGED_BY[1],
        "type": "polyaxon-runner",
        RUN: launch.run,
        ATTEMPT: str(launch.attempt),
        KIND: cluster(launch).kind.value,
    }


def labels(launch: LaunchSpec, settings: ClusterSettings, role: str, index: int | None) -> dict[str, str]:
    """Labels of a pod: the platform's win over the user's. `index` is None in templates of several pods."""
    spec = cluster(launch)
    app, component = _APPS[spec.kind], "polyaxon-dashboard" if spec.kind in SERVICES else "polyaxon-workers"
    found = {
        **{key: label_value(value) for key, value in spec.labels.items()},
        "app": app,
        "role": component,
        "app.kubernetes.io/name": app,
        "app.kubernetes.io/instance": launch.run,
        "app.kubernetes.io/part-of": "polyaxon-runner",
        "app.kubernetes.io/component": component,
        **attempt_labels(launch),
        ROLE: role,
    }
    if settings.version:
        found["app.kubernetes.io/version"] = label_value(settings.version)
    if spec.kind is Kind.EXPERIMENT:
        found["task_type"] = role
    if index is not None:
        found |= {INDEX: str(index)} | ({"task_idx": str(index)} if spec.kind is Kind.EXPERIMENT else {})
    return found


def metadata(launch: LaunchSpec, name: str, settings: ClusterSettings) -> dict[str, Any]:
    """Of what is no pod."""
    return {"name": name, "namespace": settings.namespace, "labels": attempt_labels(launch)}
