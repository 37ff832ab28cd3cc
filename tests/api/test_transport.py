"""Compression, and pages of other origins."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import storage
from polyaxon.settings.config import ConfigurationError, load
from tests.api.conftest import P, url
from tests.factories import make_experiment

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, Project

ORIGIN = "https://ml.example.com"


@pytest.fixture
def many(project: Project) -> list[Experiment]:
    return [make_experiment(project) for _ in range(5)]


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "deflate,GZIP", "x-gzip"])
def test_lists_are_compressed_for_those_who_ask(client: APIClient, many: list[Experiment], accepted: str) -> None:
    plain = client.get(f"{P}/experiments")
    packed = client.get(f"{P}/experiments", HTTP_ACCEPT_ENCODING=accepted)
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2
    assert packed["Content-Length"] == str(len(packed.content))
    assert json.loads(gzip.decompress(packed.content)) == plain.json()
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip;q=0.0, br", "gzipped"])
def test_wart_13_nobody_gets_what_he_did_not_ask_for(client: APIClient, many: list[Experiment], accepted: str) -> None:
    answer = client.get(f"{P}/experiments", HTTP_ACCEPT_ENCODING=accepted)
    assert not answer.has_header("Content-Encoding")
    assert answer.json()["count"] == 5


def test_small_answers_streams_and_other_methods_go_as_they_are(client: APIClient, experiment: Experiment) -> None:
    storage.logs().append(experiment.sub_path, ["line " * 1000])
    item = f"{P}/experiments/{experiment.pk}"
    for path in (f"{P}/jobs", f"{item}/logs"):
        answer = client.get(path, HTTP_ACCEPT_ENCODING="gzip")
        assert (answer.status_code, answer.has_header("Content-Encoding")) == (200, False)
    changed = client.patch(item, {"readme": "x" * 5000}, format="json", HTTP_ACCEPT_ENCODING="gzip")
    assert not changed.has_header("Content-Encoding")


def test_the_description_of_the_api_is_compressed(anonymous: APIClient, db: None) -> None:
    packed = anonymous.get(url("schema"), HTTP_ACCEPT_ENCODING="gzip")
    assert packed["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.content))["openapi"].startswith("3.1")


def test_compression_can_be_turned_off(client: APIClient, many: list[Experiment], settings: Any) -> None:
    settings.CONFIG = replace(settings.CONFIG, server=settings.CONFIG.server.model_copy(update={"gzip_level": 0}))
    answer = client.get(f"{P}/experiments", HTTP_ACCEPT_ENCODING="gzip")
    assert not answer.has_header("Content-Encoding")


def test_wart_13_no_other_origin_may_read(client: APIClient, project: Project) -> None:
    answer = client.get(P, HTTP_ORIGIN=ORIGIN)
    assert answer.status_code == 200
    assert not answer.has_header("Access-Control-Allow-Origin")
    asked = client.options(P, HTTP_ORIGIN=ORIGIN, HTTP_ACCESS_CONTROL_REQUEST_METHOD="GET")
    assert not asked.has_header("Access-Control-Allow-Origin")


def test_listed_origins_may(client: APIClient, anonymous: APIClient, project: Project, settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    answer = client.get(P, HTTP_ORIGIN=ORIGIN)
    assert (answer["Access-Control-Allow-Origin"], answer["Access-Control-Allow-Credentials"]) == (ORIGIN, "true")
    asked = anonymous.options(
        P,
        HTTP_ORIGIN=ORIGIN,
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="X_POLYAXON_CLI_VERSION, Idempotency-Key",
    )
    assert asked.status_code == 200
    allowed = {name.strip() for name in asked["Access-Control-Allow-Headers"].split(",")}
    assert {"x_polyaxon_cli_version", "x_polyaxon_client_version", "x_polyaxon_internal", "idempotency-key"} <= allowed
    other = client.get(P, HTTP_ORIGIN="https://evil.example.com")
    assert not other.has_header("Access-Control-Allow-Origin")
    assert anonymous.get(url("users"), HTTP_ORIGIN=ORIGIN)["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("text", [f"{ORIGIN}, http://localhost:3000", f'["{ORIGIN}", "http://localhost:3000"]'])
def test_origins_are_listed_as_in_06_or_as_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("POLYAXON_CORS_ORIGIN_WHITELIST", text)
    assert load().server.cors_origin_whitelist == [ORIGIN, "http://localhost:3000"]


@pytest.mark.parametrize("text", ["*", "ml.example.com", f"{ORIGIN}/", f"{ORIGIN},ftp://a", "[1]", "[", "null"])
def test_what_is_no_origin_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("POLYAXON_CORS_ORIGIN_WHITELIST", text)
    with pytest.raises(ConfigurationError, match="POLYAXON_CORS_ORIGIN_WHITELIST"):
        load()
