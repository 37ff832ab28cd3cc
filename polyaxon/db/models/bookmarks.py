"""Bookmarks: what a user wants to find again, of any kind that can be bookmarked."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.builds import BuildJob
from polyaxon.db.models.experiments import Experiment
from polyaxon.db.models.groups import ExperimentGroup
from polyaxon.db.models.jobs import Job
from polyaxon.db.models.projects import Project

# A kind is called as in events. A row here is all that a further kind needs in the database.
BOOKMARKABLE: dict[str, type[models.Model]] = {
    "project": Project,
    "experiment_group": ExperimentGroup,
    "experiment": Experiment,
    "job": Job,
    "build_job": BuildJob,
}


class Bookmark(Timestamped):
    """Kept when it is removed, so that removing it again is no error."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bookmarks")
    kind = models.CharField(max_length=32)
    object_id = models.BigIntegerField()
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind", "object_id"], name="bookmark_user_object")]
        indexes = [models.Index(fields=["kind", "object_id"])]

    def __str__(self) -> str:
        return f"bookmark of {self.kind} {self.object_id}"


def kind_of(model: type[models.Model]) -> str:
    """The kind of a model's rows. Raises KeyError for what cannot be bookmarked."""
    return {row: kind for kind, row in BOOKMARKABLE.items()}[model]
