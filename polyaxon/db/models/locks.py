"""Rows that exist to be locked."""

from __future__ import annotations

from django.db import models


class PassLock(models.Model):
    """Held by a pass that only one process may do at a time."""

    name = models.CharField(max_length=64, primary_key=True)

    def __str__(self) -> str:
        return self.name
