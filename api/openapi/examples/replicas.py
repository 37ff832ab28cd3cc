"""Replicas of experiments."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NewExperimentJobRequest": {"role": "worker", "definition": {"replica": 1}, "node_scheduled": "node-1"},
    "ChangedStatusRequest": {"message": "Restarted after the node had gone."},
}
RESPONSES: dict[str, Any] = {
    "ExperimentJob": {
        "id": 1,
        "uuid": "c9f0f895fb98ab9159f51fd0297e236d",
        "unique_name": "acme.digits.1.1.master",
        "role": "master",
        "experiment": 1,
        "last_status": "created",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "resources": None,
        "node_scheduled": None,
        "pod_id": "plx-e4da3b7fbbce2345d7772b0674a318d5-master-0",
    },
    "ExperimentJobDetail": {
        "id": 2,
        "uuid": "45c48cce2e2d7fbdea1afc51c7c6ad26",
        "unique_name": "acme.digits.1.2.worker",
        "role": "worker",
        "experiment": 1,
        "last_status": "created",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "resources": None,
        "node_scheduled": "node-1",
        "pod_id": "plx-e4da3b7fbbce2345d7772b0674a318d5-worker-0",
        "definition": {"replica": 1},
    },
    "ExperimentJobStatus": {
        "id": 2,
        "uuid": "d3d9446802a44259755d38e6d163e820",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "message": "The disk is nearly full.",
        "traceback": None,
        "status": "warning",
        "details": {},
        "job": 1,
    },
}
