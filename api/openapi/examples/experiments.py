"""Experiments."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "create_project_experiment_logs.request": ["epoch 1: loss 0.31", "epoch 2: loss 0.28"],
    "NewExperimentRequest": {
        "name": "baseline",
        "tags": ["cnn"],
        "content": "version: 1\n"
        "kind: experiment\n"
        "params:\n"
        "  lr: 0.1\n"
        "build:\n"
        "  image: python:3.11\n"
        "run:\n"
        "  cmd: python train.py --lr={{ lr }}\n",
    },
    "ChangedExperimentRequest": {"description": "A lower rate.", "tags": ["cnn", "slow"], "merge": True},
    "CloneRequest": {"description": "Once more, with the newest code.", "update_code": True},
    "IdsRequest": {"ids": [1, 2]},
    "NewStatusRequest": {"status": "warning", "message": "The disk is nearly full."},
    "ReportRequest": {"status": "succeeded", "created_at": "2026-01-02T03:04:05Z"},
    "CodeReferenceRequest": {
        "branch": "master",
        "commit": "5f0d0a4e6a5c4e3e9d1c2f3b8a7c6d5e01234567",
        "is_dirty": False,
    },
    "NewChartViewRequest": {"name": "losses", "charts": [{"id": "1", "metrics": ["loss"]}], "meta": {"smoothing": 0.6}},
}
RESPONSES: dict[str, Any] = {
    "get_project_experiment_outputs_files.404": "no file 'model.pt' among the outputs",
    "ExperimentCreated": {
        "id": 4,
        "unique_name": "acme.digits.4",
        "project": "acme.digits",
        "user": "olga",
        "name": "baseline",
        "description": None,
        "readme": None,
        "original_experiment": None,
        "experiment_group": None,
        "build_job": None,
        "content": "version: 1\n"
        "kind: experiment\n"
        "params:\n"
        "  lr: 0.1\n"
        "build:\n"
        "  image: python:3.11\n"
        "run:\n"
        "  cmd: python train.py --lr={{ lr }}",
        "params": {"lr": 0.1},
        "backend": "native",
        "framework": None,
        "is_managed": True,
        "run_env": None,
        "data_refs": None,
        "tags": ["cnn"],
    },
    "ExperimentDetail": {
        "id": 1,
        "uuid": "e4da3b7fbbce2345d7772b0674a318d5",
        "name": "first-try",
        "unique_name": "acme.digits.1",
        "user": "otto",
        "description": None,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": "2026-01-02T03:04:05.678901Z",
        "finished_at": None,
        "last_status": "running",
        "original": None,
        "cloning_strategy": None,
        "project": "acme.digits",
        "experiment_group": None,
        "build_job": None,
        "backend": "other",
        "is_managed": False,
        "framework": None,
        "tags": None,
        "last_metric": {"acc": 0.9, "loss": 0.25},
        "params": None,
        "bookmarked": True,
        "readme": None,
        "content": None,
        "resources": None,
        "run_env": None,
        "data_refs": None,
        "num_jobs": 1,
        "is_clone": False,
        "code_reference": 2,
        "tensorboard": None,
        "has_tensorboard": None,
        "trial": None,
        "reason": "All 4 slots are taken; 2 of its user's runs wait before it.",
    },
    "ExperimentChartView": {
        "id": 2,
        "uuid": "1679091c5a880faf6fb5e6087eb1b2dc",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "name": "losses",
        "charts": [{"id": "1", "metrics": ["loss"]}],
        "meta": {"smoothing": 0.6},
        "experiment": 1,
    },
    "Experiment": {
        "id": 4,
        "uuid": "8f14e45fceea167a5a36dedd4bea2543",
        "name": None,
        "unique_name": "acme.digits.4",
        "user": "olga",
        "description": "Once more, with the newest code.",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "last_status": "created",
        "original": "acme.digits.1",
        "cloning_strategy": "copy",
        "project": "acme.digits",
        "experiment_group": None,
        "build_job": None,
        "backend": "other",
        "is_managed": False,
        "framework": None,
        "tags": None,
        "last_metric": {},
        "params": None,
        "bookmarked": False,
    },
    "RunToken": {"token": "c3499c2729730a7f807efb8676a92dcb6f8a3f8f"},
    "OutputsTree": {"files": [["model.txt", 7]], "dirs": []},
    "ExperimentStatus": {
        "id": 6,
        "uuid": "c20ad4d76fe97759aa27a0c99bff6710",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "message": "The disk is nearly full.",
        "traceback": None,
        "status": "warning",
        "experiment": 1,
    },
}
_NAMED: dict[str, Any] = {
    "id": 1,
    "uuid": "0f4bb7a0c7f54f0b8d1f6c3d2e1a9b8c",
    "name": "first-try",
    "unique_name": "acme.digits.1",
}
SEVERAL: dict[str, dict[str, Any]] = {
    "ListedExperiment": {
        "Rows": RESPONSES["Experiment"],
        "With `metrics=1`": {
            **_NAMED,
            "last_metric": {"loss": 0.25, "acc": 0.9},
            "started_at": "2026-01-02T03:04:05.678901Z",
            "finished_at": None,
        },
        "With `params=1`": {**_NAMED, "params": {"lr": 0.1}},
    },
}
