"""Which waiting runs get the free slots when limits hold, or when several users want more than there is.

First the queues of more priority; among these the user who has the fewest runs under way; of one user's runs those of
more priority, then the older ones. It is max-min fairness by slots (Bertsekas and Gallager, Data Networks, 6.5.2), one
slot at a time. Whatever a limit holds back lets others pass.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber

from polyaxon import limits
from polyaxon.db.models import Experiment, Project
from polyaxon.db.server_side import answers
from scheduler.passes import slots
from scheduler.passes.queue import KINDS, SERVICES, Run, under_way

REMEMBERED = 1.0  # seconds for which it is taken as known whether several users wait, and anything is limited


class Candidate(NamedTuple):
    """A waiting run and whose it is."""

    run: slots.Waiting
    user: int
    project: int
    queue: str | None


@dataclass(slots=True)
class Running:
    """Runs under way, by whom, in which project and queue."""

    users: Counter[int] = field(default_factory=Counter)
    projects: Counter[int] = field(default_factory=Counter)
    queues: Counter[str | None] = field(default_factory=Counter)

    def add(self, user: int, project: int, queue: str | None, number: int = 1) -> None:
        self.users[user] += number
        self.projects[project] += number
        self.queues[queue] += number


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for those who wait; None is no limit."""

    user: int | None
    projects: Mapping[int, int | None]
    queues: Mapping[str | None, limits.Queue]

    def allow(self, one: Candidate, running: Running) -> bool:
        """Whether it may start beside those that are under way."""
        return (
            _is_below(running.users[one.user], self.user)
            and _is_below(running.projects[one.project], self.projects.get(one.project))
            and _is_below(running.queues[one.queue], self.queues[one.queue].concurrency)
        )


def _is_below(number: int, limit: int | None) -> bool:
    return limit is None or number < limit


def next_runs(free: int, load: slots.Load) -> list[slots.Waiting]:
    """The runs that get `free` slots. Where there is nothing to be fair about, that costs no more than to list them."""
    found = slots.waiting(free, load)
    if _limits_are_set() or (len(found) >= free and _several_users()):
        candidates = _candidates(free, load)
        return [one.run for one in choose(candidates, _running(), _limits(candidates), free)]
    return found


def has_room_for(number: int, load: slots.Load) -> bool:
    """Whether so many more runs may begin, and nobody is to be asked who comes first."""
    return load.active + number <= limits.slots() and not load.is_anything_waiting and not _limits_are_set()


def choose(candidates: Iterable[Candidate], running: Running, known: Limits, free: int) -> list[Candidate]:
    """Give out `free` slots, one at a time. Changes `running`."""
    waiting: dict[tuple[int, int], list[Candidate]] = defaultdict(list)  # by priority of the queue, and user
    for one in sorted(candidates, key=_turn, reverse=True):  # the next one is the last of its list
        waiting[known.queues[one.queue].priority, one.user].append(one)
    chosen: list[Candidate] = []
    while len(chosen) < free:
        heads = [head for key in list(waiting) if (head := _head(waiting, key, known, running)) is not None]
        if not heads:
            break
        best = min(heads, key=lambda one: (-known.queues[one.queue].priority, running.users[one.user], *_turn(one)))
        waiting[known.queues[best.queue].priority, best.user].pop()
        running.add(best.user, best.project, best.queue)
        chosen.append(best)
    return chosen


def _turn(one: Candidate) -> tuple[object, ...]:
    return (-one.run.priority, one.run.created_at, one.run.pk)


def _head(
    waiting: dict[tuple[int, int], list[Candidate]], key: tuple[int, int], known: Limits, running: Running
) -> Candidate | None:
    """The next one of a user. Those that a limit holds back stay so: while slots are given out nothing ends."""
    found = waiting[key]
    while found and not known.allow(found[-1], running):
        found.pop()
    if not found:
        del waiting[key]
        return None
    return found[-1]


# -- rows --


def _candidates(free: int, load: slots.Load) -> list[Candidate]:
    """Of each user, project and queue as many as there are free slots: nobody can get more."""
    found = [one for rows in slots.singles(load) for one in _listed(rows, free)]
    trials = {run.pk: run for run in slots.trials(free, load)}
    rows = Experiment._base_manager.filter(pk__in=trials).values_list("pk", "user", "project", "queue")
    return found + [Candidate(trials[pk], user, project, queue) for pk, user, project, queue in rows]


def _listed(rows: QuerySet[Run], free: int) -> list[Candidate]:
    place = Window(
        RowNumber(), partition_by=[F("user"), F("project"), F("queue")], order_by=[F("priority").desc(), F("id").asc()]
    )
    columns = ("priority", "created_at", "pk", "user", "project", "queue")
    found = rows.annotate(place=place).filter(place__lte=free).values_list(*columns)
    return [
        Candidate(slots.Waiting(priority, created, pk, rows.model), user, project, queue)
        for priority, created, pk, user, project, queue in found
    ]


def _running() -> Running:
    found = Running()
    for model in (kind for kind in KINDS if kind not in SERVICES):
        rows = under_way(model).order_by().values_list("user", "project", "queue").annotate(number=Count("pk"))
        for user, project, queue, number in rows:
            found.add(user, project, queue, number)
    return found


def _limits(candidates: Sequence[Candidate]) -> Limits:
    projects = Project._base_manager.filter(pk__in={one.project for one in candidates}).select_related("owner", "user")
    return Limits(
        user=limits.per_user(),
        projects={project.pk: limits.of_project(project) for project in projects},
        queues={name: limits.queue(name) for name in {one.queue for one in candidates}},
    )


class _Remembered:
    """An answer that is as good as new for a moment."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._known: tuple[float, bool] | None = None

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._known is None or now - self._known[0] > REMEMBERED:
            self._known = now, self._ask()
        return self._known[1]

    def forget(self) -> None:
        self._known = None


def _ask_for_users() -> bool:
    return len(answers(slots.WAITING_USERS)) > 1


_several_users = _Remembered(_ask_for_users)
_limits_are_set = _Remembered(limits.are_set)


def forget() -> None:
    """Ask anew who waits, and what is limited."""
    _several_users.forget()
    _limits_are_set.forget()
