"""`polyaxon group`: look at and steer a group of experiments, a search."""

from __future__ import annotations

from typing import Any, Callable, TypeVar

import click

from polyaxon_cli.commands import shared
from polyaxon_cli.commands.group_results import add_results, metric_option, minimize_option
from polyaxon_cli.commands.group_top import add_top
from polyaxon_cli.errors import CliError
from polyaxon_cli.following import exit_code, wait_for_group
from polyaxon_cli.lists import all_results, list_experiments
from polyaxon_cli.metrics import print_spread
from polyaxon_cli.options import (
    Group,
    confirm,
    files_option,
    patch_of,
    project_option,
    query_options,
    run_option,
    yes_option,
)
from polyaxon_cli.ranking import Goal, Progress, change_of_trials
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.views import show

__all__ = ["group"]

KIND = "group"
F = TypeVar("F", bound=Callable[..., Any])
NO_LIMIT = "none"


@click.group(cls=Group, aliases={"ls": "list"})
@project_option()
@run_option(KIND, "-g", "--group")
def group() -> None:
    """Look at and steer a group of experiments, a search.

    \b
    Examples:
      polyaxon group -g 3 get --watch
      polyaxon group -g 3 top --metric accuracy
    """


@group.command()
@shared.of_run(KIND)
@click.option("-w", "--watch", is_flag=True, help="Show the progress until the search has ended.")
@metric_option
@minimize_option
@pass_session
def get(session: Session, watch: bool, metric: str | None, minimize: bool) -> None:
    """Show a group and how far it is."""
    if watch:
        goal = Goal(metric, minimize=minimize) if metric else None
        data = wait_for_group(session, session.project(), session.run_id(KIND), goal)
        session.remember(KIND, data)
    else:
        data = shared.fetch(session, KIND)
    show(session.out, KIND, data, title="Experiment group info:")
    if not session.as_json and session.out.columns is None:
        session.out.message(f"\n{Progress.of(data)}.")
    if watch and exit_code(str(data.get("last_status"))):
        raise CliError(
            f"The group {data.get('id')} ended as {data.get('last_status')}", "See `polyaxon group statuses`"
        )


@group.command()
@shared.of_run(KIND, project=False)
@query_options
@click.option("-m", "--metrics", is_flag=True, help="A column for each metric.")
@click.option("-p", "--params", is_flag=True, help="A column for each parameter.")
@pass_session
def experiments(session: Session, /, **options: Any) -> None:
    """List the trials of the group."""
    list_experiments(session, group=session.run_id(KIND), **options)


@group.command()
@shared.of_run(KIND)
@pass_session
def metrics(session: Session) -> None:
    """Show the range of each metric over all trials."""
    points = list(all_results(session, session.run_path(KIND, "metrics")))
    if session.as_json:
        session.out.raw(points)
    else:
        print_spread(session.out, points)


@group.command()
@shared.of_run(KIND)
@yes_option
@click.option("--pending", is_flag=True, help="Let running trials end; only start no further ones.")
@pass_session
def stop(session: Session, yes: bool, pending: bool) -> None:
    """Stop the group with its trials."""
    name = shared.same_run(session, KIND)
    confirm(f"Stop {'the waiting trials of ' if pending else ''}{name}?", yes=yes)
    session.http.post(session.run_path(KIND, "stop"), {"pending": True} if pending else None)
    session.out.success(f"{name} is being stopped.")


@group.command()
@shared.of_run(KIND)
@pass_session
def resume(session: Session) -> None:
    """Have a search that has ended go on where it stands."""
    data = session.http.post(session.run_path(KIND, "resume"))
    session.remember(KIND, data)
    if session.as_json:
        session.out.raw(data)
    session.out.success(f"{shared.same_run(session, KIND)} goes on.")


@group.command()
@shared.of_run(KIND)
@files_option
@shared.upload_option
@pass_session
def restart(session: Session, files: tuple[str, ...], with_upload: bool) -> None:
    """Start the search anew, as a new group."""
    shared.clone_run(session, KIND, "restart", files, with_upload=with_upload)


@group.command()
@shared.of_run(KIND)
@files_option
@shared.upload_option
@pass_session
def copy(session: Session, files: tuple[str, ...], with_upload: bool) -> None:
    """Make a new search that also learns from the trials of this one."""
    shared.clone_run(session, KIND, "copy", files, with_upload=with_upload)


def _limit_option(name: str, read: Callable[[str], float], what: str) -> Callable[[F], F]:
    """A number above 0, or `none` for no limit."""

    def checked(_: click.Context, __: click.Parameter, text: str | None) -> Any:
        if text is None or text.lower() == NO_LIMIT:
            return text and NO_LIMIT
        try:
            number = read(text)
        except ValueError:
            number = 0
        if not 0 < number < float("inf"):
            raise click.BadParameter(f"{text!r} is neither a number above 0 nor `{NO_LIMIT}`.")
        return number

    return click.option(name, metavar="N|none", callback=checked, help=f"{what} after which the search ends.")


@group.command()
@shared.of_run(KIND)
@click.option("--name", help="New name.")
@click.option("--description", help="New description.")
@click.option("--tags", help="New tags, comma separated.")
@click.option("--concurrency", type=click.IntRange(min=1), help="How many trials run at once.")
@click.option("--trials", type=click.IntRange(min=1), help="How many trials the search makes; it can only grow.")
@_limit_option("--max-trials", int, "Trials")
@_limit_option("--max-hours", float, "Hours")
@_limit_option("--max-failures", int, "Failed trials")
@click.option("--max-retries", type=click.IntRange(min=0), help="How often a failed trial is started again.")
@pass_session
def update(
    session: Session,
    /,
    name: str | None,
    description: str | None,
    tags: str | None,
    trials: int | None,
    **numbers: Any,
) -> None:
    """Change what describes the group, or a search while it goes on."""
    search = {**(_search_changes(**numbers) or {}), **(_trials_change(session, trials) if trials else {})}
    changes = patch_of([*shared.described(name, description, tags), ("hptuning", search or None)])
    shared.update_run(session, KIND, changes, hint=f"{shared.DESCRIBING}, --concurrency, --max-trials and the like")


add_top(group)
add_results(group)
shared.add_list(group, KIND)
shared.add_statuses(group, KIND)
shared.add_bookmarks(group, KIND)
shared.add_delete(group, KIND, refused=0)


def _trials_change(session: Session, trials: int) -> dict[str, Any]:
    change = change_of_trials(session.http.get(session.run_path(KIND)), trials)
    if change is None:
        raise CliError("This search has no number of trials that could grow", "Limit it with --max-trials")
    return change


def _search_changes(*, concurrency: int | None, max_retries: int | None, **limits: Any) -> dict[str, Any] | None:
    """The part of the search's section that changes; None when nothing does."""
    given = {key: None if limit == NO_LIMIT else limit for key, limit in limits.items() if limit is not None}
    pairs = [("concurrency", concurrency), ("max_retries", max_retries), ("budget", given or None)]
    return patch_of(pairs) or None
