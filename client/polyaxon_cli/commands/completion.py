"""`polyaxon completion`: install the completion of the shell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyaxon_cli import state
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

__all__ = ["completion"]

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_POLYAXON_COMPLETE"
# A start file of zsh need not have loaded what completion rests on.
NEEDS = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }"}


@click.command(cls=Command)
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.argument("path", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--append/--overwrite", default=True, help="Add to the file (the default), or replace it.")
@click.option("--show", is_flag=True, help="Only print the script.")
@pass_session
def completion(session: Session, shell: str | None, path: Path | None, append: bool, show: bool) -> None:
    """Install completion of commands, options, project names and run ids.

    SHELL is found out when it is not given; PATH is the file that the shell reads at its start.
    """
    chosen = shell or _own_shell()
    script = _script(chosen)
    if show:
        click.echo(script)
        return
    kept = state.global_folder() / f"completion.{chosen}"
    state.write_atomic(kept, script)
    target = path or _start_file(chosen)
    changed = _hook(target, f"source {kept}", append=append)
    session.out.success(f"Completion for {chosen} is {'installed' if changed else 'already installed'} in {target}.")
    session.out.message("Open a new terminal to use it.")


def _own_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise CliError("Your shell is not known", f"Name it: polyaxon completion {'|'.join(SHELLS)}")
    return name


def _script(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from polyaxon_cli.main import cli

    found: type[ShellComplete] | None = get_completion_class(shell)
    if found is None:
        raise CliError(f"There is no completion for {shell}", f"Use one of {', '.join(SHELLS)}")
    # The template alone: `source()` of bash starts one to ask for its version, which `--show` has no need of.
    complete = found(cli, {}, "polyaxon", VARIABLE)
    text = complete.source_template % complete.source_vars()
    # Behind the first line, by which zsh knows what the file completes.
    first, _, rest = text.partition("\n")
    return f"{first}\n{NEEDS[shell]}\n{rest}" if shell in NEEDS else text


def _start_file(shell: str) -> Path:
    home = state.global_folder().parent
    return {
        "bash": home / ".bashrc",
        "zsh": home / ".zshrc",
        "fish": home / ".config" / "fish" / "completions" / "polyaxon.fish",
    }[shell]


def _hook(target: Path, line: str, *, append: bool) -> bool:
    """Have `target` hold the line; False when it did already."""
    try:
        text = target.read_text(encoding="utf-8") if append else ""
    except FileNotFoundError:
        text = ""
    if line in text.splitlines():
        return False
    end = "" if not text or text.endswith("\n") else "\n"
    state.write_atomic(target, f"{text}{end}{line}\n", mode=_mode(target))
    return True


def _mode(target: Path) -> int:
    return target.stat().st_mode & 0o777 if target.exists() else 0o644
