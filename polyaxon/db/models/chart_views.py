"""Arrangements of charts that somebody made for an experiment or a group. The server only keeps them."""

from __future__ import annotations

import uuid

from django.db import models

from polyaxon.db.models.abstract import NAME_LENGTH, Timestamped
from polyaxon.db.models.experiments import Experiment
from polyaxon.db.models.groups import ExperimentGroup


class ChartView(Timestamped):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=NAME_LENGTH, null=True, blank=True)  # noqa: DJ001 - null on the wire
    charts = models.JSONField()
    meta = models.JSONField(null=True, blank=True, default=dict)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"chart view {self.pk}"


class ExperimentChartView(ChartView):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="chart_views")


class GroupChartView(ChartView):
    experiment_group = models.ForeignKey(ExperimentGroup, on_delete=models.CASCADE, related_name="chart_views")
