"""Values, names, lines and paths that are unusual: kept as they are, or refused."""

from __future__ import annotations

import json
import urllib.parse

import pytest

from tests.e2e.person import Person
from tests.e2e.unchanged import MIB, Unchanged, said, words_in
from tests.embedded.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
def run(admin: Person, careful: str) -> str:
    created = admin.http("POST", f"{careful}/experiments", {"is_managed": False})
    return f"{careful}/experiments/{created.json()['id']}"


def number_of(run: str) -> str:
    return run.rpartition("/")[2]


TRACKED_NOT_FINITE = """
import sys
from polyaxon_client.tracking import Experiment
experiment = Experiment(project="careful", experiment_id=int(sys.argv[1]))
experiment.log_metrics(step=1, a=float("nan"), b=float("inf"), c=float("-inf"), d=1.5)
experiment.log_metrics(step=2, a=2.0, b=1e308, c=5e-324, d=None)
experiment.log_metrics(step=3, a="no number", b=object())
experiment.log_params(best=float("inf"), worst=float("nan"))
"""


def test_nan_and_infinities(admin: Person, run: str) -> None:
    script = admin.work / "not_finite.py"
    script.write_text(TRACKED_NOT_FINITE)
    process = admin.script(script, number_of(run))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    expected = [
        {"step": 1, "values": {"a": "NaN", "b": "Infinity", "c": "-Infinity", "d": 1.5}},
        {"step": 2, "values": {"a": 2.0, "b": 1e308, "c": 5e-324}},
    ]
    shown = admin.cli_json("experiment", "-xp", number_of(run), "metrics")
    for rows in (admin.history(run), shown):
        assert [{key: row[key] for key in ("step", "values")} for row in rows] == expected
    detail = admin.get(run)
    assert detail["last_metric"] == {"a": 2.0, "b": 1e308, "c": 0.0, "d": 1.5}
    assert detail["params"] == {"best": "Infinity", "worst": "NaN"}
    listed = admin.get("admin/careful/experiments?sort=-metric.a")["results"]
    assert listed[0]["id"] == int(number_of(run))
    table = admin.cli("experiment", "-xp", number_of(run), "metrics").stdout
    words_in(table, ["NaN", "Infinity"])


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity"])
def test_the_literals_of_old_clients(admin: Person, run: str, literal: str) -> None:
    body = f'{{"values": {{"loss": {literal}}}}}'.encode()
    assert admin.http("POST", f"{run}/metrics", body).json()["values"] == {"loss": literal}
    assert admin.get(run)["last_metric"] == {"loss": literal}


@pytest.mark.parametrize(
    "body",
    [
        b'{"values": {"a": "high"}}',
        b'{"values": {"a": true}}',
        b'{"values": [1]}',
        b'[{"values": {"a": 1}}, {"values": {"a": {}}}]',
        b'{"values": {"": 1}}',
        b'{"values": {"a\\u0000b": 1}}',
        b'{"values": {"\\ud800": 1}}',
        b'{"values": {"a": 1}, "step": "x"}',
        b'{"values": {"a": 1}, "created_at": "yesterday"}',
        b'{"values": {"a": 1e999}}',
        b'{"values": {"a": 1}',
        b"\xff\xfe",
        b"[" * 100_000,
        b"",
    ],
    ids=lambda body: body[:60].decode(errors="replace"),
)
def test_a_malformed_metric(admin: Person, run: str, unchanged: Unchanged, body: bytes) -> None:
    with unchanged():
        said(admin.http("POST", f"{run}/metrics", body), 400)


NAMES = {
    "emoji": "📉🔥 loss 👩‍🔬",
    "right to left": "خسارة/דיוק",
    "right-to-left override": "loss\u202eyx",
    "combining, decomposed": "e\u0301te\u0301",
    "combining, composed": "\u00e9t\u00e9",
    "many combining": "z" + "\u0335\u0489" * 100,
    "beyond the first plane": "\U0001d50f\U0001d52c\U0001d530",
    "punctuation": "a.b/c:d,e|f~g<h>i\"j'k\\l%m{n}[o]#?&=+;",
    "white space": "a b\tc\u00a0d\u3000e",
    "zero width": "a\u200bb\u200dc\ufeff",
    "sql": "x'); DROP TABLE db_metricpoint; --",
    "500 characters": "ß" * 500,
    "500 emoji": "📉" * 500,
    "like a column": "id",
    "like a number": "1",
    "dunder": "__proto__",
}


TRACKED_NAMES = """
import json, sys
from pathlib import Path
from polyaxon_client.tracking import Experiment
names = json.loads(Path(sys.argv[2]).read_text())
experiment = Experiment(project="careful", experiment_id=int(sys.argv[1]))
for step in (1, 2):
    experiment.log_metrics(step=step, **{name: step / 4 for name in names})
"""


def test_names_of_metrics_in_any_unicode(admin: Person, run: str) -> None:
    (admin.work / "names.json").write_text(json.dumps(list(NAMES.values())))
    script = admin.work / "names.py"
    script.write_text(TRACKED_NAMES)
    process = admin.script(script, number_of(run), "names.json")
    output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "")
    first, last = (dict.fromkeys(NAMES.values(), value) for value in (0.25, 0.5))
    assert [(row["step"], row["values"]) for row in admin.history(run)] == [(1, first), (2, last)]
    assert admin.get(run)["last_metric"] == last
    for path in ("admin/careful/experiments", "admin/careful/experiments?metrics=true"):
        listed = {row["id"]: row for row in admin.get(path)["results"]}
        assert listed[int(number_of(run))]["last_metric"] == last
    shown = admin.cli_json("experiment", "-xp", number_of(run), "metrics")
    assert [row["values"] for row in shown] == [first, last]
    for words in (["metrics"], ["metrics", "--summary"], ["get"]):
        words_in(admin.cli("experiment", "-xp", number_of(run), *words).stdout, ["📉🔥 loss", "0.5"])


@pytest.mark.parametrize("case", NAMES)
def test_runs_are_found_and_sorted_by_such_a_name(admin: Person, run: str, case: str) -> None:
    name = NAMES[case]
    assert admin.http("POST", f"{run}/metrics", {"values": {name: 7.5}}).status == 201
    answer = admin.http("GET", f"admin/careful/experiments?sort={urllib.parse.quote(f'-metric.{name}')}")
    # A name with the marks of the query language is refused or sorted by, and never a failure of the server.
    assert answer.status in {200, 400}
    assert answer.status == 400 or answer.json()["count"] > 0


def test_two_spellings_of_one_letter_are_two_metrics(admin: Person, run: str) -> None:
    values = {NAMES["combining, decomposed"]: 1.0, NAMES["combining, composed"]: 2.0}
    assert admin.http("POST", f"{run}/metrics", {"values": values}).status == 201
    assert admin.get(run)["last_metric"] == values


def test_a_name_that_is_too_long(admin: Person, run: str, unchanged: Unchanged) -> None:
    with unchanged():
        words_in(said(admin.http("POST", f"{run}/metrics", {"values": {"x" * 501: 1}}), 400), ["500"])


# --- logs


def test_a_log_line_of_10_mb_in_a_managed_run(admin: Person, careful: str) -> None:
    size = 10 * MIB
    command = f"echo before; python -c \"print('€' * {size // 3})\"; echo after"
    (admin.work / "long.json").write_text(json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": command}}))
    number = admin.cli_json("run", "-f", "long.json")["id"]
    path = f"{careful}/experiments/{number}"
    assert admin.server.wait_for(path, {"succeeded", "failed", "stopped"})["last_status"] == "succeeded"
    lines = admin.http("GET", f"{path}/logs").body.decode().splitlines()
    texts = [line.partition(" -- ")[2] for line in lines]
    assert (texts[0], texts[-1]) == ("before", "after")
    # Cut into lines that a reader can hold, with no character lost or broken.
    assert "".join(texts[1:-1]) == "€" * (size // 3)
    assert max(map(len, lines)) < 100_000
    shown = admin.cli("experiment", "-xp", str(number), "logs", "--past", "--hide_time").stdout
    assert shown.replace("\n", "") == "before" + "€" * (size // 3) + "after"
    tail = admin.http("GET", f"{path}/logs?tail=1").body.decode()
    assert tail.rstrip("\n").endswith(" -- after")


def test_a_log_line_of_10_mb_from_outside(admin: Person, run: str, unchanged: Unchanged) -> None:
    line = "é" * (5 * MIB)
    assert admin.http("POST", f"{run}/logs", ["before", line, "after"]).status == 200
    text = admin.http("GET", f"{run}/logs").body.decode()
    assert text.count("é") == len(line)
    assert text.splitlines()[-1].endswith("after")
    with unchanged():
        for body in (5, [], [5], {"a": 1}, None):
            said(admin.http("POST", f"{run}/logs", body), 400)
        said(admin.http("POST", f"{run}/logs", b'["' + b"x" * (33 * MIB) + b'"]'), 413)


def test_a_line_with_escapes_and_broken_bytes(admin: Person, careful: str) -> None:
    command = "printf 'a\\377b\\n\\033[31mred\\033[0m\\n\\000nul\\n' ; printf 'no end'"
    (admin.work / "odd.json").write_text(json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": command}}))
    number = admin.cli_json("run", "-f", "odd.json")["id"]
    path = f"{careful}/experiments/{number}"
    admin.server.wait_for(path, {"succeeded"})
    text = admin.http("GET", f"{path}/logs").body.decode(errors="replace")
    words_in(text, ["a�b", "red", "nul", "no end"])
    assert len(text.splitlines()) == 4
    words_in(admin.cli("experiment", "-xp", str(number), "logs", "--past").stdout, ["red", "no end"])


# --- outputs


@pytest.mark.parametrize(
    "path", ["../../../../polyaxon.sqlite3", "/etc/passwd", "a/../../..", "link", "\x00", "nothing"]
)
@pytest.mark.parametrize("view", ["files", "tree"])
def test_paths_do_not_leave_the_outputs(admin: Person, server: Server, run: str, path: str, view: str) -> None:
    folder = server.folder / "outputs" / run
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to(server.folder)
    answer = admin.http("GET", f"{run}/outputs/{view}?path={urllib.parse.quote(path)}")
    assert answer.status in {400, 404}
    assert b"SQLite" not in answer.body
    assert b"root:" not in answer.body
