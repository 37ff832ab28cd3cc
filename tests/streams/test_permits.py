"""Streams are counted, and end when those who follow may not follow any more."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.streams.conftest import Running, events_of, log, new_run, served

ENDS_WITHIN = 60.0  # seconds; asked again every second


@pytest.fixture
def follower(running: Running, olga: httpx.Client) -> Iterator[tuple[Running, httpx.Client, str]]:
    """Another token of olga: its server, a client that uses it, and the address of its row."""
    made = olga.post("users/tokens", json={"name": "follower"}).json()
    with httpx.Client(
        base_url=olga.base_url, headers={"Authorization": f"Token {made['token']}"}, timeout=90
    ) as client:
        yield running, client, f"users/tokens/{made['id']}"


def socket_of(running: Running, client: httpx.Client, path: str) -> ClientConnection:
    headers = {"Authorization": client.headers["Authorization"]}
    return connect(f"ws://127.0.0.1:{running.port}/api/v1/{path}", additional_headers=headers, open_timeout=90)


def closed(socket: ClientConnection) -> int | None:
    """The code with which the server closes in time."""
    try:
        while True:
            socket.recv(timeout=ENDS_WITHIN)
    except ConnectionClosed:
        return socket.protocol.close_code


def ends_after(client: httpx.Client, path: str, change: Callable[[], object]) -> bool:
    """Whether the stream, which goes on for longer than it takes to ask again, ends after `change`."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        next(lines)
        time.sleep(2.5)
        started = time.monotonic()
        change()
        for _ in lines:
            pass
        return time.monotonic() - started < ENDS_WITHIN


@pytest.mark.parametrize("path", ["{run}/logs/follow", "events"])
def test_events_end_with_the_token(
    follower: tuple[Running, httpx.Client, str], olga: httpx.Client, run: str, path: str
) -> None:
    _, client, token = follower
    assert ends_after(client, path.format(run=run), lambda: olga.delete(token))
    assert client.get(path.format(run=run)).status_code == 401


@pytest.mark.parametrize("path", ["{run}/logs/stream", "{run}/resources"])
def test_sockets_end_with_the_token(
    follower: tuple[Running, httpx.Client, str], olga: httpx.Client, run: str, path: str
) -> None:
    running, client, token = follower
    with socket_of(running, client, path.format(run=run)) as socket:
        assert olga.delete(token).status_code == 204
        assert closed(socket) == 4403


def test_streams_end_when_the_project_is_hidden(running: Running, olga: httpx.Client) -> None:
    olga.post("projects", json={"name": "open"})
    run = new_run(olga, "open")
    with running.client("oskar") as oskar, socket_of(running, oskar, f"{run}/logs/stream") as socket:
        path = f"{run}/logs/follow"
        assert ends_after(oskar, path, lambda: olga.patch("olga/open", json={"is_public": False}))
        assert closed(socket) == 4403
        assert oskar.get(path).status_code == 404


def test_a_stream_that_stays_allowed_goes_on(running: Running, olga: httpx.Client, run: str) -> None:
    with olga.stream("GET", f"{run}/logs/follow") as answer:
        events = events_of(answer)
        assert next(events).name == "status"
        time.sleep(4)
        log(olga, run, "later")
        assert next(events).data == "later"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    limits = {"POLYAXON_STREAMS_MAX_PER_USER": "2", "POLYAXON_STREAMS_MAX": "3"}
    with served(tmp_path_factory.mktemp("small"), **limits) as server:
        yield server


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_streams_over_the_limits_are_refused_clearly_and_ended_ones_make_room(small: Running) -> None:
    with ExitStack() as stack:
        olga, oskar = (stack.enter_context(small.client(name)) for name in ("olga", "oskar"))
        run = new_run(olga)
        path = f"{run}/logs/follow"
        first = following(stack, olga, path)
        stack.enter_context(small.socket(f"api/v1/{run}/logs/stream")).recv(timeout=90)
        refused = answered(olga, path)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        assert "Close some" in refused.json()["detail"]
        with small.socket(f"api/v1/{run}/logs/stream") as socket:
            assert json.loads(socket.recv(timeout=90))["status"] == "error"
            assert closed(socket) == 1013
        following(stack, oskar, "events")
        assert answered(oskar, path).status_code == 503
        assert olga.get(run).status_code == 200
        first.close()
        deadline = time.monotonic() + 60
        while (code := answered(olga, path).status_code) == 429 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert code == 200


def following(stack: ExitStack, client: httpx.Client, path: str) -> httpx.Response:
    """A stream that has begun, and stays open."""
    answer = stack.enter_context(client.stream("GET", path))
    lines = answer.iter_lines()
    stack.callback(lines.close)  # without the reference it would be closed at once
    next(lines)
    return answer


def answered(client: httpx.Client, path: str) -> httpx.Response:
    """The answer, with its body if it is no stream."""
    with client.stream("GET", path) as answer:
        if answer.status_code != 200:
            answer.read()
        return answer
