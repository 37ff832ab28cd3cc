"""`polyaxon config`: the address of the server."""

from __future__ import annotations

from typing import Any

import click

from polyaxon_cli import state
from polyaxon_cli.commands.profiles import add_profiles
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Group, patch_of
from polyaxon_cli.session import Session, pass_session

__all__ = ["config"]

DEFAULTS: dict[str, Any] = {
    "verbose": False,
    "host": "localhost",
    "port": "80",
    "use_https": False,
    "verify_ssl": None,
}
# Kept only where they were set: the tool of 0.6 reads the same file.
ADDED: dict[str, Any] = {"check_version": True}
MAX_PORT = 65535


@click.group(cls=Group, invoke_without_command=True)
@click.option("-l", "--list", "as_list", is_flag=True, help="Show all settings.")
@click.pass_context
def config(ctx: click.Context, as_list: bool) -> None:
    """Show and change the address of the server.

    Example: polyaxon config set --host=localhost --port=8000
    """
    if as_list:
        _show(ctx.ensure_object(Session), _current())
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@config.command("list")
@pass_session
def list_(session: Session) -> None:
    """Show all settings."""
    _show(session, _current())


@config.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@pass_session
def get(session: Session, keys: tuple[str, ...]) -> None:
    """Show the named settings."""
    current = _current()
    unknown = [key for key in keys if key not in current]
    if unknown:
        raise CliError(f"Unknown settings: {', '.join(unknown)}", f"There are: {', '.join(sorted(current))}")
    _show(session, {key: current[key] for key in keys})


@config.command("set")
@click.option("--verbose", type=bool, help="Log every request on stderr.")
@click.option("--host", help="Name or address of the server, without a port.")
@click.option("--port", type=click.IntRange(1, MAX_PORT), help="Port of the API.")
@click.option("--use_https", "--use-https", type=bool, help="Talk TLS.")
@click.option("--verify_ssl", "--verify-ssl", type=bool, help="Check the server's certificate.")
@click.option(
    "--check_version", "--check-version", type=bool, help="Say on a terminal when the server wants another version."
)
@pass_session
def set_(session: Session, /, port: int | None, **given: Any) -> None:
    """Change settings; the others stay as they are."""
    changes = patch_of([*given.items(), ("port", None if port is None else str(port))])
    if not changes:
        raise click.UsageError("Nothing to set: give at least one option, such as --host=localhost.")
    state.CONFIG.write({**DEFAULTS, **state.CONFIG.read(), **changes})
    # What was learnt from another server is of no use.
    state.CLI.delete()
    session.out.success("Config was updated.")


@config.command(context_settings={"ignore_unknown_options": True})
@click.argument("unused", nargs=-1, type=click.UNPROCESSED)
@pass_session
def purge(session: Session, unused: tuple[str, ...]) -> None:  # noqa: ARG001
    """Delete the settings."""
    state.CONFIG.delete()
    state.CLI.delete()
    session.out.success("Config was removed.")


add_profiles(config)


def _current() -> dict[str, Any]:
    return {**DEFAULTS, **ADDED, **state.CONFIG.read()}


def _show(session: Session, values: dict[str, Any]) -> None:
    if session.as_json:
        session.out.raw(values)
    else:
        session.out.details(values)
