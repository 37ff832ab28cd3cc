"""Search algorithms of an installation's own, from the packages that are installed next to the platform.

A package offers one by an entry point of group ``polyaxon.search_algorithms``: a callable
``(space: SearchSpace, settings: Mapping, seed: int) -> SearchAlgorithm``. It raises SearchError when it cannot do with
the space or the settings.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.errors import SearchError, UnsupportedAlgorithm

if TYPE_CHECKING:
    from hpsearch.space import SearchSpace
    from polyaxon_schemas.hptuning import HpTuning

GROUP = "polyaxon.search_algorithms"


def build(space: SearchSpace, tuning: HpTuning, seed: int) -> SearchAlgorithm:
    """The algorithm of a section. Raises UnsupportedAlgorithm when no package offers it."""
    assert tuning.custom is not None
    name = tuning.custom.name
    entry = _entry_point(name)
    try:
        made = entry.load()(space, dict(tuning.custom.settings), seed)
    except SearchError as error:
        raise SearchError(f"hptuning.custom {name}: {error}") from error
    except Exception as error:
        raise SearchError(f"hptuning.custom {name} ({entry.value}) failed: {type(error).__name__}: {error}") from error
    if not isinstance(made, SearchAlgorithm):
        kind = type(made).__name__
        raise SearchError(f"hptuning.custom {name} ({entry.value}) gave {kind}, not a hpsearch.SearchAlgorithm")
    return made


def _entry_point(name: str) -> EntryPoint:
    installed = entry_points(group=GROUP)
    found = sorted({entry.value: entry for entry in installed.select(name=name)}.items())
    if len(found) > 1:
        values = ", ".join(value for value, _ in found)
        raise SearchError(
            f"hptuning.custom.name {name} is offered by several packages ({values}); uninstall all but one"
        )
    if not found:
        names = ", ".join(sorted(installed.names)) or "none"
        raise UnsupportedAlgorithm(f"hptuning.custom.name {name}: no package offers it; installed are: {names}")
    return found[0][1]
