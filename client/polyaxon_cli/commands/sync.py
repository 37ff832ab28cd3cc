"""`polyaxon sync`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from polyaxon_cli.errors import CliError
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from polyaxon_client.workers.spool import Spool

__all__ = ["sync"]


@click.command(cls=Command)
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--keep", is_flag=True, help="Leave recordings where they are after they arrived.")
@click.option("--list", "only_list", is_flag=True, help="Only show what waits.")
@click.option("--wait", "seconds", type=float, default=60.0, show_default=True, help="Seconds to wait for the server.")
@pass_session
def sync(session: Session, folder: Path | None, keep: bool, only_list: bool, seconds: float) -> None:
    """Send what was tracked offline, or while the server was away.

    FOLDER is a recording or holds some. Without it, all that runs of this account left on this machine for the
    configured server are sent.
    """
    found = _recordings(folder)
    if not found:
        session.out.message("Nothing waits to be sent.")
        return
    reports = [_one(session, one, keep, only_list, seconds, chosen=folder is not None) for one in found]
    if session.as_json:
        session.out.raw(reports)
    if any(report["refused"] for report in reports):
        raise CliError(
            "The server refused a part, which stays in the recordings as refused.jsonl",
            "The messages above name the reasons",
        )


def _recordings(folder: Path | None) -> list[Path]:
    from polyaxon_client.settings import load_settings
    from polyaxon_client.workers.spool import recordings

    settings = load_settings()
    roots = [folder] if folder else [settings.offline_path, settings.spool_path]
    return [recording for root in roots for recording in recordings(root)]


def _one(
    session: Session, folder: Path, keep: bool, only_list: bool, seconds: float, *, chosen: bool
) -> dict[str, str | int]:
    """Send or list a recording; what became of it."""
    from polyaxon_client.workers.replay import replay
    from polyaxon_client.workers.spool import Busy, Spool

    report: dict[str, str | int] = {"folder": str(folder), "sent": 0, "refused": 0, "waiting": 0}
    try:
        spool = Spool.load(folder)
    except Busy:
        session.out.message(f"{folder}: still in use by a run, left alone.")
        return report
    except ValueError as error:
        raise CliError(f"{folder} cannot be read: {error}", "Give a folder that a run recorded") from error
    report["waiting"] = len(spool)
    spool.forget()
    if only_list or _is_for_another(session, spool, chosen=chosen):
        session.out.message(f"{folder}: {len(spool)} updates of {_of(spool)} wait.")
        return report
    done = replay(folder, session.http.connection, keep=keep, patience=seconds)
    report.update(sent=done.sent, refused=done.refused, waiting=0)
    session.out.message(f"{folder}: {done.sent} updates of {_of(spool)} were sent.")
    return report


def _is_for_another(session: Session, spool: Spool, *, chosen: bool) -> bool:
    """Whether a recording that nobody named was made for another server."""
    return not chosen and spool.server not in {"", session.http.connection.base_url}


def _of(spool: Spool) -> str:
    names = sorted({f"{run.username}/{run.project}" if run.username else run.project for run in spool.targets})
    where = f" for {spool.server}" if spool.server else ""
    return f"{', '.join(names) or 'no project'}{where}"
