"""The history of what people looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from api.authentication import run_token
from polyaxon.db.models import User
from polyaxon.events import emit

if TYPE_CHECKING:
    from django.db import models
    from rest_framework.request import Request


def record_view(request: Request, instance: models.Model) -> None:
    """Note that the one who asks looked at `instance`. Runs and services look at nothing."""
    if request.method == "GET" and isinstance(request.user, User) and run_token(request) is None:
        with transaction.atomic():
            emit("viewed", instance, actor=request.user)
