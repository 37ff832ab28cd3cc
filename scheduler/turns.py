"""Periodic passes skip a turn rather than pile up behind a slow one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any


def one_at_a_time(function: Callable[[], Any]) -> Callable[[], None]:
    """`function`, doing nothing while another call of it is under way in this process."""
    lock = threading.Lock()

    @functools.wraps(function)
    def guarded() -> None:
        if lock.acquire(blocking=False):
            try:
                function()
            finally:
                lock.release()

    return guarded
