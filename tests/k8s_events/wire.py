"""A wire between a client and a server, to be cut, frozen and mended at will."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class Wire:
    """Passes bytes between clients of `port` on loopback and the server. TLS goes through it untouched."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._frozen = threading.Event()
        self._closed = False
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """End every connection, as if somebody pulled the plug and put it in again."""
        pairs, self._pairs = self._pairs, []
        for sides in pairs:
            for side in sides:
                with contextlib.suppress(OSError):
                    side.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing passes; what connections there are stay open, and carry nothing ever again."""
        self._frozen.set()
        try:
            yield
        finally:
            self.cut()
            self._frozen.clear()

    def close(self) -> None:
        self._closed = True
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._server, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.connections += 1
            self._pairs.append((near, far))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                while self._frozen.is_set():
                    time.sleep(0.01)
                sink.sendall(data)
        for side in (source, sink):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def wire(host: str, port: int) -> Iterator[Wire]:
    made = Wire(host, port)
    try:
        yield made
    finally:
        made.close()
