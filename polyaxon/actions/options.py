"""Changes of options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from polyaxon import options
from polyaxon.db.models import Owner
from polyaxon.errors import InvalidInput


@transaction.atomic
def change_options(changes: Mapping[str, Any], *, owner: Owner | None = None) -> None:
    """Store values of the cluster, or of `owner`; null and the empty text go back to the default.

    All or none: `InvalidInput` for an empty request, an unknown key or a wrong value, `Refused` for an option that
    holds for the whole cluster.
    """
    if not changes:
        raise InvalidInput("Send at least one option: a JSON object of keys and values.")
    for key, given in changes.items():
        option = options.find(key)
        if given is None or given == "":
            options.remove(option, owner=owner)
        else:
            options.write(option, given, owner=owner)
