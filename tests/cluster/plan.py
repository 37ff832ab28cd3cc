"""What one cluster is: its folder, its addresses, its names. All of it follows from the folder and one number."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from tests.cluster import places
from tests.cluster.commands import ClusterError, run

BLOCKS = (99, 98, 97, 96, 95)
BLOCK_VARIABLE = "POLYAXON_TEST_CLUSTER_NET"
NODE_NAME = "node"
CLUSTER_DOMAIN = "cluster.local"
HIDDEN = ("/var", "/run")
"""The cluster has folders of its own in these places."""


@dataclass(frozen=True)
class Plan:
    """One cluster within 10.BLOCK.0.0/16.

    The node is a network namespace with a virtual cable to this machine: `node` at its end, `host` at ours.
    All ports are the usual ones, for the addresses are the cluster's own.
    """

    state: str
    block: int
    recipe: str = ""
    """What the cluster was made from; another recipe makes another cluster."""

    def address(self, third: int, fourth: int) -> str:
        """10.BLOCK.third.fourth"""
        return f"10.{self.block}.{third}.{fourth}"

    @property
    def folder(self) -> Path:
        """Everything that the cluster writes is below this one."""
        return Path(self.state)

    @property
    def network(self) -> str:
        """All addresses of the cluster: node, pods and services."""
        return self.address(0, 0) + "/16"

    @property
    def node(self) -> str:
        """Address of the node: the API server, the registry and the name server listen here."""
        return self.address(0, 1)

    @property
    def host(self) -> str:
        """Address of this machine as pods see it: a server for pods listens here."""
        return self.address(0, 254)

    @property
    def pods(self) -> str:
        """Addresses of pods."""
        return self.address(16, 0) + "/20"

    @property
    def fake_pods(self) -> str:
        """Addresses that kwok gives to pods that do not exist."""
        return self.address(64, 0) + "/18"

    @property
    def services(self) -> str:
        """Addresses of services."""
        return self.address(32, 0) + "/20"

    @property
    def api_service(self) -> str:
        """Address of the service `kubernetes`."""
        return self.address(32, 1)

    @property
    def api_url(self) -> str:
        """Address of the API server, for this machine and for pods."""
        return f"https://{self.node}:6443"

    @property
    def registry(self) -> str:
        """`host:port` of the registry, the same for this machine, the node and pods."""
        return f"{self.node}:5000"

    @property
    def link(self) -> str:
        """Name of this machine's end of the cable; 15 characters at most."""
        return f"polyaxon{self._own[:7]}"

    @property
    def cgroup(self) -> str:
        """The group of processes that all pods are in."""
        return f"polyaxon-cluster-{self._own}"

    @cached_property
    def _own(self) -> str:
        # Of the folder, not of the addresses: those may have gone to another cluster when an old one is taken away.
        return hashlib.sha256(self.state.encode()).hexdigest()[:12]

    def path(self, *parts: str) -> Path:
        """A file of the cluster, whose folder is made if it is missing."""
        path = self.folder.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, text: str, *parts: str) -> Path:
        """Write a file that only its owner may read, all at once."""
        path = self.path(*parts)
        draft = path.with_name(f".{path.name}")
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.rename(path)
        return path

    def save(self) -> None:
        """Keep the plan, so that `down` finds what `up` made."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write(json.dumps(asdict(self)), "plan.json")


def load(state: Path) -> Plan | None:
    """The plan of the cluster in a folder, if there is one; `ClusterError` if the folder is somebody else's."""
    path = state / "plan.json"
    if not state.exists():
        return None
    if not is_ours(state):
        raise ClusterError(f"{state} is not ours; set {places.STATE_VARIABLE} to another folder")
    return Plan(**{**json.loads(path.read_text()), "state": str(state)}) if path.exists() else None


def is_ours(state: Path) -> bool:
    """Whether an existing folder was made by this account: others may put things into the temporary folder, too."""
    return not state.is_symlink() and state.stat().st_uid == os.geteuid()


def make(state: Path) -> Plan:
    """A plan for a new cluster on addresses that nobody uses; `ClusterError` if all are in use."""
    if any(state.is_relative_to(hidden) for hidden in HIDDEN):
        hidden = " or ".join(HIDDEN)
        raise ClusterError(f"{state}: no cluster can be below {hidden}; set {places.STATE_VARIABLE} to another folder")
    if state.exists() and any(each.name != ".plan.json" for each in state.iterdir()):
        raise ClusterError(f"{state} holds something else; set {places.STATE_VARIABLE} to another folder")
    chosen = os.environ.get(BLOCK_VARIABLE)
    if chosen and not chosen.isdigit():
        raise ClusterError(f"{BLOCK_VARIABLE}={chosen}: give the number N of a free network 10.N.0.0/16")
    taken = [ipaddress.ip_network(each) for each in _routes()]
    for block in (int(chosen),) if chosen else BLOCKS:
        plan = Plan(str(state), block, recipe())
        if not any(ipaddress.ip_network(plan.network).overlaps(network) for network in taken):
            return plan
    tried = ", ".join(f"10.{block}.0.0/16" for block in ([chosen] if chosen else BLOCKS))
    raise ClusterError(f"already routed on this machine: {tried}; set {BLOCK_VARIABLE}=N for a free 10.N.0.0/16")


def _routes() -> list[str]:
    return re.findall(r"^(?:\w+ )?(\d+\.\d+\.\d+\.\d+(?:/\d+)?)", run(["ip", "-4", "route"]), re.MULTILINE)


def recipe() -> str:
    """A digest of everything that clusters are made from: these sources name all versions."""
    sources = sorted(each for each in places.SOURCES.rglob("*") if each.suffix in {".py", ".go"})
    text = "".join(each.read_text() for each in sources if not each.name.startswith("test_"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
