"""Delete for good what was asked to be deleted, once nothing of it runs any more.

First the processes, then the files, then the rows: what was interrupted is done again, because its rows still ask.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q

from polyaxon import storage
from polyaxon.actions.log_shipments import forget_shipment
from polyaxon.actions.revisions import tell_of_members
from polyaxon.actions.runs import Item
from polyaxon.db.models import (
    BuildJob,
    Experiment,
    ExperimentGroup,
    ExperimentJob,
    Job,
    MetricBatch,
    MetricSeries,
    NotebookJob,
    Project,
    TensorboardJob,
    Token,
)
from polyaxon.db.models.abstract import ProjectItem
from polyaxon.lifecycles import EXPERIMENT, GROUP
from scheduler.passes import queue
from scheduler.passes.runs import forget

logger = logging.getLogger(__name__)


def purge() -> None:
    """Rows, outputs, logs and repositories of deleted items and projects."""
    for item in _asked_for():
        try:
            if not _needed(item) and all(forget(run) for run in _runs_of(item)):
                _delete_item(item)
        except OSError as error:
            logger.warning("%s cannot be deleted yet: %s", item, error)
    for project in Project.objects.filter(delete_requested_at__isnull=False).select_related("owner"):
        if not any(model._base_manager.filter(project=project).exists() for model in (*queue.KINDS, ExperimentGroup)):
            _delete_project(project)


def _asked_for() -> Iterator[Item]:
    """Runs before their groups, and clones before what they were made from."""
    for model in (Experiment, Job, ExperimentGroup, BuildJob, NotebookJob, TensorboardJob):
        rows = model._base_manager.filter(delete_requested_at__isnull=False).select_related("project__owner")
        yield from rows.order_by("-id")


def _needed(item: ProjectItem) -> bool:
    """Whether something still runs on it."""
    if item.is_managed and not item.is_done and not _is_selection(item):
        return True
    if isinstance(item, ExperimentGroup):
        return item.experiments.exclude(status__in=EXPERIMENT.done).exists()
    return isinstance(item, Experiment) and _has_dependents(item)


def _is_selection(item: ProjectItem) -> bool:
    return isinstance(item, ExperimentGroup) and item.group_type == ExperimentGroup.SELECTION


def _has_dependents(experiment: Experiment) -> bool:
    """A search that goes on would suggest a missing trial again; a resumed run writes to its original's outputs."""
    group = experiment.experiment_group
    if group is not None and experiment.trial_index is not None and group.status not in GROUP.done:
        return True
    resumed = experiment.clones.filter(cloning_strategy="resume")
    return resumed.exclude(status__in=EXPERIMENT.done).exists()


def _runs_of(item: Item) -> list[queue.Run]:
    """What the runner may have of it."""
    return list(item.experiments.all()) if isinstance(item, ExperimentGroup) else [item]


def _delete_item(item: Item) -> None:
    if isinstance(item, ExperimentGroup):
        _delete_files(f"{item.project.owner.name}/{item.project.name}/groups/{item.pk}")
    else:
        _delete_files(item.sub_path)
    with transaction.atomic():
        for run in _runs_of(item):
            _delete_measurements(run)
        item.delete()
    tell_of_members(item)


def _delete_measurements(run: queue.Run) -> None:
    """What names a run without a foreign key."""
    uuids = [run.uuid, *ExperimentJob.objects.filter(experiment__uuid=run.uuid).values_list("uuid", flat=True)]
    named = Q(run__in=uuids)
    for model in (MetricSeries, MetricBatch, Token):
        model._default_manager.filter(named).delete()
    forget_shipment(run)


def _delete_project(project: Project) -> None:
    _delete_files(f"{project.owner.name}/{project.name}")
    storage.repository(project).delete()
    project.delete()


def _delete_files(place: str) -> None:
    storage.outputs().delete(place)
    storage.logs().delete(place)
