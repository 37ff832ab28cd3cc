"""Who may act where only one may. `polyaxon.components.leases` takes, renews and gives them back."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """The right to do `name`, of one owner until `expires_at` (the database's clock).

    `token` counts owners: what was begun under an older one is refused (fencing). `renewals` tells one who watches
    that the owner lives, without comparing clocks.
    """

    name = models.CharField(max_length=128, primary_key=True)
    owner = models.CharField(max_length=128, blank=True, default="")
    token = models.PositiveBigIntegerField(default=0)
    renewals = models.PositiveBigIntegerField(default=0)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} of {self.owner or 'nobody'}"
