"""A part of the terminal that is drawn anew as things change."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polyaxon_cli.output import Output

__all__ = ["screen"]


@contextmanager
def screen(out: Output) -> Iterator[Callable[[Any], None]]:
    """Call it with what is to be seen now, anything that rich can draw; the last picture stays."""
    from rich.live import Live

    with Live(console=out.console(), auto_refresh=False) as live:
        yield lambda picture: live.update(picture, refresh=True)
