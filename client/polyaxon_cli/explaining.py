"""What `polyaxon run` did, for the person: which run, at which commit, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from polyaxon_cli.session import FLAGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_cli.session import Session

__all__ = ["explain_run", "page_of"]

SHOWN_COMMIT = 12


def page_of(session: Session, kind: str, run: int) -> str:
    """Address of a run's page in the dashboard."""
    return f"{session.http.root_url}/app/{session.project().path(f'{kind}s', run)}".rstrip("/")


def explain_run(session: Session, kind: str, created: Mapping[str, Any]) -> None:
    """Tell about a run that was just created."""
    run = int(created["id"])
    label = "Experiment group" if kind == "group" else kind.capitalize()
    session.out.success(f"{label} `{run}` was created.")
    commit = "" if kind == "group" else _commit(session, kind, run)
    if commit:
        session.out.message(f"  code    commit {commit[:SHOWN_COMMIT]} of {session.project()}")
    session.out.message(f"  page    {page_of(session, kind, run)}")
    more = "get --watch" if kind == "group" else "logs"
    session.out.message(f"  follow  polyaxon {kind} {FLAGS[kind]} {run} {more}")


def _commit(session: Session, kind: str, run: int) -> str:
    """The commit that the run runs; empty when it runs no code of the project."""
    from polyaxon_client.exceptions import PolyaxonClientException

    try:
        reference = session.http.get(session.project().path(f"{kind}s", run, "coderef"))
    except PolyaxonClientException:
        return ""  # the run is there, which is what counts
    return str((reference or {}).get("commit") or "")
