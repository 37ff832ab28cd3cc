"""Entry point: the root command, loaded piece by piece, and how failures end.

`polyaxon --help` must be quick, so no command's module is imported before that command is called.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import traceback
from typing import Any

import click

from polyaxon_cli import __version__
from polyaxon_cli.errors import EXIT_INTERRUPTED, CliError, one_line
from polyaxon_cli.session import Session

__all__ = ["cli", "main"]

# Name: where the command is (module below polyaxon_cli.commands) and its line in the overview.
COMMANDS = {
    "admin": ("admin", "Check deployment files, and show what puts them in place."),
    "bookmark": ("bookmark", "List what was bookmarked."),
    "build": ("build", "Look at and steer one build of an image."),
    "check": ("check", "Validate polyaxonfiles and show what they define."),
    "cluster": ("cluster", "Show the cluster and its nodes."),
    "completion": ("completion", "Install completion of the shell."),
    "config": ("config", "Show and change the address of the server."),
    "dashboard": ("tool", "Open the dashboard in the browser."),
    "deploy": ("tool", "Moved: see `polyaxon admin deploy`."),
    "doctor": ("doctor", "Check connection, versions, login, permissions, clock and cluster."),
    "experiment": ("experiment", "Look at and steer one experiment."),
    "group": ("group", "Look at and steer a group of experiments, a search."),
    "init": ("init", "Link the current folder to a project."),
    "job": ("job", "Look at and steer one job."),
    "login": ("session", "Log in to the server."),
    "logout": ("session", "Forget the login."),
    "notebook": ("plugins", "Start, find and stop the notebook of a project."),
    "port-forward": ("port_forward", "Reach the server of a cluster from this machine."),
    "project": ("project", "Create, list and change projects."),
    "run": ("run", "Run what polyaxonfiles define."),
    "superuser": ("account", "Grant and revoke the rights of administrators."),
    "sync": ("sync", "Send what was tracked offline, or while the server was away."),
    "teardown": ("tool", "Moved: see `polyaxon admin teardown`."),
    "tensorboard": ("plugins", "Start, find and stop a tensorboard."),
    "upgrade": ("tool", "Upgrade this tool."),
    "upload": ("upload", "Upload the code of the current folder."),
    "user": ("account", "Activate and delete accounts."),
    "version": ("session", "Show the versions of the tool and the server."),
    "whoami": ("session", "Show who is logged in."),
}


class Root(click.Group):
    """Finds commands by name without importing the others, and turns every failure into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """All command names."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the one command that is called."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"polyaxon_cli.commands.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The overview, from the table above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a pointer to the overview for unknown names."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message} Run `polyaxon --help` for the list.", ctx) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever goes wrong becomes a `CliError`."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # What runs on the server goes on; the code is that of a program that the signal ended.
            click.echo("Interrupted.", err=True)
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError) as error:
            session = ctx.find_object(Session)
            if session is not None and session.debug and isinstance(error, CliError):
                traceback.print_exception(type(error), error, error.__traceback__)
            raise
        except Exception as error:  # the last line of defence: no traceback for the person
            session = ctx.find_object(Session)
            if session is not None and session.debug:
                traceback.print_exception(type(error), error, error.__traceback__)
            raise _translated(error) from error


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="polyaxon")
@click.option("-v", "--verbose", is_flag=True, help="Log every request on stderr.")
@click.option("--debug", is_flag=True, help="Show the traceback of what goes wrong.")
@click.option("--offline", is_flag=True, help="Let local runs do without the server.")
@click.option("--json", "as_json", is_flag=True, help="Print the server's answers as JSON.")
@click.pass_context
def cli(ctx: click.Context, verbose: bool, debug: bool, offline: bool, as_json: bool) -> None:
    """Run, track and tune experiments on a Polyaxon server."""
    session = ctx.ensure_object(Session)
    session.verbose = verbose or _configured_verbose()
    session.debug = debug
    session.out.as_json = as_json
    if offline:
        # What local runs look at.
        os.environ["POLYAXON_IS_OFFLINE"] = "true"
    if session.verbose:
        _log_requests()
    if sys.stdout.isatty():
        from polyaxon_cli import versions

        versions.check(ctx, session)


def main() -> None:
    """The `polyaxon` console command."""
    try:
        cli.main(prog_name="polyaxon")
    except BrokenPipeError:
        # The reader went away, as with `| head`; anything more would fail in the same way.
        sys.stderr.close()
        sys.exit(1)


def _configured_verbose() -> bool:
    from polyaxon_cli import state

    try:
        return bool(state.CONFIG.read().get("verbose"))
    except CliError:
        # `config purge` and `config set` must be able to repair a damaged file.
        return False


def _log_requests() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s", "%H:%M:%S"))
    for name in ("polyaxon_cli", "polyaxon_client", "httpx"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.handlers = [handler]


def _translated(error: Exception) -> click.ClickException:
    from polyaxon_cli.failures import explain

    return explain(error) or CliError(
        f"Unexpected problem: {type(error).__name__}: {one_line(str(error))}",
        "Run the command again with `polyaxon --debug …` and report what it prints",
    )
