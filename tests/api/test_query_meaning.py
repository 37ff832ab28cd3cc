"""Random queries find the rows that the same conditions, written in Python, find."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api import query
from polyaxon.db.models import Experiment, Project
from tests.factories import make_experiment, make_metrics, make_project, make_user

pytestmark = pytest.mark.slow
STATUSES = ("created", "running", "failed")
NAMES = ("alpha", "Beta-2", "gamma_3", "alphabet")
TAGS = ("a", "b", "100%")
NUMBERS = (0.0, 0.5, -1.5, 1e9)
START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 16
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    "=<": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=>": operator.ge,
}
OPPOSITE = {"": "", "<": ">=", "<=": ">", "=<": ">", ">": "<=", ">=": "<", "=>": "<"}


@dataclass(frozen=True)
class Asked:
    """A condition as text, and what it means."""

    text: str
    holds: Callable[[Experiment], bool]


@pytest.fixture
def rows(db: None) -> list[Experiment]:
    """Rows that differ in everything that is asked for, some of them without it."""
    owner = make_user("ann")
    project = make_project(owner, "numbers")
    made = []
    for number in range(ROWS):
        params = {"lr": NUMBERS[number % 4], "opt": NAMES[number % 3]} if number % 5 else {}
        tags = [tag for place, tag in enumerate(TAGS) if number >> place & 1]
        row = make_experiment(project, owner, content=CONTENT, tags=tags, params=params)
        if number % 4:
            make_metrics(row, {"loss": NUMBERS[(number + 1) % 4]}, {"loss": NUMBERS[number % 4]})
        changed = {
            "status": STATUSES[number % 3],
            "name": NAMES[number % 4] + str(number) if number % 3 else None,
            "created_at": START + timedelta(hours=6 * number),
            "started_at": START + timedelta(days=number) if number % 2 else None,
        }
        Experiment.objects.filter(pk=row.pk).update(**changed)
        made.append(Experiment.objects.get(pk=row.pk))
    return made


CONTENT = '{"version": 1, "kind": "experiment", "run": {"cmd": "true"}}'


def one_of(field: str, values: tuple[str, ...], read: Callable[[Experiment], Any]) -> st.SearchStrategy[Asked]:
    """`field:a`, `field:a|b` and what they leave out."""

    def asked(chosen: list[str], negated: bool) -> Asked:
        text = f"{field}:{'~' if negated else ''}{'|'.join(chosen)}"
        return Asked(text, lambda row: (read(row) in chosen) is not negated)

    return st.builds(asked, st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True), st.booleans())


def scalar(field: str, read: Callable[[Experiment], float | None]) -> st.SearchStrategy[Asked]:
    """A comparison; a negated one is its opposite, but of equality it is everything else."""

    def asked(sign: str, number: float, negated: bool) -> Asked:
        text = f"{field}:{'~' if negated else ''}{sign}{number}"
        if negated and not sign:
            return Asked(text, lambda row: read(row) != number)
        compare = COMPARISONS[OPPOSITE[sign] if negated else sign]
        return Asked(text, lambda row: (value := read(row)) is not None and compare(value, number))

    return st.builds(asked, st.sampled_from(sorted(COMPARISONS)), st.sampled_from(NUMBERS), st.booleans())


def dates(field: str, read: Callable[[Experiment], datetime | None]) -> st.SearchStrategy[Asked]:
    def asked(sign: str, day: int, negated: bool) -> Asked:
        moment = START + timedelta(days=day)
        text = f"{field}:{'~' if negated else ''}{sign}{moment:%Y-%m-%d}"
        if not sign:
            end = moment + timedelta(days=1)
            return Asked(text, lambda row: ((v := read(row)) is not None and moment <= v < end) is not negated)
        compare = COMPARISONS[OPPOSITE[sign] if negated else sign]
        return Asked(text, lambda row: (value := read(row)) is not None and compare(value, moment))

    return st.builds(asked, st.sampled_from(sorted(COMPARISONS)), st.integers(-1, ROWS), st.booleans())


def ranges(field: str, read: Callable[[Experiment], datetime | None]) -> st.SearchStrategy[Asked]:
    def asked(low: int, high: int, negated: bool) -> Asked:
        first, last = START + timedelta(days=low), START + timedelta(days=high)
        text = f"{field}:{'~' if negated else ''}{first:%Y-%m-%d} .. {last:%Y-%m-%d}"
        return Asked(text, lambda row: ((v := read(row)) is not None and first <= v <= last) is not negated)

    return st.builds(asked, st.integers(-1, ROWS), st.integers(-1, ROWS), st.booleans())


def patterns() -> st.SearchStrategy[Asked]:
    """Parts of names, in any case."""

    def asked(part: str, before: str, after: str, negated: bool) -> Asked:
        def fits(row: Experiment) -> bool:
            name = (row.name or "").lower()
            found = name.find(part.lower()) >= 0 if before and after else False
            return found or (name.endswith(part.lower()) if before else name.startswith(part.lower()))

        text = f"name:{'~' if negated else ''}{before}{part}{after}"
        return Asked(text, lambda row: fits(row) is not negated)

    ways = st.sampled_from([("%", ""), ("", "%"), ("%", "%")])
    parts = st.sampled_from(["al", "BETA", "a-2", "3", "pha", "_", "2"])
    return st.builds(lambda part, way, negated: asked(part, *way, negated), parts, ways, st.booleans())


def tags() -> st.SearchStrategy[Asked]:
    def asked(chosen: list[str], negated: bool) -> Asked:
        text = f"tags:{'~' if negated else ''}{'|'.join(chosen)}"
        return Asked(text, lambda row: bool(set(chosen) & set(row.tags or [])) is not negated)

    return st.builds(asked, st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique=True), st.booleans())


def learning_rates() -> st.SearchStrategy[Asked]:
    def asked(number: float, negated: bool) -> Asked:
        text = f"params.lr:{'~' if negated else ''}{number}"
        return Asked(text, lambda row: ((row.params or {}).get("lr") == number) is not negated)

    return st.builds(asked, st.sampled_from(NUMBERS), st.booleans())


def loss(row: Experiment) -> float | None:
    series = row.series.filter(name="loss").first()
    return series.last if series else None


CONDITIONS = st.one_of(
    one_of("status", STATUSES, lambda row: row.status),
    one_of("params.opt", NAMES, lambda row: (row.params or {}).get("opt")),
    one_of("user.username", ("ann", "ben"), lambda row: row.user.username if row.user else None),
    scalar("metrics.loss", loss),
    scalar("metric.missing", lambda _: None),
    dates("created_at", lambda row: row.created_at),
    dates("started_at", lambda row: row.started_at),
    ranges("started_at", lambda row: row.started_at),
    patterns(),
    tags(),
    learning_rates(),
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(conditions=st.lists(CONDITIONS, min_size=1, max_size=3))
def test_a_query_means_what_it_says(rows: list[Experiment], conditions: list[Asked]) -> None:
    text = " , ".join(condition.text for condition in conditions)
    found = query.filtered(Experiment.objects.all(), text, query.EXPERIMENTS)
    expected = {row.pk for row in rows if all(condition.holds(row) for condition in conditions)}
    assert set(found.values_list("pk", flat=True)) == expected, text


def key_of(name: str) -> Callable[[Experiment], Any]:
    return loss if name.startswith("metric") else lambda row: getattr(row, name)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    keys=st.lists(
        st.tuples(st.sampled_from(["created_at", "started_at", "metric.loss", "metrics.loss"]), st.booleans()),
        min_size=1,
        max_size=3,
        unique_by=lambda key: key[0],
    ),
    start=st.integers(0, ROWS),
    size=st.integers(1, ROWS),
)
def test_a_page_of_a_sort_is_what_python_has_there(
    rows: list[Experiment], keys: list[tuple[str, bool]], start: int, size: int
) -> None:
    text = ",".join(("-" if descending else "") + name for name, descending in keys)
    expected = sorted(rows, key=lambda row: -row.pk)
    for name, descending in reversed(keys):
        read = key_of(name)
        # Those that are equal keep their order, in reverse too.
        present = sorted((row for row in expected if read(row) is not None), key=read, reverse=descending)
        expected = present + [row for row in expected if read(row) is None]
    found = query.find_experiments(Experiment.objects.filter(project__in=Project.objects.all()), None, text)
    page = [row.pk for row in found[start : start + size]]
    assert page == [row.pk for row in expected[start : start + size]], text
