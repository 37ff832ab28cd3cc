"""What sets experiments apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["differences"]

# What differs between any two, and what has rows of its own.
LEFT_OUT = frozenset(
    {
        *("id", "uuid", "unique_name", "created_at", "updated_at", "started_at", "finished_at", "content"),
        *("code_reference", "jobs", "num_jobs", "user", "project", "bookmarked", "readme"),
    }
)
FIRST = ("name", "last_status", "total_run", "commit")
NESTED = {"params": "params", "last_metric": "metrics", "resources": "resources", "run_env": "run_env"}


def differences(experiments: Sequence[Mapping[str, Any]], *, everything: bool = False) -> list[dict[str, Any]]:
    """Rows `{"name": field, "<id>": value, ...}` of fields whose values differ; with `everything` all fields.

    Entries of `params`, metrics, resources and environment are fields of their own, such as `params.lr`.
    """
    flat = {str(one["id"]): _flat(one) for one in experiments}
    names = list(dict.fromkeys(name for fields in flat.values() for name in fields))
    rows = [
        {"name": name, **{run: fields.get(name) for run, fields in flat.items()}} for name in sorted(names, key=_place)
    ]
    return rows if everything else [row for row in rows if not _alike([row[run] for run in flat])]


def _flat(experiment: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    run_env = dict(experiment.get("run_env") or {})
    run_env.pop("pid", None)
    packages = dict(str(package).partition("==")[::2] for package in run_env.pop("packages", None) or [])
    fields.update({f"packages.{name}": version for name, version in packages.items()})
    for key, value in {**experiment, "run_env": run_env}.items():
        if key in NESTED:
            fields.update({f"{NESTED[key]}.{name}": entry for name, entry in (value or {}).items()})
        elif key not in LEFT_OUT:
            fields[key] = value
    return fields


def _place(name: str) -> tuple[int, str]:
    """Status and commit first, then parameters, metrics, the rest."""
    if name in FIRST:
        return FIRST.index(name), ""
    section = name.partition(".")[0]
    order = [*FIRST, "params", "metrics", "resources"]
    return (order.index(section), name) if "." in name and section in order else (len(order), name)


def _alike(values: Sequence[Any]) -> bool:
    # NaN is not equal to itself, but two experiments that both reached it are alike in that.
    return all(value == values[0] or (value != value and values[0] != values[0]) for value in values)  # noqa: PLR0124
