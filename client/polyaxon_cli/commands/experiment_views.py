"""Sub-commands of `polyaxon experiment` that look at several experiments: `compare` and `plot`."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli.comparing import differences
from polyaxon_cli.completion import complete_runs, complete_runs_and_metrics
from polyaxon_cli.errors import CliError
from polyaxon_cli.options import project_option
from polyaxon_cli.plotting import STYLES, Curve, chart
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from polyaxon_cli.plotting import Chart

__all__ = ["add_views"]

# Points of a curve, which is more than a terminal shows.
POINTS = 1000
PLAIN_WIDTH, PLAIN_HEIGHT = 100, 24
RUN = click.IntRange(min=1)


def add_views(group: click.Group) -> None:
    """`compare` and `plot`."""
    _add_compare(group)
    _add_plot(group)


def _add_compare(group: click.Group) -> None:
    @group.command()
    @project_option()
    @click.argument(
        "ids", nargs=-1, required=True, type=RUN, metavar="ID...", shell_complete=complete_runs("experiment")
    )
    @click.option("-a", "--all", "everything", is_flag=True, help="Also what they have in common.")
    @pass_session
    def compare(session: Session, ids: tuple[int, ...], everything: bool) -> None:
        """Show experiments side by side: parameters, metrics and the rest, only what differs."""
        chosen = list(dict.fromkeys(ids))
        if len(chosen) == 1:
            raise click.UsageError("Give the ids of two experiments at least.")
        rows = differences([_with_commit(session, run) for run in chosen], everything=everything)
        if session.as_json:
            session.out.raw(
                [{"name": row["name"], "values": {str(run): row[str(run)] for run in chosen}} for row in rows]
            )
        elif rows:
            session.out.rows(rows, ["name", *map(str, chosen)], title="Experiments side by side:", keep_empty=True)
        else:
            session.out.message("They differ in nothing.")


def _add_plot(group: click.Group) -> None:
    @group.command()
    @project_option()
    @click.argument("ids", nargs=-1, required=True, type=RUN, metavar="ID...", shell_complete=complete_runs_and_metrics)
    @click.argument("metric", metavar="METRIC")
    @click.option("--height", type=click.IntRange(min=5), help="Lines of the chart.")
    @pass_session
    def plot(session: Session, ids: tuple[int, ...], metric: str, height: int | None) -> None:
        """Draw a metric of one or several experiments, by step."""
        histories = [_history(session, run, metric) for run in dict.fromkeys(ids)]
        if session.as_json:
            session.out.raw(histories)
            return
        curves = [_curve(history) for history in histories]
        size = shutil.get_terminal_size((PLAIN_WIDTH, PLAIN_HEIGHT + 4))
        drawn = chart(curves, width=size.columns, height=height or max(size.lines - 4, 8))
        if drawn is None:
            raise CliError(f"{metric} has no value that could be drawn", "All of its values are NaN or infinite")
        session.out.message(f"{metric} by step", style="cyan")
        _print(session, drawn)


def _with_commit(session: Session, run: int) -> dict[str, Any]:
    """An experiment with the commit that it runs."""
    data: dict[str, Any] = session.http.get(session.project().path("experiments", run))
    if not data.get("code_reference"):
        return data
    reference = session.http.get(session.project().path("experiments", run, "coderef"))
    return {**data, "commit": reference.get("commit")}


def _history(session: Session, run: int, metric: str) -> dict[str, Any]:
    """The series of one experiment; `CliError` names those that there are."""
    path = session.project().path("experiments", run, "metrics", "history")
    found: list[dict[str, Any]] = session.http.get(path, {"name": metric, "points": POINTS})["results"]
    if found:
        return {**found[0], "experiment": run}
    series = session.http.get(session.project().path("experiments", run, "metrics", "series"), {"limit": POINTS})
    names = ", ".join(sorted({row["name"] for row in series["results"]}))
    recorded = f"It has: {names}" if names else "It has recorded no metric yet"
    raise CliError(f"Experiment {run} has no metric {metric!r}", recorded)


def _curve(history: dict[str, Any]) -> Curve:
    # Values that JSON has no word for travel as text: float() reads "NaN" and "Infinity".
    points = [(float(step), float(value)) for step, value in zip(history["steps"], history["values"])]
    return Curve(f"experiment {history['experiment']}", points)


def _print(session: Session, drawn: Chart) -> None:
    from rich.text import Text

    console = session.out.console()
    for label, row in zip(drawn.labels, drawn.rows):
        line = Text(f"{label} \u2524")
        for character, owner in row:
            line.append(character, style=_style(owner))
        line.rstrip()
        console.print(line)
    console.print(Text(drawn.axis))
    console.print(_legend(drawn.curves))


def _legend(curves: Sequence[Curve]) -> Any:
    from rich.text import Text

    return Text("   ").join([Text(curve.label, style=_style(index)) for index, curve in enumerate(curves)])


def _style(owner: int | None) -> str:
    return "" if owner is None else STYLES[owner % len(STYLES)]
