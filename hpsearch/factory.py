"""From the hptuning section to an algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hpsearch.errors import UnsupportedAlgorithm
from hpsearch.grid import GridSearch
from hpsearch.random_search import RandomSearch
from hpsearch.space import SearchSpace

if TYPE_CHECKING:
    from hpsearch.algorithm import SearchAlgorithm
    from polyaxon_schemas.hptuning import HpTuning


def create_algorithm(hptuning: HpTuning, *, seed: int) -> SearchAlgorithm:
    """The algorithm a group asks for. ``seed`` is used unless the section holds one.

    Raises UnsupportedAlgorithm, or another SearchError when the matrix does not suit the algorithm.
    """
    space = SearchSpace.from_matrix(hptuning.matrix)
    if hptuning.algorithm == "grid_search":
        return GridSearch(space, hptuning.grid_search.n_experiments if hptuning.grid_search else None)
    if hptuning.random_search is not None:
        chosen = seed if hptuning.seed is None else hptuning.seed
        return RandomSearch(space, hptuning.random_search.n_experiments, chosen)
    raise UnsupportedAlgorithm(f"hptuning.{hptuning.algorithm} is not supported yet; use grid_search or random_search")
