"""The run section: the command."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

import re
from collections.abc import Iterator
from typing import Annotated, Any, Optional, Union

from pydantic import BeforeValidator, Field

from polyaxon_schemas.fields import Section
from polyaxon_schemas.problems import describe

_TOKEN = re.compile(
    r"""(?P<slashes>\\+)|(?P<space>\s+)|'[^']*'|"(?:[^"\\]|\\.)*"|[^\\\s'"]+|['"]""",
    re.DOTALL,
)


def _command(value: Any) -> Any:
    items = value if isinstance(value, list) else [value]
    for index, item in enumerate(items):
        if not isinstance(item, str):
            where = f"item {index}: " if isinstance(value, list) else ""
            raise ValueError(f"{where}expected text or a list of texts, found {describe(item)}")
    return value


class Run(Section):
    """What is executed."""

    cmd: Annotated[Union[str, list[str]], BeforeValidator(_command)] = Field(
        description="One shell command, or a list of commands of which each needs the one before to succeed."
    )

    @property
    def command(self) -> str:
        """The text for ``/bin/bash -c``."""
        return shell_text(self.cmd)


def shell_text(cmd: Optional[Union[str, list[str]]]) -> str:
    """A command, or several joined with ``&&``, on one line."""
    if cmd is None:
        return ""
    items = cmd if isinstance(cmd, list) else [cmd]
    return " && ".join(fold(item) for item in items)


def fold(text: str) -> str:
    """One command on one line: white space and continuations become one space; quoted text stays as it is."""
    return "".join(_tokens(text)).strip(" ")


def _tokens(text: str) -> Iterator[str]:
    """Tokens of a shell text, with one space for each run of white space and continuations."""
    position = 0
    is_spaced = False
    while match := _TOKEN.match(text, position):
        position = match.end()
        following = text[position : position + 1]
        # A backslash before a space was before a line break until YAML folded the line.
        is_space = match["space"] or (match["slashes"] and not following.strip())
        if not is_space:
            is_escape = match["slashes"] and len(match["slashes"]) % 2
            position += 1 if is_escape else 0
            yield match[0] + (following if is_escape else "")
        elif not is_spaced:
            yield " "
        is_spaced = bool(is_space)
