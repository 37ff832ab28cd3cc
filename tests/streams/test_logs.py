"""Logs followed while they are written."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.streams.conftest import Running, events_of, log, new_run, set_status

if TYPE_CHECKING:
    import httpx
    from websockets.sync.client import ClientConnection

FOLLOWERS = 500


def frames(socket: ClientConnection) -> list[Any]:
    """Everything until the server closes."""
    found = []
    try:
        while True:
            found.append(json.loads(socket.recv(timeout=90)))
    except ConnectionClosed:
        return found


def next_frame(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=90))


def test_a_socket_tells_statuses_then_lines_then_the_end(running: Running, olga: httpx.Client, run: str) -> None:
    with running.socket(f"api/v1/{run}/logs/stream") as socket:
        assert next_frame(socket) == {"status": "created", "log_lines": None}
        set_status(olga, run, "running")
        assert next_frame(socket) == {"status": "running", "log_lines": None}
        log(olga, run, "first", "second ü")
        assert next_frame(socket) == {"log_lines": "first"}
        assert next_frame(socket) == {"log_lines": "second ü"}
        log(olga, run, "third")
        set_status(olga, run, "succeeded")
        end = {"status": "succeeded", "log_lines": None}
        assert frames(socket) == [{"log_lines": "third"}, end, end]


def test_a_run_that_is_done_gets_an_error_frame(running: Running, olga: httpx.Client, run: str) -> None:
    set_status(olga, run, "failed")
    with running.socket(f"api/v1/{run}/logs/stream/") as socket:
        (frame,) = frames(socket)
    assert (frame["status"], type(frame["log_lines"])) == ("error", list)


def test_a_run_that_does_not_exist_gets_an_error_frame(running: Running) -> None:
    with running.socket("api/v1/olga/digits/experiments/99999/logs/stream") as socket:
        assert [frame["status"] for frame in frames(socket)] == ["error"]


def test_wart_18_the_socket_of_a_replica_that_is_done_gets_the_error_frame(
    running: Running, olga: httpx.Client, run: str
) -> None:
    replica = olga.post(f"{run}/jobs", json={}).json()["id"]
    assert olga.post(f"{run}/jobs/{replica}/statuses", json={"status": "succeeded"}).status_code == 201
    with running.socket(f"api/v1/{run}/jobs/{replica}/logs/stream") as socket:
        assert [frame["status"] for frame in frames(socket)] == ["error"]


def test_addresses_inside_of_0_6_work_too(running: Running, run: str) -> None:
    with running.socket(f"ws/v1/{run}/logs") as socket:
        assert next_frame(socket)["status"] == "created"


@pytest.mark.parametrize("path", ["api/v1/{run}/logs/stream", "api/v1/{run}/resources"])
def test_a_socket_wants_a_token(running: Running, run: str, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        running.socket(path.format(run=run), user="")
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus):
        running.socket(path.format(run=run) + "?token=" + "0" * 64, user="")
    with running.socket(path.format(run=run) + f"?token={running.tokens['olga']}", user=""):
        pass


def test_a_page_of_another_site_gets_no_socket(running: Running, run: str) -> None:
    with pytest.raises(InvalidStatus):
        running.socket(f"api/v1/{run}/logs/stream", Origin="https://elsewhere.example")


def test_strangers_see_a_private_run_as_one_that_does_not_exist(running: Running, olga: httpx.Client) -> None:
    hidden = new_run(olga, "hidden")
    with running.socket(f"api/v1/{hidden}/logs/stream", user="oskar") as socket:
        frame = frames(socket)
    with running.socket("api/v1/olga/hidden/experiments/99999/logs/stream", user="oskar") as socket:
        assert frames(socket) == frame
    with running.client("oskar") as oskar:
        assert oskar.get(f"{hidden}/logs/follow").status_code == 404
    with running.client("") as anonymous:
        assert anonymous.get(f"{hidden}/logs/follow").status_code == 401


def test_events_carry_lines_and_resume_at_a_byte(running: Running, olga: httpx.Client, run: str) -> None:
    log(olga, run, "first", "second")
    with olga.stream("GET", f"{run}/logs/follow") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        status, lines = islice(events_of(answer), 2)
    assert (status.name, status.json) == ("status", {"status": "created"})
    assert (lines.name, lines.data) == ("message", "first\nsecond")
    assert lines.id == str(len(olga.get(f"{run}/logs").content))
    log(olga, run, "third\rover")
    set_status(olga, run, "succeeded")
    with olga.stream("GET", f"{run}/logs/follow", headers={"Last-Event-ID": lines.id}) as answer:
        rest = list(events_of(answer))
    assert [event.data for event in rest if event.name == "message"] == ["third\nover"]
    assert rest[-1].name == "end"
    assert rest[-1].json == {"status": "succeeded"}
    size = len(olga.get(f"{run}/logs").content)
    assert olga.get(f"{run}/logs/follow", headers={"Last-Event-ID": str(size)}).status_code == 204
    with olga.stream("GET", f"{run}/logs/follow?offset=6") as answer:
        assert next(events_of(answer)).data == "second\nthird\nover"


def test_a_line_that_is_not_whole_waits_for_its_end(running: Running, olga: httpx.Client, run: str) -> None:
    log(olga, run, "a")
    with olga.stream("GET", f"{run}/logs/follow") as answer:
        events = events_of(answer)
        assert [next(events).name, next(events).data] == ["status", "a"]
        path = log_file(running, run)
        with path.open("ab") as file:
            file.write(b"half")
            file.flush()
            time.sleep(0.8)
            file.write(b" and half\n")
        assert next(events).data == "half and half"


def log_file(running: Running, run: str) -> Path:
    """The file itself, as a run on this machine writes it."""
    environment = Path(f"/proc/{running.pid}/environ").read_bytes().split(b"\0")
    folder = next(entry for entry in environment if entry.startswith(b"POLYAXON_DATA_DIR=")).partition(b"=")[2]
    return Path(folder.decode()) / "logs" / f"{run}.log"


def test_samples_of_an_experiment_are_a_list(running: Running, run: str) -> None:
    with running.socket(f"api/v1/{run}/resources") as socket, pytest.raises(TimeoutError):
        socket.recv(timeout=1)  # nothing was measured


def test_samples_of_a_run_that_is_done_end(running: Running, olga: httpx.Client, run: str) -> None:
    olga.post(f"{run}/statuses", json={"status": "succeeded"})
    with running.socket(f"api/v1/{run}/resources") as socket, pytest.raises(ConnectionClosed):
        socket.recv(timeout=90)


def threads(running: Running) -> int:
    return len(list(Path(f"/proc/{running.pid}/task").iterdir()))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_many_followers_need_no_threads_and_the_rest_goes_on(running: Running, olga: httpx.Client, run: str) -> None:
    """Also while some of them read nothing at all."""

    async def follow(ready: list[int]) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        request = f"GET /api/v1/{run}/logs/follow HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{request}Authorization: Token {running.tokens['olga']}\r\n\r\n".encode())
        seen = await reader.readuntil(b"created")
        ready.append(1)
        seen += await reader.readuntil(b"succeeded")
        writer.close()
        return seen

    async def everybody() -> list[bytes]:
        ready: list[int] = []
        following = [asyncio.create_task(follow(ready)) for _ in range(FOLLOWERS)]
        while len(ready) < FOLLOWERS:  # noqa: ASYNC110 - they are counted
            await asyncio.sleep(0.1)
        assert threads(running) < 60
        started = time.monotonic()
        await asyncio.to_thread(olga.get, run)
        assert time.monotonic() - started < 30
        for number in range(5):
            await asyncio.to_thread(log, olga, run, f"line {number}")
        await asyncio.to_thread(set_status, olga, run, "succeeded")
        return await asyncio.gather(*following)

    streams = asyncio.run(asyncio.wait_for(everybody(), 270))
    assert len(streams) == FOLLOWERS
    assert all(b"line 0" in seen and b"line 4" in seen for seen in streams)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_many_sockets_follow_one_run_and_the_rest_goes_on(running: Running, olga: httpx.Client, run: str) -> None:
    address = f"ws://127.0.0.1:{running.port}/api/v1/{run}/logs/stream"
    headers = {"Authorization": f"Token {running.tokens['olga']}"}

    async def follow(ready: list[int], turn: asyncio.Semaphore) -> list[str]:
        async with turn:
            socket = await connect(address, additional_headers=headers, open_timeout=120)
        async with socket:
            seen = [json.loads(await socket.recv())["status"]]
            ready.append(1)
            seen += [json.loads(await socket.recv())["log_lines"] for _ in range(3)]
            return seen

    async def everybody() -> list[list[str]]:
        ready: list[int] = []
        turn = asyncio.Semaphore(20)
        following = [asyncio.create_task(follow(ready, turn)) for _ in range(FOLLOWERS)]
        while len(ready) < FOLLOWERS:
            assert not [task for task in following if task.done()]
            await asyncio.sleep(0.1)
        assert threads(running) < 60
        await asyncio.sleep(3)  # they are asked again meanwhile
        started = time.monotonic()
        await asyncio.to_thread(olga.get, run)
        assert time.monotonic() - started < 30
        for number in range(3):
            await asyncio.to_thread(log, olga, run, f"line {number}")
        return await asyncio.gather(*following)

    streams = asyncio.run(asyncio.wait_for(everybody(), 270))
    assert len(streams) == FOLLOWERS
    assert all(seen == ["created", "line 0", "line 1", "line 2"] for seen in streams)


@pytest.mark.slow
def test_a_client_that_does_not_read_costs_a_bounded_memory(running: Running, olga: httpx.Client, run: str) -> None:
    def resident() -> int:
        status = Path(f"/proc/{running.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    log(olga, run, "x")
    path = log_file(running, run)
    with running.socket(f"api/v1/{run}/logs/stream") as idle:
        assert next_frame(idle)["status"] == "created"
        before = resident()
        path.write_bytes((b"y" * 1023 + b"\n") * 150_000)
        time.sleep(3)
        assert resident() - before < 60_000_000


def test_a_socket_to_nowhere_is_closed(running: Running) -> None:
    with pytest.raises(InvalidStatus):
        running.socket("api/v1/nothing")
