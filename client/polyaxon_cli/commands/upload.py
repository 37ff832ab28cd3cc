"""`polyaxon upload`."""

from __future__ import annotations

import click

from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.uploads import upload_folder

__all__ = ["upload"]


@click.command(cls=Command)
@pass_session
def upload(session: Session) -> None:
    """Upload the code of the current folder, without what .polyaxonignore names."""
    report = upload_folder(session, sync=True)
    if session.as_json:
        session.out.raw({"files": report.files, "size": report.size, "skipped": report.skipped})
