"""What all callbacks share."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyaxon_client.exceptions import PolyaxonClientException
from polyaxon_client.tracking import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_client.tracking.experiment import Experiment

_ARGUMENTS = frozenset({"step", "timestamp"})


def run_of(experiment: Experiment | None) -> Experiment | None:
    """The given one, or inside of the platform the run's own; ``None`` where there is nothing to report to."""
    if experiment is not None or not environment.settings().is_managed:
        return experiment
    from polyaxon_client.tracking.experiment import Experiment  # noqa: PLC0415 - of a run that has one

    return Experiment()


def framework(*names: str) -> Any:
    """The first of these modules that is installed.

    Raises:
        PolyaxonClientException: none is.
    """
    for name in names:
        try:
            return import_module(name)
        except ImportError:  # noqa: PERF203 - of two at most
            continue
    raise PolyaxonClientException(f"this callback needs {' or '.join(names)}: install it first")


def numbers(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Those that are numbers, under names that a call of ``log_metrics`` takes."""
    return {_name(name): value for name, value in (values or {}).items() if _is_number(value)}


def report(experiment: Experiment | None, values: Mapping[str, Any] | None, step: int | None = None) -> None:
    """Log what of ``values`` are numbers."""
    found = numbers(values)
    if experiment is not None and found:
        experiment.log_metrics(step=step, **found)


def report_params(experiment: Experiment | None, params: Mapping[str, Any] | None) -> None:
    """Log parameters; what is no plain value as text."""
    if experiment is not None and params:
        plain = {str(name): value if _is_plain(value) else str(value)[:1000] for name, value in params.items()}
        plain.pop("reset", None)  # an argument of the call
        experiment.log_params(False, **plain)


def _name(name: Any) -> str:
    text = str(name)
    return f"{text}_" if text in _ARGUMENTS else text


def _is_number(value: Any) -> bool:
    if isinstance(value, (bool, str, bytes)) or value is None:
        return False
    if isinstance(value, (int, float)):
        return True
    return (hasattr(value, "item") and getattr(value, "size", 1) in {1, ()}) or callable(getattr(value, "numel", None))


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, str))
