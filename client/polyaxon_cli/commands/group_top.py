"""`polyaxon group top`: the trials by a metric, live on a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli import following
from polyaxon_cli.commands import shared
from polyaxon_cli.commands.group_results import metric_option, minimize_option
from polyaxon_cli.completion import complete_runs
from polyaxon_cli.errors import CliError
from polyaxon_cli.lists import all_results
from polyaxon_cli.live import screen
from polyaxon_cli.ranking import (
    Goal,
    Progress,
    best_trial,
    goal_of,
    metric_names,
    rank,
    search_settings,
    value_of,
)
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_top"]

KIND = "group"
# Lines of a terminal that the live table leaves to what stands around it.
AROUND = 6


@dataclass(frozen=True)
class Ranking:
    """The trials of a group from best to worst."""

    goal: Goal
    trials: Sequence[Mapping[str, Any]]
    varied: Sequence[str]

    @property
    def columns(self) -> list[str]:
        """Rank and name, the metric, and the parameters that the search chose."""
        return ["rank", "id", "unique_name", "last_status", self.goal.metric, *self.varied, "total_run"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row for each trial."""
        return [_row(place, trial, self.goal, self.varied) for place, trial in enumerate(self.trials, start=1)]

    @property
    def title(self) -> str:
        """What it is ranked by."""
        return f"Trials by {self.goal.metric}, {'lowest' if self.goal.minimize else 'highest'} first:"


def add_top(group: click.Group) -> None:
    """`top`."""

    @group.command()
    @shared.of_run(KIND)
    @click.argument(
        "ident", required=False, type=click.IntRange(min=1), metavar="[ID]", shell_complete=complete_runs(KIND)
    )
    @metric_option
    @minimize_option
    @click.option("-n", "--limit", type=click.IntRange(min=1), help="Only the best so many.")
    @click.option("--once", is_flag=True, help="Do not go on while the search does.")
    @pass_session
    def top(
        session: Session, ident: int | None, metric: str | None, minimize: bool, limit: int | None, once: bool
    ) -> None:
        """Rank the trials by a metric; on a terminal, live until the search has ended."""
        if ident is not None:
            session.run_ids[KIND] = ident
        found = session.http.get(session.run_path(KIND))
        if session.out.interactive and not once and found.get("last_status") not in following.DONE:
            found = _live(session, metric, minimize=minimize, limit=limit)
        ranking = _ranking(session, found, metric, minimize=minimize, limit=limit)
        if session.as_json:
            session.out.raw(ranking.trials)
            return
        session.out.rows(ranking.rows, ranking.columns, title=ranking.title)
        best = best_trial(ranking.trials, ranking.goal)
        if best is not None and session.out.columns is None:
            title = f"Parameters of the best trial, experiment {best['id']}:"
            session.out.details(best.get("params") or {}, title=title)


def _live(session: Session, metric: str | None, *, minimize: bool, limit: int | None) -> dict[str, Any]:
    """Draw the ranking until the search has ended, through restarts of the server. Returns the group."""
    from rich.console import Group as Lines

    watch = following.StatusWatch(session.http, session.run_path(KIND))
    with screen(session.out) as show:
        most = limit or max(session.out.console().height - AROUND, 1)

        def look(group: dict[str, Any]) -> None:
            progress = Progress.of(group)
            head = f"{group.get('unique_name')} is {group.get('last_status')}: {progress}{progress.estimate}"
            try:
                ranking = _ranking(session, group, metric, minimize=minimize, limit=most)
            except (CliError, click.UsageError):
                show(f"{head}\nNo trial has recorded the metric yet.")  # it may well come
                return
            show(Lines(head, ranking.title, session.out.table(ranking.rows, ranking.columns)))

        return watch.wait(look)


def _ranking(
    session: Session, group: Mapping[str, Any], metric: str | None, *, minimize: bool, limit: int | None
) -> Ranking:
    trials = list(all_results(session, session.project().path("experiments"), {"group": session.run_id(KIND)}))
    goal = _goal(group, trials, metric, minimize=minimize)
    ranked = rank(trials, goal)[:limit]
    return Ranking(goal, ranked, _varied_params(group, ranked))


def _goal(group: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], metric: str | None, *, minimize: bool) -> Goal:
    """The metric that was asked for, else the search's own."""
    known = metric_names(trials)
    if not metric:
        own = goal_of(group)
        if own is None:
            raise click.UsageError(f"Name the metric to rank by with --metric; {_recorded(known)}")
        return Goal(own.metric, minimize=minimize or own.minimize)
    if metric not in known:
        raise CliError(f"No trial of this group has recorded the metric {metric!r}", _recorded(known).capitalize())
    return Goal(metric, minimize=minimize)


def _recorded(known: Sequence[str]) -> str:
    return f"recorded are: {', '.join(known)}." if known else "none is recorded yet."


def _varied_params(group: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters that the search chose; without that knowledge all that any trial has."""
    present = {name: None for trial in trials for name in trial.get("params") or {}}
    searched = search_settings(group).get("matrix") or {}
    return [name for name in present if name in searched] or list(present)


def _row(place: int, trial: Mapping[str, Any], goal: Goal, varied: Sequence[str]) -> dict[str, Any]:
    params = trial.get("params") or {}
    # The trial's own columns come last: a parameter named `id` must not hide the id.
    return {
        **{name: params.get(name) for name in varied},
        goal.metric: value_of(trial, goal.metric),
        **trial,
        "rank": place,
    }
