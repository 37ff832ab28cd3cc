"""Metrics and log lines that come compressed."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings

from tests.api.conftest import P
from tests.factories import make_experiment

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, Project


@pytest.fixture
def path(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}/metrics"


def post(client: APIClient, path: str, body: bytes, coding: str = "gzip") -> Any:
    return client.post(path, body, content_type="application/json", HTTP_CONTENT_ENCODING=coding)


def packed(value: Any) -> bytes:
    return gzip.compress(json.dumps(value).encode(), mtime=0)


def test_metrics(client: APIClient, path: str) -> None:
    series = [{"name": "loss", "values": [0.5, 0.25], "steps": [1, 2], "times": [1.7e9, 1.7e9 + 1]}]
    assert post(client, path, packed({"series": series})).status_code == 201
    assert post(client, path, packed([{"values": {"loss": 0.125}, "step": 3}])).status_code == 201
    assert [row["values"]["loss"] for row in client.get(path).json()["results"]] == [0.5, 0.25, 0.125]


def test_log_lines(client: APIClient, project: Project) -> None:
    path = f"{P}/experiments/{make_experiment(project, is_managed=False).pk}/logs"
    assert post(client, path, packed(["one", "two"])).status_code == 200
    assert b"".join(client.get(path).streaming_content).split() == [b"one", b"two"]
    assert post(client, path, packed(["a\x00b"])).status_code == 400


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd"])
def test_other_codings_are_refused(client: APIClient, path: str, coding: str) -> None:
    answer = post(client, path, packed([]), coding)
    assert answer.status_code == 415
    assert "gzip" in str(answer.json())


@pytest.mark.parametrize("body", [b"[]", b"", packed([])[:-3], packed([]) + b"x", packed([]) * 2])
def test_what_is_no_gzip_is_refused(client: APIClient, path: str, body: bytes) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 400
    assert client.get(path).json()["count"] == 0


def test_a_bomb_is_refused_before_it_grows(client: APIClient, path: str) -> None:
    most = settings.CONFIG.limits.body_max_bytes
    bomb = gzip.compress(b"[" + b" " * (4 * most) + b"]")
    assert len(bomb) < most / 50
    assert post(client, path, bomb).status_code == 413
