"""Which columns the lists show, and which keys the detail views leave to their own sections."""

from __future__ import annotations

__all__ = [
    "DECISIONS",
    "EXPERIMENTS",
    "EXPERIMENT_JOBS",
    "GROUPS",
    "HIDDEN",
    "IN_GROUP",
    "JOBS",
    "PROJECTS",
    "STATUSES",
]

_TIMES = ("created_at", "started_at", "finished_at")

PROJECTS = (
    *("id", "name", "user", "owner", "tags", "is_public", "has_code"),
    *("created_at", "updated_at", "has_tensorboard", "has_notebook"),
)
EXPERIMENTS = (
    *("id", "unique_name", "user", "experiment_group", "build_job", "last_status"),
    *(*_TIMES, "total_run"),
)
IN_GROUP = tuple(column for column in EXPERIMENTS if column != "experiment_group")
GROUPS = ("id", "unique_name", "group_type", "search_algorithm", *_TIMES, "concurrency", "last_status")
JOBS = ("id", "unique_name", "user", "last_status", *_TIMES, "total_run", "backend")
EXPERIMENT_JOBS = ("id", "pod_id", "role", "last_status", *_TIMES, "total_run")
STATUSES = ("id", "created_at", "status", "message")

DECISIONS = (
    *("created_at", "kind", "trial", "experiment", "bracket", "rung", "parent"),
    *("strategy", "reason", "numbers"),
)

_RUN = ("uuid", "content", "project", "description", "readme")
HIDDEN = {
    "project": ("uuid", "experiment_groups", "experiments", "description", "readme"),
    "experiment": (*_RUN, "params", "last_metric", "resources", "jobs", "run_env"),
    "group": (*_RUN, "experiments", "hptuning"),
    "job": (*_RUN, "resources"),
    "experiment job": ("uuid", "definition", "resources"),
}
