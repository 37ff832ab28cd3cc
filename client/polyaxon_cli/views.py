"""Detail views of projects and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_cli import times
from polyaxon_cli.columns import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_cli.output import Output

__all__ = ["show"]

SECTIONS = (("params", "Parameters:"), ("last_metric", "Last metrics:"))


def show(out: Output, kind: str, data: Mapping[str, Any], *, title: str) -> None:
    """The description, the tables of a run's own data, then everything else as key/value rows."""
    if out.as_json:
        out.raw(data)
        return
    if out.columns is not None:
        out.details(data)
        return
    if data.get("description"):
        out.message("Description:", style="cyan")
        out.message(f"{data['description']}\n")
    _sections(out, data)
    out.details(_rest(kind, data), title=title)


def _sections(out: Output, data: Mapping[str, Any]) -> None:
    for key, title in SECTIONS:
        if data.get(key):
            out.details(data[key], title=title)
    if data.get("resources"):
        out.details({k: v for k, v in data["resources"].items() if v}, title="Resources:")
    if data.get("run_env"):
        out.details(_environment(data["run_env"]), title="Run environment:")


def _environment(run_env: Mapping[str, Any]) -> dict[str, Any]:
    """The environment with its hundreds of packages as a count (`--json` prints them)."""
    shown = {key: value for key, value in run_env.items() if key != "packages"}
    if run_env.get("packages"):
        shown["packages"] = f"{len(run_env['packages'])} installed (listed with --json)"
    return shown


def _rest(kind: str, data: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in data.items() if key not in HIDDEN[kind]}
    if "started_at" in data and data.get("total_run") is None:
        shown["total_run"] = times.run_time(data.get("started_at"), data.get("finished_at"))
    return shown
