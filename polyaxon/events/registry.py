"""Event types and their subscribers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models

from polyaxon.db.models import Event, ExperimentChartView, ExperimentJob, GroupChartView, Project, User
from polyaxon.db.prepared import append

Subscriber = Callable[[Sequence[Event]], None]

ACTIONS = frozenset(
    {
        "created",
        "updated",
        "deleted",
        "archived",
        "restored",
        "stopped",
        "started",
        "resumed",
        "restarted",
        "copied",
        "new_status",
        "new_commit",
        "new_iteration",
        "succeeded",
        "failed",
        "done",
        "registered",
        "resources_updated",
        "viewed",
        "bookmarked",
        "unbookmarked",
        "activated",
        "granted",
        "revoked",
    }
)
SUBJECTS = {
    "Experiment": "experiment",
    "ExperimentJob": "experiment_job",
    "ExperimentGroup": "experiment_group",
    "Job": "job",
    "BuildJob": "build_job",
    "NotebookJob": "notebook",
    "TensorboardJob": "tensorboard",
    "Organization": "organization",
    "Team": "team",
    "Cluster": "cluster",
    "ClusterNode": "cluster_node",
    "Project": "project",
    "Repo": "repo",
    "ExternalRepo": "repo",
    "User": "user",
    "Search": "search",
    "ExperimentChartView": "chart_view",
    "GroupChartView": "chart_view",
}

_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> Subscriber:
    """Have `subscriber` called with all events, those made together at once, in the transaction that made them."""
    _subscribers.append(subscriber)
    return subscriber


def emit(
    action: str,
    instance: models.Model,
    *,
    actor: User | None = None,
    context: Mapping[str, Any] | None = None,
    subject: str | None = None,
) -> Event:
    """Record that `action` happened to `instance`. Type `<subject>.<action>`; the subject is the instance's kind."""
    event = append(_event(action, instance, actor, context, subject))
    for subscriber in _subscribers:
        subscriber([event])
    return event


def emit_all(action: str, instances: Sequence[models.Model], *, actor: User | None = None) -> None:
    """The same of many instances, with few statements."""
    events = Event.objects.bulk_create([_event(action, instance, actor) for instance in instances])
    for subscriber in _subscribers:
        subscriber(events)


def _event(
    action: str,
    instance: models.Model,
    actor: User | None = None,
    context: Mapping[str, Any] | None = None,
    subject: str | None = None,
) -> Event:
    if action not in ACTIONS:
        raise ValueError(f"unknown event action {action!r}")
    subject = subject or SUBJECTS[type(instance).__name__]
    return Event(
        event_type=f"{subject}.{action}",
        subject=subject,
        object_id=instance.pk,
        actor=actor,
        project_id=_project_id(instance),
        context=dict(context or {}),
    )


def _project_id(instance: models.Model) -> int | None:
    if isinstance(instance, Project):
        return instance.pk
    if isinstance(instance, ExperimentJob | ExperimentChartView):
        return instance.experiment.project_id
    if isinstance(instance, GroupChartView):
        return instance.experiment_group.project_id
    return getattr(instance, "project_id", None)
