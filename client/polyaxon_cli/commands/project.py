"""`polyaxon project`: create, list and change projects, and list what is in them."""

from __future__ import annotations

from typing import Any

import click

from polyaxon_cli import state
from polyaxon_cli.columns import PROJECTS
from polyaxon_cli.commands.project_code import add_code_commands, add_more_lists
from polyaxon_cli.errors import CliError
from polyaxon_cli.lists import list_experiments
from polyaxon_cli.options import (
    Group,
    confirm,
    page_option,
    page_params,
    patch_of,
    project_option,
    query_options,
    split_tags,
    yes_option,
)
from polyaxon_cli.session import NAME, Session, pass_session
from polyaxon_cli.views import show

__all__ = ["project"]


@click.group(cls=Group, aliases={"ls": "list"})
@project_option()
def project() -> None:
    """Create, list and change projects."""


@project.command()
@click.option("--name", required=True, help="Letters, digits, '-' and '_'.")
@click.option("--description", help="What the project is about.")
@click.option("--tags", help="Comma separated.")
@click.option("--private", is_flag=True, help="Only you and those you allow see it.")
@click.option("--init", "with_init", is_flag=True, help="Link the current folder to it, too.")
@pass_session
@click.pass_context
def create(
    ctx: click.Context,
    session: Session,
    name: str,
    description: str | None,
    tags: str | None,
    private: bool,
    with_init: bool,
) -> None:
    """Create a project."""
    if not NAME.match(name):
        raise CliError(f"{name!r} cannot be the name of a project", "Use letters, digits, '-' and '_' only")
    body = patch_of([("name", name), ("description", description), ("tags", split_tags(tags))])
    created = session.http.create("projects/", {**body, "is_public": not private})
    if session.as_json:
        session.out.raw(created)
    session.out.success(f"Project `{created['name']}` was created successfully.")
    if with_init:
        from polyaxon_cli.commands.init import init

        ctx.invoke(init, project=name)


@project.command("list")
@page_option
@pass_session
def list_(session: Session, page: int) -> None:
    """List your projects (alias: ls)."""
    answer = session.http.get(f"{session.user()}/", page_params(page))
    session.out.page(answer, PROJECTS, title="Projects", current=page)


@project.command()
@project_option()
@pass_session
def get(session: Session) -> None:
    """Show a project."""
    show(session.out, "project", session.http.get(session.project().path()), title="Project info:")


@project.command()
@project_option()
@click.option("--name", help="New name.")
@click.option("--description", help="New description.")
@click.option("--tags", help="New tags, comma separated.")
@click.option("--private", type=bool, help="Whether only you and those you allow see it.")
@pass_session
def update(
    session: Session,
    name: str | None,
    description: str | None,
    tags: str | None,
    private: bool | None,
) -> None:
    """Change a project."""
    is_public = None if private is None else not private
    pairs = [
        ("name", name),
        ("description", description),
        ("tags", split_tags(tags)),
        ("is_public", is_public),
    ]
    changes = patch_of(pairs)
    if not changes:
        raise CliError("There is nothing to change", "Give --name, --description, --tags or --private")
    ref = session.project()
    changed = session.http.patch(ref.path(), changes)
    _refresh_cache(ref.name, changed)
    session.out.message("Project updated.")
    show(session.out, "project", changed, title="Project info:")


@project.command()
@project_option()
@yes_option
@pass_session
def delete(session: Session, yes: bool) -> None:
    """Delete a project with all its runs."""
    ref = session.project()
    confirm(f"Delete the project {ref} with all its runs?", yes=yes, refused=1)
    session.http.delete(ref.path())
    cached = state.PROJECT.read()
    if cached.get("name") == ref.name and cached.get("user", ref.user) == ref.user:
        state.PROJECT.delete()
    session.out.success(f"Project {ref} was deleted.")


@project.command()
@project_option("--project")
@query_options
@click.option("-m", "--metrics", is_flag=True, help="A column for each metric.")
@click.option("-p", "--params", is_flag=True, help="A column for each parameter.")
@click.option("-i", "--independent", is_flag=True, help="Only those outside of groups.")
@click.option("-g", "--group", type=click.IntRange(min=1), help="Only those of this group.")
@pass_session
def experiments(session: Session, /, **options: Any) -> None:
    """List experiments."""
    list_experiments(session, **options)


add_more_lists(project)
add_code_commands(project)


def _refresh_cache(old_name: str, changed: dict[str, Any]) -> None:
    """A renamed project stays the one of this folder."""
    if state.PROJECT.read().get("name") == old_name:
        state.PROJECT.write(changed)
