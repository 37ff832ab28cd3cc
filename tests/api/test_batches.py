"""Batches of series: the compact way in."""

from __future__ import annotations

import json
import math
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from polyaxon.actions.metrics import log_columns, log_metrics
from polyaxon.db.models import Experiment, MetricPoint, MetricSeries
from polyaxon.stores.series import Row
from tests.api.conftest import P
from tests.factories import make_experiment

if TYPE_CHECKING:
    from rest_framework.test import APIClient


@pytest.fixture
def path(experiment: Experiment) -> str:
    return f"{P}/experiments/{experiment.pk}/metrics"


def post(client: APIClient, path: str, body: Any, **headers: str) -> Any:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, text, content_type="application/json", **headers)


def points(name: str) -> list[tuple[int, float | None]]:
    return list(MetricPoint.objects.filter(series__name=name).order_by("id").values_list("step", "value"))


def test_series_are_stored_with_their_steps_and_times(client: APIClient, path: str) -> None:
    body = {
        "series": [
            {"name": "loss", "steps": [10, 20], "times": [1700000000.25, 1700000001.5], "values": [2, 1.5]},
            {"name": "acc", "values": [0.5, 0.6, 0.7]},
        ]
    }
    answer = post(client, path, body)
    assert (answer.status_code, answer.content) == (201, b"")
    assert points("loss") == [(10, 2.0), (20, 1.5)]
    assert points("acc") == [(0, 0.5), (1, 0.6), (2, 0.7)]
    times = list(MetricPoint.objects.filter(series__name="loss").order_by("id").values_list("time", flat=True))
    assert times == [
        datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC),
        datetime(2023, 11, 14, 22, 13, 21, 500_000, tzinfo=UTC),
    ]


def test_values_of_one_place_are_one_row(client: APIClient, path: str) -> None:
    post(client, path, {"series": [{"name": "a", "values": [1, 2]}, {"name": "b", "values": [3, 4]}]})
    rows = client.get(path).json()["results"]
    assert [row["values"] for row in rows] == [{"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 4.0}]


def test_steps_are_counted_on_over_batches_and_rows(client: APIClient, path: str) -> None:
    post(client, path, {"series": [{"name": "a", "values": [5, 6]}]})
    post(client, path, {"values": {"a": 7}})
    post(client, path, {"series": [{"name": "a", "values": [1]}]})
    assert points("a") == [(0, 5.0), (1, 6.0), (2, 7.0), (3, 1.0)]
    row = MetricSeries.objects.get()
    assert (row.min, row.min_step, row.max, row.max_step, row.last_step) == (1.0, 3, 7.0, 2, 3)


@pytest.mark.parametrize("place", ["body", "header"])
def test_a_repeated_batch_is_stored_once(client: APIClient, path: str, place: str) -> None:
    batch = str(uuid.uuid4())
    body: dict[str, Any] = {"series": [{"name": "a", "values": [1, 2]}]}
    headers = {"HTTP_X_POLYAXON_BATCH": batch} if place == "header" else {}
    if place == "body":
        body["batch"] = batch
    for _ in range(3):
        assert post(client, path, body, **headers).status_code == 201
    assert len(points("a")) == 2


def test_values_that_are_not_finite(client: APIClient, path: str) -> None:
    body = b'{"series": [{"name": "a", "values": [NaN, "-Infinity", null, 2, "inf", 1]}]}'
    assert post(client, path, body).status_code == 201
    assert points("a") == [(0, None), (1, -math.inf), (2, None), (3, 2.0), (4, math.inf), (5, 1.0)]
    row = MetricSeries.objects.get()
    assert (row.min, row.min_step, row.max, row.max_step) == (1.0, 5, 2.0, 3)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"series": [{"name": "a", "values": ["high"]}]}, "series[0].values[0]"),
        ({"series": [{"name": "a", "values": [1]}, {"name": "b", "values": [1, True]}]}, "series[1].values[1]"),
        ({"series": [{"name": "a", "values": [1], "steps": [1, 2]}]}, "series[0]: 1 values with 2 steps"),
        ({"series": [{"name": "a", "values": [1], "times": []}]}, "series[0]: 1 values with 0 times"),
        ({"series": [{"name": "a", "values": [1], "times": [1e300]}]}, "series[0].times"),
        ({"series": [{"name": "a", "values": [1], "steps": [2**63]}]}, "series[0].steps[0]"),
        ({"series": [{"name": "a", "values": [1]}, {"name": "a", "values": [1]}]}, "once"),
        ({"series": [{"name": "", "values": [1]}]}, "name"),
        ({"series": [{"name": "a\x00", "values": [1]}]}, "name"),
        ({"series": [{"values": [1]}]}, "series[0]"),
        ({"series": {}}, "series"),
        ({"series": [], "batch": "x"}, "batch"),
        ({}, "`series`"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(client: APIClient, path: str, body: Any, place: str) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 400
    assert place in json.dumps(answer.json())
    assert not MetricPoint.objects.exists()


def test_nothing_is_a_batch_too(client: APIClient, path: str) -> None:
    assert post(client, path, {"series": []}).status_code == 201
    assert post(client, path, {"series": [{"name": "a", "values": []}]}).status_code == 201
    assert not MetricSeries.objects.exists()


_VALUES = st.lists(st.floats(), min_size=1, max_size=8)


@given(st.lists(_VALUES, min_size=1, max_size=4), st.booleans())
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
@pytest.mark.django_db
def test_columns_and_rows_leave_the_same(batches: list[list[float]], given_steps: bool) -> None:
    """Whichever way values come in, points and summary are the same."""
    from api.experiments.metrics import PostedBatch, PostedSeries, columns_of

    by_rows, by_columns = make_experiment(is_managed=False), make_experiment(is_managed=False)
    for number, values in enumerate(batches):
        steps = [number * 10 - place for place in range(len(values))] if given_steps else None
        now = datetime.now(UTC)
        rows = [Row({"x": value}, now, steps[place] if steps else None) for place, value in enumerate(values)]
        log_metrics(by_rows, rows)
        log_columns(by_columns, columns_of(PostedBatch([PostedSeries("x", list(values), steps)])))
    columns = ("count", "last", "last_step", "min", "min_step", "max", "max_step")
    summary = {
        experiment.pk: MetricSeries.objects.filter(experiment=experiment).values_list(*columns).get()
        for experiment in (by_rows, by_columns)
    }
    assert summary[by_rows.pk] == summary[by_columns.pk]
    stored = [
        list(MetricPoint.objects.filter(series__experiment=row).order_by("id").values_list("step", "value"))
        for row in (by_rows, by_columns)
    ]
    assert stored[0] == stored[1]
