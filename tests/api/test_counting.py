"""Counts by the series of metrics are those of the experiments."""

from __future__ import annotations

import math

import pytest
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
OTHERS = ["", "metric.loss:~0.5", "metric_best.loss:>0", "metric.loss:>0,status:created", "status:created"]


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
    experiments = Experiment.objects.filter(project=measured, deleted=False)
    counted = query.as_many(measured, text)
    assert counted is not None
    assert 0 < counted.count() == query.filtered(experiments, text, query.EXPERIMENTS).count() < len(VALUES) * 2


@pytest.mark.parametrize("text", OTHERS)
def test_other_questions_are_asked_of_experiments(measured: Project, text: str) -> None:
    assert query.as_many(measured, text) is None
