"""containerd: runs the containers."""

from __future__ import annotations

import json
from typing import ClassVar

from tests.cluster import images, packages
from tests.cluster.components.base import Component

SOCKET = "/run/containerd/containerd.sock"


class Containerd(Component):
    """Debian's containerd; its data is below the node's /var, its sockets are in the node's /run."""

    name: ClassVar[str] = "containerd"

    def prepare(self) -> None:
        mirror = f'server = "http://{self.plan.registry}"\n[host."http://{self.plan.registry}"]\n'
        hosts = self.plan.write(mirror, "containerd", "hosts", self.plan.registry, "hosts.toml").parent.parent
        self.plan.write(self._settings(str(hosts)), "containerd", "config.toml")

    def command(self) -> list[str]:
        return [packages.program("containerd"), "--config", str(self.plan.folder / "containerd" / "config.toml")]

    def probe(self) -> None:
        self.node.run([packages.program("ctr"), "--connect-timeout", "2s", "version"])

    def _settings(self, hosts: str) -> str:
        # A JSON string is a TOML string.
        plugin = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""
            version = 2
            disabled_plugins = ["io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
            [grpc]
              address = "{SOCKET}"
            [{plugin}]
              sandbox_image = {json.dumps(images.reference(self.plan, images.PAUSE))}
              # Without CAP_SYS_RESOURCE no process may be made less likely to be killed than we are.
              restrict_oom_score_adj = true
            [{plugin}.cni]
              bin_dir = {json.dumps(str(packages.PLUGINS))}
              conf_dir = {json.dumps(str(self.plan.folder / "cni"))}
            [{plugin}.containerd]
              snapshotter = {json.dumps(self._snapshotter())}
            [{plugin}.containerd.runtimes.runc]
              runtime_type = "io.containerd.runc.v2"
            [{plugin}.registry]
              config_path = {json.dumps(hosts)}
        """

    def _snapshotter(self) -> str:
        # Layers over a file system that consists of layers itself do not work: a machine that is a container.
        kind = self.node.run(["stat", "--file-system", "--format=%T", "/var/lib"]).strip()
        return "native" if kind.startswith("overlay") else "overlayfs"
