"""What may change of a search while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from polyaxon.actions.groups import last_finish
from polyaxon.actions.statuses import lock
from polyaxon.db.models import ExperimentGroup, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.trials.plans import CHANGEABLE, CHANGEABLE_NUMBERS, changeable, plan_of, with_changes
from polyaxon.wakeups import wake
from polyaxon_schemas.hptuning import ALGORITHMS

_LEAST = {"concurrency": 1, "max_retries": 0}


@transaction.atomic
def change_search(group: ExperimentGroup, user: User | None, wanted: Mapping[str, Any] | None) -> ExperimentGroup:
    """Change what `changed_search` allows to. One that is open goes on by it at once. Raises `InvalidInput`."""
    locked = lock(group)
    assert isinstance(locked, ExperimentGroup)
    section = changed_search(locked, wanted)
    if section != locked.hptuning:
        locked.hptuning = section
        locked.suggestions_complete = locked.suggestions_complete and not _goes_on(locked)
        locked.save(update_fields=["hptuning", "suggestions_complete", "updated_at"])
        emit("updated", locked, actor=user)
        wake("group", locked.pk)
        wake("dispatch")  # more trials may run at once
    group.refresh_from_db()
    return group


def _goes_on(locked: ExperimentGroup) -> bool:
    """Whether an open search may have further suggestions now: unless a person wanted it to make no more."""
    if locked.is_done or locked.stop_requested_at is not None:
        return False
    closed = last_finish(locked)
    if closed is not None and closed.numbers.get("pending_stopped"):
        return False
    if closed is not None:
        closed.delete()  # it does not end for that reason any more
    return True


def changed_search(group: ExperimentGroup, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The search section of `group` with the changes in `wanted`; what that leaves out stays. Raises `InvalidInput`.

    `concurrency`, `max_retries` and `budget` may change (of a budget, null removes a limit), and the algorithm's
    number of trials may grow.
    """
    present = group.hptuning or {}
    changed = {**present}
    for key, value in (wanted or {}).items():
        if key in _LEAST:
            changed[key] = _whole(key, value)
        elif key == "budget":
            changed[key] = _limits(present.get(key, {}), value)
        elif key in ALGORITHMS and isinstance(value, dict) and isinstance(present.get(key), dict):
            changed[key] = _section(key, present[key], value)
        elif value != present.get(key):
            raise _fixed()
    try:
        with_changes(plan_of(group).hptuning, changeable(changed))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise InvalidInput(f"{place}: {first['msg']}, found {first['input']!r}.", field="hptuning") from error
    return changed


def _whole(key: str, value: Any) -> int:
    least = _LEAST[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidInput(f"{key} is a whole number from {least} up.", field="hptuning")
    return value


def _limits(present: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    if wanted is not None and not isinstance(wanted, Mapping):
        raise InvalidInput("budget is a mapping of limits, such as max_trials: 100.", field="hptuning")
    return {key: value for key, value in {**present, **(wanted or {})}.items() if value is not None}


def _section(name: str, present: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in wanted.items():
        if value == present.get(key):
            continue
        if key not in CHANGEABLE_NUMBERS or key not in present:
            raise _fixed()
        if not isinstance(value, int) or isinstance(value, bool) or value < present[key]:
            raise InvalidInput(
                f"{name}.{key} is {present[key]} and can only grow: its trials are made already.", field="hptuning"
            )
    return {**present, **wanted}


def _fixed() -> InvalidInput:
    return InvalidInput(
        f"The search follows its file; only {', '.join(CHANGEABLE)} and the number of trials may change. "
        "Restart or copy the group to search otherwise.",
        field="hptuning",
    )
