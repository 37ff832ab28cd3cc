"""Addresses, bodies, pages and errors: what holds for every resource."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.renderers import dumps
from tests.api.conftest import P, url
from tests.factories import make_experiment

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, Project


@pytest.mark.parametrize("form", ["", "/", ".json", ".json/"])
def test_every_form_of_an_address_is_answered(client: APIClient, project: Project, form: str) -> None:
    assert client.get(f"{P}{form}").status_code == 200
    assert client.get(f"{P}/experiments{form}").json()["count"] == 0


def test_other_formats_do_not_exist(client: APIClient, project: Project) -> None:
    assert client.get(f"{P}?format=json").status_code == 200
    assert client.get(f"{P}?format=xml").status_code == 404
    assert client.get(P, HTTP_ACCEPT="text/plain").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/a/b/c/d/e", "/api/v2", "/nothing", "/api/v1/x%00y"])
def test_unknown_addresses_are_json_404(client: APIClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert list(answer.json()) == ["detail"]


def test_an_id_beyond_every_number_is_404(client: APIClient, project: Project) -> None:
    assert client.get(f"{P}/experiments/{10**30}").status_code == 404
    assert client.get(f"{P}/jobs/{2**63}").status_code == 404


def test_wrong_methods_are_405(client: APIClient, project: Project) -> None:
    answer = client.put(f"{P}/experiments", {}, format="json")
    assert answer.status_code == 405
    assert list(answer.json()) == ["detail"]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b'{"name": "\\ud800"}', b"[" * 100_000, b'{"a": ' * 80 + b"1" + b"}" * 80]
)
def test_unreadable_bodies_are_400(client: APIClient, body: bytes) -> None:
    answer = client.post(url("projects"), body, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]


def test_a_body_of_the_wrong_type_is_400(client: APIClient) -> None:
    answer = client.post(url("projects"), b"[1]", content_type="application/json")
    assert answer.status_code == 400
    assert client.post(url("projects"), b"x", content_type="text/plain").status_code == 415


def test_nul_is_refused_in_any_depth(client: APIClient, experiment: Experiment) -> None:
    answer = client.patch(f"{P}/experiments/{experiment.pk}", {"params": {"a": ["\x00"]}}, format="json")
    assert answer.status_code == 400


def test_literals_that_are_no_json_are_kept_as_texts(client: APIClient, experiment: Experiment) -> None:
    body = b'{"params": {"a": NaN, "b": [-Infinity], "c": 1e999, "d": 1.5, "e": 123456789012345678901234567890}}'
    answer = client.patch(f"{P}/experiments/{experiment.pk}", body, content_type="application/json")
    params = answer.json()["params"]
    assert params == {
        "a": "NaN",
        "b": ["-Infinity"],
        "c": "Infinity",
        "d": 1.5,
        "e": 123456789012345678901234567890,
    }


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    )
)
def test_answers_are_always_valid_json(data: Any) -> None:
    import json

    def refuse(text: str) -> None:
        raise AssertionError(text)

    json.loads(dumps(data), parse_constant=refuse)


def test_numbers_that_are_not_finite_are_named() -> None:
    assert dumps({"a": [math.nan, math.inf, -math.inf]}) == b'{"a":["NaN","Infinity","-Infinity"]}'
    assert dumps({"big": 2**70}) == b'{"big": 1180591620717411303424}'


def test_pages(client: APIClient, project: Project) -> None:
    for _ in range(5):
        make_experiment(project)
    page = client.get(f"{P}/experiments?limit=2&offset=2&sort=created_at").json()
    assert page["count"] == 5
    assert len(page["results"]) == 2
    assert page["next"] == f"http://testserver{P}/experiments?limit=2&offset=4&sort=created_at"
    assert page["previous"] == f"http://testserver{P}/experiments?limit=2&sort=created_at"
    for wrong in ("0", "-1", "x"):
        assert len(client.get(f"{P}/experiments?limit={wrong}&offset={wrong}").json()["results"]) == 5
    assert client.get(f"{P}/experiments?offset={10**40}").json()["results"] == []


def test_pages_have_a_largest_size(client: APIClient, project: Project, monkeypatch: Any) -> None:
    from api.pagination import Pagination

    for _ in range(3):
        make_experiment(project)
    monkeypatch.setattr(Pagination, "max_limit", 2)
    assert len(client.get(f"{P}/experiments?limit=1000").json()["results"]) == 2


def test_a_body_over_the_limit_is_refused_unread(client: APIClient, settings: Any) -> None:
    limits = settings.CONFIG.limits.model_copy(update={"body_max_bytes": 100})
    settings.CONFIG = replace(settings.CONFIG, limits=limits)
    answer = client.post(url("projects"), {"name": "a", "description": "x" * 200}, format="json")
    assert answer.status_code == 413
    assert "100 bytes" in answer.json()["detail"]


def test_a_body_without_length_is_refused(client: APIClient) -> None:
    answer = client.generic("POST", url("projects"), b"", HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411


def test_defects_are_json_500(client: APIClient, project: Project, monkeypatch: Any) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("api.projects.views.counts", fail)
    client.raise_request_exception = False
    answer = client.get(P)
    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()
    assert list(answer.json()) == ["detail"]


def test_a_host_that_is_not_allowed_is_400(client: APIClient) -> None:
    answer = client.get(url("users"), HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert answer.json() == {"detail": "Bad request."}
