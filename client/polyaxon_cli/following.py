"""Waiting for runs: their logs as they grow, their status until the end, the progress of a search."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable

import click

from polyaxon_cli.building import BuildSteps
from polyaxon_cli.lists import all_results
from polyaxon_cli.output import number
from polyaxon_cli.ranking import Goal, Progress, best_trial, goal_of, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polyaxon_cli.session import ProjectRef, Session
    from polyaxon_client.transport import Transport

__all__ = ["DONE", "StatusWatch", "exit_code", "print_logs", "wait_for_group", "wait_for_run"]

DONE = frozenset({"succeeded", "done", "failed", "upstream_failed", "stopped", "skipped"})
GOOD = frozenset({"succeeded", "done"})
# Seconds between two looks at a status: with the log's own looks it stays below the server's request limit.
INTERVAL = 2.0
LOG_INTERVAL = 1.0
# Seconds that a server may be away, for a restart, before waiting is given up.
PATIENCE = 300.0
LINE_TIME = re.compile(
    r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)? ?(?:Z|UTC|[A-Z]{2,5}|[+-]\d\d:?\d\d)?\s*(?:-- )?"
)


def _ignore(_: dict[str, Any]) -> None:
    """Tell nobody."""


class StatusWatch:
    """Asks for a run's status, at most once per interval, through restarts of the server."""

    def __init__(
        self,
        http: Transport,
        path: str,
        *,
        interval: float | None = None,
        on_change: Callable[[dict[str, Any]], None] = _ignore,
    ) -> None:
        self.http = http
        self.path = path
        self.interval = INTERVAL if interval is None else interval
        self.on_change = on_change
        self.data: dict[str, Any] = {}
        self._asked = float("-inf")

    @property
    def status(self) -> str:
        """The status last heard of."""
        return str(self.data.get("last_status") or "")

    def is_done(self) -> bool:
        """Whether the run has ended; raises the transport's errors while the server is away."""
        if self.status not in DONE and time.monotonic() - self._asked >= self.interval:
            before = self.status
            self.data = self.http.get(self.path)
            self._asked = time.monotonic()
            if self.status != before:
                self.on_change(self.data)
        return self.status in DONE

    def wait(self, on_look: Callable[[dict[str, Any]], None] = _ignore) -> dict[str, Any]:
        """Look until the run has ended; `on_look` is called after each look. Returns the run."""
        from polyaxon_client.exceptions import ConnectionFailed, ServerError, TooManyRequestsError

        heard = time.monotonic()
        while True:
            try:
                done = self.is_done()
                on_look(self.data)
                heard = time.monotonic()
            except (ConnectionFailed, ServerError, TooManyRequestsError):
                if time.monotonic() - heard > PATIENCE:
                    raise
                done = False
            if done:
                return self.data
            time.sleep(self.interval)


def exit_code(status: str) -> int:
    """0 for a run that ended well, 1 for any other end."""
    return 0 if status in GOOD else 1


def print_logs(
    session: Session,
    path: str,
    *,
    follow: bool,
    hide_time: bool = False,
    job: str | None = None,
    err: bool = False,
) -> str:
    """Print the log of the run at the API path `path`; following ends with the run.

    `job` is the path below the run of one replica's log. With `--json` every line is an object of its own; `err` has
    plain lines on stderr instead. Returns the last status heard of.
    """
    watch = StatusWatch(session.http, path)
    lines = _log_lines(session, watch, f"{path}{job or ''}logs/", follow=follow)
    for line in lines:
        shown = LINE_TIME.sub("", line) if hide_time else line
        if session.as_json and not err:
            session.out.json_line({"line": shown})
        else:
            click.echo(shown, err=err)
    return watch.status


def _log_lines(session: Session, watch: StatusWatch, path: str, *, follow: bool) -> Iterator[str]:
    # A run that does not exist is told at once; later the log of a run without output may well be missing.
    watch.is_done()
    is_done = watch.is_done if follow else (lambda: True)
    return session.http.follow_logs(path, is_done, interval=LOG_INTERVAL, patience=PATIENCE)


def wait_for_run(session: Session, path: str) -> dict[str, Any]:
    """Print each change of status, and each step of the build that it waits for, until it ends; returns the run."""
    steps = BuildSteps(session, session.project())
    is_build = path.rstrip("/").split("/")[-2] == "builds"

    def name_of(data: dict[str, Any]) -> str:
        return str(data.get("unique_name") or path.rstrip("/"))

    def tell(data: dict[str, Any]) -> None:
        session.out.message(f"{name_of(data)}: {data.get('last_status')}")

    def look(data: dict[str, Any]) -> None:
        step = steps.news(data, is_build=is_build)
        if step:
            session.out.message(f"{name_of(data)}: {step}")

    return StatusWatch(session.http, path, on_change=tell).wait(look)


def wait_for_group(session: Session, project: ProjectRef, group: int, goal: Goal | None = None) -> dict[str, Any]:
    """Show the progress of a search until it has ended; returns the group.

    On a terminal a bar is drawn, elsewhere one line is printed at each change.
    """
    watch = StatusWatch(session.http, project.path("groups", group))
    with _reporter(session) as report:

        def look(data: dict[str, Any]) -> None:
            aim = goal or goal_of(data)
            report(Progress.of(data), _best_so_far(session, project, group, aim) if aim else "")

        return watch.wait(look)


def _best_so_far(session: Session, project: ProjectRef, group: int, goal: Goal) -> str:
    trials = all_results(session, project.path("experiments"), {"group": group})
    best = best_trial(trials, goal)
    if best is None:
        return ""
    return f"best {goal.metric} {number(value_of(best, goal.metric))} (experiment {best['id']})"


@contextmanager
def _reporter(session: Session) -> Iterator[Callable[[Progress, str], None]]:
    if session.out.interactive:
        with _bar(session) as report:
            yield report
        return
    printed: list[str] = []

    def report_line(progress: Progress, best: str) -> None:
        line = f"{progress.status}: {progress}" + (f", {best}" if best else "")
        if line not in printed[-1:]:
            # The estimate alone is no news: it changes with every look.
            printed.append(line)
            session.out.message(f"{line}{progress.estimate}")

    yield report_line


@contextmanager
def _bar(session: Session) -> Iterator[Callable[[Progress, str], None]]:
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=session.out.console()) as bar:
        task = bar.add_task("waiting for the server", total=None)

        def report(progress: Progress, best: str) -> None:
            text = f"{progress}{', ' if best else ''}{best}{progress.estimate}"
            bar.update(task, total=progress.total, completed=progress.finished, description=text)

        yield report
