"""Rows that exist to be locked."""

from __future__ import annotations

from django.db import models


class PassLock(models.Model):
    """Held by a pass that only one process may do at a time.

    `version` counts how often it was held: one who has read it, and finds it the same, knows that nobody did meanwhile.
    """

    name = models.CharField(max_length=64, primary_key=True)
    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
