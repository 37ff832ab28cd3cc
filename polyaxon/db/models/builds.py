"""Builds: images that runs are executed in."""

from __future__ import annotations

from django.db import models

from polyaxon.db.models.abstract import ArchivableQuerySet, Runnable
from polyaxon.db.models.statuses import StatusRecord
from polyaxon.lifecycles import JOB


class BuildJob(Runnable):
    LIFECYCLE = JOB

    definition = models.JSONField(default=dict)
    node_scheduled = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    dockerfile = models.TextField(null=True, blank=True)  # noqa: DJ001 - null on the wire
    # Whether runs may use what this build made.
    valid = models.BooleanField(default=True)
    # Digest of what is built and of which code; builds of one digest make the same image. Empty: never reused.
    spec_key = models.CharField(max_length=64, blank=True, default="", db_index=True)
    # The digest, on the one build that runs with this digest wait for. Unique, so that no two are ever started.
    claim = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - unique unless null

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="build_project_name"),
            models.UniqueConstraint(fields=["project", "claim"], name="build_project_claim"),
        ]
        indexes = [
            models.Index(fields=["project", "-updated_at"]),
            models.Index(fields=["status", "is_managed"]),
        ]

    def __str__(self) -> str:
        return f"build {self.pk}"

    @property
    def unique_name(self) -> str:
        return f"{self.project.unique_name}.builds.{self.pk}"

    @property
    def pod_id(self) -> str:
        return f"plx-build-{self.uuid.hex}"

    @property
    def image(self) -> str:
        """Name and tag of the image in the registry."""
        return f"{self.project.name.lower()}_{self.project_id}:{self.uuid.hex}"

    @property
    def sub_path(self) -> str:
        """Place of the log."""
        return f"{self.project.owner.name}/{self.project.name}/builds/{self.pk}"


class BuildJobStatus(StatusRecord):
    job = models.ForeignKey(BuildJob, on_delete=models.CASCADE, related_name="statuses")
    details = models.JSONField(default=dict)
