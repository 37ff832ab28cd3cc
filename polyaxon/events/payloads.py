"""Events as the outside is told of them."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from polyaxon.db.models import Event

VERSION = 1
# What somebody did for themselves alone: nobody else is told.
PERSONAL_ACTIONS = frozenset({"viewed", "bookmarked", "unbookmarked"})
PERSONAL_SUBJECTS = frozenset({"search"})


def is_personal(event: Event) -> bool:
    return event.subject in PERSONAL_SUBJECTS or event.event_type.partition(".")[2] in PERSONAL_ACTIONS


def payload(event: Event, project: str | None) -> dict[str, Any]:
    """The versioned form of an event; `project` is the unique name of its project."""
    return {
        "v": VERSION,
        "id": event.pk,
        "type": event.event_type,
        "subject": event.subject,
        "object_id": event.object_id,
        "project": project,
        "context": event.context,
        "created_at": event.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
