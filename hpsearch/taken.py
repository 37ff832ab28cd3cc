"""Which points of a space were tried already."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from hpsearch.dimensions import identity

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from hpsearch.space import SearchSpace
    from hpsearch.trial import Trial


class Taken:
    """The points of some params, with which a point is compared without naming every one of them.

    ``more``: others whose points are taken, too.
    """

    def __init__(self, space: SearchSpace, more: Taken | None = None) -> None:
        self._space = space
        self._more = more
        # The parameter with the most values tells most points apart.
        self._name = max(space.dimensions, key=lambda name: _count(space, name))
        self._by_value: dict[Hashable, list[Mapping[str, Any]]] = defaultdict(list)

    def __contains__(self, point: Mapping[str, Any]) -> bool:
        similar = self._similar(_hashable(point[self._name]))
        key = self._space.key(point) if similar else None
        return any(self._space.key(params) == key for params in similar)

    @property
    def keys(self) -> set[str]:
        """The keys of all of them, see ``SearchSpace.key``."""
        return self._own_keys if self._more is None else self._own_keys | self._more.keys

    def add(self, params: Mapping[str, Any]) -> None:
        """Take another point."""
        self._by_value[_hashable(params.get(self._name))].append(params)
        if "_own_keys" in self.__dict__ and (key := self._space.key(params)) is not None:
            self._own_keys.add(key)

    @cached_property
    def _own_keys(self) -> set[str]:
        points = (params for similar in self._by_value.values() for params in similar)
        return {key for params in points if (key := self._space.key(params)) is not None}

    def _similar(self, value: Hashable) -> Sequence[Mapping[str, Any]]:
        own = self._by_value.get(value, [])
        return own if self._more is None else [*own, *self._more._similar(value)]  # noqa: SLF001 - of the same class


class Tried:
    """The points of a search's trials, of which those that have ended are remembered from one question to the next."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._ended: list[Trial] = []
        self._known = Taken(space)

    def taken(self, suggested: Sequence[Trial], added: Sequence[Trial]) -> Taken:
        """The points of both. ``suggested``: by index; what is remembered is used as far as it is the same."""
        same = list(suggested[: len(self._ended)])
        if same == self._ended:
            self._ended = same  # equal ones are compared more quickly the next time if they are the same
        else:
            self._ended, self._known = [], Taken(self._space)
        for trial in islice(suggested, len(self._ended), None):
            if not trial.state.is_done:
                break
            self._ended.append(trial)
            self._known.add(trial.params)
        taken = Taken(self._space, self._known)
        for trial in (*islice(suggested, len(self._ended), None), *added):
            taken.add(trial.params)
        return taken


def _count(space: SearchSpace, name: str) -> float:
    levels = space.dimensions[name].levels
    return float("inf") if levels is None else len(levels)


def _hashable(value: Any) -> Hashable:
    """The same for equal values; what people add may be anything."""
    try:
        hash(value)
    except TypeError:
        return identity(value)
    return value  # type: ignore[no-any-return]
