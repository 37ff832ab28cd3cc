"""The interface of every search algorithm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from hpsearch.history import History
    from hpsearch.trial import Decision


class SearchAlgorithm(ABC):
    """Decides which points to try next.

    An algorithm keeps nothing between calls that it cannot make again from the history: two instances with the same
    settings and seed answer alike, so a restarted process goes on where the last one stopped.
    """

    #: Most suggestions that one call answers with.
    BATCH = 1000

    #: Whether a suggestion is the better the later it is made. The platform then asks for as many as it can start
    #: at once; otherwise it asks ahead.
    adaptive: ClassVar[bool] = False

    @property
    @abstractmethod
    def planned(self) -> int | None:
        """How many trials the whole search has, if that is known beforehand."""

    @abstractmethod
    def suggest(self, history: History, *, limit: int = BATCH) -> Decision:
        """The points to try next, ``limit`` at most, given every trial so far.

        The same history always gets the same answer. Points that were suggested but
        are not among the trials are suggested again, with the same index.
        """
