"""What a person is told when a command cannot go on."""

from __future__ import annotations

import click

__all__ = ["EXIT_FAILURE", "EXIT_INTERRUPTED", "EXIT_WRONG_KIND", "CliError", "one_line"]

EXIT_FAILURE = 1
EXIT_INTERRUPTED = 130
EXIT_WRONG_KIND = 255


class CliError(click.ClickException):
    """A failure with its remedy, printed as `Error: what. What to do.` on stderr.

    `what` and `todo` need no final full stop. `exit_code` is 1 unless given.
    """

    def __init__(self, what: str, todo: str = "", *, exit_code: int = EXIT_FAILURE) -> None:
        sentences = [part.strip() for part in (what, todo) if part.strip()]
        super().__init__(" ".join(_closed(sentence) for sentence in sentences))
        self.exit_code = exit_code  # type: ignore[misc]  # click itself reads it from the instance


def one_line(text: str, limit: int = 500) -> str:
    """`text` with line breaks and runs of blanks made single blanks, cut at `limit` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _closed(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?", ":")) else f"{sentence}."
