"""Histories of statuses, one table per kind. Written by `actions.statuses` only."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from polyaxon.db.models.experiments import Experiment, ExperimentJob
from polyaxon.db.models.groups import ExperimentGroup
from polyaxon.db.models.jobs import Job


class StatusRecord(models.Model):
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    status = models.CharField(max_length=64, default="created")
    message = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    traceback = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire

    class Meta:
        abstract = True
        # In the order in which they were accepted, so that the last one is the status now.
        ordering = ["id"]

    def __str__(self) -> str:
        return self.status


class ExperimentStatus(StatusRecord):
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="statuses")


class ExperimentJobStatus(StatusRecord):
    job = models.ForeignKey(ExperimentJob, on_delete=models.CASCADE, related_name="statuses")
    details = models.JSONField(default=dict)


class JobStatus(StatusRecord):
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="statuses")
    details = models.JSONField(default=dict)


class ExperimentGroupStatus(StatusRecord):
    experiment_group = models.ForeignKey(ExperimentGroup, on_delete=models.CASCADE, related_name="statuses")
