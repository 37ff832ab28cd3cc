"""The containers of a pod: what prepares it, the run itself, what stores its outputs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from polyaxon.pods import labels
from scheduler.runners.kubernetes.manifests import commands, environment, names, volumes
from scheduler.runners.kubernetes.manifests.frameworks import replica_environment
from scheduler.runners.kubernetes.manifests.resources import HELPER, resources
from scheduler.runners.kubernetes.spec import Backend, Bucket, Kind, Volume

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import ClusterSettings, Placement, Replica

# Nothing that a pod runs needs more than its own user's rights.
LOCKED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
# What is a choice of the platform, which a run's file may decide otherwise.
_DEFAULTS = {"HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}  # noqa: S108 - the one folder all may write
READY_FILE = "/tmp/plx-helper-ready"  # noqa: S108 - in the helper's own container
CODE_TOKEN = "POLYAXON_HELPER_CODE_TOKEN"  # noqa: S105 - a name


def secret_name(launch: LaunchSpec) -> str:
    """The secret with the run's environment: the anchor."""
    return names.anchor(launch.run, launch.attempt)


def init_secret_name(launch: LaunchSpec) -> str:
    """The secret that only the init container sees."""
    return f"{names.base_of(launch)}-init"


def image_of(launch: LaunchSpec, settings: ClusterSettings) -> str:
    """The image that the command runs in."""
    return names.cluster(launch).image or settings.default_image


def main(
    launch: LaunchSpec, settings: ClusterSettings, replica: Replica, mounts: list[dict[str, Any]]
) -> dict[str, Any]:
    """The container of the run's command."""
    spec = names.cluster(launch)
    container = {
        "name": names.main_container(spec.kind),
        "image": image_of(launch, settings),
        "command": commands.main_command(launch, replica),
        "workingDir": volumes.CODE_PATH,
        "envFrom": _env_from(launch, replica.place),
        "env": _env(launch, replica),
        "volumeMounts": mounts,
        "securityContext": dict(LOCKED),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if spec.image_pull_policy:
        container["imagePullPolicy"] = spec.image_pull_policy
    if spec.kind is Kind.EXPERIMENT:
        container["ports"] = [{"containerPort": commands.PORT, "name": "replicas"}]
    if amounts := resources(replica.place.resources, settings):
        container["resources"] = amounts
    return container


def _env_from(launch: LaunchSpec, place: Placement) -> list[dict[str, Any]]:
    """What comes later wins: the platform's own."""
    return [*environment.whole(place.secrets, place.config_maps), {"secretRef": {"name": secret_name(launch)}}]


def _env(launch: LaunchSpec, replica: Replica) -> list[dict[str, Any]]:
    spec, place = names.cluster(launch), replica.place
    own = replica_environment(launch, replica) if spec.kind is Kind.EXPERIMENT and _is_native(launch) else {}
    # Those of the launch are in the secret, and whoever set one of these there meant it.
    defaults = {name: value for name, value in _DEFAULTS.items() if name not in launch.env}
    users = {name: value for name, value in place.env.items() if not name.startswith("POLYAXON_")}
    keys = [each for each in environment.keyed(place.secrets, place.config_maps) if each["name"] not in launch.env]
    return [
        *environment.variables({**defaults, **users, **own}),
        *keys,
        *environment.pod_facts(),
    ]


def _is_native(launch: LaunchSpec) -> bool:
    return names.cluster(launch).backend is Backend.NATIVE


def _helper(
    launch: LaunchSpec, settings: ClusterSettings, name: str, mode: str, plan: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "image": settings.helper_image,
        "imagePullPolicy": settings.helper_pull_policy,
        "command": ["python3", "-m", "helper", mode],
        "env": [*environment.variables({"POLYAXON_HELPER": json.dumps(plan)}), *_credentials(launch)],
        "resources": {bound: dict(amounts) for bound, amounts in HELPER.items()},
        "securityContext": dict(LOCKED),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def init(launch: LaunchSpec, settings: ClusterSettings, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """What fetches the code and what lies in object stores, and makes the folder of outputs."""
    spec = names.cluster(launch)
    container = _helper(launch, settings, labels.INIT_CONTAINER, "init", _init_plan(launch))
    if spec.code is not None:
        container["env"].append(environment.from_key(CODE_TOKEN, init_secret_name(launch), "code-token"))
    container["volumeMounts"] = mounts
    return container


def _init_plan(launch: LaunchSpec) -> dict[str, Any]:
    spec = names.cluster(launch)
    plan: dict[str, Any] = {}
    if spec.code is not None:
        plan["code"] = {"url": spec.code.url, "path": volumes.CODE_PATH}
    if found := [*_own_folder(launch), *(_folder(launch, each) for each in spec.reads)]:
        plan["folders"] = list(dict.fromkeys(found))
    if transfers := [_transfer(bucket) for bucket in volumes.buckets(launch)]:
        plan["downloads"] = transfers
    if (copied := _copied(launch)) is not None:
        plan["copies"] = [copied]
    return plan


def _folder(launch: LaunchSpec, volume: Volume) -> str:
    """As the init container sees it."""
    root = volumes.root_of(launch, volume)
    return f"{root}/{volume.sub_path}" if volume.sub_path else root


def _own_folder(launch: LaunchSpec) -> list[str]:
    outputs = names.cluster(launch).outputs
    return [_folder(launch, outputs)] if isinstance(outputs, Volume) and outputs.sub_path else []


def _copied(launch: LaunchSpec) -> dict[str, Any] | None:
    """What the outputs begin with, if they begin with anything."""
    spec = names.cluster(launch)
    if spec.copied is None or spec.outputs is None:
        return None
    target = spec.outputs.path if isinstance(spec.outputs, Bucket) else _folder(launch, spec.outputs)
    if isinstance(spec.copied, Bucket):
        return {**_transfer(spec.copied), "path": target}
    return {"from": _folder(launch, spec.copied), "path": target}


def needs_init(launch: LaunchSpec) -> bool:
    """Whether there is anything to prepare."""
    return bool(_init_plan(launch))


def sidecar(launch: LaunchSpec, settings: ClusterSettings) -> dict[str, Any] | None:
    """What copies outputs to an object store while the run goes on, and when it has ended.

    A container that starts before the run's and is told to end after it: the pod's phase is the run's alone.
    """
    outputs = names.cluster(launch).outputs
    if not isinstance(outputs, Bucket):
        return None
    plan = {"uploads": [_transfer(outputs)], "ready": READY_FILE}
    container = _helper(launch, settings, labels.SIDECAR_CONTAINER, "sidecar", plan)
    container["restartPolicy"] = "Always"
    container["startupProbe"] = {
        "exec": {"command": ["test", "-f", READY_FILE]},
        "periodSeconds": 1,
        "failureThreshold": 120,
    }
    container["volumeMounts"] = [volumes.mount(volumes.volume_name(outputs), outputs.path)]
    return container


def _transfer(bucket: Bucket) -> dict[str, Any]:
    return {"url": bucket.url, "path": bucket.path, "credentials": _variable(bucket) if bucket.secret else None}


def _variable(bucket: Bucket) -> str:
    return "POLYAXON_HELPER_STORE_" + "".join(c if c.isascii() and c.isalnum() else "_" for c in bucket.name).upper()


def _credentials(launch: LaunchSpec) -> list[dict[str, Any]]:
    copied = names.cluster(launch).copied
    all_of_them = [*volumes.buckets(launch), *([copied] if isinstance(copied, Bucket) else [])]
    found = {_variable(bucket): bucket for bucket in all_of_them if bucket.secret}
    return [environment.from_key(name, bucket.secret or "", bucket.secret_key or "") for name, bucket in found.items()]
