"""Lists sorted by a metric are read in two parts; every page is that of one sorted list."""

from __future__ import annotations

import math

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import query
from api.query.by_metric import ByMetric
from polyaxon.actions.metrics import log_metrics
from polyaxon.db.models import Experiment, Project
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


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=VALUES, descending=st.booleans(), start=st.integers(0, 11), size=st.integers(1, 5))
def test_every_page_is_that_of_one_sorted_list(
    values: list[float | None], descending: bool, start: int, size: int
) -> None:
    project = make_project(make_user(), f"p{Project.objects.count()}")
    experiments = made(project, values)
    other = make_project(project.user, f"{project.name}-other")
    made(other, [5.0])
    rows = query.ordered_experiments(
        Experiment.objects.filter(project=project), f"{'-' if descending else ''}metric.loss"
    )
    assert isinstance(rows, ByMetric)
    assert len(rows) == len(values)
    order = expected(experiments, descending=descending)
    assert [row.pk for row in rows[start : start + size]] == order[start : start + size]


@pytest.mark.parametrize("sort", ["metric_min.loss", "-metric.loss,created_at", "loss", "", None])
def test_other_orders_are_the_databases(sort: str | None) -> None:
    assert not isinstance(query.ordered_experiments(Experiment.objects.all(), sort), ByMetric)
