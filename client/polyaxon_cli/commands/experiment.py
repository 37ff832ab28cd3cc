"""`polyaxon experiment`: look at and steer one experiment."""

from __future__ import annotations

from typing import Any

import click

from polyaxon_cli.columns import EXPERIMENT_JOBS, STATUSES
from polyaxon_cli.commands import shared
from polyaxon_cli.commands.experiment_views import add_views
from polyaxon_cli.commands.resources import add_resources
from polyaxon_cli.following import print_logs
from polyaxon_cli.lists import all_results, list_experiments
from polyaxon_cli.metrics import print_history, print_summary
from polyaxon_cli.options import Group, page_option, page_params, project_option, query_options, run_option
from polyaxon_cli.session import Session, pass_session
from polyaxon_cli.views import show

__all__ = ["experiment"]

KIND = "experiment"
job_option = click.option("-j", "--job", type=click.IntRange(min=1), metavar="ID", help="One replica of it.")


@click.group(cls=Group, aliases={"ls": "list"})
@project_option()
@run_option(KIND, "-xp", "--experiment")
def experiment() -> None:
    """Look at and steer one experiment.

    \b
    Examples:
      polyaxon experiment -xp 3 logs -f
      polyaxon experiment get -xp 3
    """


@experiment.command()
@shared.of_run(KIND)
@job_option
@pass_session
def get(session: Session, job: int | None) -> None:
    """Show an experiment, or one of its jobs."""
    if job is None:
        show(session.out, KIND, _with_code(session, shared.fetch(session, KIND)), title="Experiment info:")
        return
    data = session.http.get(session.run_path(KIND, "jobs", job))
    session.remember("experiment job", data)
    show(session.out, "experiment job", data, title="Experiment job info:")


@experiment.command("list")
@project_option("--project")
@query_options
@click.option("-m", "--metrics", is_flag=True, help="A column for each metric.")
@click.option("-p", "--params", is_flag=True, help="A column for each parameter.")
@click.option("-i", "--independent", is_flag=True, help="Only those outside of groups.")
@click.option("-g", "--group", type=click.IntRange(min=1), help="Only those of this group.")
@pass_session
def list_(session: Session, /, **options: Any) -> None:
    """List the project's experiments (alias: ls)."""
    list_experiments(session, **options)


@experiment.command()
@shared.of_run(KIND)
@click.option("-s", "--summary", is_flag=True, help="Last, lowest and highest value of each metric.")
@click.option("-n", "--last", type=click.IntRange(min=1), help="Only the last so many points.")
@pass_session
def metrics(session: Session, summary: bool, last: int | None) -> None:
    """Show what the experiment measured, oldest first."""
    points = list(all_results(session, session.run_path(KIND, "metrics")))
    points = points[-last:] if last else points
    if session.as_json:
        session.out.raw(points)
    elif summary:
        print_summary(session.out, points)
    else:
        print_history(session.out, points)


@experiment.command()
@shared.of_run(KIND)
@job_option
@page_option
@pass_session
def statuses(session: Session, job: int | None, page: int) -> None:
    """Show through which statuses the experiment, or one of its jobs, went, and why."""
    parts = ("jobs", job) if job else ()
    answer = session.http.get(session.run_path(KIND, *parts, "statuses"), page_params(page))
    session.out.page(answer, STATUSES, title="Statuses", current=page)


@experiment.command()
@shared.of_run(KIND, project=False)
@job_option
@click.option("-p", "--past", is_flag=True, help="Only what there is now.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the end, also with --past.")
@click.option("--hide_time", "--hide-time", is_flag=True, help="Leave out the time of each line.")
@pass_session
def logs(session: Session, job: int | None, past: bool, follow: bool, hide_time: bool) -> None:
    """Print the logs; while the experiment runs, go on until it ends."""
    replica = f"jobs/{job}/" if job else None
    print_logs(session, session.run_path(KIND), follow=follow or not past, hide_time=hide_time, job=replica)


@experiment.command()
@shared.of_run(KIND)
@page_option
@pass_session
def jobs(session: Session, page: int) -> None:
    """List the experiment's jobs, its replicas."""
    answer = session.http.get(session.run_path(KIND, "jobs"), page_params(page))
    session.out.page(answer, EXPERIMENT_JOBS, title="Jobs", current=page)


shared.add_stop(experiment, KIND)
shared.add_clone(experiment, KIND, "restart", may_copy=True)
shared.add_clone(experiment, KIND, "resume")
shared.add_outputs(experiment, KIND)
add_views(experiment)
shared.add_code(experiment, KIND)
add_resources(experiment, KIND, replicas=True)
shared.add_bookmarks(experiment, KIND)
shared.add_update(experiment, KIND)
shared.add_delete(experiment, KIND)


def _with_code(session: Session, data: dict[str, Any]) -> dict[str, Any]:
    """The experiment with the commit it runs at; JSON stays as the server gave it."""
    if session.as_json or not data.get("code_reference"):
        return data
    return {**data, "commit": session.http.get(session.run_path(KIND, "coderef")).get("commit")}
