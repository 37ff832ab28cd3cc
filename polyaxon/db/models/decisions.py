"""Why a search did what it did."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.experiments import Experiment
from polyaxon.db.models.groups import ExperimentGroup


class SearchDecision(Timestamped):
    """One decision of a search about one trial, or (``experiment`` null) about itself.

    The decision that made a trial also says where the trial stands: its stage and its parent.
    """

    START = "start"  # a trial was made from a suggestion
    STOP = "stop"  # a trial was stopped: it did badly
    RETRY = "retry"  # a trial that had failed was started again
    FINISH = "finish"  # the search itself ended, and why
    REPLACED = "replaced"  # was a start; a stop interrupted the trial, and the search was resumed: it is made anew

    created_at = models.DateTimeField(default=timezone.now)
    # Other indexes begin with it.
    experiment_group = models.ForeignKey(
        ExperimentGroup, on_delete=models.CASCADE, related_name="decisions", db_index=False
    )
    experiment = models.ForeignKey(
        Experiment, on_delete=models.CASCADE, null=True, blank=True, related_name="decisions"
    )
    kind = models.CharField(max_length=16, choices=[(kind, kind) for kind in (START, STOP, RETRY, FINISH, REPLACED)])
    trial_index = models.PositiveIntegerField(null=True, blank=True)
    bracket = models.PositiveIntegerField(null=True, blank=True)
    rung = models.PositiveIntegerField(null=True, blank=True)
    parent_index = models.PositiveIntegerField(null=True, blank=True)
    strategy = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - null on the wire
    reason = models.TextField(blank=True, default="")
    numbers = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["experiment_group", "bracket", "rung"], name="decision_group_stage"),
            # Whether a trial was promoted.
            models.Index(
                fields=["experiment_group", "parent_index"],
                condition=Q(parent_index__isnull=False),
                name="decision_group_parent",
            ),
            # Of few, if any: what was interrupted before a search was resumed.
            models.Index(
                fields=["experiment_group", "trial_index"], condition=Q(kind="replaced"), name="decision_group_replaced"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["experiment_group", "trial_index"], condition=Q(kind="start"), name="decision_group_trial"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of trial {self.trial_index} of group {self.experiment_group_id}"
