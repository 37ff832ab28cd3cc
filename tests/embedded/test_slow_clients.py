"""Clients that are slow, or send too much, against the real server with few threads."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
import requests

from tests.embedded.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
THREADS = 4
CLIENTS = 5 * THREADS
LIMIT = 2_000_000
SECONDS = 6.0  # until a client that does nothing is given up


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("slow") / "data",
        POLYAXON_API_THREADS=str(THREADS),
        POLYAXON_BODY_MAX_BYTES=str(LIMIT),
        POLYAXON_UPLOAD_MAX_BYTES=str(2 * LIMIT),
        POLYAXON_CLIENT_HEADER_TIMEOUT=str(SECONDS),
        POLYAXON_CLIENT_BODY_TIMEOUT=str(SECONDS),
        POLYAXON_CLIENT_SEND_TIMEOUT=str(SECONDS),
        POLYAXON_THROTTLE_RATES_ANON="1000",
    )
    try:
        running.start()
        running.request("POST", "projects", {"name": "p"})
        yield running
    finally:
        running.close()


def head(server: Server, method: str, path: str, **headers: object) -> bytes:
    fields = {"Host": "localhost", "Authorization": f"Token {server.token}", "Content-Type": "application/json"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**fields, **headers}.items()]
    return "\r\n".join([f"{method} /api/v1/{path} HTTP/1.1", *lines, "", ""]).encode()


def connected(server: Server, stack: ExitStack) -> socket.socket:
    return stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), timeout=90)))


def authorized(server: Server) -> dict[str, str]:
    return {"Authorization": f"Token {server.token}"}


def rest(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


def answers_promptly(server: Server) -> bool:
    """Whether as many requests as there are threads, and more, are answered meanwhile."""
    started = time.monotonic()
    for _ in range(2 * THREADS):
        server.request("GET", "admin/p/experiments")
    return time.monotonic() - started < SECONDS


def test_heads_that_never_end_hold_nobody_up(server: Server) -> None:
    with ExitStack() as stack:
        slow = [connected(server, stack) for _ in range(CLIENTS)]
        for connection in slow:
            connection.sendall(b"GET /api/v1/users HTTP/1.1\r\nHost: local")
        assert answers_promptly(server)
        assert {rest(connection) for connection in slow} == {b""}


def test_bodies_that_never_end_hold_nobody_up(server: Server) -> None:
    with ExitStack() as stack:
        slow = [connected(server, stack) for _ in range(CLIENTS)]
        for connection in slow:
            connection.sendall(head(server, "POST", "projects", Content_Length=1000) + b'{"name"')
        assert answers_promptly(server)
        assert {rest(connection).split(b"\r\n")[0] for connection in slow} == {b"HTTP/1.1 408 Request Timeout"}


def test_a_body_that_comes_slowly_but_comes_is_taken(server: Server) -> None:
    body = json.dumps({"name": "slowly"}).encode()
    with ExitStack() as stack:
        connection = connected(server, stack)
        connection.sendall(head(server, "POST", "projects", Content_Length=len(body), Connection="close"))
        for number in range(len(body)):
            connection.sendall(body[number : number + 1])
            time.sleep(0.3)
        assert rest(connection).startswith(b"HTTP/1.1 201 ")


def test_clients_that_do_not_read_hold_nobody_up_and_are_cut(server: Server) -> None:
    experiment = server.request("POST", "admin/p/experiments", {"is_managed": False})["id"]
    path = f"admin/p/experiments/{experiment}/logs"
    (server.folder / "logs" / "admin/p/experiments").mkdir(parents=True, exist_ok=True)
    size = 100_000_000
    (server.folder / "logs" / f"admin/p/experiments/{experiment}.log").write_bytes(b"x" * size)
    with ExitStack() as stack:
        slow = [connected(server, stack) for _ in range(CLIENTS)]
        for connection in slow:
            connection.sendall(head(server, "GET", path))
        for connection in slow:
            assert connection.recv(12) == b"HTTP/1.1 200"
        assert answers_promptly(server)
        time.sleep(2 * SECONDS)
        assert all(len(rest(connection)) < size / 2 for connection in slow)
    assert len(server.text(path)) == size


def by_requests(url: str, token: str, body: bytes) -> tuple[int, str]:
    answer = requests.post(url, data=body, headers={"Authorization": f"Token {token}"}, timeout=120)
    return answer.status_code, answer.json()["detail"]


def by_httpx(url: str, token: str, body: bytes) -> tuple[int, str]:
    answer = httpx.post(url, content=body, headers={"Authorization": f"Token {token}"}, timeout=120)
    return answer.status_code, answer.json()["detail"]


def by_urllib(url: str, token: str, body: bytes) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers={"Authorization": f"Token {token}"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    return refused.value.code, json.load(refused.value)["detail"]


@pytest.mark.parametrize("size", [LIMIT + 1, 25 * LIMIT])
@pytest.mark.parametrize("post", [by_requests, by_httpx, by_urllib])
def test_clients_see_why_a_large_body_is_refused(
    server: Server, post: Callable[[str, str, bytes], tuple[int, str]], size: int
) -> None:
    code, detail = post(f"{server.url}/api/v1/projects", server.token, b"x" * size)
    assert code == 413
    assert "at most 1.9 MiB" in detail


@pytest.mark.parametrize("headers", [{}, {"Expect": "100-continue"}])
def test_a_large_body_is_refused_before_it_is_sent(server: Server, headers: dict[str, str]) -> None:
    with ExitStack() as stack:
        connection = connected(server, stack)
        connection.sendall(head(server, "POST", "projects", Content_Length=10**12, **headers))
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_uploads_have_a_limit_of_their_own(server: Server) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1/", headers=authorized(server), timeout=120) as client:
        larger = client.put("admin/p/repo/upload", files={"repo": b"x" * (LIMIT + 1)})
        too_large = client.put("admin/p/repo/upload/", files={"repo": b"x" * (2 * LIMIT + 100_000)})
    assert (larger.status_code, too_large.status_code) == (400, 413)


def test_a_body_without_length_is_refused(server: Server) -> None:
    pieces = (b"x" * 1000 for _ in range(1000))
    answer = httpx.post(f"{server.url}/api/v1/projects", content=pieces, timeout=60)
    assert (answer.status_code, list(answer.json())) == (411, ["detail"])


def test_large_bodies_take_credentials(server: Server) -> None:
    large = b'{"name": "' + b"x" * 1_500_000 + b'"}'
    json_type = {"Content-Type": "application/json"}
    url = f"{server.url}/api/v1/projects"
    assert httpx.post(url, content=large, headers=json_type, timeout=60).status_code == 401
    wrong = {**json_type, "Authorization": f"Token {'0' * 64}"}
    assert httpx.post(url, content=large, headers=wrong, timeout=60).status_code == 401
    right = {**json_type, "Authorization": f"Token {server.token}"}
    assert httpx.post(url, content=large, headers=right, timeout=60).status_code == 400
    with httpx.Client(timeout=60) as browser:
        csrf = browser.get(f"{server.url}/api/v1/users/session").json()["csrf_token"]
        body = {"username": "admin", "password": server.environment["POLYAXON_ADMIN_PASSWORD"]}
        opened = browser.post(f"{server.url}/api/v1/users/session", json=body, headers={"X-CSRFToken": csrf})
        protected = {**json_type, "X-CSRFToken": opened.json()["csrf_token"]}
        assert browser.post(url, content=large, headers=protected).status_code == 400


def test_a_large_body_reaches_the_application_whole(server: Server) -> None:
    experiment = server.request("POST", "admin/p/experiments", {"is_managed": False})["id"]
    lines = [f"{number:06d} " + "y" * 90 for number in range(18_000)]
    server.request("POST", f"admin/p/experiments/{experiment}/logs", lines)
    assert server.text(f"admin/p/experiments/{experiment}/logs").splitlines() == lines


def test_what_streams_is_whole_and_a_connection_is_used_again(server: Server, tmp_path: Path) -> None:
    with httpx.Client(base_url=f"{server.url}/api/v1/", headers=authorized(server), timeout=120) as client:
        experiment = client.post("admin/p/experiments", json={"is_managed": False}).json()["id"]
        folder = server.folder / "outputs" / "admin/p/experiments" / str(experiment)
        folder.mkdir(parents=True)
        (folder / "weights.bin").write_bytes(bytes(range(256)) * 20_000)
        for _ in range(3):
            answer = client.get(f"admin/p/experiments/{experiment}/outputs/files", params={"path": "weights.bin"})
            assert answer.content == bytes(range(256)) * 20_000
        head_only = client.head(f"admin/p/experiments/{experiment}/outputs/files", params={"path": "weights.bin"})
        assert (head_only.headers["content-length"], head_only.content) == (str(256 * 20_000), b"")
        assert client.head(f"admin/p/experiments/{experiment}").status_code == 200


@pytest.mark.parametrize("target", [b"users?query=\xff\xfe", b"users?a=\xc3\xbc", b"\xff/\xfe", b"users?%ff=%00%zz"])
def test_bytes_that_are_no_text_in_an_address_are_no_error_of_the_server(server: Server, target: bytes) -> None:
    request = head(server, "GET", "PLACE", Connection="close").replace(b"PLACE", target)
    with ExitStack() as stack:
        connection = connected(server, stack)
        connection.sendall(request)
        assert rest(connection).split()[1] in {b"200", b"400", b"404"}
    assert " ERROR " not in server.log.read_text()
