"""Shapes of the cluster, its nodes and their GPUs."""

from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import HexUUIDField
from polyaxon.db.models import Cluster, ClusterNode, NodeGPU

_SUMMARY = ("uuid", "sequence", "name", "hostname", "role", "memory", "cpu", "n_gpus")
_AMOUNTS: dict[str, dict[str, Any]] = {name: {"min_value": 0} for name in ("memory", "cpu", "n_gpus")}


class NodeSerializer(serializers.ModelSerializer[ClusterNode]):
    """A row of a list. New nodes are described by these fields."""

    uuid = HexUUIDField()

    class Meta:
        model = ClusterNode
        fields: tuple[str, ...] = _SUMMARY
        read_only_fields = ("sequence",)
        extra_kwargs = _AMOUNTS

    def validate_cpu(self, value: float) -> float:
        if not math.isfinite(value):
            raise serializers.ValidationError("A number of cores is finite.")
        return value


class GPUSerializer(serializers.ModelSerializer[NodeGPU]):
    uuid = HexUUIDField()
    cluster_node = HexUUIDField(source="cluster_node.uuid")

    class Meta:
        model = NodeGPU
        fields = ("uuid", "cluster_node", "index", "serial", "name", "memory")
        extra_kwargs = {"index": {"min_value": 0}, "memory": {"min_value": 0}}


class NodeDetailSerializer(NodeSerializer):
    gpus = GPUSerializer(many=True, read_only=True)

    class Meta(NodeSerializer.Meta):
        fields = (
            *_SUMMARY,
            "docker_version",
            "kubelet_version",
            "os_image",
            "kernel_version",
            "schedulable_taints",
            "schedulable_state",
            "status",
            "is_current",
            "gpus",
        )


class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """`context["nodes"]` has the current nodes."""

    uuid = HexUUIDField()
    version_api = serializers.DictField(read_only=True)
    nodes = serializers.SerializerMethodField()

    class Meta:
        model = Cluster
        fields = ("uuid", "version_api", "created_at", "updated_at", "nodes")

    @extend_schema_field(NodeSerializer(many=True))
    def get_nodes(self, cluster: Cluster) -> list[dict[str, Any]]:
        del cluster
        return list(NodeSerializer(self.context["nodes"], many=True).data)
