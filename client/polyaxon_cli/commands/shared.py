"""Sub-commands that experiments, jobs and groups have in common, added to each one's command group."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, TypeVar

import click

from polyaxon_cli import specs
from polyaxon_cli.columns import STATUSES
from polyaxon_cli.errors import CliError
from polyaxon_cli.following import print_logs
from polyaxon_cli.options import (
    confirm,
    files_option,
    page_option,
    page_params,
    patch_of,
    project_option,
    query_options,
    run_option,
    split_tags,
    yes_option,
)
from polyaxon_cli.session import FLAGS, Session, pass_session
from polyaxon_cli.uploads import progress_bar, upload_folder
from polyaxon_cli.views import show

__all__ = [
    "add_bookmarks",
    "add_clone",
    "add_code",
    "add_delete",
    "add_get",
    "add_list",
    "add_logs",
    "add_outputs",
    "add_statuses",
    "add_stop",
    "add_update",
    "clone_run",
    "described",
    "download_code",
    "fetch",
    "of_run",
    "same_run",
    "update_run",
    "upload_option",
]

F = TypeVar("F", bound=Callable[..., Any])
upload_option = click.option(
    "-u", "--upload", "with_upload", is_flag=True, help="Upload the current folder and use that code."
)
CODE_FILE = "repo.tar.gz"
DESCRIBING = "--name, --description or --tags"
TITLES = {"experiment": "Experiment", "group": "Experiment group", "job": "Job", "build": "Build"}


def of_run(kind: str, *, project: bool = True) -> Callable[[F], F]:
    """The options that name the project and the run, behind the name of a sub-command."""

    def decorate(function: F) -> F:
        decorated = run_option(kind, FLAGS[kind], f"--{kind}")(function)
        return (project_option() if project else project_option("--project"))(decorated)

    return decorate


def fetch(session: Session, kind: str) -> dict[str, Any]:
    """The run that is meant, as the server knows it; remembered as the last one seen."""
    data: dict[str, Any] = session.http.get(session.run_path(kind))
    session.remember(kind, data)
    return data


def same_run(session: Session, kind: str) -> str:
    """How the run is called in messages: `Experiment 3`."""
    return f"{TITLES[kind]} {session.run_id(kind)}"


def add_list(group: click.Group, kind: str) -> None:
    """`list` (alias `ls`): the project's runs of this kind."""
    from polyaxon_cli.lists import list_runs

    @group.command("list", help=f"List the project's {kind}s (alias: ls).")
    @project_option()
    @query_options
    @pass_session
    def list_(session: Session, query: str | None, sort: str | None, page: int) -> None:
        list_runs(session, f"{kind}s", query=query, sort=sort, page=page)


def add_get(group: click.Group, kind: str) -> None:
    """`get`: everything about one run."""

    @group.command(help=f"Show one {kind}.")
    @of_run(kind)
    @pass_session
    def get(session: Session) -> None:
        show(session.out, kind, fetch(session, kind), title=f"{TITLES[kind]} info:")


def add_statuses(group: click.Group, kind: str) -> None:
    """`statuses`: the history of a run's status."""

    @group.command(help=f"Show through which statuses the {kind} went, and why.")
    @of_run(kind)
    @page_option
    @pass_session
    def statuses(session: Session, page: int) -> None:
        answer = session.http.get(session.run_path(kind, "statuses"), page_params(page))
        session.out.page(answer, STATUSES, title="Statuses", current=page)


def add_logs(group: click.Group, kind: str) -> None:
    """`logs`: what the run printed, and what it prints until it ends."""

    @group.command(help=f"Print the logs of the {kind}; while it runs, go on until it ends.")
    @of_run(kind, project=False)
    @click.option("-p", "--past", is_flag=True, help="Only what there is now.")
    @click.option("-f", "--follow", is_flag=True, help="Go on until the end, also with --past.")
    @click.option("--hide_time", "--hide-time", is_flag=True, help="Leave out the time of each line.")
    @pass_session
    def logs(session: Session, past: bool, follow: bool, hide_time: bool) -> None:
        print_logs(session, session.run_path(kind), follow=follow or not past, hide_time=hide_time)


def add_stop(group: click.Group, kind: str) -> None:
    """`stop`: end a run."""

    @group.command(help=f"Stop the {kind}.")
    @of_run(kind)
    @yes_option
    @pass_session
    def stop(session: Session, yes: bool) -> None:
        name = same_run(session, kind)
        confirm(f"Stop {name}?", yes=yes)
        session.http.post(session.run_path(kind, "stop"))
        session.out.success(f"{name} is being stopped.")


def add_update(group: click.Group, kind: str) -> None:
    """`update`: change what describes a run."""

    @group.command(help=f"Change the name, the description or the tags of the {kind}.")
    @of_run(kind)
    @click.option("--name", help="New name.")
    @click.option("--description", help="New description.")
    @click.option("--tags", help="New tags, comma separated.")
    @pass_session
    def update(session: Session, name: str | None, description: str | None, tags: str | None) -> None:
        update_run(session, kind, patch_of(described(name, description, tags)))


def described(name: str | None, description: str | None, tags: str | None) -> list[tuple[str, Any]]:
    """The changes of what describes a run; None for what stays."""
    return [("name", name), ("description", description), ("tags", split_tags(tags))]


def update_run(session: Session, kind: str, changes: dict[str, Any], *, hint: str = DESCRIBING) -> None:
    """Send the changes, if there are any, and show the run as it is then."""
    if not changes:
        session.out.warning(f"There is nothing to change: give {hint}.")
        return
    changed = session.http.patch(session.run_path(kind), changes)
    session.out.message(f"{TITLES[kind]} updated.")
    show(session.out, kind, changed, title=f"{TITLES[kind]} info:")


def add_delete(group: click.Group, kind: str, *, refused: int = 1) -> None:
    """`delete`: remove a run with all its data; the answer no exits with `refused`."""

    @group.command(help=f"Delete the {kind} with its logs, metrics and outputs.")
    @of_run(kind)
    @yes_option
    @pass_session
    def delete(session: Session, yes: bool) -> None:
        name, run = same_run(session, kind), session.run_id(kind)
        confirm(f"Delete {name} with all its data?", yes=yes, refused=refused)
        session.http.delete(session.run_path(kind))
        session.forget(kind, run)
        session.out.success(f"{name} was deleted.")


def add_outputs(group: click.Group, kind: str) -> None:
    """`outputs`: download what the run wrote to its outputs folder."""

    @group.command(help=f"Download the outputs of the {kind} into this folder, as one .tar.gz file.")
    @of_run(kind)
    @pass_session
    def outputs(session: Session) -> None:
        ref, run = session.project(), session.run_id(kind)
        target = Path.cwd() / f"{ref.user}.{ref.name}.{run}.tar.gz"
        with progress_bar(session.out, "Downloading", None) as advance:
            session.http.download(session.run_path(kind, "outputs", "download"), target, progress=advance)
        session.out.success(f"Outputs downloaded to {target.name}.")


def add_bookmarks(group: click.Group, kind: str) -> None:
    """`bookmark` and `unbookmark`."""

    @group.command(help=f"Bookmark the {kind}; see `polyaxon bookmark {kind}s`.")
    @of_run(kind)
    @pass_session
    def bookmark(session: Session) -> None:
        session.http.post(session.run_path(kind, "bookmark"))
        session.out.success(f"{same_run(session, kind)} is bookmarked.")

    @group.command(help=f"Remove the bookmark of the {kind}.")
    @of_run(kind)
    @pass_session
    def unbookmark(session: Session) -> None:
        session.http.delete(session.run_path(kind, "unbookmark"))
        session.out.success(f"{same_run(session, kind)} is no longer bookmarked.")


def add_code(group: click.Group, kind: str) -> None:
    """`code`: download the code that a run ran."""

    @group.command(help=f"Download the code of the {kind} into this folder, as {CODE_FILE}.")
    @of_run(kind)
    @pass_session
    def code(session: Session) -> None:
        commit = session.http.get(session.run_path(kind, "coderef")).get("commit")
        if not commit:
            raise CliError(f"{same_run(session, kind)} has no code", "Only runs of uploaded or linked code have some")
        download_code(session, commit)


def download_code(session: Session, commit: str | None) -> None:
    """The code of the project at a commit (the newest without one), into the current folder."""
    target = Path.cwd() / CODE_FILE
    with progress_bar(session.out, "Downloading", None) as advance:
        session.http.download(
            session.project().path("repo", "download"), target, params={"commit": commit}, progress=advance
        )
    session.out.success(f"Code{f' at {commit}' if commit else ''} downloaded to {target.name}.")


def add_clone(group: click.Group, kind: str, verb: str, *, may_copy: bool = False) -> None:
    """`restart` or `resume`: a new run from an old one."""

    @group.command(verb, help=f"{verb.capitalize()} the {kind} as a new one.")
    @of_run(kind)
    @click.option("-c", "--copy", is_flag=True, hidden=not may_copy, help="Start from a copy of its outputs.")
    @files_option
    @upload_option
    @pass_session
    def clone(session: Session, copy: bool, files: tuple[str, ...], with_upload: bool) -> None:
        if copy and not may_copy:
            raise CliError(f"A {kind} cannot be copied", f"Leave out --copy to {verb} it without its outputs")
        clone_run(session, kind, "copy" if copy else verb, files, with_upload=with_upload)


def clone_run(session: Session, kind: str, verb: str, files: tuple[str, ...], *, with_upload: bool) -> None:
    """Have the server make a new run from the one that is meant, and remember it."""
    if with_upload and session.project_name:
        raise click.UsageError("-u uploads to the project initialised here; leave out -p, or -u.")
    old, path = session.run_id(kind), session.run_path(kind, verb)
    body = _changes(files, with_upload=with_upload)
    if with_upload:
        upload_folder(session)
    created = session.http.create(path, body)
    session.remember(kind, created)
    if session.as_json:
        session.out.raw(created)
    session.out.success(f"{TITLES[kind]} `{created['id']}` was created from {old}.")


def _changes(files: tuple[str, ...], *, with_upload: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"content": specs.merged_text(files)} if files else {}
    return {**body, "update_code": True} if with_upload else body
