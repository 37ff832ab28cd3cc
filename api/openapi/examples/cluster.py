"""The cluster."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NodeRequest": {
        "name": "node-1",
        "hostname": "node-1.example.com",
        "role": "agent",
        "memory": 68719476736,
        "cpu": 16,
        "n_gpus": 1,
    },
    "NodeDetailRequest": {
        "name": "node-1",
        "hostname": "node-1.example.com",
        "role": "agent",
        "memory": 68719476736,
        "cpu": 16,
        "n_gpus": 1,
        "status": "ready",
    },
    "GPURequest": {"index": 1, "serial": "0323817041234", "name": "A100", "memory": 42949672960},
}
RESPONSES: dict[str, Any] = {
    "Cluster": {
        "uuid": "6364d3f0f495b6ab9dcf8d3b5c6e0b01",
        "version_api": {},
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "nodes": [
            {
                "uuid": "182be0c5cdcd5072bb1864cdee4d3d6e",
                "sequence": 1,
                "name": "n1",
                "hostname": None,
                "role": "agent",
                "memory": 8589934592,
                "cpu": 4.0,
                "n_gpus": 1,
            }
        ],
    },
    "Node": {
        "uuid": "e369853df766fa44e1ed0ff613f563bd",
        "sequence": 2,
        "name": "node-1",
        "hostname": "node-1.example.com",
        "role": "agent",
        "memory": 68719476736,
        "cpu": 16.0,
        "n_gpus": 1,
    },
    "NodeDetail": {
        "uuid": "182be0c5cdcd5072bb1864cdee4d3d6e",
        "sequence": 1,
        "name": "n1",
        "hostname": None,
        "role": "agent",
        "memory": 8589934592,
        "cpu": 4.0,
        "n_gpus": 1,
        "docker_version": None,
        "kubelet_version": "",
        "os_image": "",
        "kernel_version": "",
        "schedulable_taints": False,
        "schedulable_state": False,
        "status": "unknown",
        "is_current": True,
        "gpus": [
            {
                "uuid": "1c383cd30b7c298ab50293adfecb7b18",
                "cluster_node": "182be0c5cdcd5072bb1864cdee4d3d6e",
                "index": 0,
                "serial": "s-1",
                "name": "A100",
                "memory": 42949672960,
            }
        ],
    },
    "GPU": {
        "uuid": "19ca14e7ea6328a42e0eb13d585e4c22",
        "cluster_node": "182be0c5cdcd5072bb1864cdee4d3d6e",
        "index": 1,
        "serial": "0323817041234",
        "name": "A100",
        "memory": 42949672960,
    },
}
