"""The whole cluster: made, found again, taken away."""

from __future__ import annotations

import hashlib
import shutil
import time
from typing import TYPE_CHECKING, Self

from tests.cluster import api, binaries, certificates, cgroups, images, network, packages, places, plan
from tests.cluster.commands import ClusterError
from tests.cluster.components import components, stages
from tests.cluster.node import Node
from tests.cluster.report import step

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from kubernetes import client

    from tests.cluster.components import Component
    from tests.cluster.plan import Plan

LATE = 30.0  # seconds within which a part that lives answers


def prepare_machine() -> None:
    """Install, compile and make what the machine lacks; `ClusterError` if it can run no cluster."""
    if (obstacle := packages.obstacle()) is not None:
        raise ClusterError(f"no cluster can run here: it {obstacle}")
    packages.ensure()
    binaries.ensure()
    images.ensure()


class Cluster:
    """One Kubernetes cluster, whose folder says everything about it. A context manager: up, then down."""

    def __init__(self, made: Plan) -> None:
        self.plan = made
        self.node = Node(made)

    @classmethod
    def find(cls, state: Path | None = None) -> Cluster | None:
        """The cluster of a folder, whether it works or not; None if there is none."""
        found = plan.load(state or places.default_state())
        return cls(found) if found else None

    @classmethod
    def up(cls, state: Path | None = None, *, bound: bool = False) -> Cluster:
        """A cluster that works: the one in the folder, else a new one. `bound`: a new one ends with our thread."""
        state = state or places.default_state()
        prepare_machine()
        with places.locked(_lock_name(state)):
            found = cls.find(state)
            if found is not None and found.is_usable():
                return found
            if found is not None:
                found._remove()
            return cls._new(state, bound=bound)

    @property
    def components(self) -> list[Component]:
        """Its processes, in the order of starting."""
        return components(self.node)

    @property
    def kubeconfig(self) -> Path:
        """An administrator's kubeconfig file."""
        return certificates.kubeconfig(self.plan, "admin")

    @property
    def base_image(self) -> str:
        """Name of an image with Debian, Python and git."""
        return images.reference(self.plan, images.BASE)

    def component(self, name: str) -> Component:
        """One of its processes by name; `ClusterError` if there is none of that name."""
        for component in self.components:
            if component.name == name:
                return component
        raise ClusterError(f"no component {name}; there are {', '.join(each.name for each in self.components)}")

    def api(self) -> client.ApiClient:
        """A client of the official library, with an administrator's rights."""
        return api.connect(self.kubeconfig)

    def is_usable(self) -> bool:
        """Whether it works and is what a new one would be. A busy machine answers late: what lives is asked again."""
        if self.plan.recipe != plan.recipe():
            return False
        deadline = time.monotonic() + LATE
        while not self.is_working():
            is_alive = self.node.is_alive() and all(component.is_alive() for component in self.components)
            if not is_alive or time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        return True

    def is_working(self) -> bool:
        """Whether every part of it does its work."""
        return self.node.is_alive() and all(component.is_working() for component in self.components)

    def down(self) -> None:
        """End and remove everything; may be repeated, and takes over what an interrupted `up` or `down` left."""
        with places.locked(_lock_name(self.plan.folder)):
            self._remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @classmethod
    def _new(cls, state: Path, *, bound: bool) -> Cluster:
        # Two checkouts must not choose the same addresses.
        with places.locked("addresses"):
            made = plan.make(state)
            made.save()
            cluster = cls(made)
            try:
                cluster.node.create(bound=bound)
                network.connect(cluster.node)
            except BaseException:
                cluster._remove()
                raise
        try:
            cluster._start()
        except BaseException:
            cluster._remove()
            raise
        return cluster

    def _start(self) -> None:
        with step(f"starting a cluster in {self.plan.folder}, {self.plan.network}"):
            cgroups.create(self.plan)
            certificates.write_all(self.plan)
            for stage in stages(self.node):
                for component in stage:
                    component.launch()
                for component in stage:
                    component.wait_ready()

    def _remove(self) -> None:
        self.node.destroy()
        network.disconnect(self.plan)
        cgroups.remove(self.plan)
        # The plan goes last: until then a further `down` knows what is to be done.
        for path in self.plan.folder.iterdir():
            if path.name != "plan.json":
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.rmtree(self.plan.folder)


def sweep(state: Path) -> None:
    """Remove what is left of further clusters beside `state` (named after it) whose owner was killed."""
    for folder in state.parent.glob(f"{state.name}-*"):
        with places.locked_if_free(_lock_name(folder)) as free:
            left = Cluster.find(folder) if free and plan.is_ours(folder) else None
            if left is not None and not left.node.is_kept():
                left._remove()


def _lock_name(state: Path) -> str:
    # Not a file for each folder there ever was.
    return f"state-{hashlib.sha256(str(state).encode()).hexdigest()[0]}"


def explain_status() -> list[str]:
    """Lines that say what this checkout's cluster is and which parts of it work."""
    cluster = Cluster.find()
    if cluster is None or not cluster.node.is_alive():
        return ["no cluster is up; `make cluster-up` starts one"]
    lines = [f"{part.name:<24}{'works' if part.is_working() else 'DOES NOT WORK'}" for part in cluster.components]
    return [*lines, f"export KUBECONFIG={cluster.kubeconfig}"]
