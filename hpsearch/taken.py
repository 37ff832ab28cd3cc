"""Which points of a space were tried already."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hpsearch.space import SearchSpace


class Taken:
    """The points of some params, with which a point is compared without naming every one of them."""

    def __init__(self, space: SearchSpace, params: Iterable[Mapping[str, Any]]) -> None:
        self._space = space
        self._params = list(params)
        # The parameter with the most values tells most points apart.
        self._name = max(space.dimensions, key=lambda name: _count(space, name))

    def __contains__(self, point: Mapping[str, Any]) -> bool:
        if "keys" in self.__dict__:
            return self._space.key(point) in self.keys
        value = point[self._name]
        similar = [params for params in self._params if params.get(self._name) == value]
        key = self._space.key(point) if similar else None
        return any(self._space.key(params) == key for params in similar)

    @cached_property
    def keys(self) -> set[str]:
        """The keys of all of them, see ``SearchSpace.key``."""
        return {key for params in self._params if (key := self._space.key(params)) is not None}

    def add(self, point: Mapping[str, Any]) -> None:
        """Take another point."""
        self._params.append(point)
        if "keys" in self.__dict__:
            self.keys.add(self._space.key(point) or "")


def _count(space: SearchSpace, name: str) -> float:
    levels = space.dimensions[name].levels
    return float("inf") if levels is None else len(levels)
