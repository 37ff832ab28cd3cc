"""A small HTTP and WebSocket server instead of Jupyter: says what it was sent. Python's standard library only.

Listens where the environment says, as every service does. `/slow?seconds=` answers late, `/bytes?count=` at length,
`/sum` takes a body of any length, `/echo` is a WebSocket, `/end` ends it.
"""

# ruff: noqa: A002, ARG002, N815, T201 - names and signatures are those of the base, and its log is its output
from __future__ import annotations

import base64
import hashlib
import json
import os
import socketserver
import struct
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PREFIX = os.environ.get("POLYAXON_SERVICE_PATH", "/")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, flush=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if not parts.path.startswith(PREFIX):
            self.answer(404, {"missing": self.path})
        elif self.headers.get("Upgrade", "").lower() == "websocket":
            self.socket()
        else:
            getattr(self, f"get_{parts.path[len(PREFIX) :].replace('/', '_')}", self.get_anything)(query)

    def get_anything(self, query: dict[str, str]) -> None:
        self.answer(200, {"path": self.path, "headers": dict(self.headers), "environment": known()})

    def get_slow(self, query: dict[str, str]) -> None:
        time.sleep(float(query["seconds"]))
        self.answer(200, {"slept": query["seconds"]})

    def get_redirect(self, query: dict[str, str]) -> None:
        self.answer(302, {}, Location=query["to"])

    def get_cookie(self, query: dict[str, str]) -> None:
        self.answer(200, {}, **{"Set-Cookie": query["set"]})

    def get_folder(self, query: dict[str, str]) -> None:
        folder = Path(os.environ.get("POLYAXON_SERVICE_FOLDER", "."))
        self.answer(200, {"files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))})

    def get_bytes(self, query: dict[str, str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", query["count"])
        self.end_headers()
        left = int(query["count"])
        while left > 0:
            self.wfile.write(b"x" * min(left, 65536))
            left -= 65536

    def get_end(self, query: dict[str, str]) -> None:
        os._exit(int(query.get("code", "0")))

    def do_POST(self) -> None:
        digest, count = hashlib.sha256(), 0
        for piece in self.pieces():
            digest.update(piece)
            count += len(piece)
        self.answer(200, {"bytes": count, "sha256": digest.hexdigest(), "headers": dict(self.headers)})

    do_PUT = do_PATCH = do_DELETE = do_POST

    def pieces(self) -> Any:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().strip(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, 65536))
            left -= len(piece)
            yield piece

    def answer(self, status: int, content: Any, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    # -- WebSocket --

    def socket(self) -> None:
        """Says the headers, then everything that it hears, back."""
        key = self.headers["Sec-WebSocket-Key"] + _GUID
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        if offered := self.headers.get("Sec-WebSocket-Protocol"):
            self.send_header("Sec-WebSocket-Protocol", offered.split(",")[0].strip())
        self.end_headers()
        self.close_connection = True
        self.frame(1, json.dumps({"path": self.path, "headers": dict(self.headers)}).encode())
        while (found := self.hear()) is not None:
            opcode, data = found
            if opcode == 8:
                self.frame(8, data[:2])
                return
            self.frame(10 if opcode == 9 else opcode, data)

    def hear(self) -> tuple[int, bytes] | None:
        head = self.rfile.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 127
        if size > 125:
            size = struct.unpack(">H" if size == 126 else ">Q", self.rfile.read(2 if size == 126 else 8))[0]
        mask, data = self.rfile.read(4), self.rfile.read(size)
        return head[0] & 15, bytes(byte ^ mask[number % 4] for number, byte in enumerate(data))

    def frame(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = bytes([128 | opcode]) + (
            bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536
            else b"\x7f" + struct.pack(">Q", size)
        )  # fmt: skip
        self.wfile.write(head + data)


def known() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key.startswith("POLYAXON_")}


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    time.sleep(float(os.environ.get("START_AFTER", "0")))
    place = (os.environ["POLYAXON_SERVICE_HOST"], int(os.environ["POLYAXON_SERVICE_PORT"]))
    Server(place, Handler).serve_forever()
