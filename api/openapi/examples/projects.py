"""Projects."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NewProjectRequest": {
        "name": "digits",
        "description": "Recognizes digits.",
        "tags": ["vision"],
        "is_public": False,
    },
    "ChangedProjectRequest": {
        "name": "digits",
        "description": "Recognizes handwritten digits.",
        "tags": ["vision", "mnist"],
    },
}
RESPONSES: dict[str, Any] = {
    "Project": {
        "id": 1,
        "uuid": "c4ca4238a0b923820dcc509a6f75849b",
        "user": "olga",
        "name": "digits",
        "owner": "acme",
        "unique_name": "acme.digits",
        "description": None,
        "tags": None,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "is_public": False,
        "bookmarked": True,
    },
    "ProjectDetail": {
        "id": 1,
        "uuid": "c4ca4238a0b923820dcc509a6f75849b",
        "user": "olga",
        "name": "digits",
        "owner": "acme",
        "unique_name": "acme.digits",
        "description": None,
        "tags": None,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "is_public": False,
        "bookmarked": True,
        "readme": None,
        "tensorboard": 1,
        "notebook": 1,
        "has_tensorboard": False,
        "has_notebook": False,
        "has_code": True,
        "num_experiment_groups": 2,
        "num_experiments": 2,
        "num_independent_experiments": 2,
        "num_jobs": 1,
        "num_builds": 2,
    },
    "ProjectName": {"user": "acme", "unique_name": "acme.digits"},
    "ProjectCreated": {
        "id": 3,
        "uuid": "a5bfc9e07964f8dddeb95fc584cd965d",
        "user": "olga",
        "name": "digits",
        "owner": "olga",
        "unique_name": "olga.digits",
        "description": "Recognizes digits.",
        "tags": ["vision"],
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "is_public": False,
        "readme": None,
    },
}
