"""From the hptuning section to an algorithm."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from hpsearch.errors import UnsupportedAlgorithm
from hpsearch.space import SearchSpace

if TYPE_CHECKING:
    from hpsearch.algorithm import SearchAlgorithm
    from polyaxon_schemas.hptuning import HpTuning


class Builder(Protocol):
    """What a module of the table below has as ``build``."""

    def __call__(self, space: SearchSpace, tuning: HpTuning, seed: int) -> SearchAlgorithm: ...


#: The key of a section and the module that builds its algorithm. Modules are imported when they are asked for:
#: some bring large libraries along.
MODULES = {
    "hyperband": "hpsearch.hyperband",
    "asha": "hpsearch.asha",
    "bo": "hpsearch.bo",
    "tpe": "hpsearch.tpe",
    "cma_es": "hpsearch.cma_es",
    "qmc": "hpsearch.qmc",
    "nsga2": "hpsearch.nsga2",
    "pbt": "hpsearch.pbt",
    "custom": "hpsearch.custom",
    "grid_search": "hpsearch.grid",
    "random_search": "hpsearch.random_search",
}


def create_algorithm(hptuning: HpTuning, *, seed: int) -> SearchAlgorithm:
    """The algorithm a group asks for. ``seed`` is used unless the section holds one.

    Raises UnsupportedAlgorithm, or another SearchError when the matrix does not suit the algorithm.
    """
    name = hptuning.algorithm
    if name not in MODULES:
        raise UnsupportedAlgorithm(f"hptuning.{name} is not supported yet; use {' or '.join(MODULES)}")
    build = cast("Builder", import_module(MODULES[name]).build)
    space = SearchSpace.from_matrix(hptuning.matrix)
    return build(space, hptuning, seed if hptuning.seed is None else hptuning.seed)
