"""Values of options: read through a cache of the process, written to the database."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from django.db import transaction

from polyaxon.db.models import ConfigOption, Owner
from polyaxon.errors import InvalidInput, Refused
from polyaxon.options.definitions import Option, OptionStore
from polyaxon.options.registry import OPTIONS
from polyaxon.options.settings_keys import configured, setting_value
from polyaxon.security.encryption import decrypt, encrypt

_Place = tuple[int | None, str]
_UNSET = object()
# Options whose setting has another name.
_SETTINGS = {"TTL:TOKEN": "ttl_token_days", "TTL:HEARTBEAT": "heartbeat_timeout"}
# Value and the moment until which it holds, by owner and key.
_cache: dict[_Place, tuple[Any, float]] = {}


def value(key: str, *, owner: Owner | None = None) -> Any:
    """What holds for `key`: the owner's value if it may have one, else the cluster's, else the default.

    Readers name keys of the registry: an unknown one is a defect and raises KeyError.
    """
    option = OPTIONS[key]
    if option.store is OptionStore.SETTINGS:
        return setting_value(key)
    own = _cached(option, owner) if owner is not None and option.per_owner else _UNSET
    found = _cached(option, None) if own is _UNSET else own
    return default(option) if found is _UNSET else found


def default(option: Option) -> Any:
    """The setting of the same name, or the built-in default."""
    setting = configured(_SETTINGS.get(option.key, option.key.lower().replace(":", "_")))
    return option.default if setting is None else option.parse(setting)


def stored(row: ConfigOption) -> Any:
    """The value in a row. Raises `Undecryptable`."""
    return json.loads(decrypt(row.secret)) if row.secret is not None else row.value


@transaction.atomic
def write(option: Option, given: Any, *, owner: Owner | None = None) -> None:
    """Store a value of the cluster, or of `owner`. Raises `InvalidInput`, and `Refused` if owners have none."""
    _check_writable(option, owner)
    found = option.parse(given)
    values = (
        {"value": None, "secret": encrypt(json.dumps(found))} if option.is_secret else {"value": found, "secret": None}
    )
    ConfigOption.objects.update_or_create(owner=owner, key=option.key, defaults=values)
    _forget(option, owner)


@transaction.atomic
def remove(option: Option, *, owner: Owner | None = None) -> None:
    """Back to the default."""
    _check_writable(option, owner)
    ConfigOption.objects.filter(owner=owner, key=option.key).delete()
    _forget(option, owner)


def forget_cached() -> None:
    """Have this process read everything anew."""
    _cache.clear()


def _check_writable(option: Option, owner: Owner | None) -> None:
    if option.store is OptionStore.SETTINGS:
        raise InvalidInput(f"{option.key} is a setting of the process. Change it where the platform is started.")
    if owner is not None and not option.per_owner:
        raise Refused(f"{option.key} holds for the whole cluster. Only administrators change it, at `options`.")


def _cached(option: Option, owner: Owner | None) -> Any:
    place = _place(option, owner)
    found, until = _cache.get(place, (_UNSET, 0.0))
    if time.monotonic() >= until:
        row = ConfigOption.objects.filter(owner=owner, key=option.key).first()
        found = _UNSET if row is None else stored(row)
        _cache[place] = (found, time.monotonic() + option.cache_seconds)
    return found


def _place(option: Option, owner: Owner | None) -> _Place:
    return (owner.pk if owner else None, option.key)


def _forget(option: Option, owner: Owner | None) -> None:
    """Now, for this transaction, and again after it, for what others read meanwhile."""
    place = _place(option, owner)
    _cache.pop(place, None)
    transaction.on_commit(partial(_cache.pop, place, None))
