"""A relay in front of the API server, whose connections can be cut while the server goes on serving."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from tests.cluster.plan import Plan

PIECE = 1 << 16
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER for no seconds


class _Connection:
    """Two sockets, and whether anything goes from one to the other."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.sides = (near, far)
        self.is_silent = False

    async def pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Until the source ends. A silent connection swallows everything, the end of the server's side included."""
        while piece := await source.read(PIECE):
            if not self.is_silent:
                target.write(piece)
                await target.drain()
        if self.is_silent and target is self.sides[0]:
            await asyncio.Event().wait()

    def reset(self) -> None:
        """Both sides are told that the other is gone."""
        for side in self.sides:
            with contextlib.suppress(OSError):
                taken: socket.socket = side.get_extra_info("socket")
                taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            side.transport.abort()


class Relay:
    """Passes connections to a free loopback port on to `host:port`. A context manager."""

    def __init__(self, host: str, port: int) -> None:
        self.port = 0
        self._target = (host, port)
        self._connections: set[_Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        return self._do(self._cut())

    def silence(self) -> int:
        """Let nothing more through on any connection that there is now, and tell nobody; how many there were."""
        return self._do(self._silence())

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, int]) -> int:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection(*self._target)
        except OSError:
            near.transport.abort()
            return
        connection = _Connection(near, far)
        self._connections.add(connection)
        pumps = [asyncio.ensure_future(connection.pump(*ends)) for ends in ((reader, far), (far_reader, near))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._connections.discard(connection)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for side in connection.sides:
                side.close()

    async def _cut(self) -> int:
        found = await self._open()
        for connection in found:
            connection.reset()
        return len(found)

    async def _silence(self) -> int:
        found = await self._open()
        for connection in found:
            connection.is_silent = True
        return len(found)

    async def _open(self) -> list[_Connection]:
        """Those that work; a moment is given to whoever is about to connect."""
        for _ in range(100):
            if found := [each for each in self._connections if not each.is_silent]:
                return found
            await asyncio.sleep(0.1)
        return []

    async def _close(self) -> int:
        self._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        return 0


def relay_of(plan: Plan) -> Relay:
    """One in front of the API server of the cluster."""
    server = urlsplit(plan.api_url)
    assert server.hostname is not None
    assert server.port is not None
    return Relay(server.hostname, server.port)


def kubeconfig_through(relay: Relay, plan: Plan, given: Path, folder: Path) -> Path:
    """The kubeconfig with the relay in the server's place; its certificate holds for the loopback address, too."""
    made = folder / "through-relay.conf"
    made.touch(mode=0o600)
    made.write_text(given.read_text().replace(plan.api_url, f"https://127.0.0.1:{relay.port}"))
    return made
