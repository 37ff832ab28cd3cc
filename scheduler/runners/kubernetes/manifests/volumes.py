"""Volumes of a pod and where its containers see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scheduler.runners.kubernetes.manifests import names
from scheduler.runners.kubernetes.spec import Bucket, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scheduler.runners.base import LaunchSpec

CODE_PATH = "/code"
CONTEXT_PATH = "/plx-context"  # what init container, helper and command share
OUTPUTS_ROOT = "/plx-outputs"  # the whole store, seen by the init container only
SSH_PATH = "/plx-ssh"
DOCKERFILE_PATH = "/plx-dockerfile"
CREDENTIALS_PATH = "/plx-credentials"


def empty(name: str, **kind: Any) -> dict[str, Any]:
    """A folder that ends with the pod."""
    return {"name": name, "emptyDir": kind}


def mount(name: str, path: str, **more: Any) -> dict[str, Any]:
    """A volume in a container."""
    return {"name": name, "mountPath": path, **more}


def source(volume: Volume) -> dict[str, Any]:
    """The volume of the pod."""
    name = volume_name(volume)
    if volume.claim:
        return {"name": name, "persistentVolumeClaim": {"claimName": volume.claim}}
    if volume.host_path:
        return {"name": name, "hostPath": {"path": volume.host_path, "type": "DirectoryOrCreate"}}
    return empty(name)


def mounted(volume: Volume) -> dict[str, Any]:
    """Its mount: only the part that is the run's."""
    more: dict[str, Any] = {"subPath": volume.sub_path} if volume.sub_path else {}
    return mount(volume_name(volume), volume.mount_path, **more, **({"readOnly": True} if volume.read_only else {}))


def volume_name(volume: Volume | Bucket) -> str:
    """Store names may hold what volume names must not."""
    return f"store-{names.label_value(volume.name).lower().replace('_', '-').replace('.', '-')}"[:60].rstrip("-")


class Volumes:
    """The volumes of one pod, with their mounts in the main container and in the init container."""

    def __init__(self, launch: LaunchSpec) -> None:
        spec = names.cluster(launch)
        self._found: dict[str, dict[str, Any]] = {}
        self.main: list[dict[str, Any]] = []
        self.init: list[dict[str, Any]] = []
        self._place(launch)
        for volume in spec.volumes:
            self.add(source(volume), mounted(volume))
        for bucket in spec.downloads:
            self.both(empty(volume_name(bucket)), bucket.path)
        self.add(empty("shm", medium="Memory"), mount("shm", "/dev/shm"))  # noqa: S108 - a mount point

    def _place(self, launch: LaunchSpec) -> None:
        """Code, the shared folder, outputs."""
        spec = names.cluster(launch)
        if not spec.has_code_in_image:
            self.both(empty("code"), CODE_PATH)
        self.both(empty("context"), CONTEXT_PATH)
        outputs = spec.outputs
        if isinstance(outputs, Volume):
            self.add(source(outputs), mounted(outputs))
            if outputs.sub_path:
                self.init.append(mount(volume_name(outputs), OUTPUTS_ROOT))
        elif isinstance(outputs, Bucket):
            self.both(empty(volume_name(outputs)), outputs.path)
        elif launch.outputs_path.is_absolute():
            self.both(empty("outputs"), str(launch.outputs_path))

    def add(self, volume: dict[str, Any], where: dict[str, Any]) -> None:
        """A volume for the main container. One volume may be mounted several times."""
        self._found.setdefault(volume["name"], volume)
        self.main.append(where)

    def both(self, volume: dict[str, Any], path: str) -> None:
        """A volume that the init container fills."""
        self.add(volume, mount(volume["name"], path))
        self.init.append(mount(volume["name"], path))

    @property
    def volumes(self) -> list[dict[str, Any]]:
        """Of the pod."""
        return list(self._found.values())


def buckets(launch: LaunchSpec) -> Iterator[Bucket]:
    """Every object store that the pod reads or writes, each once."""
    spec = names.cluster(launch)
    yield from spec.downloads
    if isinstance(spec.outputs, Bucket):
        yield spec.outputs
