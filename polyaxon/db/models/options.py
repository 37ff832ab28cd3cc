"""Values of options that differ from their defaults."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.users import Owner


class ConfigOption(Timestamped):
    """One value: of the whole cluster, or of one owner. A secret one is stored encrypted."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, null=True, blank=True, related_name="options")
    key = models.CharField(max_length=256)
    value = models.JSONField(null=True, blank=True)
    secret = models.TextField(null=True, blank=True)  # noqa: DJ001 - exactly one of the two is set

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "key"], name="option_owner_key"),
            models.UniqueConstraint(fields=["key"], condition=Q(owner=None), name="option_cluster_key"),
            models.CheckConstraint(
                condition=Q(value__isnull=True, secret__isnull=False) | Q(value__isnull=False, secret__isnull=True),
                name="option_value_or_secret",
            ),
        ]

    def __str__(self) -> str:
        return self.key
