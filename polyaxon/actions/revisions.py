"""Searches are told of what they would not see: they read of their trials what is new, and what had not ended.

After it has happened, so that it is there for whoever is told, and not in its transaction: the groups' rows would be
locked after those of runs, and others lock them before.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from polyaxon.db.models import Experiment, ExperimentGroup, Project
from polyaxon.db.models.abstract import ProjectItem
from polyaxon.db.server_side import quoted
from polyaxon.db.writes import Statement, execute
from polyaxon.lifecycles import EXPERIMENT

_GROUPS = ExperimentGroup._meta.db_table
_OF_ENDED = f"""
UPDATE {_GROUPS} SET history_revision = history_revision + 1 WHERE id = %s AND EXISTS (
  SELECT 1 FROM {Experiment._meta.db_table} WHERE id = %s AND status IN ({quoted(EXPERIMENT.done)})
)
"""  # noqa: S608 - names of tables and statuses


def tell_of_ended(experiment: Experiment) -> None:
    """Have its search read a run that has ended again: values came, or its params have changed.

    Of a run that ends meanwhile either the search sees what has changed, or this its end.
    """
    if experiment.experiment_group_id is not None:
        execute([Statement(_OF_ENDED, [experiment.experiment_group_id, experiment.pk])])


def tell_of_members(item: ProjectItem) -> None:
    """Have its search, or this one, read its trials again: a person has added, archived or restored some."""
    group = item.pk if isinstance(item, ExperimentGroup) else getattr(item, "experiment_group_id", None)
    if group is not None:
        _revise([group])


def tell_searches_of(project: Project) -> None:
    """The same with all searches of a project."""
    _revise(ExperimentGroup._base_manager.filter(project=project).values_list("pk", flat=True))


def _revise(groups: Iterable[int]) -> None:
    ExperimentGroup._base_manager.filter(pk__in=groups).update(history_revision=F("history_revision") + 1)
