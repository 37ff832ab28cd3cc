"""Sub-commands of `polyaxon project` about its code, its CI, its builds and bookmarks."""

from __future__ import annotations

from typing import Any

import click

from polyaxon_cli.commands.shared import download_code
from polyaxon_cli.lists import list_runs
from polyaxon_cli.options import project_option, query_options
from polyaxon_cli.session import Session, pass_session

__all__ = ["add_code_commands", "add_more_lists"]


def add_more_lists(group: click.Group) -> None:
    """`jobs`, `builds`, `groups` and `tensorboards`."""
    for kind, title in {
        "groups": "experiment groups",
        "jobs": "jobs",
        "builds": "builds",
        "tensorboards": "tensorboards",
    }.items():
        _add_list(group, kind, title)


def _add_list(group: click.Group, kind: str, title: str) -> None:
    @group.command(kind, help=f"List {title}.")
    @project_option()
    @query_options
    @pass_session
    def list_(session: Session, query: str | None, sort: str | None, page: int) -> None:
        list_runs(session, kind, query=query, sort=sort, page=page)


def add_code_commands(group: click.Group) -> None:
    """`git`, `ci`, `download`, `invalidate-builds`, `bookmark` and `unbookmark`."""
    _add_git(group)
    _add_ci(group)
    _add_rest(group)


def _add_git(group: click.Group) -> None:
    @group.command()
    @project_option()
    @click.option("--url", help="Address of the repository that the project's code comes from.")
    @click.option("--private", is_flag=True, help="The repository needs credentials.")
    @click.option("--sync", is_flag=True, help="Fetch its newest commits now.")
    @pass_session
    def git(session: Session, url: str | None, private: bool, sync: bool) -> None:
        """Link the project to a git repository, or fetch its newest commits."""
        if not url and not sync:
            raise click.UsageError("Give --url to link a repository, --sync to fetch its commits.")
        ref = session.project()
        if url:
            session.http.post(ref.path("repo", "external"), {"git_url": url, "is_public": not private})
            session.out.success(f"The code of {ref} comes from {url} now: set with success.")
        if sync:
            answer = session.http.request("POST", ref.path("repo", "sync"))
            session.out.success(f"The code of {ref} was fetched with success ({answer.status_code}).")


def _add_ci(group: click.Group) -> None:
    @group.command()
    @project_option()
    @click.option("--enable", is_flag=True, help="Run the project's polyaxonfile at each new commit.")
    @click.option("--disable", is_flag=True, help="Run nothing at new commits.")
    @pass_session
    def ci(session: Session, enable: bool, disable: bool) -> None:
        """Turn continuous integration of the project on or off; without an option, tell whether it is on."""
        if enable and disable:
            raise click.UsageError("Give one of --enable and --disable.")
        ref = session.project()
        if enable:
            session.http.post(ref.path("ci"), {})
            session.out.success(f"Continuous integration of {ref} is on.")
        elif disable:
            session.http.delete(ref.path("ci"))
            session.out.success(f"Continuous integration of {ref} is off.")
        else:
            _show_ci(session, session.http.get(ref.path()))


def _show_ci(session: Session, project: dict[str, Any]) -> None:
    from polyaxon_client.exceptions import NotFoundError

    ref = session.project()
    try:
        known = session.http.get(ref.path("ci"))
    except NotFoundError:
        known = None
    if session.as_json:
        session.out.raw({"project": project.get("unique_name"), "enabled": known is not None, "ci": known})
    else:
        session.out.message(f"Continuous integration of {ref} is {'off' if known is None else 'on'}.")


def _add_rest(group: click.Group) -> None:
    @group.command()
    @project_option()
    @click.option("-c", "--commit", help="The code at this commit; default: the newest.")
    @pass_session
    def download(session: Session, commit: str | None) -> None:
        """Download the project's code into this folder, as repo.tar.gz."""
        download_code(session, commit)

    @group.command("invalidate-builds")
    @project_option()
    @pass_session
    def invalidate_builds(session: Session) -> None:
        """Have the next runs build their images anew."""
        session.http.post(session.project().path("builds", "invalidate"))
        session.out.success(f"The builds of {session.project()} are invalidated.")

    @group.command()
    @project_option()
    @pass_session
    def bookmark(session: Session) -> None:
        """Bookmark the project; see `polyaxon bookmark projects`."""
        session.http.post(session.project().path("bookmark"))
        session.out.success(f"Project {session.project()} is bookmarked.")

    @group.command()
    @project_option()
    @pass_session
    def unbookmark(session: Session) -> None:
        """Remove the bookmark of the project."""
        session.http.delete(session.project().path("unbookmark"))
        session.out.success(f"Project {session.project()} is no longer bookmarked.")
