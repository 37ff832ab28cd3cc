"""Notebooks and tensorboards through the server: real processes, real HTTP, real WebSockets."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shlex
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import connect

from tests.embedded.server import PASSWORD, Server

STAND_IN = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(Path(__file__).parents[1] / 'service_stand_in.py'))}"
FILE = json.dumps({"version": 1, "kind": "notebook", "build": {"image": "jupyter/base:1"}})
MIB = 1024 * 1024

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(
        tmp_path_factory.mktemp("server") / "data",
        POLYAXON_NOTEBOOKS_COMMAND=STAND_IN,
        POLYAXON_TENSORBOARDS_COMMAND=STAND_IN,
        POLYAXON_API_THREADS="2",
        POLYAXON_STREAMS_RECHECK="0.5",
    )
    try:
        running.start(patience=180)
        running.request("POST", "projects", {"name": "digits"})
        yield running
    finally:
        running.close()


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[httpx.Client]:
    """Signed in as people are."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=120) as client:
        client.get("/users/login/")
        form = {
            "username": "admin",
            "password": PASSWORD,
            "csrfmiddlewaretoken": client.cookies["csrftoken"],
        }
        answer = client.post("/users/login/", data=form, headers={"Referer": f"{server.url}/users/login/"})
        assert answer.status_code == 302, answer.text
        yield client


@pytest.fixture(scope="module")
def notebook(server: Server, browser: httpx.Client) -> str:
    """The path of a running one."""
    return started(server, browser, "notebook")


def started(server: Server, browser: httpx.Client, kind: str) -> str:
    made = server.request("POST", f"admin/digits/{kind}/start", {"content": FILE} if kind == "notebook" else {})
    first = browser.get(f"/{kind}/admin/digits/")
    assert first.status_code in {302, 503}
    server.wait_for(f"admin/digits/{kind}s/{made['id']}", {"running"})
    answer = browser.get(f"/{kind}/admin/digits/")
    assert answer.status_code == 302
    path = str(answer.headers["location"])
    assert path.startswith(f"/{kind}/proxy/{made['pod_id']}/")
    return f"/{kind}/proxy/{made['pod_id']}/"


def test_the_service_learns_nothing_that_lets_people_in(browser: httpx.Client, notebook: str) -> None:
    headers = {
        "Authorization": "Token nonsense" if not browser.cookies else "",
        "Cookie": "; ".join(f"{c.name}={c.value}" for c in browser.cookies.jar) + "; token=abc; mine=1; __Host-x=2",
        "X-CSRFToken": "secret",
        "X-Polyaxon-Internal": "sidecar",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example.com",
        "Connection": "X-Secret",
        "X-Secret": "hop",
        "X-Mine": "kept",
    }
    headers.pop("Authorization")
    seen = browser.get(f"{notebook}api/contents?a=b&token=c", headers=headers).json()
    assert seen["path"] == f"{notebook}api/contents?a=b&token=c"
    told = {key.lower(): value for key, value in seen["headers"].items()}
    assert told["cookie"] == "mine=1"
    assert told["authorization"] == f"token {seen['environment']['POLYAXON_SERVICE_TOKEN']}"
    assert told["x-mine"] == "kept"
    assert told["host"] == told["x-forwarded-host"] == f"127.0.0.1:{browser.base_url.port}"
    assert not {"x-csrftoken", "x-polyaxon-internal", "x-secret", "x-forwarded-for"} & told.keys()
    secrets = {str(cookie.value) for cookie in browser.cookies.jar if cookie.name != "user"}
    assert len(secrets) == 3
    assert not any(secret in json.dumps(seen) for secret in secrets)


def test_a_page_may_send_the_token_of_its_own_service(browser: httpx.Client, notebook: str) -> None:
    token = browser.get(f"{notebook}x").json()["environment"]["POLYAXON_SERVICE_TOKEN"]
    answer = browser.post(f"{notebook}x", headers={"Authorization": f"token {token}"}, content=b"a")
    assert answer.status_code == 200


def test_a_token_of_the_platform_stays_with_it(server: Server, notebook: str) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=120) as client:
        answer = client.get(f"{notebook}x", headers={"Authorization": f"Token {server.token}"})
        assert answer.status_code == 200
        assert server.token not in answer.text
        assert client.get(f"{notebook}x", headers={"Accept": "*/*"}).status_code == 401
        assert client.get(f"{notebook}x", headers={"Accept": "text/html"}).status_code == 302


def test_its_pages_reach_only_themselves(browser: httpx.Client, notebook: str) -> None:
    answer = browser.get(f"{notebook}x")
    host = f"127.0.0.1:{browser.base_url.port}"
    policy = answer.headers["content-security-policy"]
    assert f"connect-src {host}{notebook} ws://{host}{notebook} wss://{host}{notebook} data: blob:" in policy
    assert f"form-action {host}{notebook}" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a=1", "a=1; samesite=Lax; path={path}"),
        ("a=1; Path=/; Domain=.example.com; HttpOnly", "a=1; httponly; samesite=Lax; path={path}"),
        ("a=1; Path={path}files/; SameSite=Strict", "a=1; samesite=Strict; path={path}files/"),
        ("sessionid=mine; Path=/", None),
        ("csrftoken=mine", None),
        ("__Host-a=1; Path=/; Secure", None),
    ],
)
def test_its_cookies_are_for_its_own_path(browser: httpx.Client, notebook: str, given: str, kept: str | None) -> None:
    answer = httpx.get(
        f"{browser.base_url}{notebook}cookie".replace("//notebook", "/notebook"),
        params={"set": given.format(path=notebook)},
        cookies=dict(browser.cookies),
        trust_env=False,
        timeout=120,
    )
    assert answer.status_code == 200
    assert answer.headers.get("set-cookie") == (kept.format(path=notebook) if kept else None)


@pytest.mark.parametrize(
    ("target", "sent_to"),
    [
        ("{path}tree", "{path}tree"),
        ("tree?a=b", "tree?a=b"),
        ("http://{host}{path}lab", "{path}lab"),
        ("https://example.com/docs", "https://example.com/docs"),
        ("/api/v1/users", None),
        ("http://{host}/api/v1/users", None),
        ("{path}../../../api/v1/users", None),
        ("{path}%2e%2e/%2e%2e/%2e%2e/api/v1/users", None),
        ("..", None),
        ("javascript:alert(1)", None),
    ],
)
def test_it_redirects_within_its_own_path_or_away(
    browser: httpx.Client, notebook: str, target: str, sent_to: str | None
) -> None:
    names = {"path": notebook, "host": f"127.0.0.1:{browser.base_url.port}"}
    answer = browser.get(f"{notebook}redirect", params={"to": target.format(**names)})
    if sent_to is None:
        assert (answer.status_code, answer.headers.get("location")) == (502, None)
    else:
        assert (answer.status_code, answer.headers["location"]) == (302, sent_to.format(**names))


@pytest.mark.parametrize(
    "rest", ["../../../api/v1/users", "%2e%2e/x", "a/%2E%2e%2fx", "a\\..\\x", "a%0d%0ax", "./x", "%00"]
)
def test_addresses_lead_nowhere_else(server: Server, notebook: str, rest: str) -> None:
    """As they are on the wire: clients clean them up before they send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=90) as raw:
        head = f"GET {notebook}{rest} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
        raw.sendall(f"{head}Authorization: Token {server.token}\r\n\r\n".encode())
        assert raw.makefile("rb").readline().split()[1] == b"400"


def test_escapes_arrive_as_they_were_sent(browser: httpx.Client, notebook: str) -> None:
    seen = browser.get(f"{notebook}files/a%20b%2Fc%3F.txt?q=%2F&q=+").json()
    assert seen["path"] == f"{notebook}files/a%20b%2Fc%3F.txt?q=%2F&q=+"


def test_other_hosts_are_never_asked(browser: httpx.Client, notebook: str) -> None:
    """The target is what the row says, whatever the client does."""
    for headers in ({"Host": "evil.example.com"}, {"Host": "169.254.169.254"}):
        assert browser.get(f"{notebook}x", headers=headers).status_code == 400
    seen = browser.get(f"{notebook}http://evil.example.com/@169.254.169.254:80").json()
    assert seen["path"].startswith(notebook)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_other_sites_change_nothing(browser: httpx.Client, notebook: str, method: str) -> None:
    foreign = browser.request(method, f"{notebook}x", headers={"Origin": "https://evil.example.com"}, content=b"a")
    assert foreign.status_code == 403
    own = str(browser.base_url).rstrip("/")
    assert browser.request(method, f"{notebook}x", headers={"Origin": own}, content=b"a").status_code == 200


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_large_bodies_pass_both_ways(browser: httpx.Client, notebook: str, is_chunked: bool) -> None:
    """More than any body that the API takes: nothing of it is kept."""
    piece, count = b"0123456789abcdef" * 4096, 1024
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(piece)

    def pieces() -> Iterator[bytes]:
        for _ in range(count):
            yield piece

    length = {} if is_chunked else {"Content-Length": str(len(piece) * count)}
    sent = browser.post(f"{notebook}sum", content=pieces(), headers=length).json()
    assert (sent["bytes"], sent["sha256"]) == (len(piece) * count, digest.hexdigest())
    with browser.stream("GET", f"{notebook}bytes?count={64 * MIB}") as answer:
        assert answer.headers["content-length"] == str(64 * MIB)
        assert sum(len(each) for each in answer.iter_raw()) == 64 * MIB


def test_slow_services_hold_nobody_up(server: Server, browser: httpx.Client, notebook: str) -> None:
    """Twenty of them, and two threads of the API."""
    cookies = dict(browser.cookies)

    def ask(_: int) -> float:
        begun = time.monotonic()
        url = f"{server.url}{notebook}slow?seconds=20"
        assert httpx.get(url, cookies=cookies, timeout=120, trust_env=False).status_code == 200
        return time.monotonic() - begun

    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, number) for number in range(20)]
        time.sleep(1)
        assert server.request("GET", "admin/digits")["name"] == "digits"
        assert not any(each.done() for each in asked)
        assert max(each.result() for each in asked) < 100  # one after the other, two at a time, they take 200


def test_a_client_that_leaves_ends_its_request(server: Server, browser: httpx.Client, notebook: str) -> None:
    patience = httpx.Timeout(60, read=1)
    url = f"{server.url}{notebook}slow?seconds=5"
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, cookies=dict(browser.cookies), timeout=patience, trust_env=False)
    assert browser.get(f"{notebook}x").status_code == 200


# -- WebSockets --


def socket_of(server: Server, path: str, **more: Any) -> Any:
    headers = {"Authorization": f"Token {server.token}", **more.pop("headers", {})}
    url, more = f"ws://127.0.0.1:{server.port}{path}", {"max_size": None, "open_timeout": 90, **more}
    return connect(url, additional_headers=headers, proxy=None, **more)


def test_sockets_pass_both_ways(server: Server, notebook: str) -> None:
    async def talk() -> tuple[dict[str, Any], list[Any], str | None]:
        protocols = [websockets.Subprotocol("v1.kernel.websocket.jupyter.org")]
        async with socket_of(server, f"{notebook}api/kernels/1/channels?session_id=2", subprotocols=protocols) as ws:
            seen = json.loads(await ws.recv())
            heard = []
            for message in ("text", b"bytes", "x" * MIB, b"y" * 3 * MIB):
                await ws.send(message)
                heard.append(await ws.recv())
            return seen, heard, ws.subprotocol

    seen, heard, protocol = asyncio.run(talk())
    assert heard == ["text", b"bytes", "x" * MIB, b"y" * 3 * MIB]
    assert protocol == "v1.kernel.websocket.jupyter.org"
    assert seen["path"] == f"{notebook}api/kernels/1/channels?session_id=2"
    told = {key.lower(): value for key, value in seen["headers"].items()}
    assert told["authorization"].startswith("token ")
    assert server.token not in json.dumps(seen)
    assert "cookie" not in told


def refused(server: Server, path: str, **headers: str) -> int:
    async def attempt() -> int:
        try:
            url = f"ws://127.0.0.1:{server.port}{path}"
            async with connect(url, additional_headers=headers, proxy=None, open_timeout=90):
                return 101
        except websockets.InvalidStatus as error:
            return error.response.status_code

    return asyncio.run(attempt())


def test_sockets_need_permission_and_come_from_here(server: Server, browser: httpx.Client, notebook: str) -> None:
    session = f"sessionid={browser.cookies['sessionid']}"
    assert refused(server, f"{notebook}ws") == 403
    assert refused(server, f"{notebook}ws", Cookie=session, Origin="https://evil.example.com") == 403
    assert refused(server, f"{notebook}ws", Cookie=session, Origin=server.url) == 101
    assert refused(server, f"{notebook}%2e%2e/ws", Cookie=session) == 403
    assert refused(server, f"{notebook[:-3]}00/ws", Cookie=session) == 403


def test_a_socket_ends_with_the_right_to_it(server: Server, notebook: str) -> None:
    made = server.request("POST", "users/tokens", {"name": "short", "scopes": ["runs"]})

    async def talk() -> int | None:
        headers = {"Authorization": f"Token {made['token']}"}
        async with socket_of(server, f"{notebook}ws", headers=headers) as ws:
            await ws.recv()
            threading.Thread(target=server.request, args=("DELETE", f"users/tokens/{made['id']}")).start()
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(ws.recv(), 60)
            return ws.close_code

    assert asyncio.run(talk()) == 4403


# -- the end of it --


def test_a_tensorboard_is_looked_at_and_stopped(server: Server, browser: httpx.Client) -> None:
    path = started(server, browser, "tensorboard")
    seen = browser.get(f"{path}data/runs").json()
    assert "authorization" not in {key.lower() for key in seen["headers"]}
    assert browser.get(f"/tensorboards{path.removeprefix('/tensorboard')}x").status_code == 307
    shown = server.request("GET", "admin/digits")
    assert shown["has_tensorboard"] is True
    server.request("POST", "admin/digits/tensorboard/stop")
    server.wait_for(f"admin/digits/tensorboards/{shown['tensorboard']}", {"stopped"})
    time.sleep(2)  # that a decision is kept
    assert browser.get(f"{path}data/runs").status_code == 404
    assert server.request("GET", "admin/digits")["has_tensorboard"] is False


def test_a_service_that_dies_is_not_waited_for(server: Server, browser: httpx.Client, notebook: str) -> None:
    shown = server.request("GET", "admin/digits")
    assert browser.get(f"{notebook}end?code=3").status_code in {502, 503}
    found = server.wait_for(f"admin/digits/notebooks/{shown['notebook']}", {"failed"})
    assert found["last_status"] == "failed"
    assert browser.get("/notebook/admin/digits/").status_code == 404
