"""What is printed, and how it looks in a pipe."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from polyaxon_cli.errors import CliError
from polyaxon_cli.output import Output, cell, number, text_of
from polyaxon_cli.views import show

LONG = "x" * 300


def test_a_piped_table_is_plain_aligned_and_never_folded(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([{"id": 1, "name": LONG}, {"id": 200, "name": "short"}], ["id", "name"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id   name", f"1    {LONG}", "200  short"]


def test_a_cell_with_line_breaks_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([{"message": "Traceback\n  boom"}], ["message"])
    assert capsys.readouterr().out == "message\nTraceback boom\n"


def test_piped_tables_keep_empty_columns_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    Output().rows([{"id": 1, "name": None}], ["id", "name"])
    assert capsys.readouterr().out.splitlines()[0] == "id  name"


def test_json_goes_to_stdout_and_messages_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=True)
    out.message("hello")
    out.page({"count": 1, "results": [{"ü": 1}]}, ["ü"], title="Things")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"count": 1, "results": [{"ü": 1}]}
    assert captured.err == "hello\n"


def test_a_page_tells_how_to_get_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    page = {"count": 50, "next": "http://x", "previous": "http://x", "results": [{"id": 1}]}
    Output().page(page, ["id"], title="Things", current=2)
    assert capsys.readouterr().out.splitlines()[-1] == "count: 50  next: --page=3  previous: --page=1"


def test_an_empty_page_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Output().page({"count": 0, "results": []}, ["id"], title="Experiments")
    assert capsys.readouterr().out == "No experiments found.\n"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (True, "True"), (0.123456789, "0.123457"), (1e-9, "1e-09"), (float("nan"), "nan"),
        ("NaN", "NaN"), (3, "3"), (["a", "b"], "a, b"), ([], ""), ({"a": [1]}, '{"a": [1]}'),
        ([{"a": 1}], '[{"a": 1}]'),
    ],
)  # fmt: skip
def test_values_in_cells(value: object, shown: str) -> None:
    assert number(value) == shown
    assert isinstance(text_of(value), str)


def test_total_run_is_worked_out_from_start_and_end() -> None:
    row = {"started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T01:02:00Z"}
    assert cell(row, "total_run") == "1h 2m"


def test_colours_only_on_a_terminal() -> None:
    """A real terminal (pty) gets colours and a drawn table, a pipe does not."""
    program = (
        "from polyaxon_cli.output import Output\n"
        "Output().success('fine')\n"
        "Output().rows([{'last_status': 'failed', 'gone': None}], ['last_status', 'gone'])\n"
    )
    environment = {**os.environ, "PYTHONPATH": "client", "TERM": "xterm-256color", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program]
    piped = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True).stdout
    assert b"\x1b" not in piped
    assert b"gone" in piped
    leader, follower = pty.openpty()
    subprocess.run(command, cwd=root, env=environment, stdout=follower, check=True)
    os.close(follower)
    shown = os.read(leader, 65536)
    os.close(leader)
    assert b"\x1b[32mfine" in shown
    assert b"\x1b[31mfailed" in shown
    assert b"gone" not in shown


def test_details_show_the_chosen_keys_alone(capsys: pytest.CaptureFixture[str]) -> None:
    run = {"id": 3, "description": "words", "params": {"lr": 0.1}, "last_status": "running"}
    show(Output(columns=["params.lr", "id"]), "experiment", run, title="Experiment info:")
    assert capsys.readouterr().out == "params.lr  0.1\nid         3\n"


def test_a_chosen_column_that_no_row_has_is_refused() -> None:
    with pytest.raises(CliError, match=r"There is no column idd\. There are: id, name\."):
        Output(columns=["id", "idd"]).rows([{"id": 1}, {"name": "x"}], ["id"])


def test_json_is_there_even_without_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(as_json=True)
    out.success("Done.")
    out.finish()
    out.finish()
    told = capsys.readouterr()
    assert (told.out, told.err) == ('{\n  "messages": [\n    "Done."\n  ]\n}\n', "Done.\n")
