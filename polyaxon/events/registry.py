"""Event types and their subscribers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import models

from polyaxon.db.models import Event, ExperimentChartView, ExperimentJob, GroupChartView, Project, User, Webhook
from polyaxon.db.writes import Statement, append_all, execute, insertion

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

# Of one statement.
AT_ONCE = 50
FEW = 16  # each number of rows is a statement of its own
# Whether anybody is to be told of what happens in a project: asked in passing, since of most projects nobody is.
_HEARD = f"EXISTS (SELECT 1 FROM {Webhook._meta.db_table} hook WHERE hook.project_id = %s AND hook.enabled)"  # noqa: S608
# On Postgres a failure, `writes.is_refused`, if anybody is.
_UNHEARD = f"1 / (CASE WHEN {_HEARD} THEN 0 ELSE 1 END)"

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
    event = make(action, instance, actor=actor, context=context, subject=subject)
    store([event])
    return event


def store(events: Sequence[Event], *, first: Sequence[Statement] = ()) -> None:
    """Insert events that `make` made, with few statements, and tell the subscribers. `first`: what they tell of."""
    for start in range(0, len(events), AT_ONCE):
        part = events[start : start + AT_ONCE]
        projects = {event.project_id for event in part}
        project = projects.pop() if len(projects) == 1 else None
        heard = append_all(part, _HEARD, project, first=first if start == 0 else ())
        for event, is_heard in zip(part, heard, strict=True):
            event.is_heard = bool(is_heard) or bool(projects)
    for subscriber in _subscribers:
        subscriber(events)


def store_unheard(events: Sequence[Event], *, first: Sequence[Statement] = ()) -> None:
    """Insert events in one project if nobody is to be told of them, on Postgres in one round trip.

    What of them belongs into the activity log is the caller's to store. If somebody is to be told, and if one of the
    statements that are sent `first` fails, it raises DataError, `writes.is_refused`.
    """
    parts = [events[start : start + FEW] for start in range(0, len(events), FEW)]
    execute([*first, *(insertion(part, _UNHEARD, part[0].project_id) for part in parts)])


def make(
    action: str,
    instance: models.Model,
    *,
    actor: User | int | None = None,
    context: Mapping[str, Any] | None = None,
    subject: str | None = None,
) -> Event:
    """The event as a row that is not stored yet; of its actor the number will do."""
    if action not in ACTIONS:
        raise ValueError(f"unknown event action {action!r}")
    subject = subject or SUBJECTS[type(instance).__name__]
    return Event(
        event_type=f"{subject}.{action}",
        subject=subject,
        object_id=instance.pk,
        actor_id=actor.pk if isinstance(actor, User) else actor,
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
