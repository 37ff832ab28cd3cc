"""`polyaxon build`: look at and steer one build of an image."""

from __future__ import annotations

import click

from polyaxon_cli.commands import shared
from polyaxon_cli.commands.resources import add_requests
from polyaxon_cli.options import Group, project_option, run_option
from polyaxon_cli.session import Session, pass_session

__all__ = ["build"]

KIND = "build"


@click.group(cls=Group, aliases={"ls": "list"})
@project_option()
@run_option(KIND, "-b", "--build")
def build() -> None:
    """Look at and steer one build of an image.

    Example: polyaxon build -b 3 logs
    """


@build.command()
@shared.of_run(KIND)
@pass_session
def invalidate(session: Session) -> None:
    """Have the next run build its image anew instead of using this one."""
    session.http.post(session.run_path(KIND, "invalidate"))
    session.out.success(f"{shared.same_run(session, KIND)} is invalidated.")


shared.add_get(build, KIND)
shared.add_list(build, KIND)
shared.add_statuses(build, KIND)
shared.add_logs(build, KIND)
shared.add_stop(build, KIND)
shared.add_code(build, KIND)
add_requests(build, KIND)
shared.add_bookmarks(build, KIND)
shared.add_update(build, KIND)
shared.add_delete(build, KIND)
