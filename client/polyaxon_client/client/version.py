"""Versions and nodes of the installation."""

from __future__ import annotations

from typing import Any

from polyaxon_client.client.base import BaseApi


class VersionApi(BaseApi):
    def get_cli_version(self) -> Any:
        return self._get("versions/cli/")

    def get_platform_version(self) -> Any:
        return self._get("versions/platform/")

    def get_lib_version(self) -> Any:
        return self._get("versions/lib/")

    def get_chart_version(self) -> Any:
        return self._get("versions/chart/")

    def get_log_handler(self) -> Any:
        return self._get("log_handler/")


class ClusterApi(BaseApi):
    def get_cluster(self) -> Any:
        return self._get("cluster/")

    def get_node(self, node_sequence: int) -> Any:
        return self._get(self.transport.path("nodes", node_sequence))
