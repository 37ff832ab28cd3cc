"""The server's settings, with tables made from the models as they are."""

from __future__ import annotations

from polyaxon.settings import *  # noqa: F403

MIGRATION_MODULES = {"db": None}
CORS_ALLOWED_ORIGINS = ["https://ml.example.com"]
