"""`polyaxon run`: create a run from polyaxonfiles, and follow it if asked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli import specs
from polyaxon_cli.commands.check import definition_of
from polyaxon_cli.ends import exit_code_of_run, message_of_end
from polyaxon_cli.errors import CliError, one_line
from polyaxon_cli.explaining import explain_run
from polyaxon_cli.following import StatusWatch, print_logs, wait_for_group, wait_for_run
from polyaxon_cli.options import (
    Command,
    files_option,
    lenient_option,
    params_option,
    patch_of,
    project_option,
    split_tags,
)
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.uploads import upload_folder

if TYPE_CHECKING:
    from polyaxon_schemas import Specification

__all__ = ["run"]

RUNNABLE = ("experiment", "group", "job", "build")
DEBUGGABLE = ("experiment", "job")


@dataclass(frozen=True)
class Following:
    """What to do once the run is created."""

    logs: bool
    watch: bool


@click.command(cls=Command)
@project_option()
@files_option
@params_option
@lenient_option
@click.option("--name", help="Name of the run, unique in the project.")
@click.option("--tags", help="Comma separated; replace those of the file.")
@click.option("--description", help="What the run is for.")
@click.option("--ttl", type=click.IntRange(min=0), help="Seconds to keep the finished run's process or pod.")
@click.option("--debug", is_flag=True, help="Sleep for --ttl seconds instead of running the command.")
@click.option("-u", "--upload", "with_upload", is_flag=True, help="Upload the current folder first.")
@click.option("-l", "--log", "logs", is_flag=True, help="Follow the logs.")
@click.option("--watch", is_flag=True, help="Wait for the end, and end with the exit code of the run.")
@click.option("--local", is_flag=True, help="Run on this machine, in a container; the server tracks it.")
@click.option("--conda_env", "--conda-env", "conda", metavar="FILE", help="With --local: in this conda environment.")
@pass_session
def run(
    session: Session,
    files: tuple[str, ...],
    params: tuple[str, ...],
    lenient: bool,
    name: str | None,
    tags: str | None,
    description: str | None,
    ttl: int | None,
    debug: bool,
    with_upload: bool,
    logs: bool,
    watch: bool,
    local: bool,
    conda: str | None,
) -> None:
    """Run what polyaxonfiles define.

    \b
    Examples:
      polyaxon run -f polyaxonfile.yaml -u -l
      polyaxon run -f base.yaml -f gpu.yaml -P lr=0.01 --watch
    """
    if debug and ttl is None:
        raise click.UsageError("--debug needs --ttl: how many seconds to sleep.")
    if with_upload and session.project_name:
        raise click.UsageError("-u uploads to the project initialised here; leave out -p, or -u.")
    if conda and not local:
        raise click.UsageError("--conda_env goes with --local.")
    extra = {"run": {"cmd": f"sleep {ttl}"}} if debug else None
    spec = specs.load(files, params=params, extra=extra, lenient=lenient)
    specs.refuse_kind(spec.kind, DEBUGGABLE if debug else RUNNABLE)
    for warning in spec.warnings:
        session.out.warning(warning)
    if local:
        specs.refuse_kind(spec.kind, DEBUGGABLE)
        given = patch_of([("name", name), ("tags", split_tags(tags)), ("description", description)])
        _run_here(session, spec, given, conda)
        return
    session.project()
    if with_upload:
        upload_folder(session)
    pairs = [("name", name), ("tags", split_tags(tags)), ("description", description)]
    if spec.kind != "group" and not debug:
        pairs.append(("ttl", ttl))  # type: ignore[arg-type]
    created = _create(session, spec, patch_of(pairs))
    _follow(session, spec.kind, created, Following(logs=logs, watch=watch))


def _run_here(session: Session, spec: Specification, given: dict[str, Any], conda: str | None) -> None:
    from polyaxon_cli.local import run_locally

    code = run_locally(session, spec, given, conda=conda)
    if code:
        raise CliError(f"The {spec.kind} ended with exit code {code}", "See what it printed above", exit_code=code)


def _create(session: Session, spec: Specification, given: dict[str, Any]) -> dict[str, Any]:
    if spec.kind == "group" and not session.as_json:
        session.out.details(definition_of(spec), title="Creating an experiment group with this search:")
    body = {**given, "content": spec.to_text(), "is_managed": True}
    created: dict[str, Any] = session.http.create(session.project().path(f"{spec.kind}s"), body)
    session.remember(spec.kind, created)
    return created


def _follow(session: Session, kind: str, created: dict[str, Any], following: Following) -> None:
    if session.as_json and not following.watch:
        session.out.raw(created)
    explain_run(session, kind, created)
    if kind == "group":
        _follow_group(session, created, following)
        return
    path = session.project().path(f"{kind}s", created["id"])
    if following.logs:
        print_logs(session, path, follow=True, err=session.as_json)
    if not following.watch:
        return
    ended = StatusWatch(session.http, path).wait() if following.logs else wait_for_run(session, path)
    _end(session, kind, ended, path)


def _follow_group(session: Session, created: dict[str, Any], following: Following) -> None:
    if following.logs:
        session.out.warning("A group has no logs of its own: see `polyaxon experiment logs -xp ID` for its trials.")
    if following.watch:
        ended = wait_for_group(session, session.project(), int(created["id"]))
        _end(session, "group", ended, session.project().path("groups", created["id"]))


def _end(session: Session, kind: str, ended: dict[str, Any], path: str) -> None:
    """The last line, and the exit code of the run's end."""
    status = str(ended.get("last_status"))
    if session.as_json:
        session.out.raw(ended)
    message = message_of_end(session, path)
    code = exit_code_of_run(status, message)
    if code:
        reason = f": {one_line(message)}" if message else ""
        raise CliError(f"The {kind} {ended.get('id')} ended as {status}{reason}", _remedy(kind, ended), exit_code=code)
    session.out.success(f"The {kind} {ended.get('id')} ended as {status}.")


def _remedy(kind: str, ended: dict[str, Any]) -> str:
    if kind == "group":
        return f"See `polyaxon group statuses -g {ended.get('id')}`"
    flag = {"experiment": "-xp", "job": "-j", "build": "-b"}[kind]
    return f"See `polyaxon {kind} statuses {flag} {ended.get('id')}` and its logs"
