"""What a process keeps of searches from one pass to the next, only to save time: all of it can be read again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sized
from typing import Generic, TypeVar

T = TypeVar("T", bound=Sized)
LONGEST_KEPT = 60.0
"""Seconds after which all of a group is read again."""


class Kept(Generic[T]):
    """A thing for each search, whose length is its number of trials. Searches not asked for lately go first."""

    def __init__(self, *, most_searches: int, most_trials: int) -> None:
        self._searches: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()
        self._most_searches = most_searches
        self._most_trials = most_trials  # together

    def get(self, search: Hashable) -> T | None:
        """What is kept, only to look at it."""
        with self._lock:
            return self._searches.get(search)

    def take(self, search: Hashable) -> T | None:
        """What is kept, which is the caller's alone until it is put back."""
        with self._lock:
            return self._searches.pop(search, None)

    def put(self, search: Hashable, known: T) -> None:
        """Keep it as what was asked for last."""
        with self._lock:
            self._searches.pop(search, None)
            self._searches[search] = known
            while len(self._searches) > self._most_searches or self._together() > self._most_trials:
                self._searches.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._searches.clear()

    def _together(self) -> int:
        return sum(map(len, self._searches.values()))
