"""`polyaxon admin`: check deployment files, and show what puts them in place."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, TypeVar

import click

from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Group
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from polyaxon_cli.plans import Plan
    from polyaxon_schemas.deployment.schema import Deployment

__all__ = ["admin"]

F = TypeVar("F", bound=Callable[..., Any])
file_option = click.option(
    "-f",
    "--file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Deployment file; default: kubernetes with all defaults.",
)
check_option = click.option(
    "--check", is_flag=True, help="Validate the file, and show which tools would be called, and how."
)
hooks_option = click.option("--hooks/--no-hooks", default=True, help="Whether to run the hooks before it is deleted.")


def _installing(function: F) -> F:
    decorated = click.option("--dry_run", "--dry-run", is_flag=True, help="Have the tools only tell what they do.")(
        function
    )
    decorated = check_option(decorated)
    decorated = click.option(
        "--manager_path", "--manager-path", metavar="PATH", help="A chart of your own instead of the published one."
    )(decorated)
    return file_option(decorated)


@click.group(cls=Group)
def admin() -> None:
    """Check deployment files. Needs no login.

    Example: polyaxon admin deploy --check -f config.yml
    """


@admin.command()
@_installing
@pass_session
def deploy(session: Session, /, **options: Any) -> None:
    """Check a deployment file and show what installs it."""
    _carry_out(session, "deploy", **options)


@admin.command()
@_installing
@pass_session
def upgrade(session: Session, /, **options: Any) -> None:
    """Check a deployment file and show what upgrades to it."""
    _carry_out(session, "upgrade", **options)


@admin.command()
@file_option
@check_option
@hooks_option
@pass_session
def teardown(session: Session, /, **options: Any) -> None:
    """Check a deployment file and show what removes it."""
    _carry_out(session, "teardown", **options)


def _carry_out(
    session: Session,
    verb: str,
    *,
    file: Path | None,
    check: bool,
    manager_path: str | None = None,
    dry_run: bool = False,
    hooks: bool = True,
) -> None:
    from polyaxon_cli.plans import plan
    from polyaxon_schemas.deployment.schema import load

    deployment, warnings = load(file)
    planned = plan(verb, deployment, file, chart=manager_path, dry_run=dry_run, hooks=hooks)
    for warning in warnings:
        session.out.warning(warning if warning.endswith("?") else f"{warning}.")
    _show(session, deployment, planned, file)
    if not check:
        raise CliError(
            f"This release does not {verb} by itself", f"Run the commands above, or `polyaxon admin {verb} --check`"
        )


def _show(session: Session, deployment: Deployment, planned: Plan, file: Path | None) -> None:
    commands = [shlex.join(command) for command in planned.commands]
    facts = {"type": deployment.kind, "namespace": deployment.where, "missing_tools": planned.missing}
    if session.as_json:
        session.out.raw({"file": str(file) if file else None, **facts, "commands": commands})
        return
    session.out.success(f"{file or 'The default deployment'} is valid: {deployment.kind} in {deployment.where}.")
    session.out.message("It drives:" if commands else f"For the type {deployment.kind} nothing is driven.")
    for command in commands:
        session.out.message(f"  {command}")
    for tool in planned.missing:
        session.out.warning(f"{tool} is not installed on this machine.")
