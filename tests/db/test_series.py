"""Metric series: what is stored is what was logged, and the summary agrees with the points."""

from __future__ import annotations

import math
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyaxon.actions.experiments import NewExperiment, create_experiment
from polyaxon.actions.metrics import log_metrics
from polyaxon.actions.projects import create_project
from polyaxon.actions.users import create_user
from polyaxon.db.models import Experiment, MetricPoint, MetricSeries
from polyaxon.errors import InvalidInput
from polyaxon.stores.logged_rows import logged_rows
from polyaxon.stores.series import Row, summaries

pytestmark = pytest.mark.django_db
START = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def make_experiment() -> Experiment:
    user = create_user(f"user-{uuid.uuid4().hex[:8]}", "x")
    project = create_project(user, f"p-{uuid.uuid4().hex[:8]}")
    return create_experiment(project, user, NewExperiment(is_managed=False))


def rows(*values: dict[str, float], step: int | None = None) -> list[Row]:
    return [
        Row(values=value, time=START + timedelta(seconds=place), step=None if step is None else step + place)
        for place, value in enumerate(values)
    ]


def points(experiment: Experiment, name: str) -> list[tuple[int, float | None]]:
    found = MetricPoint.objects.filter(series__experiment=experiment, series__name=name).order_by("id")
    return list(found.values_list("step", "value"))


def test_steps_are_counted_on_when_none_are_given() -> None:
    experiment = make_experiment()
    log_metrics(experiment, rows({"loss": 3.0}, {"loss": 2.0}))
    log_metrics(experiment, rows({"loss": 1.0}))
    assert points(experiment, "loss") == [(0, 3.0), (1, 2.0), (2, 1.0)]


def test_given_steps_are_kept() -> None:
    experiment = make_experiment()
    log_metrics(experiment, rows({"loss": 3.0}, {"loss": 2.0}, step=10))
    assert points(experiment, "loss") == [(10, 3.0), (11, 2.0)]
    assert MetricSeries.objects.get(experiment=experiment).last_step == 11


def test_summary_over_several_batches() -> None:
    experiment = make_experiment()
    log_metrics(experiment, rows({"loss": 3.0, "acc": 0.1}, {"loss": -2.0}))
    log_metrics(experiment, rows({"loss": 7.0}, {"loss": 1.5}))
    series = MetricSeries.objects.get(experiment=experiment, name="loss")
    assert (series.count, series.last, series.min, series.max, series.last_step) == (4, 1.5, -2.0, 7.0, 3)
    assert series.last_time == START + timedelta(seconds=1)
    assert summaries([experiment]) == {experiment.pk: {"loss": 1.5, "acc": 0.1}}


def test_values_that_are_not_finite_come_back_and_set_no_bound() -> None:
    experiment = make_experiment()
    log_metrics(experiment, rows({"x": math.inf}, {"x": 1.0}, {"x": -math.inf}, {"x": math.nan}))
    series = MetricSeries.objects.get(experiment=experiment)
    assert (series.min, series.max, series.count) == (1.0, 1.0, 4)
    back = [row.values["x"] for row in logged_rows([experiment.pk])]
    assert back[:3] == [math.inf, 1.0, -math.inf]
    assert math.isnan(back[3])
    assert math.isnan(summaries([experiment])[experiment.pk]["x"])


def test_a_batch_sent_twice_is_stored_once() -> None:
    experiment, batch = make_experiment(), uuid.uuid4()
    assert log_metrics(experiment, rows({"loss": 3.0}), batch=batch) == 1
    assert log_metrics(experiment, rows({"loss": 3.0}), batch=batch) is None
    assert points(experiment, "loss") == [(0, 3.0)]


def test_rows_come_back_as_they_were_logged() -> None:
    experiment = make_experiment()
    logged = [{"loss": 3.0, "acc": 0.1}, {"loss": 2.0}, {"acc": 0.4}]
    log_metrics(experiment, rows(*logged))
    assert [row.values for row in logged_rows([experiment.pk])] == logged


def test_rows_of_one_moment_stay_apart() -> None:
    experiment = make_experiment()
    log_metrics(experiment, [Row({"loss": 3.0}, START), Row({"loss": 2.0}, START)])
    assert [row.values for row in logged_rows([experiment.pk])] == [{"loss": 3.0}, {"loss": 2.0}]


@pytest.mark.parametrize("name", ["", "x" * 501, "a\x00b", "\ud800"])
def test_names_that_are_not_text_are_refused(name: str) -> None:
    experiment = make_experiment()
    with pytest.raises(InvalidInput):
        log_metrics(experiment, rows({"good": 1.0, name: 1.0}))
    assert not MetricSeries.objects.filter(experiment=experiment).exists()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40),
    values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=20),
)
def test_any_name_and_any_float_come_back(name: str, values: list[float]) -> None:
    experiment = make_experiment()
    log_metrics(experiment, rows(*[{name: value} for value in values]))
    assert [row.values for row in logged_rows([experiment.pk])] == [{name: value} for value in values]


def test_many_series_in_one_batch() -> None:
    experiment = make_experiment()
    assert log_metrics(experiment, rows({f"m{number}": float(number) for number in range(2500)})) == 2500
    assert MetricSeries.objects.filter(experiment=experiment).count() == 2500


@pytest.mark.django_db(transaction=True)
def test_concurrent_batches_lose_nothing_and_share_no_step() -> None:
    experiment = make_experiment()

    def work(names: list[str]) -> None:
        try:
            for _ in range(5):
                log_metrics(experiment, rows(*[dict.fromkeys(names, 1.0)] * 20))
        finally:
            connections.close_all()

    # The two name their series in opposite orders: rows locked in that order would deadlock on Postgres.
    threads = [threading.Thread(target=work, args=(names,)) for names in (["a", "b"], ["b", "a"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.close()
    for name in ("a", "b"):
        assert sorted(step for step, _ in points(experiment, name)) == list(range(200))
