"""Health, versions, the schema, the account's own page."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from django.db import connection

from api.platform import health
from polyaxon import __version__
from tests.api.conftest import url

if TYPE_CHECKING:
    from rest_framework.test import APIClient


def test_healthz_is_ok_with_a_migrated_database(anonymous: APIClient, db: None) -> None:
    answer = anonymous.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}
    assert anonymous.get("/healthz/").status_code == 200


def test_healthz_is_503_without_migrations(anonymous: APIClient, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'db'")
    health._Migrations.applied = False
    answer = anonymous.get("/healthz")
    assert answer.status_code == 503
    assert "migrate" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["cli", "platform", "lib"])
def test_versions_need_no_login(anonymous: APIClient, kind: str) -> None:
    answer = anonymous.get(url("versions", kind))
    assert sorted(answer.json()) == ["latest_version", "min_version"]
    assert answer.json()["min_version"] <= "0.6.1"


def test_chart_version_and_log_handler(anonymous: APIClient) -> None:
    assert list(anonymous.get(url("versions/chart")).json()) == ["version"]
    handler = anonymous.get(url("log_handler")).json()
    assert handler["environment"]
    assert "cli_min_version" in handler["tags"]
    assert handler["dsn"] is None or base64.b64decode(handler["dsn"])


def test_versions_are_configured(anonymous: APIClient, settings: Any) -> None:
    changed = {
        "lib_min_version": "0.6.1",
        "lib_latest_version": "9.9",
        "chart_version": "9.8",
        "cli_dsn": "https://errors",
    }
    versions = settings.CONFIG.versions.model_copy(update=changed)
    settings.CONFIG = replace(settings.CONFIG, versions=versions)
    assert anonymous.get(url("versions/lib")).json() == {"min_version": "0.6.1", "latest_version": "9.9"}
    assert anonymous.get(url("versions/cli")).json()["latest_version"] != "9.9"
    assert anonymous.get(url("versions/chart")).json() == {"version": "9.8"}
    handler = anonymous.get(url("log_handler")).json()
    assert base64.b64decode(handler["dsn"]) == b"https://errors"
    assert (handler["environment"], handler["tags"]["chart_version"]) == ("local", "9.8")


def test_schema_describes_every_route(anonymous: APIClient, db: None) -> None:
    answer = anonymous.get(url("schema"))
    schema = answer.json()
    assert schema["openapi"].startswith("3.1")
    paths = schema["paths"]
    assert "/api/v1/{owner}/{project}/experiments/{id}/metrics" in paths
    assert set(paths["/api/v1/{owner}/{project}/experiments/{id}"]) == {"get", "put", "patch", "delete"}
    assert len(paths) > 60
    operations = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(operations) == len(set(operations))
    assert {"Token", "InternalToken"} <= set(schema["components"]["securitySchemes"])


@pytest.mark.parametrize("kind", ["cli", "lib"])
def test_clients_of_0_6_are_not_sent_to_another_product(anonymous: APIClient, kind: str) -> None:
    assert anonymous.get(url(f"versions/{kind}")).json()["latest_version"] == "0.6.1"
    own = anonymous.get(url(f"versions/{kind}"), headers={"User-Agent": "polyaxon-client/0.7.0"})
    assert own.json()["latest_version"] == __version__


def test_versions_may_be_asked_before_each_command(anonymous: APIClient, settings: Any) -> None:
    limit = settings.CONFIG.security.throttle_rates_anon
    assert {anonymous.get(url("versions/cli")).status_code for _ in range(limit + 5)} == {200}


def test_the_schema_of_polyaxonfiles_is_served_to_editors(anonymous: APIClient) -> None:
    answer = anonymous.get(url("schema/polyaxonfile"))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/schema+json")
    validator = jsonschema_rs.Draft202012Validator(json.loads(answer.content))
    assert validator.is_valid({"version": 1, "kind": "experiment", "run": {"cmd": "a"}})
    assert not validator.is_valid({"version": 1, "kind": "experiment", "run": {"cmdd": "a"}})
    assert anonymous.get(url("schema/polyaxonfile.json")).content == answer.content
