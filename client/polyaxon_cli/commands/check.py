"""`polyaxon check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli import specs
from polyaxon_cli.options import Command, files_option, lenient_option, params_option
from polyaxon_cli.ranking import algorithm_of, expected_trials, goal_of
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from polyaxon_schemas import Specification
    from polyaxon_schemas.pipeline_graph import PlannedOperation

__all__ = ["check", "definition_of"]


@click.command(cls=Command)
@files_option
@params_option
@lenient_option
@click.option("-v", "--version", "show_version", is_flag=True, help="Show the version of the file's format.")
@click.option("-def", "--definition", "show_definition", is_flag=True, help="Show what the file defines.")
@pass_session
def check(
    session: Session,
    files: tuple[str, ...],
    params: tuple[str, ...],
    lenient: bool,
    show_version: bool,
    show_definition: bool,
) -> None:
    """Validate polyaxonfiles, without a server."""
    spec = specs.load(files, params=params, lenient=lenient)
    for warning in spec.warnings:
        session.out.warning(warning)
    session.out.success("Polyaxonfile is valid.")
    if session.as_json:
        session.out.raw(dict(spec.raw))
        return
    if show_version:
        session.out.message(f"The version is: {spec.raw.get('version')}")
    if show_definition:
        session.out.details(definition_of(spec), title=f"This polyaxonfile defines this {spec.kind}:")


def definition_of(spec: Specification) -> dict[str, Any]:
    """What a valid file defines; for a group, its search; for a pipeline, the order of its operations."""
    if spec.kind == "group":
        return _search_of(dict(spec.raw.get("hptuning") or {}))
    if spec.kind == "pipeline":
        return {operation.name: _place_of(operation) for operation in spec.operations}
    run = spec.raw.get("run") or {}
    known = {"name": spec.name, "params": spec.params, "framework": spec.framework, "cmd": run.get("cmd")}
    return {key: value for key, value in known.items() if value}


def _place_of(operation: PlannedOperation) -> str:
    after = f", after {', '.join(sorted(operation.upstream))}" if operation.upstream else ""
    return f"{operation.content['kind']}, step {operation.level + 1}{after}"


def _search_of(hptuning: dict[str, Any]) -> dict[str, Any]:
    concurrency = int(hptuning.get("concurrency") or 1)
    shown = {
        "search algorithm": algorithm_of(hptuning),
        "concurrency": f"{concurrency} concurrent runs" if concurrency > 1 else "sequential",
        "early stopping": "activated" if hptuning.get("early_stopping") else "deactivated",
        "parameters": ", ".join(hptuning.get("matrix") or {}),
    }
    goal = goal_of({"hptuning": hptuning})
    if goal:
        shown["goal"] = f"{'lowest' if goal.minimize else 'highest'} {goal.metric}"
    if hptuning.get("budget"):
        shown["budget"] = ", ".join(f"{limit} {value}" for limit, value in hptuning["budget"].items() if value)
    trials = expected_trials({"hptuning": hptuning})
    return {**shown, "experiments": trials} if trials else shown
