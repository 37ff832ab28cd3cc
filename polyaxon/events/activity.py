"""The activity log: what people did, kept apart from the stream of statuses."""

from __future__ import annotations

from polyaxon.db.models import ActivityLog, Event
from polyaxon.db.prepared import append
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
def log_activity(event: Event) -> None:
    """Copy a person's act to the activity log."""
    if event.actor_id is None or event.event_type.split(".")[1] not in LOGGED:
        return
    append(
        ActivityLog(
            event_type=event.event_type,
            subject=event.subject,
            object_id=event.object_id,
            actor_id=event.actor_id,
            project_id=event.project_id,
            context=event.context,
            created_at=event.created_at,
        )
    )
