"""The activity log: what people did, kept apart from the stream of statuses."""

from __future__ import annotations

from collections.abc import Sequence

from polyaxon.db.models import ActivityLog, Event
from polyaxon.db.writes import append
from polyaxon.events.registry import subscribe

LOGGED = frozenset(
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
        "new_commit",
        "viewed",
        "bookmarked",
        "unbookmarked",
        "activated",
        "granted",
        "revoked",
    }
)


@subscribe
def log_activity(events: Sequence[Event]) -> None:
    """Copy people's acts to the activity log."""
    acts = acts_of(events)
    if len(acts) == 1:
        append(acts[0])
    elif acts:
        ActivityLog.objects.bulk_create(acts)


def acts_of(events: Sequence[Event]) -> list[ActivityLog]:
    """Those of people that the log is to hold, as rows that are not stored yet."""
    return [_act(event) for event in events if event.actor_id is not None and _action(event) in LOGGED]


def _action(event: Event) -> str:
    return event.event_type.partition(".")[2]


def _act(event: Event) -> ActivityLog:
    return ActivityLog(
        event_type=event.event_type,
        subject=event.subject,
        object_id=event.object_id,
        actor_id=event.actor_id,
        project_id=event.project_id,
        context=event.context,
        created_at=event.created_at,
    )
