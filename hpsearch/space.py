"""A search space: named dimensions in the order they were declared."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hpsearch.dimensions import Dimension, dimension, identity
from hpsearch.errors import EmptySpace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from polyaxon_schemas.matrix import MatrixParam


class SearchSpace:
    """The points a search can try; a point is a dict of plain JSON values."""

    def __init__(self, dimensions: Mapping[str, Dimension], source: str | None = None) -> None:
        if not dimensions:
            raise EmptySpace("the matrix has no parameter")
        self.dimensions = dict(dimensions)
        self._source = source

    @classmethod
    def from_matrix(cls, matrix: Mapping[str, MatrixParam]) -> SearchSpace:
        """The space of an hptuning section's matrix."""
        options = [[name, param.model_dump(mode="json")] for name, param in matrix.items()]
        return cls({name: dimension(param.option) for name, param in matrix.items()}, identity(options))

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same matrix, in the same order."""
        same = isinstance(other, SearchSpace) and self._source is not None and self._source == other._source
        return same or self is other

    def __hash__(self) -> int:
        return hash(self._source or id(self))

    @property
    def size(self) -> int | None:
        """How many distinct points there are; None when they cannot be counted."""
        sizes = [len(d.levels) if d.levels is not None else None for d in self.dimensions.values()]
        return None if None in sizes else math.prod(size or 0 for size in sizes)

    def sample(self, rng: np.random.Generator) -> dict[str, Any]:
        """One point, drawn parameter by parameter in the order they were declared."""
        return {name: dim.sample(rng) for name, dim in self.dimensions.items()}

    def grid(self) -> Iterator[dict[str, Any]]:
        """Every point, the last parameter varying fastest; EmptySpace if it is continuous."""
        return (self.point(index) for index in range(self._countable()))

    def point(self, index: int) -> dict[str, Any]:
        """Point ``index`` of the grid, 0 <= index < size."""
        if not 0 <= index < self._countable():
            raise IndexError(index)
        values: dict[str, Any] = {}
        for name, dim in reversed(self.dimensions.items()):
            assert dim.levels is not None
            index, level = divmod(index, len(dim.levels))
            values[name] = dim.levels[level]
        return {name: values[name] for name in self.dimensions}

    def _countable(self) -> int:
        size = self.size
        if size is None:
            raise EmptySpace("the points of a continuous space cannot be counted")
        return size

    def key(self, params: Mapping[str, Any]) -> str | None:
        """What tells a point from others; None when ``params`` lacks one of the parameters."""
        if any(name not in params for name in self.dimensions):
            return None
        return identity([params[name] for name in self.dimensions])

    def free_point(self, rng: np.random.Generator, taken: set[str]) -> dict[str, Any] | None:
        """A point of a countable space that is not taken; None when all are, or when they cannot be counted."""
        size = self.size
        if size is None:
            return None
        start = int(rng.integers(min(size, 2**62)))
        # Every step but the last meets a taken point, so one more than there are is enough.
        for step in range(min(size, len(taken) + 1)):
            point = self.point((start + step) % size)
            if self.key(point) not in taken:
                return point
        return None
