"""Metrics and samples."""

from __future__ import annotations

from typing import Any

RESPONSES: dict[str, Any] = {
    "Sample": {
        "job_uuid": "c9f0f895fb98ab9159f51fd0297e236d",
        "experiment_uuid": "e4da3b7fbbce2345d7772b0674a318d5",
        "job_name": "master.1",
        "container_id": "plx-e4da3b7fbbce2345d7772b0674a318d5-master-0",
        "n_cpus": 2,
        "cpu_percentage": 50.0,
        "percpu_percentage": [],
        "memory_used": 1024,
        "memory_limit": 25276514304,
        "gpu_resources": None,
    },
    "History": {
        "name": "loss",
        "run": "0f4bb7a0c7f54f0b8d1f6c3d2e1a9b8c",
        "experiment": 7,
        "count": 1000,
        "sampled": True,
        "steps": [499, 999],
        "times": [1.7e9, 1.7e9 + 60],
        "values": [0.4, 0.2],
        "min": [0.38, 0.19],
        "max": [1.9, 0.44],
    },
    "Metric": {
        "id": 11,
        "uuid": "6512bd43d9caa6e02c990b0a82652dca",
        "experiment": 1,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "step": 10,
        "values": {"loss": 0.31, "acc": 0.9},
    },
    "Points": {
        "name": "loss",
        "steps": [0, 1],
        "times": [1767323045.678901, 1767323045.678901],
        "values": [0.5, 0.25],
        "next": None,
    },
    "Summary": {
        "name": "acc",
        "run": "e4da3b7fbbce2345d7772b0674a318d5",
        "experiment": 1,
        "count": 2,
        "last": 0.9,
        "last_step": 1,
        "last_time": "2026-01-02T03:04:05.678901Z",
        "min": 0.7,
        "min_step": 0,
        "max": 0.9,
        "max_step": 1,
    },
    "get_project_experiment_resources.200": [
        {
            "job_uuid": "c9f0f895fb98ab9159f51fd0297e236d",
            "experiment_uuid": "e4da3b7fbbce2345d7772b0674a318d5",
            "job_name": "master.1",
            "container_id": "plx-e4da3b7fbbce2345d7772b0674a318d5-master-0",
            "n_cpus": 2,
            "cpu_percentage": 50.0,
            "percpu_percentage": [],
            "memory_used": 1024,
            "memory_limit": 25276514304,
            "gpu_resources": None,
        }
    ],
}

SEVERAL: dict[str, dict[str, Any]] = {
    "log_project_experiment_metrics.request": {
        "One row": {"values": {"loss": 0.31, "acc": 0.9}, "step": 10},
        "Rows": [{"values": {"loss": 0.31}}, {"values": {"loss": 0.28}}],
        "A batch of series": {
            "batch": "5f0d0a4e-6a5c-4e3e-9d1c-2f3b8a7c6d5e",
            "series": [
                {"name": "loss", "steps": [1, 2, 3], "times": [1.7e9, 1.7e9 + 1, 1.7e9 + 2], "values": [3.0, 2.0, 1.5]},
                {"name": "acc", "values": [0.5, 0.6]},
            ],
        },
    },
}
