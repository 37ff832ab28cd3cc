"""Bookmarks, searches, activity and webhooks."""

from __future__ import annotations

from typing import Any

REQUESTS: dict[str, Any] = {
    "NewSearchRequest": {"name": "good-ones", "query": {"query": "metrics.loss:<0.3", "sort": "-created_at"}},
    "NewWebhookRequest": {
        "url": "https://hooks.example.com/runs",
        "events": ["experiment.succeeded", "experiment.failed"],
        "enabled": True,
    },
    "ChangedWebhookRequest": {"enabled": False},
}
RESPONSES: dict[str, Any] = {
    "CreatedWebhook": {
        "id": 2,
        "url": "https://hooks.example.com/runs",
        "events": ["experiment.succeeded", "experiment.failed"],
        "enabled": True,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
        "secret": "c3499c2729730a7f807efb8676a92dcb6f8a3f8f",
    },
    "Webhook": {
        "id": 1,
        "url": "https://example.com/hook",
        "events": ["*"],
        "enabled": True,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-01-02T03:04:05.678901Z",
    },
    "Delivery": {
        "id": 20,
        "uuid": "4e732ced3463d06de0ca9a15b6153677",
        "event_type": "experiment.created",
        "payload": {
            "v": 1,
            "id": 83,
            "type": "experiment.created",
            "subject": "experiment",
            "object_id": 3,
            "project": "acme.digits",
            "context": {},
            "created_at": "2026-01-02T03:04:05.678901Z",
        },
        "status": "pending",
        "attempts": 0,
        "due_at": "2026-01-02T03:04:05.678901Z",
        "response_code": None,
        "error": "",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "finished_at": None,
    },
    "Activity": {
        "id": 61,
        "event_action": "created",
        "event_subject": "experiment",
        "actor": "olga",
        "created_at": "2026-01-02T03:04:05.678901Z",
        "object_id": 3,
        "object_name": "acme.digits.3",
    },
    "Search": {
        "id": 7,
        "name": "good-ones",
        "query": {"query": "metrics.loss:<0.3", "sort": "-created_at"},
        "meta": {},
    },
}
