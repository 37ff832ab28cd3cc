"""What the platform tells a run through its environment."""

from __future__ import annotations

import os
from functools import wraps
from typing import Any, Callable, TypeVar, cast

from polyaxon_client.exceptions import PolyaxonClientException
from polyaxon_client.settings import Settings, load_settings

Call = TypeVar("Call", bound=Callable[..., Any])
_settings: Settings | None = None


def settings() -> Settings:
    """The settings, read once per process."""
    global _settings  # noqa: PLW0603 - read once is the contract
    if _settings is None:
        _settings = load_settings()
    return _settings


def tracked(call: Call) -> Call:
    """With ``POLYAXON_NO_OP`` the call does nothing and returns ``None``."""

    @wraps(call)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return None if settings().no_op else call(*args, **kwargs)

    return cast("Call", guarded)


def chained(call: Call) -> Call:
    """The same for calls that return their object: scripts go on with it, so it is returned in any case."""

    @wraps(call)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return args[0] if settings().no_op else call(*args, **kwargs)

    return cast("Call", guarded)


def _inside(what: str) -> Settings:
    current = settings()
    if not (current.is_managed or current.in_cluster):
        raise PolyaxonClientException(f"{what} is only known inside of a run that the platform started")
    return current


@tracked
def get_outputs_path() -> str | None:
    """Folder or bucket for what this run produces.

    Raises:
        PolyaxonClientException: not inside of a run.
    """
    return _inside("the outputs path").text("POLYAXON_RUN_OUTPUTS_PATH")


@tracked
def get_data_paths() -> Any:
    """Data stores of this run: ``{name: path}``. Raises outside of a run."""
    return _inside("the data paths").json("POLYAXON_RUN_DATA_PATHS")


@tracked
def get_outputs_refs_paths() -> Any:
    """Outputs of the runs that this one refers to: ``{"jobs": [path], ...}``. Raises outside of a run."""
    return _inside("the outputs of other runs").json("POLYAXON_REFS_OUTPUTS_PATHS")


@tracked
def get_log_level() -> str | None:
    """The logging level of the polyaxonfile. Raises outside of a run."""
    return _inside("the log level").text("POLYAXON_LOG_LEVEL")


@tracked
def get_base_outputs_path() -> str | None:
    """Where runs outside of the platform put their outputs; ``None`` when nothing is set."""
    return settings().text("POLYAXON_BASE_OUTPUTS_PATH")


def get_params() -> Any:
    """Parameters of this run as the platform resolved them. Raises outside of a run."""
    return _inside("the parameters").json("POLYAXON_PARAMS")


def get_info(kind: str) -> Any:
    """Names and ids of this run, ``kind`` being EXPERIMENT or JOB. Raises outside of a run."""
    return _inside("the run").json(f"POLYAXON_{kind}_INFO")


def get_task_info() -> Any:
    """Role and index of this replica: ``{"type": role, "index": n}``. Raises outside of a run."""
    return _inside("the task").json("POLYAXON_TASK_INFO")


def get_cluster_def() -> Any:
    """Addresses of all replicas by role: ``{role: ["host:port"]}``. Raises outside of a run."""
    return _inside("the cluster definition").json("POLYAXON_CLUSTER")


def export(name: str, value: str) -> None:
    os.environ[name] = value
