"""What all components have in common: a command line, a way to see that they work, an end."""

from __future__ import annotations

import signal
import ssl
import time
import urllib.request
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tests.cluster import certificates
from tests.cluster.commands import ClusterError, tail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cluster.node import Node

PATIENCE = 90.0
"""Seconds that a component may take until it works, on a busy machine."""


class Component(ABC):
    """One process on the node. `start` after `stop` or `kill` goes on with the same data."""

    name: ClassVar[str]

    def __init__(self, node: Node) -> None:
        self.node = node
        self.plan = node.plan

    @abstractmethod
    def command(self) -> list[str]:
        """Program and arguments."""

    @abstractmethod
    def probe(self) -> None:
        """Return if the component works; raise any exception if it does not (yet)."""

    def prepare(self) -> None:  # noqa: B027  not all have something to write
        """Write configuration."""

    def environment(self) -> Mapping[str, str]:
        """Further variables."""
        return {}

    @property
    def log(self) -> Path:
        """Where everything that the process prints goes."""
        return self.plan.folder / "logs" / f"{self.name}.log"

    def certificate(self, file: str) -> str:
        """Path of a file of the cluster's certificates."""
        return str(certificates.folder(self.plan) / file)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        identity = self.node.process(self.name)
        return identity is not None and identity.is_alive()

    def is_working(self) -> bool:
        """Whether the process runs and does its work."""
        try:
            self.probe()
        except Exception:
            return False
        return self.is_alive()

    def start(self) -> None:
        """Start and wait until it works; nothing if it runs."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start without waiting."""
        if not self.is_alive():
            self.prepare()
            self.node.spawn(self.name, self.command(), self.environment())

    def stop(self) -> None:
        """End the process as an administrator would."""
        self.node.end(self.name, signal.SIGTERM)

    def kill(self) -> None:
        """End the process as a crash would."""
        self.node.end(self.name, signal.SIGKILL)

    def wait_ready(self) -> None:
        """Wait until it works; `ClusterError` with the end of its log if it does not."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.probe()
            except Exception as error:
                problem = f"{type(error).__name__}: {error}"
            else:
                return
            if not self.is_alive():
                raise ClusterError(f"{self.name} ended before it worked:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise ClusterError(f"{self.name} does not work after {PATIENCE:.0f} s ({problem}):\n{tail(self.log)}")
            time.sleep(0.1)

    def ask(self, url: str) -> bytes:
        """The answer at an address of the node that this machine reaches; raises if it is no success."""
        context = None
        if url.startswith("https:"):
            context = ssl.create_default_context(cafile=self.certificate("ca.crt"))
            context.load_cert_chain(self.certificate("admin.crt"), self.certificate("admin.key"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(url, timeout=3) as answer:
            content: bytes = answer.read()
            return content

    def ask_inside(self, port: int, path: str) -> None:
        """Ask an address that only the node itself reaches; raises if the answer is no success."""
        script = f"exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'GET {path} HTTP/1.0\\r\\n\\r\\n' >&3; head -n 1 <&3"
        answer = self.node.run(["timeout", "3", "bash", "-c", script])
        if " 200 " not in answer:
            raise ClusterError(f"{path} says {answer.strip()}")
