"""Sub-commands of `polyaxon group` that show what came out of a search, and why it went as it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli.columns import DECISIONS
from polyaxon_cli.commands import shared
from polyaxon_cli.options import page_option, page_params
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_results", "metric_option", "minimize_option"]

KIND = "group"
DECISION_KINDS = ("start", "stop", "retry", "finish", "replaced")
ENDS = {"maximize": "highest", "minimize": "lowest"}
metric_option = click.option("--metric", metavar="NAME", help="The metric that tells good trials from bad ones.")
minimize_option = click.option("--minimize", is_flag=True, help="The lowest value is the best.")


def add_results(group: click.Group) -> None:
    """`best`, `pareto`, `importance` and `decisions`."""
    _add_best(group)
    _add_pareto(group)
    _add_importance(group)
    _add_decisions(group)


def _add_best(group: click.Group) -> None:
    @group.command()
    @shared.of_run(KIND)
    @metric_option
    @minimize_option
    @pass_session
    def best(session: Session, metric: str | None, minimize: bool) -> None:
        """Show the best trial; by default by the metric that the search optimises."""
        asked = {"metric": metric, "optimization": "minimize" if minimize else None}
        answer = session.http.get(session.run_path(KIND, "best"), asked)
        trial, name = answer["trial"], answer["metric"]
        if session.as_json:
            session.out.raw(answer)
        elif trial is None:
            session.out.message(f"No trial has succeeded with a value of {name} yet.")
        else:
            reached = {"experiment": trial["experiment"], "trial": trial["index"], name: trial["value"]}
            session.out.details(reached, title=f"The trial with the {ENDS[answer['optimization']]} {name}:")
            session.out.details(trial["params"], title="Parameters:")


def _add_pareto(group: click.Group) -> None:
    @group.command()
    @shared.of_run(KIND)
    @click.option(
        "--metrics", metavar="NAMES", help="Comma separated; `-` before one of which less is better: acc,-loss."
    )
    @pass_session
    def pareto(session: Session, metrics: str | None) -> None:
        """List the trials that no other one beats in every metric."""
        answer = session.http.get(session.run_path(KIND, "pareto"), {"metrics": metrics})
        if session.as_json:
            session.out.raw(answer)
            return
        names = [metric["name"] for metric in answer["metrics"]]
        goals = ", ".join(f"{ENDS[metric['optimization']]} {metric['name']}" for metric in answer["metrics"])
        rows, columns = _flat(answer["trials"], names)
        session.out.rows(rows, columns, title=f"Trials that no other one beats in all of: {goals}")
        _tell_part(session, answer["compared"], answer["finished"])


def _add_importance(group: click.Group) -> None:
    @group.command()
    @shared.of_run(KIND)
    @metric_option
    @pass_session
    def importance(session: Session, metric: str | None) -> None:
        """Show how much each parameter matters to a metric."""
        answer = session.http.get(session.run_path(KIND, "importances"), {"metric": metric})
        if session.as_json:
            session.out.raw(answer)
            return
        title = f"Shares of the parameters in the variance of {answer['metric']}:"
        session.out.rows(answer["importances"], ["param", "importance"], title=title)
        _tell_part(session, answer["modelled"], answer["finished"])


def _add_decisions(group: click.Group) -> None:
    @group.command()
    @shared.of_run(KIND)
    @click.option("--trial", type=click.IntRange(min=0), help="Only about the trial with this index.")
    @click.option("--kind", type=click.Choice(DECISION_KINDS), help="Only decisions of this kind.")
    @page_option
    @pass_session
    def decisions(session: Session, trial: int | None, kind: str | None, page: int) -> None:
        """Show why trials were started, stopped or started again, and why the search ended."""
        asked = {"trial": trial, "kind": kind, **page_params(page)}
        answer = session.http.get(session.run_path(KIND, "decisions"), asked)
        session.out.page(answer, DECISIONS, title="Decisions", current=page)


def _flat(trials: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows with a column for each metric and parameter; a parameter never takes the place of another column."""
    lead = ["experiment", "index", *metrics]
    params = {name: f"params.{name}" if name in lead else name for trial in trials for name in trial["params"]}
    rows = [
        {
            **trial["values"],
            **{params[name]: value for name, value in trial["params"].items()},
            "experiment": trial["experiment"],
            "index": trial["index"],
        }
        for trial in trials
    ]
    return rows, [*lead, *params.values()]


def _tell_part(session: Session, looked_at: int, finished: int) -> None:
    if looked_at < finished:
        session.out.message(f"Of {finished} finished trials the newest {looked_at} were looked at.")
