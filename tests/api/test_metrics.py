"""Metrics in, metrics out."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from api.experiments.metrics import decode, rows_of
from polyaxon.db.models import Experiment, MetricPoint
from polyaxon.errors import InvalidInput
from tests.api.conftest import P
from tests.factories import make_experiment, make_group, make_metrics

if TYPE_CHECKING:
    from rest_framework.test import APIClient


@pytest.fixture
def path(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}/metrics"


def post(client: APIClient, path: str, body: Any, **headers: str) -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, text, content_type="application/json", **headers)


def test_one_row(client: APIClient, path: str, experiment: Experiment) -> None:
    answer = post(client, path, {"values": {"loss": 0.5, "acc": 1}, "created_at": "2024-01-01T10:00:00+02:00"})
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"id", "uuid", "experiment", "created_at", "step", "values"}
    assert body["values"] == {"loss": 0.5, "acc": 1.0}
    assert (body["experiment"], body["created_at"]) == (experiment.pk, "2024-01-01T08:00:00Z")
    assert client.get(path).json()["results"] == [body]


def test_a_list_of_rows_is_stored_in_order(client: APIClient, path: str) -> None:
    rows = [{"values": {"loss": value}, "created_at": f"2024-01-01 10:00:0{value}.5+00:00"} for value in range(5)]
    answer = post(client, path, rows)
    assert (answer.status_code, answer.content) == (201, b"")
    stored = client.get(path).json()
    assert stored["count"] == 5
    assert [row["values"] for row in stored["results"]] == [{"loss": float(value)} for value in range(5)]
    assert [row["step"] for row in stored["results"]] == [0, 1, 2, 3, 4]
    assert stored["results"][0]["created_at"] == "2024-01-01T10:00:00.500000Z"


def test_rows_without_time_stay_rows(client: APIClient, path: str) -> None:
    post(client, path, [{"values": {"a": 1}}, {"values": {"b": 2}}, {"values": {"a": 3}}])
    assert [row["values"] for row in client.get(path).json()["results"]] == [
        {"a": 1.0},
        {"b": 2.0},
        {"a": 3.0},
    ]


def test_steps_are_kept(client: APIClient, path: str) -> None:
    post(client, path, [{"values": {"a": 1}, "step": 10}, {"values": {"a": 2}, "step": 20}])
    assert [row["step"] for row in client.get(path).json()["results"]] == [10, 20]


def test_values_that_are_not_finite(client: APIClient, path: str, experiment: Experiment) -> None:
    body = b'[{"values": {"a": NaN, "b": -Infinity, "c": Infinity}},{"values": {"a": "NaN", "b": "inf", "c": null}}]'
    assert post(client, path, body).status_code == 201
    first, second = (row["values"] for row in client.get(path).json()["results"])
    assert first == {"a": "NaN", "b": "-Infinity", "c": "Infinity"}
    assert second == {"a": "NaN", "b": "Infinity"}
    detail = client.get(f"{P}/experiments/{experiment.pk}").json()
    assert detail["last_metric"] == {"a": "NaN", "b": "Infinity", "c": "Infinity"}


def test_null_records_nothing(client: APIClient, path: str) -> None:
    answer = post(client, path, {"values": {"a": None}})
    assert answer.status_code == 201
    assert (answer.json()["values"], answer.json()["id"]) == ({}, None)
    assert post(client, path, []).status_code == 201
    assert client.get(path).json()["count"] == 0


def test_names_in_any_script(client: APIClient, path: str) -> None:
    names = ["Verlust ünd", "損失", "a.b/c d", "😀", "with 'quote' \"and\" \\ tab\t%s"]
    assert post(client, path, {"values": dict.fromkeys(names, 1.5)}).status_code == 201
    assert set(client.get(path).json()["results"][0]["values"]) == set(names)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([{"values": {"a": 1}}, {"values": {"a": "high"}}], "Row 1, a"),
        ([{"values": {"a": 1}}, {"values": {"a": True}}], "Row 1, values"),
        ([{"values": {"a": 1}}, {"values": {"a": [1]}}], "Row 1, values"),
        ([{"values": {"a": 1}}, {}], "Row 1"),
        ([{"values": {"a": 1}}, 5], "Row 1"),
        ([{"values": 1}], "Row 0, values"),
        ({"values": {"a": {}}}, "The row, values"),
        ([{"values": {"a": 1}, "created_at": "yesterday"}], "Row 0, created_at"),
        ([{"values": {"a": 1}, "created_at": "0001-01-01T00:00:00+01:00"}], "Row 0, created_at"),
        ([{"values": {"a": 1}, "step": 1.5}], "Row 0, step"),
        ([{"values": {"a": 1}, "step": 2**70}], "Row 0, step"),
        ([{"values": {"": 1}}], "name"),
        ([{"values": {"x" * 501: 1}}], "name"),
        ([{"values": {"a\x00": 1}}], "name"),
        ("text", "The row"),
        (b'[{"values": {"a": 1}}, {"values": {"a": 1e999}}]', "Row 1, values"),
        (b'[{"values": {"a": NaN}}, {"values": {"a": false}}]', "Row 1, values"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_stored(client: APIClient, path: str, body: Any, place: str) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 400
    text = json.dumps(answer.json())
    assert place in text
    assert not MetricPoint.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"[{]", b'{"values": {"\\ud800": 1}}', b"[" * 100_000])
def test_unreadable_bodies_are_400(client: APIClient, path: str, body: bytes) -> None:
    assert post(client, path, body).status_code == 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["values", "step", "created_at", "a"]), inner, max_size=3)
        ),
    )
)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_json_is_rows_or_refused(data: Any) -> None:
    from rest_framework.exceptions import ParseError

    try:
        posted = decode(json.dumps(data).encode())
        rows = rows_of(posted if isinstance(posted, list) else [posted])
    except (InvalidInput, ParseError):
        return
    assert all(type(value) is float for row in rows for value in row.values.values())


def test_a_repeated_batch_is_stored_once(client: APIClient, path: str) -> None:
    batch = str(uuid.uuid4())
    rows = [{"values": {"a": 1}}, {"values": {"a": 2}}]
    for _ in range(3):
        assert post(client, path, rows, HTTP_X_POLYAXON_BATCH=batch).status_code == 201
    assert client.get(path).json()["count"] == 2
    assert post(client, path, rows, HTTP_X_POLYAXON_BATCH="x").status_code == 400


def test_too_many_points_are_refused(client: APIClient, path: str, settings: Any) -> None:
    limits = settings.CONFIG.limits.model_copy(update={"metrics_batch_max": 3})
    settings.CONFIG = replace(settings.CONFIG, limits=limits)
    answer = post(client, path, [{"values": {"a": 1, "b": 2}}] * 2)
    assert answer.status_code == 400
    assert "at most 3" in answer.json()[0]


def test_a_multipart_body_is_415_or_400(client: APIClient, path: str) -> None:
    assert client.post(path, {"values": "x"}, format="multipart").status_code == 400


def test_a_post_finds_out_who_and_what_in_two_queries(client: APIClient, path: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        post(client, path, [{"values": {"a": 1}}])
    if connection.vendor == "postgresql":  # where all are planned before, and the third one writes
        asked = [query["sql"] for query in queries if query["sql"].startswith("EXECUTE")]
        assert len(asked) == 3, asked
    else:
        reading = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        assert len(reading) == 2, reading


def test_group_metrics_are_those_of_its_experiments(client: APIClient, experiment: Experiment) -> None:
    group = make_group(experiment.project)
    trials = [make_experiment(experiment.project, group=group) for _ in range(2)]
    for row in (experiment, *trials):
        make_metrics(row, {"loss": float(row.pk)})
    page = client.get(f"{P}/groups/{group.pk}/metrics").json()
    assert [row["experiment"] for row in page["results"]] == [trial.pk for trial in trials]
    assert page["results"][0]["values"] == {"loss": float(trials[0].pk)}


def test_a_repeated_row_is_answered_alike(client: APIClient, path: str) -> None:
    row = {"values": {"loss": 0.5}, "created_at": "2024-01-01T10:00:00Z"}
    batch = uuid.uuid4().hex
    first, again = (post(client, path, row, HTTP_X_POLYAXON_BATCH=batch) for _ in range(2))
    assert first.json()["id"] is not None
    assert (again.status_code, again.json()) == (201, first.json())
    assert client.get(path).json()["count"] == 1
