"""The tool has every command, sub-command and option of 0.6.1, by its long and its short name."""

from __future__ import annotations

import click
import pytest

from polyaxon_cli.main import cli
from tests.cli.spec_commands import COMMANDS, ROOT


def command(path: str) -> click.Command:
    found: click.Command = cli
    for name in path.split():
        assert isinstance(found, click.Group), f"{found.name} has no sub-commands"
        child = found.get_command(click.Context(found), name)
        assert child is not None, f"there is no command `polyaxon {path}`"
        found = child
    return found


def options(found: click.Command) -> set[str]:
    context = click.Context(found, help_option_names=["-h", "--help"])
    params = found.get_params(context)
    return {name for param in params for name in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_of_0_6_is_there_with_all_its_options(path: str) -> None:
    assert sorted(set(COMMANDS[path].split()) - options(command(path))) == []


def test_the_root_has_its_options() -> None:
    assert sorted(set(ROOT.split()) - options(cli)) == []


def test_every_group_of_0_6_is_a_group_here() -> None:
    groups = {path.split()[0] for path in COMMANDS if " " in path}
    assert [name for name in sorted(groups) if not isinstance(command(name), click.Group)] == []


def test_an_option_that_is_missing_is_found() -> None:
    assert "--no-such-option" not in options(command("experiment logs"))
    with pytest.raises(AssertionError, match="no command"):
        command("experiment nonsense")
