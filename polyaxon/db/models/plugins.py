"""Services that are started beside the runs: notebooks and tensorboards."""

from __future__ import annotations

from django.db import models

from polyaxon.db.models.abstract import ArchivableQuerySet, Runnable
from polyaxon.db.models.experiments import Experiment
from polyaxon.db.models.groups import ExperimentGroup
from polyaxon.db.models.statuses import StatusRecord
from polyaxon.lifecycles import JOB


class Plugin(Runnable):
    """What notebooks and tensorboards have in common."""

    LIFECYCLE = JOB
    WORD = ""

    definition = models.JSONField(default=dict)
    node_scheduled = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    build_job = models.ForeignKey(
        "db.BuildJob", on_delete=models.SET_NULL, null=True, blank=True, related_name="%(class)ss"
    )

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["project", "-updated_at"]), models.Index(fields=["status", "is_managed"])]

    def __str__(self) -> str:
        return f"{self.WORD} {self.pk}"

    @property
    def unique_name(self) -> str:
        return f"{self.project.unique_name}.{self.WORD}s.{self.pk}"

    @property
    def pod_id(self) -> str:
        return f"plx-{self.WORD}-{self.uuid.hex}"

    @property
    def proxy_path(self) -> str:
        """What the address of everything that it serves begins with."""
        return f"/{self.WORD}/proxy/{self.pod_id}/"

    @property
    def address(self) -> str | None:
        """Host and port where the running attempt is reached; None before it answered."""
        found = self.definition.get("service") or {}
        return found.get("address") if found.get("attempt") == self.attempt else None

    @property
    def sub_path(self) -> str:
        """Place under the roots of outputs and logs."""
        return f"{self.project.owner.name}/{self.project.name}/{self.WORD}s/{self.pk}"


class NotebookJob(Plugin):
    """A notebook server of a project."""

    WORD = "notebook"

    class Meta(Plugin.Meta):
        abstract = False


class TensorboardJob(Plugin):
    """A tensorboard of an experiment, of a group, or with neither, of the whole project."""

    WORD = "tensorboard"

    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, null=True, blank=True, related_name="tensorboards"
    )
    experiment_group = models.ForeignKey(
        ExperimentGroup, on_delete=models.CASCADE, null=True, blank=True, related_name="tensorboards"
    )

    class Meta(Plugin.Meta):
        abstract = False


class NotebookJobStatus(StatusRecord):
    job = models.ForeignKey(NotebookJob, on_delete=models.CASCADE, related_name="statuses")
    details = models.JSONField(default=dict)


class TensorboardJobStatus(StatusRecord):
    job = models.ForeignKey(TensorboardJob, on_delete=models.CASCADE, related_name="statuses")
    details = models.JSONField(default=dict)
