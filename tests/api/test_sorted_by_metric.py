"""Lists sorted by a metric are read in two parts; every page is that of one sorted list."""

from __future__ import annotations

import math
import re

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import query
from api.query.by_metric import ByMetric
from polyaxon.actions.metrics import log_metrics
from polyaxon.db.models import Experiment, Project
from polyaxon.errors import InvalidInput
from polyaxon.stores.series import Row
from tests.factories import make_experiment, make_project, make_user

pytestmark = pytest.mark.django_db
VALUES = st.lists(st.one_of(st.none(), st.just(math.nan), st.sampled_from([-1.0, 0.0, 2.5, math.inf])), max_size=9)


def made(project: Project, values: list[float | None]) -> dict[int, float | None]:
    """Experiments with these last values of `loss`, by id; None: no such metric."""
    found = {}
    for value in values:
        experiment = make_experiment(project, is_managed=False)
        found[experiment.pk] = value
        if value is not None:
            log_metrics(
                experiment, [Row({"loss": 7.0, "other": 1.0}, timezone.now()), Row({"loss": value}, timezone.now())]
            )
    return found


def expected(values: dict[int, float | None], *, descending: bool) -> list[int]:
    known = {pk: value for pk, value in values.items() if value is not None and not math.isnan(value)}
    first = sorted(known, key=lambda pk: (-known[pk] if descending else known[pk], -pk))
    return first + sorted(set(values) - set(known), reverse=True)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(values=VALUES, descending=st.booleans(), start=st.integers(0, 11), size=st.integers(1, 5))
def test_every_page_is_that_of_one_sorted_list(
    values: list[float | None], descending: bool, start: int, size: int
) -> None:
    project = make_project(make_user(), f"p{Project.objects.count()}")
    experiments = made(project, values)
    other = make_project(project.user, f"{project.name}-other")
    made(other, [5.0])
    rows = query.find_experiments(
        Experiment.objects.filter(project=project), None, f"{'-' if descending else ''}metric.loss"
    )
    assert isinstance(rows, ByMetric)
    assert len(rows) == len(values)
    order = expected(experiments, descending=descending)
    assert [row.pk for row in rows[start : start + size]] == order[start : start + size]


ASKED = [
    "metric.loss:>-1",
    "metric.loss:<=2.5",
    "metric.loss:0|2.5",
    "metric.loss:~0",
    "metric.loss:>=0,metric.loss:<3",
]
ASKED += [
    "metric_max.loss:>7",
    "metric_min.loss:<0, metric.loss:<0",
    "metric.other:1,metric.loss:0",
    "metrics.loss:nil",
]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(values=VALUES, asked=st.sampled_from(ASKED), descending=st.booleans(), start=st.integers(0, 3))
def test_a_filter_by_the_metric_that_sorts_finds_what_it_finds_alone(
    values: list[float | None], asked: str, descending: bool, start: int
) -> None:
    project = make_project(make_user(), f"p{Project.objects.count()}")
    experiments = made(project, values)
    rows = Experiment.objects.filter(project=project)
    try:
        matching = {row.pk for row in query.filtered(rows, asked, query.EXPERIMENTS)}
    except InvalidInput as error:
        with pytest.raises(InvalidInput, match=re.escape(str(error))):
            query.find_experiments(rows, asked, "metric.loss")
        return
    found = query.find_experiments(rows, asked, f"{'-' if descending else ''}metric.loss")
    order = [pk for pk in expected(experiments, descending=descending) if pk in matching]
    assert len(found) == len(order)
    assert [row.pk for row in found[start : start + 4]] == order[start : start + 4]


@pytest.mark.parametrize("sort", ["metric_min.loss", "-metric.loss,created_at", "loss", "", None])
def test_other_orders_are_the_databases(sort: str | None) -> None:
    assert not isinstance(query.find_experiments(Experiment.objects.all(), None, sort), ByMetric)
