"""Accounts, sessions and tokens."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "CredentialsRequest": {"username": "olga", "password": "correct horse battery staple"},
    "SignInRequest": {"username": "olga", "password": "correct horse battery staple"},
    "PasswordRequest": {"old": "correct horse battery staple", "new": "another horse, another staple"},
    "NewTokenRequest": {"name": "nightly", "scopes": ["runs"], "expires": "2030-01-01T00:00:00Z"},
}
RESPONSES: dict[str, Any] = {
    "User": {"username": "olga", "email": None, "is_superuser": False},
    "Session": {"user": None, "csrf_token": "k3J0vQ7sX1bN5mZ8cR2tY6wA4eG9hD0p"},
    "Token": {"token": "c3499c2729730a7f807efb8676a92dcb6f8a3f8f"},
    "TokenRow": {
        "id": 15,
        "name": "",
        "scopes": [],
        "created_at": "2026-01-02T03:04:05.678901Z",
        "expires": "2026-02-01T03:04:05.678901Z",
        "current": True,
    },
    "CreatedToken": {
        "id": 16,
        "name": "nightly",
        "scopes": ["runs"],
        "created_at": "2026-01-02T03:04:05.678901Z",
        "expires": "2030-01-01T00:00:00Z",
        "current": False,
        "token": "c3499c2729730a7f807efb8676a92dcb6f8a3f8f",
    },
}
