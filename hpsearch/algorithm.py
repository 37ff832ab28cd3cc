"""The interface of every search algorithm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hpsearch.trial import Decision, Trial


class SearchAlgorithm(ABC):
    """Decides which points to try next.

    An algorithm keeps nothing between calls: two instances with the same settings and seed answer alike, so a
    restarted process goes on where the last one stopped.
    """

    #: Most suggestions that one call answers with.
    BATCH = 1000

    @property
    @abstractmethod
    def planned(self) -> int | None:
        """How many trials the whole search has, if that is known beforehand."""

    @abstractmethod
    def suggest(self, trials: Sequence[Trial], *, limit: int = BATCH) -> Decision:
        """The points to try next, ``limit`` at most, given every trial so far.

        The same trials always get the same answer, in any order. Points that were suggested but
        are not among the trials are suggested again, with the same index.
        """
