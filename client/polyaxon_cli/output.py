"""Everything the tool prints: messages, tables, key/value views, JSON.

On a terminal tables are drawn with colours; in a pipe they are plain aligned text without a width limit.
With `--json` the raw answer goes to stdout and messages go to stderr; a command that has no answer to show prints its
messages as `{"messages": [...]}`, so that there is JSON from every command. `-o` chooses columns.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli import times
from polyaxon_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table

__all__ = ["Output", "cell", "number", "text_of", "value_at"]

# Wide enough that no cell is ever folded or cut in a pipe.
UNLIMITED = 100_000
SIGNIFICANT_DIGITS = 6
DATES = ("created_at", "updated_at", "started_at", "finished_at")
STATUS_STYLES = {
    "succeeded": "green",
    "done": "green",
    "running": "cyan",
    "starting": "cyan",
    "failed": "red",
    "upstream_failed": "red",
    "stopped": "yellow",
    "stopping": "yellow",
    "warning": "yellow",
    "unschedulable": "yellow",
}


def number(value: Any) -> str:
    """A metric or parameter with at most six significant digits; NaN and infinities by name."""
    if isinstance(value, float):
        return f"{value:.{SIGNIFICANT_DIGITS}g}"
    return text_of(value)


def text_of(value: Any) -> str:
    """One cell: nothing for null, comma text for plain lists, JSON for nested data."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int, float)) for item in value):
        return ", ".join(str(item) for item in value)
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, default=str)
    return str(value)


class Output:
    """Prints to the current stdout and stderr. `columns` are those of `-o`; None for each list's own."""

    def __init__(self, *, as_json: bool = False, columns: Sequence[str] | None = None) -> None:
        self.as_json = as_json
        self.columns = columns
        self._answered = False
        self._messages: list[str] = []

    def finish(self) -> None:
        """Print what was told as JSON where `--json` is wanted and no answer was shown."""
        if self.as_json and not self._answered:
            self.raw({"messages": self._messages})

    @property
    def interactive(self) -> bool:
        """Whether stdout is a terminal that shows tables and progress."""
        return sys.stdout.isatty() and not self.as_json

    def console(self, *, stderr: bool = False) -> Console:
        """A console on the current stream; made per use because tests and pagers swap the streams."""
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        if stream.isatty():
            return Console(file=stream, highlight=False)
        return Console(file=stream, highlight=False, color_system=None, width=UNLIMITED, soft_wrap=True)

    def message(self, text: str, *, style: str | None = None) -> None:
        """A line for the person; on stderr when stdout carries JSON."""
        if self.as_json:
            self._messages.append(text)
        click.secho(text, fg=style, err=self.as_json)

    def success(self, text: str) -> None:
        """A line that tells of something done."""
        self.message(text, style="green")

    def warning(self, text: str) -> None:
        """A line on stderr about something that did not stop the command."""
        click.secho(f"Warning: {text}", fg="yellow", err=True)

    def raw(self, data: Any) -> None:
        """The server's answer as JSON on stdout."""
        self._answered = True
        click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))

    def json_line(self, data: Any) -> None:
        """One of many answers, as JSON on a line of its own."""
        self._answered = True
        click.echo(json.dumps(data, ensure_ascii=False, default=str))

    def rows(
        self,
        rows: Sequence[Mapping[str, Any]],
        columns: Sequence[str],
        *,
        title: str | None = None,
        keep_empty: bool = False,
    ) -> None:
        """A table of `rows`; on a terminal, columns without any value are left out unless `keep_empty`."""
        columns = self.columns or columns
        self._refuse_unknown(rows, columns)
        cells = [[cell(row, column) for column in columns] for row in rows]
        if self.interactive and not keep_empty and not self.columns and rows:
            kept = [i for i in range(len(columns)) if any(line[i] for line in cells)]
            columns = [columns[i] for i in kept]
            cells = [[line[i] for i in kept] for line in cells]
        if title:
            self.message(title, style="cyan")
        self._print_table(columns, cells)

    def table(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
        """The same as something that rich draws, for `live.screen`."""
        columns = self.columns or columns
        return _rich_table(columns, [[cell(row, column) for column in columns] for row in rows], header=True)

    def page(self, page: Mapping[str, Any], columns: Sequence[str], *, title: str, current: int = 1) -> None:
        """One page of a list with its navigation line; `{"results": [...]}` as the server gives it."""
        if self.as_json:
            self.raw(page)
            return
        results = page.get("results") or []
        if not results:
            self.message(f"No {title.lower()} found.")
            return
        self.rows(results, columns, title=f"{title}:")
        navigation = _navigation(page, current)
        if navigation:
            self.message(navigation)

    def details(self, data: Mapping[str, Any], *, title: str | None = None) -> None:
        """Key/value rows; dates as ages, nothing for missing values."""
        if self.columns:
            self._refuse_unknown([data], self.columns)
        pairs = [[key, cell(data, key)] for key in self.columns or data]
        if title:
            self.message(title, style="cyan")
        self._print_table(["key", "value"], pairs, header=False)

    def _refuse_unknown(self, rows: Sequence[Mapping[str, Any]], chosen: Sequence[str]) -> None:
        """A column of `-o` that no row has is a mistake; the columns of a list may well be missing."""
        if self.columns is None or not rows:
            return
        unknown = [name for name in chosen if not any(_has(row, name) for row in rows)]
        if unknown:
            known = sorted({str(key) for row in rows for key in row})
            raise CliError(f"There is no column {', '.join(unknown)}", f"There are: {', '.join(known)}")

    def _print_table(self, columns: Sequence[str], cells: Iterable[Sequence[str]], *, header: bool = True) -> None:
        if not sys.stdout.isatty():
            _plain_table(columns, list(cells), header=header)
            return
        self.console().print(_rich_table(columns, cells, header=header))


def value_at(row: Mapping[str, Any], column: str) -> Any:
    """`row[column]`; `params.lr` is the entry `lr` of `params`."""
    if column in row:
        return row[column]
    outer, _, inner = column.partition(".")
    nested = row.get(outer)
    return nested.get(inner) if inner and isinstance(nested, Mapping) else None


def _has(row: Mapping[str, Any], column: str) -> bool:
    outer, _, inner = column.partition(".")
    return column in row or column == "total_run" or bool(inner and outer in row)


def cell(row: Mapping[str, Any], column: str) -> str:
    """What a column shows for one object: ages for dates, the run time for `total_run`."""
    value = value_at(row, column)
    if column in DATES:
        return times.age(value)
    if column == "total_run" and value is None:
        return times.run_time(row.get("started_at"), row.get("finished_at"))
    return number(value)


def _navigation(page: Mapping[str, Any], current: int) -> str:
    parts = [f"count: {page['count']}"] if page.get("count") else []
    if page.get("next"):
        parts.append(f"next: --page={current + 1}")
    if page.get("previous"):
        parts.append(f"previous: --page={current - 1}")
    return "  ".join(parts)


def _plain_table(columns: Sequence[str], cells: list[Sequence[str]], *, header: bool) -> None:
    lines = [list(columns), *cells] if header else cells
    flat = [[" ".join(text.split()) for text in line] for line in lines]
    widths = [max((len(line[i]) for line in flat), default=0) for i in range(len(columns))]
    for line in flat:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths)).rstrip())


def _rich_table(columns: Sequence[str], cells: Iterable[Sequence[str]], *, header: bool) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD if header else None,
        show_header=header,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for line in cells:
        table.add_row(*[Text(text, style=STATUS_STYLES.get(text, "")) for text in line])
    return table
