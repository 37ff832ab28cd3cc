"""What a person sees while a cluster is made: one line at a time, at once."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def say(line: str) -> None:
    """Print a line now, in order with what children print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Print `title ...`, then how many seconds the block took."""
    begun = time.monotonic()
    say(f"{title} ...")
    yield
    say(f"   took {time.monotonic() - begun:.0f} s")
