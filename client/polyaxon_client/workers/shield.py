"""Moments in which SIGTERM waits: its handler would find things half done in the thread that it interrupts."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_depth = 0
_pending = False


@contextmanager
def shielded() -> Iterator[None]:
    """Have a SIGTERM that comes meanwhile handled afterwards. Handlers run in the main thread only."""
    global _depth, _pending  # noqa: PLW0603 - signals are the process's
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if _pending and not _depth:
            _pending = False
            os.kill(os.getpid(), signal.SIGTERM)


def postponed() -> bool:
    """For the handler: whether it must leave the signal for later."""
    global _pending  # noqa: PLW0603
    if _depth:
        _pending = True
    return bool(_depth)
