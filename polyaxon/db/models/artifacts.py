"""Artifacts: files among a run's outputs of which it is known what they are."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from polyaxon.db.models.experiments import Experiment
from polyaxon.db.models.jobs import Job

PATH_LENGTH = 1024
TYPES = (
    *("file", "text", "image", "figure", "audio", "video", "html", "table", "data"),
    *("model", "checkpoint", "code", "diff"),
)


class Artifact(models.Model):
    """One file by its path among the outputs. Without `stored_at` its content is still to come."""

    run = models.UUIDField()
    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, null=True, blank=True, related_name="artifacts"
    )
    job = models.ForeignKey(Job, on_delete=models.CASCADE, null=True, blank=True, related_name="artifacts")
    path = models.CharField(max_length=PATH_LENGTH)
    name = models.CharField(max_length=255)
    type = models.CharField(max_length=32, choices=[(name, name) for name in TYPES])
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    step = models.BigIntegerField(null=True, blank=True)
    metadata = models.JSONField(null=True, blank=True)
    stored_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "path"], name="artifact_run_path")]
        indexes = [models.Index(fields=["run", "type", "name"], name="artifact_run_type")]

    def __str__(self) -> str:
        return self.path

    @property
    def stored(self) -> bool:
        return self.stored_at is not None
