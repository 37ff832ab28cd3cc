"""The reference of all commands, from the commands themselves: `python -m polyaxon_cli.reference docs/cli.md`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyaxon_cli.main import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARKER", "reference"]

MARKER = "<!-- What follows is written by `python -m polyaxon_cli.reference docs/cli.md`. -->"
# Options that every command has, told once.
EVERYWHERE = frozenset({"--json", "-o", "--help", "-h", "--output"})


def reference() -> str:
    """Markdown: a section for each top-level command, a row for each sub-command and its options."""
    context = click.Context(cli)
    sections = [_section(name, _command(context, name)) for name in sorted(COMMANDS)]
    return "\n\n".join(sections) + "\n"


def _command(context: click.Context, name: str) -> click.Command:
    found = cli.get_command(context, name)
    if found is None:
        raise LookupError(name)
    return found


def _section(name: str, command: click.Command) -> str:
    rows = [
        f"| `polyaxon {path}`{_arguments(one)} | {_options(one)} | {_first_line(one)} |"
        for path, one in _leaves(name, command)
    ]
    table = ["| command | options | does |", "|---|---|---|", *rows]
    return "\n".join([f"### {name}", "", *table])


def _leaves(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _leaves(f"{path} {name}", child)


def _arguments(command: click.Command) -> str:
    names = [
        param.make_metavar(click.Context(command)) for param in command.params if isinstance(param, click.Argument)
    ]
    return "".join(f" `{name}`" for name in names)


def _options(command: click.Command) -> str:
    shown = [
        "/".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
        for param in command.params
        if isinstance(param, click.Option) and not param.hidden and not EVERYWHERE & set(param.opts)
    ]
    return ", ".join(shown)


def _first_line(command: click.Command) -> str:
    return (command.help or "").strip().splitlines()[0].replace("|", "\\|")


def main(path: Path) -> None:
    """Write the reference behind the marker of a file."""
    head, marker, _ = path.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        raise SystemExit(f"{path} lacks the line {MARKER}")
    path.write_text(f"{head}{MARKER}\n\n{reference()}", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
