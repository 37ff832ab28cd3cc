"""Fields of serializers that several resources share."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

FIRST_YEAR, LAST_YEAR = 1900, 9000
MAX_TTL = 2**31 - 1


@extend_schema_field({"type": "string", "pattern": "^[0-9a-f]{32}$", "readOnly": True})
class HexUUIDField(serializers.UUIDField):
    """32 hex digits, read only."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="hex", read_only=True, **kwargs)


class TimeField(serializers.DateTimeField):
    """ISO 8601; years that survive any change of zone."""

    def to_representation(self, value: Any) -> Any:
        return wire_time(value) if isinstance(value, datetime) else super().to_representation(value)

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime = super().to_internal_value(value)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise serializers.ValidationError(f"The year must be between {FIRST_YEAR} and {LAST_YEAR}.")
        return moment


class JSONObjectField(serializers.DictField):
    """A JSON object with any content."""


class TextField(serializers.CharField):
    """A text or null."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"required": False, "allow_null": True, "allow_blank": True, **kwargs}
        super().__init__(**kwargs)


class TagsField(serializers.ListField):
    """A list of texts of 1 to 64 characters, or null."""

    child = serializers.CharField(max_length=64)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, **kwargs})


class TtlField(serializers.IntegerField):
    """Seconds that what a finished run leaves with its runner is kept; null for the runner's own time."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, min_value=0, max_value=MAX_TTL, **kwargs)


def wire_time(moment: datetime) -> str:
    """`moment` as answers show it: ISO 8601 in the server's zone, `Z` for UTC."""
    text = moment.astimezone(timezone.get_default_timezone()).isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def aware(moment: datetime) -> datetime:
    """`moment` in UTC; without an offset it is taken as the server's zone. Raises ValueError."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"the year must be between {FIRST_YEAR} and {LAST_YEAR}")
    if moment.tzinfo is None:
        moment = timezone.make_aware(moment)
    return moment.astimezone(UTC)


def hex_uuid(text: str) -> uuid.UUID | None:
    """The UUID written as `text`, or None."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
