"""`polyaxon job`: look at and steer one job."""

from __future__ import annotations

import click

from polyaxon_cli.commands import shared
from polyaxon_cli.commands.resources import add_resources
from polyaxon_cli.options import Group, project_option, run_option

__all__ = ["job"]

KIND = "job"


@click.group(cls=Group, aliases={"ls": "list"})
@project_option()
@run_option(KIND, "-j", "--job")
def job() -> None:
    """Look at and steer one job.

    Example: polyaxon job -j 3 logs
    """


shared.add_get(job, KIND)
shared.add_list(job, KIND)
shared.add_statuses(job, KIND)
shared.add_logs(job, KIND)
shared.add_stop(job, KIND)
shared.add_clone(job, KIND, "restart", may_copy=True)
shared.add_clone(job, KIND, "resume")
shared.add_outputs(job, KIND)
shared.add_code(job, KIND)
add_resources(job, KIND)
shared.add_bookmarks(job, KIND)
shared.add_update(job, KIND)
shared.add_delete(job, KIND)
