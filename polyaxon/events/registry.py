"""Event types and their subscribers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import models

from polyaxon.db.models import Event, Project, User

Subscriber = Callable[[Event], None]

ACTIONS = frozenset(
    {
        "created",
        "updated",
        "deleted",
        "archived",
        "restored",
        "stopped",
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
    }
)
SUBJECTS = {
    "Experiment": "experiment",
    "ExperimentJob": "experiment_job",
    "ExperimentGroup": "experiment_group",
    "Job": "job",
    "Project": "project",
    "Repo": "repo",
    "User": "user",
}

_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> Subscriber:
    """Have `subscriber` called with every event, in the transaction that made it."""
    _subscribers.append(subscriber)
    return subscriber


def emit(
    action: str,
    instance: models.Model,
    *,
    actor: User | None = None,
    context: Mapping[str, Any] | None = None,
) -> Event:
    """Record that `action` happened to `instance`. Type `<subject>.<action>`."""
    if action not in ACTIONS:
        raise ValueError(f"unknown event action {action!r}")
    subject = SUBJECTS[type(instance).__name__]
    event = Event.objects.create(
        event_type=f"{subject}.{action}",
        subject=subject,
        object_id=instance.pk,
        actor=actor,
        project_id=_project_id(instance),
        context=dict(context or {}),
    )
    for subscriber in _subscribers:
        subscriber(event)
    return event


def _project_id(instance: models.Model) -> int | None:
    if isinstance(instance, Project):
        return instance.pk
    parent = getattr(instance, "experiment", instance)
    return getattr(parent, "project_id", None)
