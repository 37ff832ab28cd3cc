"""The platform itself."""

from __future__ import annotations

from typing import Any


def _healthy(message: str) -> dict[str, Any]:
    return {"is_healthy": True, "message": message, "severity": "info"}


REQUESTS: dict[str, Any] = {
    "set_options.request": {"BUILD_JOBS:LANG_ENV": "en_US.UTF-8"},
    "set_owner_options.request": {"BUILD_JOBS:LANG_ENV": "en_US.UTF-8"},
}
RESPONSES: dict[str, Any] = {
    "OwnOption": {"key": "BUILD_JOBS:LANG_ENV", "option": "en_US.UTF-8", "is_secret": False},
    "set_owner_options.200": {},
    "Health": {"status": "ok"},
    "LogHandler": {
        "dsn": None,
        "environment": "local",
        "tags": {
            "cli_min_version": "0.6.0",
            "cli_latest_version": "0.7.0",
            "platform_min_version": "0.6.0",
            "platform_latest_version": "0.7.0",
            "chart_version": "0.7.0",
        },
    },
    "get_options.200": [
        {
            "key": "BUILD_JOBS:LANG_ENV",
            "typing": "str",
            "is_list": False,
            "is_secret": False,
            "description": "`LANG` in built images.",
            "value": None,
        }
    ],
    "set_options.200": {},
    "Components": {
        "POSTGRES": _healthy("The database (SQLite) answers. It holds 1.3 MiB."),
        "RABBITMQ": _healthy("Not in use: messages travel inside of this process."),
        "REDIS": _healthy("Not in use."),
        "SCHEDULER": _healthy("1 worker answered."),
        "HPSEARCH": _healthy("1 worker answered."),
        "EVENTS": _healthy("1 worker answered."),
        "K8SEVENTS": _healthy("Not in use: runs are processes of this machine."),
        "CRONS": {"is_healthy": False, "message": "No periodic pass has run yet.", "severity": "warning"},
        "STREAMS": _healthy("Served by the process that answers this."),
    },
    "ChartVersion": {"version": "0.7.0"},
    "get_schema_polyaxonfile.200": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Polyaxonfile",
        "description": "What a run, a search, an image or a service is made from.",
        "type": "object",
        "required": ["version", "kind"],
        "properties": {"version": {"const": 1}, "kind": {"enum": ["experiment", "group", "job"]}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": "experiment"}}, "required": ["kind"]},
                "then": {"$ref": "#/$defs/Experiment"},
            }
        ],
        "$defs": {"Experiment": {"type": "object", "properties": {"run": {"$ref": "#/$defs/Run"}}}},
    },
    "Version": {"latest_version": "0.7.0", "min_version": "0.6.0"},
}
