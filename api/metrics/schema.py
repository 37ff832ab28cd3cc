"""What OpenAPI says of posted metrics, which do not pass through serializers."""

from __future__ import annotations

from typing import Any

_NUMBER: dict[str, Any] = {
    "type": ["number", "string", "null"],
    "description": "A number, or one of the texts `NaN`, `Infinity`, `-Infinity`.",
}
_ROW: dict[str, Any] = {
    "type": "object",
    "description": "Values that were measured together. Null records nothing.",
    "required": ["values"],
    "properties": {
        "values": {"type": "object", "additionalProperties": _NUMBER},
        "created_at": {"type": ["string", "null"], "format": "date-time", "description": "By default now."},
        "step": {"type": ["integer", "null"], "format": "int64", "description": "By default the next of each series."},
    },
}
_SERIES: dict[str, Any] = {
    "type": "object",
    "required": ["name", "values"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 500},
        "values": {"type": "array", "items": _NUMBER, "description": "Here null is NaN."},
        "steps": {
            "type": ["array", "null"],
            "items": {"type": "integer", "format": "int64"},
            "description": "As many as values; by default they are counted on.",
        },
        "times": {
            "type": ["array", "null"],
            "items": {"type": "number"},
            "description": "Unix time in seconds, as many as values; by default now.",
        },
    },
}
_BATCH: dict[str, Any] = {
    "type": "object",
    "description": "Several series, column by column: the quickest way in.",
    "required": ["series"],
    "properties": {
        "series": {"type": "array", "items": _SERIES},
        "batch": {"type": ["string", "null"], "format": "uuid", "description": "As the header X-Polyaxon-Batch."},
    },
}
POSTED_SCHEMA: dict[str, Any] = {"oneOf": [_ROW, {"type": "array", "items": _ROW}, _BATCH]}
