"""What a server says of its components when its messages travel through a real broker."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embedded.server import Server

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(params=["rabbitmq", "redis"])
def brokered(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> Iterator[Server]:
    address = redis_url.removeprefix("redis://").partition("/")[0]
    environment = {"POLYAXON_BROKER_BACKEND": request.param, "POLYAXON_REDIS_URL": f"redis://{address}/5"}
    environment["POLYAXON_THROTTLE_RATES_CHECKS"] = "1000"
    if request.param == "rabbitmq":
        environment["POLYAXON_AMQP_URL"] = request.getfixturevalue("amqp_url")
    else:
        environment["POLYAXON_REDIS_CELERY_BROKER_URL"] = f"{address}/4"
    server = Server(tmp_path / "data", **environment)
    try:
        yield server.start()
    finally:
        server.close()


def unhealthy(server: Server) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}/statusz") as answer:
        return {name: found for name, found in json.load(answer).items() if not found["is_healthy"]}


def test_every_component_is_healthy(brokered: Server) -> None:
    deadline = time.monotonic() + 90
    while (found := unhealthy(brokered)) and time.monotonic() < deadline:
        time.sleep(3)
    assert found == {}
    (node,) = brokered.request("GET", "cluster")["nodes"]
    assert node["memory"] > 0
