"""Lists of a project's runs, for `project experiments`, `experiment list` and `group experiments` alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_cli import columns
from polyaxon_cli.options import page_params

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from polyaxon_cli.session import Session

__all__ = ["all_results", "list_experiments", "list_runs"]

COLUMNS = {
    "experiments": columns.EXPERIMENTS,
    "groups": columns.GROUPS,
    "jobs": columns.JOBS,
    "builds": columns.BUILDS,
    "tensorboards": columns.TENSORBOARDS,
}
# Enough for most histories in one answer, small enough to be answered quickly.
BATCH = 1000


def list_runs(session: Session, kind: str, *, query: str | None, sort: str | None, page: int) -> None:
    """One page of one kind of runs."""
    params = {"query": query, "sort": sort, **page_params(page)}
    answer = session.http.get(session.project().path(kind), params)
    session.out.page(answer, COLUMNS[kind], title=kind.capitalize(), current=page)


def list_experiments(
    session: Session,
    *,
    query: str | None = None,
    sort: str | None = None,
    page: int = 1,
    group: int | None = None,
    independent: bool = False,
    metrics: bool = False,
    params: bool = False,
) -> None:
    """One page of experiments, with a column for each metric or parameter when asked for."""
    asked = {
        "query": query,
        "sort": sort,
        "group": group,
        "independent": independent or None,
        "metrics": metrics or None,
        "params": (params and not metrics) or None,
    }
    answer = session.http.get(session.project().path("experiments"), {**asked, **page_params(page)})
    if session.as_json or not (metrics or params):
        shown: Sequence[str] = columns.IN_GROUP if group else columns.EXPERIMENTS
        session.out.page(answer, shown, title="Experiments", current=page)
        return
    key = "last_metric" if metrics else "params"
    lead = ["id", "unique_name", "total_run"] if metrics else ["id", "unique_name"]
    flat, names = _spread(answer.get("results") or [], key, lead)
    session.out.page({**answer, "results": flat}, [*lead, *names], title="Experiments", current=page)


def all_results(session: Session, path: str, params: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Every object of a list, page after page."""
    offset = 0
    while True:
        answer = session.http.get(path, {**(params or {}), "limit": BATCH, "offset": offset or None})
        results = answer.get("results") or []
        yield from results
        offset += len(results)
        if not results or not answer.get("next"):
            return


def _spread(rows: Sequence[dict[str, Any]], key: str, lead: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows with the entries of `key` as columns of their own, and those columns in order of appearance.

    A metric named like a leading column shows under that column's name with a prefix, and never replaces it.
    """
    names = {name: f"{key}.{name}" if name in lead else name for row in rows for name in row.get(key) or {}}
    flat = [{**row, **{names[name]: value for name, value in (row.get(key) or {}).items()}} for row in rows]
    return flat, list(names.values())
