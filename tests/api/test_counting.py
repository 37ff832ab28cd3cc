"""Counts by the series of metrics are those of the experiments."""

from __future__ import annotations

import math

import pytest
from django.db.models import CharField, Value
from django.db.models.functions import Concat
from django.utils import timezone

from api import query
from polyaxon.actions.metrics import log_metrics
from polyaxon.db.models import Experiment, MetricSeries, Project
from polyaxon.stores.series import Measured, Row, ingest
from tests.factories import make_experiment, make_project

VALUES = (None, math.nan, -1.0, 0.0, 0.5, 2.0, math.inf)
METRICS_ALONE = [
    "metric.loss:>0",
    "metrics.loss:<=0.5",
    "metrics.loss:~<0.5",
    "metric.loss:0.5",
    "metric_min.loss:<0.1",
    "metric_max.loss:>=2",
    "metric.loss:>-2,metric.loss:<2",
    "metric.loss:>=0,metric.other:>1",
]
ALL_BUT = ["metric.loss:~0.5", "status:~running", "user.username:~nobody", "params.lr:~0.1", "tags:~a", "name:~%x%"]
OTHERS = ["", "metric_best.loss:>0", "metric.loss:>0,status:created", "status:created", "created_at:~>2024-01-01"]


@pytest.fixture
def measured(project: Project) -> Project:
    for place, value in enumerate(VALUES * 2):
        experiment = make_experiment(project, is_managed=False)
        if value is not None:
            log_metrics(experiment, [Row({"loss": value, "other": float(place % 3)}, timezone.now())])
        ingest(Measured(experiment.uuid, MetricSeries.RESOURCE), [Row({"loss": 1.0}, timezone.now())])
    Experiment.objects.filter(pk=experiment.pk).update(deleted=True)
    elsewhere = make_experiment(make_project(project.user, "elsewhere"), is_managed=False)
    log_metrics(elsewhere, [Row({"loss": 1.0, "other": 2.0}, timezone.now())])
    return project


@pytest.mark.parametrize("text", METRICS_ALONE)
def test_series_are_as_many_as_experiments(measured: Project, text: str) -> None:
    assert 0 < counted(measured, text) < len(VALUES) * 2


@pytest.mark.parametrize("text", ALL_BUT)
def test_all_but_those_that_are_left_out(measured: Project, text: str) -> None:
    changed = Experiment.objects.filter(project=measured).order_by("pk").values_list("pk", flat=True)[2:5]
    Experiment.objects.filter(pk__in=list(changed)).update(
        status="running", params={"lr": 0.1}, tags=["a"], name=Concat(Value("x"), "id", output_field=CharField())
    )
    assert 0 < counted(measured, text) < len(VALUES) * 2


def counted(project: Project, text: str) -> int:
    count = query.quick_count(project, text)
    assert count is not None
    experiments = Experiment.objects.filter(project=project, deleted=False)
    assert count() == query.filtered(experiments, text, query.EXPERIMENTS).count()
    return count()


@pytest.mark.parametrize("text", OTHERS)
def test_other_questions_are_asked_of_experiments(measured: Project, text: str) -> None:
    assert query.quick_count(measured, text) is None


def test_a_page_far_down_is_that_of_the_list(measured: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = query.ordered(Experiment.objects.filter(project=measured), "created_at")
    whole = [row.pk for row in rows]
    monkeypatch.setattr("api.query.deep_pages.DEEP", 3)
    pages = query.DeepPages(rows)
    assert len(pages) == len(whole)
    assert [[row.pk for row in pages[start : start + 4]] for start in range(0, 16, 4)] == [
        whole[start : start + 4] for start in range(0, 16, 4)
    ]
