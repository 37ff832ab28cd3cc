"""`polyaxon dashboard`, `upgrade`, and the old names `deploy` and `teardown`."""

from __future__ import annotations

import subprocess
import sys

import click

from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Command, confirm, yes_option
from polyaxon_cli.session import Session, pass_session

__all__ = ["dashboard", "deploy", "teardown", "upgrade"]

PACKAGE = "polyaxon-client"


@click.command(cls=Command)
@yes_option
@click.option("--url", "only_url", is_flag=True, help="Only print the address.")
@pass_session
def dashboard(session: Session, yes: bool, only_url: bool) -> None:
    """Open the dashboard in the browser."""
    address = f"{session.http.root_url}/app"
    if session.as_json:
        session.out.raw({"url": address})
        return
    click.echo(address)
    if only_url:
        return
    confirm("Open it in the browser?", yes=yes, refused=1)
    if click.launch(address):
        raise CliError("No browser could be started", f"Open {address} yourself")


@click.command(cls=Command)
@click.option("--print", "only_print", is_flag=True, help="Only print the command.")
@pass_session
def upgrade(session: Session, only_print: bool) -> None:
    """Upgrade this tool by pip, in the environment that it is installed in."""
    command = [sys.executable, "-m", "pip", "install", "--upgrade", PACKAGE]
    session.out.message(" ".join(command))
    if only_print:
        return
    done = subprocess.run(command, check=False, stdout=sys.stderr if session.as_json else None)  # noqa: S603  our own
    if done.returncode:
        raise CliError(f"pip ended with exit code {done.returncode}", "Its messages above tell why")


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("unused", nargs=-1, type=click.UNPROCESSED)
@pass_session
def deploy(session: Session, unused: tuple[str, ...]) -> None:  # noqa: ARG001
    """Moved: see `polyaxon admin deploy`."""
    session.out.message("`polyaxon deploy` has moved: run `polyaxon admin deploy`.")


@click.command(cls=Command, context_settings={"ignore_unknown_options": True})
@click.argument("unused", nargs=-1, type=click.UNPROCESSED)
@pass_session
def teardown(session: Session, unused: tuple[str, ...]) -> None:  # noqa: ARG001
    """Moved: see `polyaxon admin teardown`."""
    session.out.message("`polyaxon teardown` has moved: run `polyaxon admin teardown`.")
