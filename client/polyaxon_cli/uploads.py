"""Uploading the current folder to a project."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from polyaxon_cli import state
from polyaxon_cli.archive import PackReport, pack, size_text, upload_limit, warning_size
from polyaxon_cli.errors import CliError, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polyaxon_cli.output import Output
    from polyaxon_cli.session import ProjectRef, Session

__all__ = ["progress_bar", "upload_folder"]


def upload_folder(session: Session, *, sync: bool = False) -> PackReport:
    """Pack the current folder and send it to the project initialised here.

    `sync` lets the project's continuous integration look at the new code.
    """
    if not state.PROJECT.read().get("name"):
        raise CliError("No project is initialised in this folder", "Run `polyaxon init PROJECT` here")
    project = session.project()
    with tempfile.TemporaryDirectory(prefix="polyaxon-") as folder:
        archive = Path(folder) / f"{project.name}.tar.gz"
        report = _pack(session, archive)
        _send(session, project, archive, sync=sync)
    session.out.success(f"Uploaded {report.files} files ({size_text(report.size)}) to {project}.")
    return report


def _pack(session: Session, archive: Path) -> PackReport:
    with archive.open("wb") as target, progress_bar(session.out, "Packing", None) as advance:
        report = pack(Path.cwd(), target, limit=upload_limit(), progress=lambda size: advance(size, None))
    for name in report.skipped:
        session.out.warning(f"{name} is left out: it is neither a file nor a link.")
    if not report.files:
        raise CliError("There is nothing to upload in this folder", "Check .polyaxonignore")
    if report.size > warning_size():
        session.out.warning(
            f"The upload has {size_text(report.size)}: keep data out of the code, with .polyaxonignore."
        )
    return report


def _send(session: Session, project: ProjectRef, archive: Path, *, sync: bool) -> None:
    from polyaxon_client.exceptions import ConnectionFailed

    data = {"json": json.dumps({"sync": True})} if sync else None
    with progress_bar(session.out, "Uploading", archive.stat().st_size) as advance:
        try:
            session.http.upload(
                project.path("repo", "upload"),
                archive,
                data=data,
                progress=lambda sent, _total: advance(sent, None),
            )
        except ConnectionFailed as error:
            # The server takes an archive as a whole or not at all, and the same code twice is one commit.
            raise CliError(f"The upload broke off: {one_line(str(error))}", "Run it again; that is safe") from error


@contextmanager
def progress_bar(out: Output, title: str, total: int | None) -> Iterator[Callable[[int, int | None], None]]:
    """A bar of bytes on a terminal, nothing elsewhere; call it with the bytes so far and all, when known."""
    if not out.interactive:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=out.console(), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def advance(done: int, known: int | None) -> None:
            bar.update(task, completed=done, total=known if known is not None else total)

        yield advance
