"""Finished trials that this process has read before."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sized
from typing import Any, NamedTuple, TypeVar

from hpsearch import Trial

Sizes = TypeVar("Sizes", bound=Sized)

MOST_GROUPS = 8
MOST_TRIALS = 20_000  # together; about 1 KB each


class Sign(NamedTuple):
    """What changes with whatever a search sees of a trial."""

    trial_index: int | None
    status: str
    updated_at: Any
    late: int  # how often values came for trials of its group that had ended


def make_room(kept: OrderedDict[Any, Sizes], most: int, most_together: int) -> None:
    """Forget the first ones until there are at most so many, and together of that size."""
    while len(kept) > most or sum(map(len, kept.values())) > most_together:
        kept.popitem(last=False)


class Finished:
    """Trials by group and experiment, each with its sign. Groups that were not asked for lately go first."""

    def __init__(self, most_groups: int = MOST_GROUPS, most_trials: int = MOST_TRIALS) -> None:
        self._groups: OrderedDict[int, dict[int, tuple[Sign, Trial]]] = OrderedDict()
        self._lock = threading.Lock()
        self._most_groups = most_groups
        self._most_trials = most_trials

    def known(self, group: int, signs: Mapping[int, Sign]) -> dict[int, Trial]:
        """Those that are as they were when they were kept."""
        with self._lock:
            kept = self._groups.get(group, {})
            if kept:
                self._groups.move_to_end(group)
            return {key: kept[key][1] for key, sign in signs.items() if key in kept and kept[key][0] == sign}

    def keep(self, group: int, trials: Mapping[int, tuple[Sign, Trial]]) -> None:
        """Remember `trials`, as far as there is room."""
        if not trials:
            return
        with self._lock:
            self._groups.setdefault(group, {}).update(trials)
            self._groups.move_to_end(group)
            make_room(self._groups, self._most_groups, self._most_trials)


FINISHED = Finished()
