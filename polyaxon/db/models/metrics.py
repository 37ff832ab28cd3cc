"""Metric points are narrow rows; what lists, sorts and filters need stands in one summary row per series."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from polyaxon.db.models.experiments import Experiment

SERIES_NAME_LENGTH = 500


class MetricSeries(models.Model):
    """One named series of one run, with its summary. Values that are not finite count but set no bound."""

    METRIC = "metric"
    RESOURCE = "resource"

    run = models.UUIDField()
    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, null=True, blank=True, db_index=False, related_name="series"
    )
    # The experiment's, so that the experiments of a project are sorted by a metric as its index has them.
    project = models.ForeignKey(
        "db.Project", on_delete=models.CASCADE, null=True, blank=True, db_index=False, related_name="+"
    )
    kind = models.CharField(max_length=16, default=METRIC, choices=[(METRIC, METRIC), (RESOURCE, RESOURCE)])
    name = models.CharField(max_length=SERIES_NAME_LENGTH)
    count = models.BigIntegerField(default=0)
    # NULL is NaN: SQLite has no other way to store it, and so both databases mean the same.
    last = models.FloatField(null=True)
    last_step = models.BigIntegerField(default=0)
    last_time = models.DateTimeField(default=timezone.now)
    min = models.FloatField(null=True)
    min_step = models.BigIntegerField(null=True)  # where the smallest value came first
    max = models.FloatField(null=True)
    max_step = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "kind", "name"], name="series_run_kind_name")]
        indexes = [
            models.Index(fields=["experiment", "name"], name="series_experiment_name"),
            models.Index(
                fields=["project", "name", "last"],
                include=["experiment", "kind", "min", "max"],
                name="series_project_last",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class MetricPoint(models.Model):
    """One value. No database constraint on `series`: checking it would cost more than the insert."""

    series = models.ForeignKey(
        MetricSeries, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="points"
    )
    step = models.BigIntegerField()
    time = models.DateTimeField()
    value = models.FloatField(null=True)  # NULL is NaN

    class Meta:
        indexes = [models.Index(fields=["series", "step"], name="point_series_step")]

    def __str__(self) -> str:
        return f"{self.step}: {self.value}"


class MetricBatch(models.Model):
    """A batch that was stored, so that a client's retry stores nothing twice."""

    run = models.UUIDField()
    batch = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "batch"], name="batch_run_batch")]

    def __str__(self) -> str:
        return str(self.batch)
