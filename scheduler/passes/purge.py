"""Delete for good what was asked to be deleted, once nothing of it runs any more."""

from __future__ import annotations

from polyaxon import storage
from polyaxon.actions.runs import Item
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, NotebookJob, Project, TensorboardJob
from polyaxon.db.models.abstract import ProjectItem
from scheduler.passes import queue


def purge() -> None:
    """Rows, outputs, logs and repositories of deleted items and projects."""
    for model in (Experiment, Job, ExperimentGroup, BuildJob, NotebookJob, TensorboardJob):
        rows = model._base_manager.filter(delete_requested_at__isnull=False)
        for item in rows.select_related("project__owner"):
            if not _anything_runs(item):
                _delete_item(item)
    for project in Project.objects.filter(delete_requested_at__isnull=False).select_related("owner"):
        if not any(queue.under_way(model).filter(project=project).exists() for model in queue.KINDS):
            _delete_project(project)


def _anything_runs(item: ProjectItem) -> bool:
    if isinstance(item, ExperimentGroup):
        return queue.under_way(Experiment).filter(experiment_group=item).exists()
    return item.is_managed and not item.is_done


def _delete_item(item: Item) -> None:
    if isinstance(item, ExperimentGroup):
        place = f"{item.project.owner.name}/{item.project.name}/groups/{item.pk}"
    else:
        place = item.sub_path
    _delete_files(place)
    item.delete()


def _delete_project(project: Project) -> None:
    _delete_files(f"{project.owner.name}/{project.name}")
    storage.repository(project).delete()
    project.delete()


def _delete_files(place: str) -> None:
    storage.outputs().delete(place)
    storage.logs().delete(place)
