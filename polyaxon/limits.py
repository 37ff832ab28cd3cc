"""How many runs may be under way at once: in all, of a project, of a user, of a queue. Read from the options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from polyaxon import options
from polyaxon.db.models import ConfigOption, Project

IN_ALL = "CONCURRENCY:GLOBAL"
PER_PROJECT = "CONCURRENCY:PROJECT"
OF_PROJECTS = "CONCURRENCY:PROJECTS"
PER_USER = "CONCURRENCY:USER"
QUEUES = "QUEUES"
_SORTED_BY = (PER_PROJECT, OF_PROJECTS, PER_USER, QUEUES)


@dataclass(frozen=True, slots=True)
class Queue:
    """What an administrator says of a queue. Those with more priority come first, whoever's runs wait in them."""

    priority: int = 0
    concurrency: int | None = None


def slots() -> int:
    """Runs at once in all."""
    chosen = options.value(IN_ALL)
    return int(settings.CONFIG.slots if chosen is None else chosen)


def are_set() -> bool:
    """Whether anything but `slots` limits or orders runs."""
    return (
        any(options.value(key) for key in _SORTED_BY)
        or ConfigOption.objects.filter(key=PER_PROJECT, owner__isnull=False).exists()
    )


def of_project(project: Project) -> int | None:
    """The project's own limit, else that of its owner's projects, else that of all; None without any."""
    own = _number((options.value(OF_PROJECTS) or {}).get(project.unique_name))
    return own if own is not None else _number(options.value(PER_PROJECT, owner=project.owner))


def per_user() -> int | None:
    """Of one user's runs."""
    return _number(options.value(PER_USER))


def queue(name: str | None) -> Queue:
    """The queue of that name; runs of queues that nobody described, and of none, wait in one without limits."""
    told = (options.value(QUEUES) or {}).get(name) if name else None
    if not isinstance(told, Mapping):
        return Queue()
    return Queue(priority=_number(told.get("priority")) or 0, concurrency=_number(told.get("concurrency")))


def _number(given: Any) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) else None
