"""Experiments and their replicas."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from polyaxon.db.models.abstract import ArchivableQuerySet, Runnable, Stateful, set_only
from polyaxon.db.models.groups import ExperimentGroup, ExperimentGroupIteration
from polyaxon.lifecycles import EXPERIMENT, JOB

CLONING_STRATEGIES = ["copy", "restart", "resume"]


class Experiment(Runnable):
    LIFECYCLE = EXPERIMENT

    # Every change of a run's status writes to all of its indexes that hold the row, so there is none that another one
    # begins with, and those of what few runs have leave out the others.
    created_at = models.DateTimeField(default=timezone.now)
    delete_requested_at = models.DateTimeField(null=True, blank=True)
    project = models.ForeignKey("db.Project", on_delete=models.CASCADE, related_name="experiments", db_index=False)
    code_reference = models.ForeignKey(
        "db.CodeReference", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    experiment_group = models.ForeignKey(
        ExperimentGroup, on_delete=models.CASCADE, null=True, blank=True, related_name="experiments", db_index=False
    )
    iteration = models.ForeignKey(
        ExperimentGroupIteration,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="experiments",
        db_index=False,
    )
    # The suggestion's place in the search. Unique, so that a suggestion asked for twice is one trial.
    trial_index = models.PositiveIntegerField(null=True, blank=True)
    build_job = models.ForeignKey(
        "db.BuildJob", on_delete=models.SET_NULL, null=True, blank=True, related_name="experiments", db_index=False
    )
    framework = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - null on the wire
    params = models.JSONField(null=True, blank=True)
    original_experiment = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="clones", db_index=False
    )
    cloning_strategy = models.CharField(  # noqa: DJ001 - null on the wire
        max_length=16, null=True, blank=True, choices=[(name, name) for name in CLONING_STRATEGIES]
    )

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="experiment_project_name"),
            models.UniqueConstraint(fields=["experiment_group", "trial_index"], name="experiment_group_trial"),
        ]
        indexes = [
            # The order of lists; a page far down is found by this alone.
            models.Index(
                fields=["project", "-updated_at", "-id"],
                condition=models.Q(deleted=False),
                name="experiment_project_recent",
            ),
            models.Index(fields=["experiment_group", "status"]),
            models.Index(fields=["status", "is_managed"]),
            models.Index(fields=["project", "-created_at"], name="experiment_project_created"),
            # Counting a page's whole list reads this alone.
            models.Index(fields=["project", "id"], condition=models.Q(deleted=False), name="experiment_project_live"),
            # So does counting those outside of groups; most entries are alike, so this one is small.
            models.Index(
                fields=["project", "experiment_group"],
                condition=models.Q(deleted=False),
                name="experiment_project_group",
            ),
            models.Index(
                fields=["project", "status", "user"],
                condition=models.Q(deleted=False),
                name="experiment_project_status",
            ),
            models.Index(fields=["project"], condition=models.Q(deleted=True), name="experiment_project_archived"),
            set_only("code_reference", "experiment_code"),
            set_only("iteration", "experiment_iteration"),
            set_only("build_job", "experiment_build"),
            set_only("original_experiment", "experiment_original"),
            set_only("delete_requested_at", "experiment_to_delete"),
        ]

    def __str__(self) -> str:
        return f"experiment {self.pk}"

    @property
    def unique_name(self) -> str:
        """`user.project.ID`, in a group `user.project.GROUP.ID`."""
        group = self.experiment_group_id
        return f"{self.project.unique_name}.{group}.{self.pk}" if group else f"{self.project.unique_name}.{self.pk}"

    @property
    def is_clone(self) -> bool:
        return self.original_experiment_id is not None

    @property
    def outputs_owner(self) -> Experiment:
        """The run whose outputs folder this one writes to: a resumed run goes on in its original's."""
        if self.cloning_strategy != "resume":
            return self
        return self.original_experiment or self

    @property
    def sub_path(self) -> str:
        """Place under the roots of outputs and logs."""
        place = f"groups/{self.experiment_group_id}" if self.experiment_group_id else "experiments"
        return f"{self.project.owner.name}/{self.project.name}/{place}/{self.pk}"


class ExperimentJob(Stateful):
    """One replica of an experiment."""

    LIFECYCLE = JOB
    MASTER = "master"

    created_at = models.DateTimeField(default=timezone.now)
    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="jobs")
    role = models.CharField(max_length=64, default=MASTER)
    sequence = models.PositiveIntegerField(default=0)
    definition = models.JSONField(default=dict)
    node_scheduled = models.CharField(max_length=256, null=True, blank=True)  # noqa: DJ001 - null on the wire
    resources = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            # Few at any time; masters go with their experiments.
            models.Index(
                fields=["experiment"],
                condition=models.Q(status__in=sorted(JOB.open)) & ~models.Q(role="master"),
                name="replica_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.sequence} of experiment {self.experiment_id}"

    @property
    def unique_name(self) -> str:
        return f"{self.experiment.unique_name}.{self.pk}.{self.role}"

    @property
    def pod_id(self) -> str:
        return f"plx-{self.experiment.uuid.hex}-{self.role}-{self.sequence}"

    @property
    def sub_path(self) -> str:
        """Place of its own log, which it has if there are several replicas."""
        return f"{self.experiment.sub_path}/{self.role}.{self.sequence}"

    @staticmethod
    def replica_uuid(experiment: uuid.UUID, role: str, sequence: int) -> uuid.UUID:
        """Known before the row exists, so that making the rows twice makes them once."""
        return uuid.uuid5(experiment, f"{role}-{sequence}")
