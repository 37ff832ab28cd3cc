"""Which columns the lists show, and which keys the detail views leave to their own sections."""

from __future__ import annotations

__all__ = [
    "BOOKMARKED",
    "BUILDS",
    "DECISIONS",
    "EXPERIMENTS",
    "EXPERIMENT_JOBS",
    "GPUS",
    "GROUPS",
    "HIDDEN",
    "IN_GROUP",
    "JOBS",
    "NODES",
    "PROJECTS",
    "STATUSES",
    "TENSORBOARDS",
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
BUILDS = JOBS
TENSORBOARDS = (
    *("id", "unique_name", "pod_id", "user", "last_status", *_TIMES, "total_run"),
    *("experiment", "experiment_group"),
)
NODES = ("sequence", "name", "hostname", "role", "memory", "cpu", "n_gpus")
GPUS = ("index", "name", "uuid", "memory", "serial")
BOOKMARKED = {
    "projects": (
        *("name", "unique_name", "tags", "is_public", "created_at", "num_experiments", "num_groups"),
        *("num_jobs", "num_builds", "has_tensorboard", "has_notebook"),
    ),
    "groups": (*GROUPS[:3], "user", *GROUPS[3:]),
    "experiments": EXPERIMENTS,
    "jobs": JOBS,
    "builds": BUILDS,
}
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
    "build": (*_RUN, "resources", "is_clone", "build_job"),
    "experiment job": ("uuid", "definition", "resources"),
}
