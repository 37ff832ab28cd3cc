"""The feed itself: what happens once a follower has begun is told, whoever else is about to begin or to commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from itertools import count
from typing import Any

import pytest
from django.db import connections

from api.streams import feed as feeds
from api.streams.access import POOL, in_thread
from api.streams.feed import Feed, Payload
from api.streams.targets import EventTarget
from polyaxon.db.models import Event, Project, User
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 4
HEARTBEAT, SECONDS = 0.2, 60.0
Following = AsyncGenerator[Payload | None]


@pytest.fixture(autouse=True)
def _connections_end() -> Iterator[None]:
    """The threads of the pool outlive the test, and the database is not to wait for them."""
    yield
    together = threading.Barrier(THREADS)

    def close() -> None:
        together.wait(SECONDS)
        connections.close_all()

    for done in [POOL.submit(close) for _ in range(THREADS)]:
        done.result()


@pytest.fixture
def project() -> Project:
    return make_project(make_user("olga"), "digits")


def target(user: User) -> EventTarget:
    return EventTarget(user=user, since=None, project=None, subjects=frozenset({"experiment"}))


@in_thread
def happen(project: Project, number: int, pk: int | None = None) -> int:
    """`pk`: as handed out before, to one who commits only now."""
    event = Event(pk=pk, event_type="experiment.created", subject="experiment", object_id=number, project=project)
    event.save(force_insert=True)
    return int(event.pk)


async def begun(feed: Feed, user: User) -> Following:
    following = feed.follow(target(user), HEARTBEAT)
    assert await anext(following) is None
    return following


async def told(following: Following) -> int:
    """The run of the next event."""

    async def wait() -> int:
        async for payload in following:
            if payload is not None:
                return int(payload["object_id"])
        raise AssertionError("the follower was let go")

    return await asyncio.wait_for(wait(), SECONDS)


def test_what_happens_right_after_the_beginning_is_told(project: Project) -> None:
    async def scenario(user: User) -> int:
        async with aclosing(await begun(Feed(), user)) as following:
            await happen(project, 7)
            return await told(following)

    assert asyncio.run(scenario(project.owner.user)) == 7


def test_an_event_whose_id_is_older_than_the_beginning_is_told_when_it_is_committed(project: Project) -> None:
    async def scenario(user: User) -> int:
        newest = await happen(project, 1)
        await happen(project, 2, pk=newest + 5)
        async with aclosing(await begun(Feed(), user)) as following:
            await happen(project, 3, pk=newest + 3)
            return await told(following)

    assert asyncio.run(scenario(project.owner.user)) == 3


def test_two_that_begin_at_once_miss_nothing(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one looks for the newest event after the first has begun, and sees what it has not been told yet."""
    monkeypatch.setattr(feeds, "INTERVAL", 3.0)
    look: Callable[[], Awaitable[Any]] = feeds._newest

    async def scenario(user: User) -> list[int]:
        feed, asked, late, calls = Feed(), asyncio.Event(), asyncio.Event(), count()

        async def looking() -> Any:
            if next(calls) == 0:
                asked.set()
                await late.wait()
            return await look()

        monkeypatch.setattr(feeds, "_newest", looking)
        second = asyncio.create_task(begun(feed, user))
        await asked.wait()
        async with aclosing(await begun(feed, user)) as following:
            await happen(project, 5)
            late.set()
            async with aclosing(await second) as also:
                await happen(project, 6)
                return [await told(following), await told(following), await told(also)]

    assert asyncio.run(scenario(project.owner.user))[:2] == [5, 6]
