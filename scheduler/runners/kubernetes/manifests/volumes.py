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
        for volume in (*spec.volumes, *spec.reads):
            self.add(source(volume), mounted(volume))
        self._show_stores(launch)
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

    def _show_stores(self, launch: LaunchSpec) -> None:
        """Other stores than that of its own outputs, to the init container."""
        for volume in others(launch):
            if (root := root_of(launch, volume)) not in {each["mountPath"] for each in self.init}:
                self._found.setdefault(volume_name(volume), source(volume))
                self.init.append(mount(volume_name(volume), root))

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


def others(launch: LaunchSpec) -> Iterator[Volume]:
    """Folders of other runs in volumes: those that the run reads, and one that its outputs begin with."""
    spec = names.cluster(launch)
    yield from spec.reads
    if isinstance(spec.copied, Volume):
        yield spec.copied


def root_of(launch: LaunchSpec, volume: Volume) -> str:
    """Where the init container sees the whole of a volume."""
    outputs = names.cluster(launch).outputs
    is_own = isinstance(outputs, Volume) and volume_name(outputs) == volume_name(volume)
    return OUTPUTS_ROOT if is_own else f"{OUTPUTS_ROOT}-{volume_name(volume)}"


def buckets(launch: LaunchSpec) -> Iterator[Bucket]:
    """Every place in an object store that the pod's files come from, or go to."""
    spec = names.cluster(launch)
    yield from spec.downloads
    if isinstance(spec.outputs, Bucket):
        yield spec.outputs
