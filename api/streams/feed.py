"""The event table as a feed: one reader for all followers of this process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from django.db.models import Max, Q

from api.streams.access import in_thread
from api.streams.targets import EventTarget
from polyaxon.db.models import Event, User
from polyaxon.events.payloads import PERSONAL_ACTIONS, PERSONAL_SUBJECTS, payload
from polyaxon.security.permissions import is_platform_admin, visible_projects

logger = logging.getLogger(__name__)

INTERVAL = 0.5  # seconds between two looks
# Ids are handed out before the commit: one that is missing may still come for so long.
LATE_SECONDS = 30.0
MOST_MISSING = 1000
KEPT = 5000
PAGE = 500
# How long an answer to "may this user see that project" holds.
TRUST_SECONDS = 10.0
# What somebody did for themselves alone.
_PERSONAL = Q(subject__in=PERSONAL_SUBJECTS)
for _action in PERSONAL_ACTIONS:
    _PERSONAL |= Q(event_type__endswith=f".{_action}")

Payload = dict[str, Any]


class Feed:
    """Lives on the event loop; reads only while somebody follows."""

    def __init__(self) -> None:
        self._events: deque[tuple[int, Event]] = deque(maxlen=KEPT)
        self._number = 0  # of the newest in `_events`, counted by arrival
        self._last_id = 0
        self._missing: dict[int, float] = {}
        self._followers = 0
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def follow(self, target: EventTarget, heartbeat: float) -> AsyncGenerator[Payload | None]:
        """Payloads of what the target asks for; None when it has begun, and after each `heartbeat` seconds of silence.

        Nothing that happens after the first None is missed. Ends when the follower is too far behind: it may come again
        with the last id that it got.
        """
        self._followers += 1
        try:
            await self._begin()
            place, last = self._number, self._last_id
            yield None
            if target.since is not None:
                async for old in _history(target, last):
                    yield old
            sight = _Sight(target.user)
            while True:
                if place < self._number - len(self._events):
                    return
                fresh = [event for number, event in self._events if number > place and _asked(target, event)]
                place = self._number
                for event in await sight.visible(fresh):
                    yield told(event)
                if place == self._number and not await self._wait(heartbeat):
                    yield None
        finally:
            self._followers -= 1

    async def _begin(self) -> None:
        if self._reader is None or self._reader.done():
            now, (newest, missing) = time.monotonic(), await _newest()
            if self._reader is None or self._reader.done():  # nobody else began meanwhile
                self._last_id, self._missing = newest, dict.fromkeys(missing, now)
                self._reader = asyncio.create_task(self._read())

    async def _wait(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._news.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _read(self) -> None:
        while self._followers:
            try:
                self._take(await _after(self._last_id, list(self._missing)))
            except Exception:
                logger.exception("reading events")
            await asyncio.sleep(INTERVAL)

    def _take(self, events: list[Event]) -> None:
        now = time.monotonic()
        for event in events:
            for missing in range(max(self._last_id + 1, event.pk - MOST_MISSING), event.pk):
                self._missing[missing] = now
            self._missing.pop(event.pk, None)
            self._last_id = max(self._last_id, event.pk)
            self._number += 1
            self._events.append((self._number, event))
        self._missing = {key: since for key, since in self._missing.items() if now - since < LATE_SECONDS}
        if events:
            self._news.set()
            self._news = asyncio.Event()


class _Sight:
    """Which projects a user may see, asked again after a while."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._known: dict[int, bool] = {}
        self._until = 0.0

    async def visible(self, events: list[Event]) -> list[Event]:
        if not events:
            return []
        if time.monotonic() > self._until:
            self._known, self._until = {}, time.monotonic() + TRUST_SECONDS
        unknown = {event.project_id for event in events if event.project_id} - self._known.keys()
        if unknown:
            seen = await _seen(self._user, unknown)
            self._known |= {key: key in seen for key in unknown}
        return [event for event in events if self._sees(event)]

    def _sees(self, event: Event) -> bool:
        if event.project_id is None:
            return is_platform_admin(self._user) or event.actor_id == self._user.pk
        return self._known[event.project_id]


def told(event: Event) -> Payload:
    """What followers are told of an event."""
    return payload(event, event.project.unique_name if event.project else None)


def _asked(target: EventTarget, event: Event) -> bool:
    if target.project is not None and event.project_id != target.project:
        return False
    return not target.subjects or event.subject in target.subjects


async def _history(target: EventTarget, last: int) -> AsyncIterator[Payload]:
    since = target.since or 0
    while page := await _page(target, since, last):
        for event in page:
            yield told(event)
        since = page[-1].pk


def _events() -> Any:
    return Event.objects.exclude(_PERSONAL).select_related("project__owner").order_by("id")


@in_thread
def _newest() -> tuple[int, set[int]]:
    """The newest id, and those shortly before it that are missing."""
    newest = Event.objects.aggregate(newest=Max("pk"))["newest"] or 0
    first = max(newest - MOST_MISSING, 0)
    return newest, {*range(first + 1, newest)}.difference(
        Event.objects.filter(pk__gt=first, pk__lt=newest).values_list("pk", flat=True)
    )


@in_thread
def _after(last: int, missing: list[int]) -> list[Event]:
    return list(_events().filter(Q(pk__gt=last) | Q(pk__in=missing))[:PAGE])


@in_thread
def _page(target: EventTarget, since: int, last: int) -> list[Event]:
    rows = _events().filter(pk__gt=since, pk__lte=last)
    if target.project is not None:
        rows = rows.filter(project=target.project)
    if target.subjects:
        rows = rows.filter(subject__in=target.subjects)
    if not is_platform_admin(target.user):
        visible = visible_projects(target.user).values("pk")
        rows = rows.filter(Q(project__in=visible) | Q(project=None, actor=target.user))
    return list(rows[:PAGE])


@in_thread
def _seen(user: User, projects: set[int]) -> set[int]:
    return set(visible_projects(user).filter(pk__in=projects).values_list("pk", flat=True))


feed = Feed()
