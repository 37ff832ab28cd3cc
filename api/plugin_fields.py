"""The newest notebook and tensorboard of what a detail shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from polyaxon.actions.plugins import latest_of
from polyaxon.db.models.plugins import Plugin


class TensorboardFields(serializers.Serializer[Any]):
    """Id of the newest tensorboard, and whether it is under way: null if there never was one."""

    tensorboard = serializers.SerializerMethodField()
    has_tensorboard = serializers.SerializerMethodField()

    def get_tensorboard(self, item: Any) -> int | None:
        return self.newest(latest_of, item)[0]

    def get_has_tensorboard(self, item: Any) -> bool | None:
        return self.newest(latest_of, item)[1]

    def newest(self, find: Callable[[Any], Plugin | None], item: Any) -> tuple[int | None, bool | None]:
        """Id and state of what `find` finds, which is asked once."""
        found: dict[Any, Plugin | None] = self.__dict__.setdefault("_newest", {})
        if find not in found:
            found[find] = find(item)
        row = found[find]
        return (None, None) if row is None else (row.pk, row.is_stoppable)
