"""`polyaxon init`: link the current folder to a project."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from polyaxon_cli import specs, state
from polyaxon_cli.completion import complete_projects
from polyaxon_cli.ignore import DEFAULT_TEXT, IGNORE_FILE
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session

__all__ = ["init"]

POLYAXONFILE = "polyaxonfile.yaml"
SKELETON = """\
version: 1

kind: experiment

build:
  image:

run:
  cmd:
"""


@click.command(cls=Command)
@click.argument("project", shell_complete=complete_projects)
@click.option("--polyaxonfile", is_flag=True, help=f"Write a {POLYAXONFILE} to fill in, or check the one there is.")
@click.option("-y", "--yes", is_flag=True, help="Link the folder to PROJECT without asking; keep an ignore file.")
@pass_session
def init(session: Session, project: str, polyaxonfile: bool = False, yes: bool = False) -> None:
    """Link the current folder to a project and write .polyaxonignore."""
    ref = session.parse_project(project)
    found = session.http.get(ref.path())
    if _may_link(found, yes=yes):
        _link({"user": ref.user, **found})
        session.out.success(f"Project {ref} was initialised in this folder with success.")
    _write_ignore_file(session, yes=yes)
    if polyaxonfile:
        _polyaxonfile(session)


def _link(found: dict[str, object]) -> None:
    if state.PROJECT.read().get("uuid") != found.get("uuid"):
        # The last runs seen here belong to another project.
        for cache in state.CACHES.values():
            cache.delete()
    state.PROJECT.write(found)


def _may_link(found: dict[str, object], *, yes: bool) -> bool:
    known = state.PROJECT.read()
    if yes or not known or known.get("uuid") == found.get("uuid"):
        return True
    return _ask(f"This folder is linked to the project {known.get('name')}. Link it to {found.get('name')} instead?")


def _write_ignore_file(session: Session, *, yes: bool) -> None:
    path = Path(IGNORE_FILE)
    if path.exists():
        same = path.read_text(encoding="utf-8", errors="replace") == DEFAULT_TEXT
        if same or yes or not _ask(f"{IGNORE_FILE} exists. Replace it by the default one?"):
            return
    state.write_atomic(path, DEFAULT_TEXT)
    session.out.message(f"{IGNORE_FILE} was written: it tells what `polyaxon upload` leaves out.")


def _polyaxonfile(session: Session) -> None:
    if Path(POLYAXONFILE).exists():
        specs.load([POLYAXONFILE])
        session.out.message(f"{POLYAXONFILE} is valid.")
        return
    state.write_atomic(Path(POLYAXONFILE), SKELETON)
    session.out.message(f"{POLYAXONFILE} was written: fill in the image and the command.")


def _ask(question: str) -> bool:
    """The person's answer, no by default; no, too, when nobody can answer."""
    try:
        return click.confirm(question, default=False, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo("no", err=True)
        return False
