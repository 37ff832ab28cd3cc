"""Jobs: runs without metrics."""

from __future__ import annotations

from django.db import models

from polyaxon.db.models.abstract import ArchivableQuerySet, Runnable
from polyaxon.lifecycles import JOB


class Job(Runnable):
    LIFECYCLE = JOB

    build_job = models.ForeignKey("db.BuildJob", on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    params = models.JSONField(null=True, blank=True)
    definition = models.JSONField(default=dict)
    node_scheduled = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    original_job = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="clones")
    cloning_strategy = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - null on the wire

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="job_project_name")]
        indexes = [
            models.Index(fields=["project", "-updated_at"]),
            models.Index(fields=["status", "is_managed"]),
        ]

    def __str__(self) -> str:
        return f"job {self.pk}"

    @property
    def unique_name(self) -> str:
        return f"{self.project.unique_name}.jobs.{self.pk}"

    @property
    def pod_id(self) -> str:
        return f"plx-job-{self.uuid.hex}"

    @property
    def is_clone(self) -> bool:
        return self.original_job_id is not None

    @property
    def outputs_owner(self) -> Job:
        original = self.original_job
        return original if original is not None and self.cloning_strategy == "resume" else self

    @property
    def sub_path(self) -> str:
        return f"{self.project.owner.name}/{self.project.name}/jobs/{self.pk}"
