"""The code of projects."""

from __future__ import annotations

from typing import Any

_COMMIT: dict[str, Any] = {
    "id": 3,
    "repo": None,
    "external_repo": None,
    "branch": "master",
    "commit": "5f0d0a4e6a5c4e3e9d1c2f3b8a7c6d5e01234567",
    "head": None,
    "is_dirty": False,
    "git_url": None,
}
_NO_CODE: dict[str, Any] = {
    "repo": None,
    "external_repo": None,
    "branch": "",
    "commit": "",
    "head": "",
    "is_dirty": False,
    "git_url": "",
}
_REPO: dict[str, Any] = {
    "project": "digits",
    "created_at": "2026-01-02T03:04:05.678901Z",
    "updated_at": "2026-01-02T03:04:05.678901Z",
    "is_public": True,
}
REQUESTS: dict[str, Any] = {
    "ExternalRepoRequest": {"git_url": "https://git.example.com/olga/digits.git", "is_public": False},
    "NewExternalRepoRequest": {"git_url": "https://git.example.com/olga/digits.git", "is_public": True},
    "CIRequest": {"config": {}},
}
RESPONSES: dict[str, Any] = {
    "CI": {"config": None, "created_at": "2026-01-02T03:04:05.678901Z", "updated_at": "2026-01-02T03:04:05.678901Z"},
    "CodeReference": _COMMIT,
    "sync_project_repo.200": "CI has nothing new to run.",
    "upload_project_repo.200": "CI has nothing new to run.",
}
SEVERAL: dict[str, dict[str, Any]] = {
    "AnyRepo": {"Uploaded": _REPO, "External": {**_REPO, "git_url": "https://git.example.com/olga/digits.git"}},
    "AnyCodeReference": {"A commit": _COMMIT, "No code": _NO_CODE},
}
