"""The description of the interface, and the page that shows it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from api.openapi.names import singular
from api.openapi.tags import TAGS
from tests.api.conftest import url
from tests.api.described import description, operations, resolved
from tests.api.routes import all_routes

if TYPE_CHECKING:
    from rest_framework.test import APIClient

FILE = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"
DETAIL = {"$ref": "#/components/schemas/Detail"}
# The description does not describe itself.
LEFT_OUT = {"schema", "docs", "docs/{name}"}


@pytest.mark.slow
def test_the_file_in_the_repository_is_what_the_code_generates() -> None:
    generated = OpenApiYamlRenderer().render(description(), renderer_context={})
    assert FILE.read_bytes() == generated, "run: make openapi"


@pytest.mark.slow
def test_the_description_is_valid_and_nothing_in_it_is_guessed() -> None:
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        made = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    assert not GENERATOR_STATS
    validate_schema(made)
    assert made["openapi"] == "3.1.0"


def test_every_route_is_described() -> None:
    described = {f"{operation.method} {operation.route.pattern}" for operation in operations()}
    there = {
        f"{route.method} {route.pattern}"
        for route in all_routes()
        if route.pattern not in LEFT_OUT and route.method in route.view.http_method_names
    }
    assert {name for name in there - described if not name.endswith("/name")} == set()
    assert described <= there


def test_operations_have_names_of_their_own_and_words() -> None:
    names = Counter(operation.id for operation in operations())
    assert [name for name, count in names.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)
    for operation in operations():
        assert operation.raw["description"].strip(), operation.id
        assert operation.raw["summary"].strip(), operation.id
        assert set(operation.raw["tags"]) <= set(TAGS), operation.id
    assert {tag for operation in operations() for tag in operation.raw["tags"]} == set(TAGS)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "{owner}/{project}/experiments", "list_project_experiments"),
        ("post", "{owner}/{project}/experiments/{id}/stop", "stop_project_experiment"),
        ("post", "{owner}/{project}/experiments/stop", "stop_project_experiments"),
        ("get", "{owner}/{project}/builds/{id}/statuses/{uuid}", "get_project_build_status"),
        ("post", "orgs/{org}/teams", "create_org_team"),
        ("delete", "searches/{owner}/{project}/jobs/{search_id}", "delete_job_search"),
        ("post", "users/token", "log_in"),
    ],
)
def test_names_that_clients_rely_on(method: str, path: str, name: str) -> None:
    assert {f"{op.method} {op.route.pattern}": op.id for op in operations()}[f"{method} {path}"] == name


def test_one_of_many() -> None:
    words = {
        "statuses": "status",
        "deliveries": "delivery",
        "gpus": "gpu",
        "series": "series",
        "git_access": "git_access",
    }
    assert {word: singular(word) for word in words} == words


def test_errors_are_described_in_one_shape() -> None:
    for operation in operations():
        answers = operation.raw["responses"]
        for code in {"401", "403", "404", "413", "429"} & set(answers):
            media = operation.media(code)
            shapes = (media["schema"].get("anyOf") or [media["schema"]]) if media else [DETAIL]
            assert DETAIL in shapes, (operation.id, code)
            assert resolved(answers[code])["description"]
        if operation.method in {"post", "put", "patch"}:
            assert {"400", "413", "429"} <= set(answers) or operation.id in UNLIMITED, operation.id
        if "{" in operation.path:
            assert "404" in answers, operation.id


UNLIMITED = {
    operation.id
    for operation in operations()
    if operation.id.startswith(("beat_", "report_")) or "logs" in operation.id
} | {"create_project_notebook_impersonatetoken"}


def test_the_description_is_served(anonymous: APIClient) -> None:
    answer = anonymous.get(url("schema/"))
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert json.loads(answer.content) == json.loads(json.dumps(description()))


@pytest.mark.parametrize("address", [url("docs"), url("docs/")])
def test_the_page_needs_nothing_from_elsewhere(anonymous: APIClient, address: str) -> None:
    answer = anonymous.get(address)
    page = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self';" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "http" not in page  # no other host
    assert re.findall(r"<script>|\son\w+=|style=", page) == []  # nothing that the policy would stop
    loaded = dict(re.findall(r'<(script|link)[^>]+(?:src|href)="([^"]+)"', page))
    assert set(loaded) == {"script", "link"}
    for asset in re.findall(r'(?:src|href|data-description)="([^"]+)"', page):
        part = anonymous.get(asset)
        assert part.status_code == 200, asset
        assert b"".join(part.streaming_content) if part.streaming else part.content
        assert part["X-Content-Type-Options"] == "nosniff" or asset.endswith("schema")


def test_the_page_loads_what_it_names_as_what_it_is(anonymous: APIClient) -> None:
    kinds = {
        "start.js": "text/javascript; charset=utf-8",
        "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
        "swagger-ui.css": "text/css; charset=utf-8",
        "favicon-32x32.png": "image/png",
    }
    assert {name: anonymous.get(url("docs", name))["Content-Type"] for name in kinds} == kinds
    assert b"validatorUrl: null" in anonymous.get(url("docs/start.js")).content
    for wrong in ("swagger-ui.css.map", "..%2f__init__.py", "LICENSE"):
        assert anonymous.get(url("docs", wrong)).status_code == 404
