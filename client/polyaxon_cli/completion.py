"""What the shell offers after a TAB: projects and ids from the server. Quick, and silent on failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from click.shell_completion import CompletionItem

from polyaxon_cli.session import Session

if TYPE_CHECKING:
    import click

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

__all__ = ["complete_projects", "complete_runs", "complete_runs_and_metrics"]

# Seconds that a person waits at most after a TAB.
PATIENCE = 1.5
MOST = 100


def complete_projects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the user's projects; after `USER/` those of that user."""
    del param
    return _quietly(lambda: _projects(_session(ctx), incomplete))


def complete_runs(kind: str) -> Completer:
    """Ids of the newest runs of `kind` in the project that is meant, with name and status."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del param
        return _quietly(lambda: _runs(_newest(_session(ctx), kind), incomplete))

    return complete


def complete_runs_and_metrics(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For `ID... METRIC`, of which nobody knows yet where the ids end."""
    del param
    session = _session(ctx)
    return _quietly(lambda: _runs_and_metrics(_newest(session, "experiment"), incomplete))


def _session(ctx: click.Context) -> Session:
    session = ctx.ensure_object(Session)
    session.patience = PATIENCE
    return session


def _quietly(find: Callable[[], list[CompletionItem]]) -> list[CompletionItem]:
    """Nothing when anything goes wrong: a message would land in the line that is being typed."""
    try:
        return find()
    except Exception:  # noqa: BLE001  see above
        return []


def _projects(session: Session, incomplete: str) -> list[CompletionItem]:
    user, slash, _ = incomplete.partition("/")
    owner, prefix = (user, f"{user}/") if slash else (session.user(), "")
    rows = session.http.get(session.http.path(owner), {"limit": MOST})["results"]
    return _starting([(f"{prefix}{row['name']}", row.get("description")) for row in rows], incomplete)


def _runs(rows: list[dict[str, Any]], incomplete: str) -> list[CompletionItem]:
    return _starting([(str(row["id"]), f"{row['unique_name']} {row['last_status']}") for row in rows], incomplete)


def _runs_and_metrics(rows: list[dict[str, Any]], incomplete: str) -> list[CompletionItem]:
    """Of the metrics those that the newest experiments of the project recorded."""
    names = sorted({name for row in rows for name in row.get("last_metric") or {}})
    return [*_runs(rows, incomplete), *_starting([(name, None) for name in names], incomplete)]


def _newest(session: Session, kind: str) -> list[dict[str, Any]]:
    answer: dict[str, Any] = session.http.get(
        session.project().path(f"{kind}s"), {"limit": MOST, "sort": "-created_at"}
    )
    return list(answer["results"])


def _starting(found: list[tuple[str, Any]], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(value, help=text or None) for value, text in found if value.startswith(incomplete)]
