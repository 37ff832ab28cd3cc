"""The image registry, which this machine, the node and pods reach at the same address."""

from __future__ import annotations

import json
from typing import ClassVar

from tests.cluster import images, packages
from tests.cluster.components.base import Component


class Registry(Component):
    """Debian's docker-registry with the base images in it, without encryption."""

    name: ClassVar[str] = "registry"

    def prepare(self) -> None:
        storage = self.plan.folder / "registry"
        images.copy_into(storage)
        self.plan.write(json.dumps(images.registry_settings(storage, self.plan.registry)), "registry.json")

    def command(self) -> list[str]:
        return [packages.program("docker-registry"), "serve", str(self.plan.folder / "registry.json")]

    def probe(self) -> None:
        self.ask(f"http://{self.plan.registry}/v2/")
