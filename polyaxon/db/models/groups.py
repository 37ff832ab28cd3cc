"""Experiment groups: searches over a space (studies) and hand-made sets (selections)."""

from __future__ import annotations

from django.db import models

from polyaxon.db.models.abstract import ArchivableQuerySet, ProjectItem, Timestamped
from polyaxon.lifecycles import GROUP
from polyaxon_schemas.hptuning import ALGORITHMS as SECTIONS


class ExperimentGroup(ProjectItem):
    LIFECYCLE = GROUP
    STUDY = "study"
    SELECTION = "selection"

    group_type = models.CharField(max_length=16, default=STUDY, choices=[(STUDY, STUDY), (SELECTION, SELECTION)])
    hptuning = models.JSONField(null=True, blank=True)
    # Drawn once when the file names none, so that a restarted search goes on with the same suggestions.
    seed = models.BigIntegerField(default=0)
    # Set when the algorithm said that nothing further will come.
    suggestions_complete = models.BooleanField(default=False)
    # Goes up with what changes in trials that had ended, and with the runs that people add or archive: who keeps what
    # it has read of a search reads it anew then.
    history_revision = models.BigIntegerField(default=0, editable=False)
    # The group it was made from, if any: `restart` begins anew, `copy` also knows what the original's trials found.
    original_group = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="clones")
    cloning_strategy = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - null on the wire
    selection_experiments = models.ManyToManyField("db.Experiment", related_name="selections", blank=True)

    objects = ArchivableQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="group_project_name")]
        indexes = [models.Index(fields=["project", "-updated_at"]), models.Index(fields=["status"])]

    def __str__(self) -> str:
        return f"group {self.pk}"

    @property
    def unique_name(self) -> str:
        return f"{self.project.unique_name}.{self.pk}"

    @property
    def concurrency(self) -> int | None:
        return self.hptuning.get("concurrency", 1) if self.hptuning else None

    @property
    def search_algorithm(self) -> str | None:
        """`grid`, `random`, `hyperband`, `bo` …; None for a selection."""
        for key, name in ALGORITHMS.items():
            if self.hptuning and self.hptuning.get(key) is not None:
                return name
        return None


# The names that 0.6 gave on the wire; those that came later are called as in the file.
_SHORT = {"grid_search": "grid", "random_search": "random"}
ALGORITHMS = {key: _SHORT.get(key, key) for key in SECTIONS}


class ExperimentGroupIteration(Timestamped):
    """One batch of suggestions of a search."""

    experiment_group = models.ForeignKey(ExperimentGroup, on_delete=models.CASCADE, related_name="iterations")
    number = models.PositiveIntegerField()
    data = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["experiment_group", "number"], name="iteration_group_number")]

    def __str__(self) -> str:
        return f"iteration {self.number} of group {self.experiment_group_id}"
