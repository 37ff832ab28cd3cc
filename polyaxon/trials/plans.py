"""What a group is to search: its file, with what was changed of it since."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from hpsearch import SearchAlgorithm, create_algorithm
from polyaxon.db.models import ExperimentGroup
from polyaxon_schemas import Specification, parse
from polyaxon_schemas.hptuning import ALGORITHMS, Budget, HpTuning
from polyaxon_schemas.search import GridSearch

# Parsing a file takes longer than all else that a pass does. Each plan is some hundred KB at most.
_KEPT = 64

# Of the search itself, and of its algorithm's section. All else stands in the file and stays.
CHANGEABLE = ("concurrency", "budget", "max_retries")
CHANGEABLE_NUMBERS = ("n_experiments", "n_iterations")


@dataclass(frozen=True, eq=False)
class Plan:
    """A group's specification, and its search section as it stands now."""

    specification: Specification
    hptuning: HpTuning
    seed: int

    @cached_property
    def algorithm(self) -> SearchAlgorithm:
        """Raises SearchError."""
        return create_algorithm(self.hptuning, seed=self.seed)


def plan_of(group: ExperimentGroup) -> Plan:
    """The plan of `group`. Raises PolyaxonfileError."""
    changed = json.dumps(changeable(group.hptuning or {}), sort_keys=True)
    return _plan(group.pk, group.content or "", changed, group.seed)


@lru_cache(maxsize=_KEPT)
def _plan(_group: int, content: str, changed: str, seed: int) -> Plan:
    """Each group has one of its own: an algorithm may remember what it made of the group's history."""
    specification = parse(content, kind="group")
    assert specification.hptuning is not None
    return Plan(specification, with_changes(specification.hptuning, json.loads(changed)), seed)


def changeable(section: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a search section that may change while the search goes on."""
    found = {key: section[key] for key in CHANGEABLE if key in section}
    for name in ALGORITHMS:
        given = section.get(name) or {}
        if numbers := {key: given[key] for key in CHANGEABLE_NUMBERS if key in given}:
            found[name] = numbers
    return found


def with_changes(hptuning: HpTuning, changed: Mapping[str, Any]) -> HpTuning:
    """`hptuning` with the values of `changed`, whose other sections are not looked at."""
    values: dict[str, Any] = {key: changed[key] for key in ("concurrency", "max_retries") if key in changed}
    if "budget" in changed:
        values["budget"] = Budget.model_validate(changed["budget"])
    if numbers := changed.get(hptuning.algorithm):
        section = getattr(hptuning, hptuning.algorithm) or GridSearch()
        values[hptuning.algorithm] = type(section).model_validate({**section.model_dump(), **numbers})
    return hptuning.model_copy(update=values)
