"""Organizations and teams."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NewOrganizationRequest": {"name": "vision-lab", "description": "Everything with images."},
    "ChangedOrganizationRequest": {"description": "Everything with images and films."},
    "NewMemberRequest": {"user": "otto", "role": "member"},
    "RoleRequest": {"role": "owner"},
    "TeamNameRequest": {"name": "annotators"},
    "NewTeamMemberRequest": {"user": "otto"},
    "NewTeamProjectRequest": {"project": "digits", "role": "contributor"},
    "ProjectRoleRequest": {"role": "maintainer"},
}
RESPONSES: dict[str, Any] = {
    "Organization": {
        "name": "vision-lab",
        "description": "Everything with images.",
        "role": "owner",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    },
    "Membership": {
        "user": "otto",
        "role": "member",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    },
    "Team": {
        "name": "annotators",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    },
    "TeamMember": {"user": "anna", "created_at": "2026-01-02T03:04:05.678901Z"},
    "TeamProject": {
        "project": "digits",
        "role": "contributor",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    },
}
