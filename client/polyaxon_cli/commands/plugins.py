"""`polyaxon notebook` and `tensorboard`: servers beside the runs, which the browser opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, TypeVar

import click

from polyaxon_cli import specs
from polyaxon_cli.commands.shared import upload_option
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Group, confirm, files_option, project_option, run_option, yes_option
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.uploads import upload_folder
from polyaxon_cli.waiting import wait_until_open

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["notebook", "tensorboard"]

F = TypeVar("F", bound=Callable[..., Any])
OK = 200
CREATED = 201


def _of_target(function: F) -> F:
    """The options that say whose tensorboard is meant."""
    decorated = run_option("experiment", "-xp", "--experiment")(function)
    decorated = run_option("group", "-g", "--group")(decorated)
    return project_option()(decorated)


open_options = (
    click.option("--open/--no-open", "browse", default=None, help="Open it in the browser; the default on a terminal."),
    click.option("--no-wait", is_flag=True, help="Do not wait until it answers."),
)


def _opening(function: F) -> F:
    decorated = function
    for option in reversed(open_options):
        decorated = option(decorated)
    return decorated


@click.group(cls=Group)
@project_option()
def notebook() -> None:
    """Start, find and stop the notebook of a project."""


@notebook.command("url")
@project_option()
@pass_session
def notebook_url(session: Session) -> None:
    """Print the address of the notebook."""
    _print_url(session, "notebook", ())


@notebook.command("start")
@project_option()
@files_option
@upload_option
@_opening
@pass_session
def notebook_start(
    session: Session, files: tuple[str, ...], with_upload: bool, browse: bool | None, no_wait: bool
) -> None:
    """Start the notebook and tell its address."""
    if with_upload and session.project_name:
        raise click.UsageError("-u uploads to the project initialised here; leave out -p, or -u.")
    body = _content(files, "notebook")
    if with_upload:
        upload_folder(session)
    _start(session, "notebook", (), body, browse=browse, wait=not no_wait)


@notebook.command("stop")
@project_option()
@click.option("--commit", type=bool, default=True, help="Whether to keep the changes as a commit.")
@yes_option
@pass_session
def notebook_stop(session: Session, commit: bool, yes: bool) -> None:
    """Stop the notebook."""
    _stop(session, "notebook", (), {"commit": False} if not commit else None, yes=yes)


@click.group(cls=Group)
@_of_target
def tensorboard() -> None:
    """Start, find and stop the tensorboard of a project, a group or an experiment."""


@tensorboard.command("url")
@_of_target
@pass_session
def tensorboard_url(session: Session) -> None:
    """Print the address of the tensorboard."""
    _print_url(session, "tensorboard", _target(session))


@tensorboard.command("start")
@_of_target
@files_option
@_opening
@pass_session
def tensorboard_start(session: Session, files: tuple[str, ...], browse: bool | None, no_wait: bool) -> None:
    """Start the tensorboard and tell its address."""
    _start(session, "tensorboard", _target(session), _content(files, "tensorboard"), browse=browse, wait=not no_wait)


@tensorboard.command("stop")
@_of_target
@yes_option
@pass_session
def tensorboard_stop(session: Session, yes: bool) -> None:
    """Stop the tensorboard."""
    _stop(session, "tensorboard", _target(session), None, yes=yes)


def _target(session: Session) -> tuple[object, ...]:
    """The path of the run that was named below the project; empty for the project itself."""
    for kind in ("experiment", "group"):
        if kind in session.run_ids:
            return (f"{kind}s", session.run_ids[kind])
    return ()


def _content(files: Sequence[str], kind: str) -> dict[str, Any]:
    if not files:
        return {}
    spec = specs.load(files)
    specs.refuse_kind(spec.kind, [kind])
    return {"content": spec.to_text(), "is_managed": True}


def _name(session: Session, kind: str, target: Sequence[object]) -> str:
    of = f"{str(target[0])[:-1]} {target[1]} of {session.project()}" if target else str(session.project())
    return f"The {kind} of {of}"


def address_of(session: Session, kind: str, target: Sequence[object]) -> str:
    """Where the browser finds it."""
    return f"{session.http.root_url}/{kind}/{session.project().path(*target)}"


def _print_url(session: Session, kind: str, target: Sequence[object]) -> None:
    owner = session.http.get(session.project().path(*target))
    if not owner.get(f"has_{kind}"):
        raise CliError(f"{_name(session, kind, target)} is not running", f"Start it with `polyaxon {kind} start`")
    address = address_of(session, kind, target)
    if session.as_json:
        session.out.raw({"url": address})
    else:
        click.echo(address)


def _start(
    session: Session,
    kind: str,
    target: Sequence[object],
    body: dict[str, Any],
    *,
    browse: bool | None,
    wait: bool,
) -> None:
    answer = session.http.request("POST", session.project().path(*target, kind, "start"), json=body)
    name, address = _name(session, kind, target), address_of(session, kind, target)
    if answer.status_code not in {OK, CREATED}:
        raise CliError(f"{name} was not started ({answer.status_code})")
    running = answer.status_code == OK
    session.out.success(f"{name} {'is already running' if running else 'is being started'}.")
    if wait:
        row = answer.json() if answer.content else {}
        wait_until_open(session, f"{kind}s", row.get("id"), address)
    session.out.message(address)
    if session.as_json:
        session.out.raw({"url": address, "created": not running})
    elif session.out.interactive if browse is None else browse:
        click.launch(address)


def _stop(session: Session, kind: str, target: Sequence[object], body: dict[str, Any] | None, *, yes: bool) -> None:
    name = _name(session, kind, target)
    confirm(f"Stop {name[0].lower()}{name[1:]}?", yes=yes, refused=1)
    session.http.post(session.project().path(*target, kind, "stop"), body)
    session.out.success(f"{name} is being stopped.")
