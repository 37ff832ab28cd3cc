"""Experiment groups."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NewGroupRequest": {
        "name": "rates",
        "content": "version: 1\n"
        "kind: group\n"
        "hptuning:\n"
        "  concurrency: 2\n"
        "  matrix:\n"
        "    lr:\n"
        "      values: [0.1, 0.2, 0.3]\n"
        "build:\n"
        "  image: python:3.11\n"
        "run:\n"
        "  cmd: python train.py --lr={{ lr }}\n",
    },
    "ChangedGroupRequest": {"description": "Which rate is best?", "tags": ["search"]},
    "GroupCloneRequest": {
        "content": "hptuning:\n  concurrency: 4\n",
        "description": "Once more, with more at once.",
    },
    "SelectionRequest": {"operation": "add", "experiment_ids": [1]},
    "StopGroupRequest": {"pending": True},
}
RESPONSES: dict[str, Any] = {
    "Group": {
        "id": 2,
        "uuid": "aab3238922bcc25a6f606eb525ffdc56",
        "name": None,
        "unique_name": "acme.digits.2",
        "user": "olga",
        "project": "acme.digits",
        "description": None,
        "last_status": "created",
        "group_type": "selection",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "tags": None,
        "concurrency": None,
        "backend": None,
        "is_managed": False,
        "search_algorithm": None,
        "original": None,
        "cloning_strategy": None,
        "bookmarked": False,
    },
    "GroupCreated": {
        "id": 4,
        "uuid": "9bf31c7ff062936a96d3c8bd1f8f2ff3",
        "name": "rates",
        "unique_name": "acme.digits.4",
        "user": "olga",
        "project": "acme.digits",
        "description": None,
        "last_status": "created",
        "group_type": "study",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "tags": None,
        "concurrency": 2,
        "backend": None,
        "is_managed": True,
        "search_algorithm": "grid",
        "original": None,
        "cloning_strategy": None,
        "readme": None,
        "content": "version: 1\n"
        "kind: group\n"
        "hptuning:\n"
        "  concurrency: 2\n"
        "  matrix:\n"
        "    lr:\n"
        "      values: [0.1, 0.2, 0.3]\n"
        "build:\n"
        "  image: python:3.11\n"
        "run:\n"
        "  cmd: python train.py --lr={{ lr }}",
    },
    "GroupDetail": {
        "id": 1,
        "uuid": "c74d97b01eae257e44aa9d5bade97baf",
        "name": None,
        "unique_name": "acme.digits.1",
        "user": "olga",
        "project": "acme.digits",
        "description": None,
        "last_status": "created",
        "group_type": "study",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "started_at": None,
        "finished_at": None,
        "tags": None,
        "concurrency": 2,
        "backend": None,
        "is_managed": True,
        "search_algorithm": "grid",
        "original": None,
        "cloning_strategy": None,
        "bookmarked": True,
        "readme": None,
        "current_iteration": 0,
        "content": '{"version": 1, "kind": "group", "hptuning": {"matrix": {"lr": {"values": [0.1, 0.2, 0.3]}}, '
        '"concurrency": 2}, "build": {"image": "python:3.11"}, "run": {"cmd": "python train.py --lr={{ '
        'lr }}"}}',
        "hptuning": {
            "matrix": {"lr": {"values": [0.1, 0.2, 0.3]}},
            "concurrency": 2,
            "early_stopping": [],
            "grid_search": {},
        },
        "tensorboard": None,
        "has_tensorboard": None,
        "num_experiments": 0,
        "num_pending_experiments": 0,
        "num_running_experiments": 0,
        "num_scheduled_experiments": 0,
        "num_succeeded_experiments": 0,
        "num_failed_experiments": 0,
        "num_stopped_experiments": 0,
    },
    "GroupChartView": {
        "id": 2,
        "uuid": "70efdf2ec9b086079795c442636b55fb",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "name": "losses",
        "charts": [{"id": "1", "metrics": ["loss"]}],
        "meta": {"smoothing": 0.6},
        "experiment_group": 1,
    },
    "GroupStatus": {
        "id": 5,
        "uuid": "6f4922f45568161a8cdf4ad2299f6d23",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "message": "The disk is nearly full.",
        "traceback": None,
        "status": "warning",
        "experiment_group": 1,
    },
    "SearchDecision": {
        "id": 12,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "kind": "start",
        "trial": 9,
        "experiment": 21,
        "bracket": 0,
        "rung": 1,
        "parent": 4,
        "strategy": "resume",
        "reason": "among the best third of rung 0",
        "numbers": {"loss": 0.21, "rank": 1},
    },
    "GroupBest": {
        "metric": "loss",
        "optimization": "minimize",
        "trial": {"experiment": 21, "index": 9, "params": {"lr": 0.01, "layers": 3}, "value": 0.18},
    },
    "GroupPareto": {
        "metrics": [{"name": "acc", "optimization": "maximize"}, {"name": "loss", "optimization": "minimize"}],
        "finished": 40,
        "compared": 40,
        "trials": [
            {"experiment": 21, "index": 9, "params": {"lr": 0.01, "layers": 3}, "values": {"acc": 0.93, "loss": 0.18}},
            {"experiment": 17, "index": 5, "params": {"lr": 0.02, "layers": 2}, "values": {"acc": 0.91, "loss": 0.17}},
        ],
    },
    "GroupImportances": {
        "metric": "loss",
        "optimization": "minimize",
        "finished": 40,
        "modelled": 40,
        "importances": [{"param": "lr", "importance": 0.83}, {"param": "layers", "importance": 0.17}],
    },
}
