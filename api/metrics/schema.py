"""What OpenAPI says of posted metrics, which do not pass through serializers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

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
POSTED_EXAMPLES = [
    OpenApiExample("One row", {"values": {"loss": 0.31, "acc": 0.9}, "step": 10}, request_only=True),
    OpenApiExample("Rows", [{"values": {"loss": 0.31}}, {"values": {"loss": 0.28}}], request_only=True),
    OpenApiExample(
        "A batch of series",
        {
            "batch": "5f0d0a4e-6a5c-4e3e-9d1c-2f3b8a7c6d5e",
            "series": [
                {"name": "loss", "steps": [1, 2, 3], "times": [1.7e9, 1.7e9 + 1, 1.7e9 + 2], "values": [3.0, 2.0, 1.5]},
                {"name": "acc", "values": [0.5, 0.6]},
            ],
        },
        request_only=True,
    ),
]
