"""The filter language: its form, its meaning, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import query
from api.query.parser import Between, Compare, Expression, OneOf, Operator, Source, parse
from polyaxon.db.models import Experiment, ExperimentGroup, Project, User
from polyaxon.errors import InvalidInput
from polyaxon_schemas.hptuning import ALGORITHMS
from tests.factories import make_experiment, make_group, make_metrics, make_project, make_selection, make_user


def operation(text: str) -> Any:
    (expression,) = parse(f"field:{text}")
    return expression.operation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v", Compare(Operator.EQ, "v")),
        (" a | b|c ", OneOf(("a", "b", "c"))),
        ("<5", Compare(Operator.LT, "5")),
        ("<= 5", Compare(Operator.LE, "5")),
        ("=<5", Compare(Operator.LE, "5")),
        (">5", Compare(Operator.GT, "5")),
        (">=5", Compare(Operator.GE, "5")),
        ("=>5", Compare(Operator.GE, "5")),
        ("2020-01-01 .. 2020-02-01", Between("2020-01-01", "2020-02-01")),
    ],
)
def test_operations(text: str, expected: object) -> None:
    assert operation(text) == expected


def test_parts_of_an_expression() -> None:
    assert parse(" metrics . loss : ~ <= 0.3 ") == [
        Expression("metrics", "loss", True, Compare(Operator.LE, "0.3"), Source("metrics . loss : ~ <= 0.3", 2))
    ]


def test_empty_expressions_are_dropped() -> None:
    assert [expression.field for expression in parse(",id:1,, user:2 ,")] == ["id", "user"]
    assert parse("") == []


@pytest.mark.parametrize(
    "text",
    ["id", "id:", ":1", "id:~", "id:<", "a.b.c:1", "a.:1", "id:a|", "id:|", "x:1..2..3", "x:..2", "\x00:1"],
)
def test_wrong_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        expressions = parse(text)
    except InvalidInput:
        return
    assert all(expression.field and expression.source.text in text for expression in expressions)


@pytest.fixture
def people(db: None) -> tuple[User, User]:
    return make_user("ann"), make_user("ben")


@pytest.fixture
def runs(people: tuple[User, User]) -> dict[str, Experiment]:
    """Four experiments that differ in everything a query can ask for."""
    ann, ben = people
    project = make_project(ann, "numbers")
    rows = {
        "a": make_experiment(project, ann, name="first-draft", tags=["x", "y"], params={"lr": 0.1, "opt": "sgd"}),
        "b": make_experiment(project, ben, name="Second", tags=["y"], params={"lr": 1, "opt": "adam", "fast": True}),
        "c": make_experiment(project, ann, description="a long draft", framework="keras"),
        "d": make_experiment(project, ann, tags=["100%"], params={"lr": "0.1"}),
    }
    make_metrics(rows["a"], {"loss": 0.9}, {"loss": 0.2, "acc": 0.8})
    make_metrics(rows["b"], {"loss": 0.5})
    make_metrics(rows["c"], {"loss": float("nan")})
    update = Experiment.objects.filter
    update(pk=rows["a"].pk).update(status="running", created_at=datetime(2020, 1, 10, 12, tzinfo=UTC))
    update(pk=rows["b"].pk).update(status="failed", created_at=datetime(2020, 2, 10, tzinfo=UTC))
    update(pk=rows["a"].pk).update(started_at=datetime(2020, 1, 11, tzinfo=UTC))
    return rows


def found(runs: dict[str, Experiment], text: str) -> str:
    rows = query.filtered(Experiment.objects.all(), text, query.EXPERIMENTS)
    ids = set(rows.values_list("pk", flat=True))
    return "".join(key for key, run in runs.items() if run.pk in ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "abcd"),
        ("status:running", "a"),
        ("status:running|failed", "ab"),
        ("status:~failed|running", "cd"),
        ("user.username:ben", "b"),
        ("user.username:~ben", "acd"),
        ("project.name:numbers", "abcd"),
        ("project.name:other", ""),
        ("name:first-draft", "a"),
        ("name:%DRAFT", "a"),
        ("name:sec%", "b"),
        ("name:%con%", "b"),
        ("name:~%draft%", "bcd"),
        ("description:%draft%,name:~first-draft", "c"),
        ("framework:keras", "c"),
        ("framework:~keras", "abd"),
        ("tags:x", "a"),
        ("tags:x|y", "ab"),
        ("tags:~x", "bcd"),
        ("tags:~x|y,tags:100%", "d"),
        ("params.opt:sgd|adam", "ab"),
        ("params.opt:~sgd", "bcd"),
        ("declarations.opt:sgd", "a"),
        ("params.fast:true", "b"),
        ("params.missing:1", ""),
        ("metrics.loss:<=0.5", "ab"),
        ("metric.loss:<0.5", "a"),
        ("metrics.loss:~<0.5", "b"),
        ("metrics.loss:0.2", "a"),
        ("metrics.loss:~0.2", "bcd"),
        ("metrics.loss:<1,metrics.acc:>=0.8", "a"),
        ("created_at:2020-01-10", "a"),
        ("created_at:<2020-02-10", "a"),
        ("created_at:<=2020-02-10", "ab"),
        ("created_at:2020-01-10..2020-02-10", "ab"),
        ("created_at:~2020-01-10..2020-02-10", "cd"),
        ("started_at:~2020-01-11", "bcd"),
        ("started_at:>2020-01-01", "a"),
        ("independent:true", "abcd"),
        ("independent:~true", "abcd"),
        ("group:1", ""),
        ("commit:~abc", "abcd"),
    ],
)
def test_meaning(runs: dict[str, Experiment], text: str, expected: str) -> None:
    assert found(runs, text) == expected


def test_ids_and_users(runs: dict[str, Experiment], people: tuple[User, User]) -> None:
    assert found(runs, f"id:{runs['a'].pk}|{runs['d'].pk}") == "ad"
    assert found(runs, f"user:{people[1].pk}") == "b"
    assert found(runs, "id:123456789012345678") == ""


def test_wart_6_numeric_params_are_matched(runs: dict[str, Experiment]) -> None:
    assert found(runs, "params.lr:0.1") == "acd"  # c has it from its file
    assert found(runs, "params.lr:1") == "b"
    assert found(runs, "params.lr:1.0|0.10") == "abc"


def test_wart_7_dates_with_a_time_of_day(runs: dict[str, Experiment]) -> None:
    assert found(runs, "created_at:2020-01-10 12:00") == "a"
    assert found(runs, "created_at:<2020-01-10T11:59:59") == ""
    assert found(runs, "created_at:2020-01-10 11:00..2020-01-10 13:00:00+00:00") == "a"


def test_wart_2_suffixes_are_known_ones(runs: dict[str, Experiment]) -> None:
    for text in (
        "user.password:%a%",
        "user.tokens:1",
        "project.user:1",
        "status.x:1",
        "name.x:%a%",
        "tags.x:1",
    ):
        with pytest.raises(InvalidInput):
            found(runs, text)


@pytest.mark.parametrize(
    "text",
    [
        "unknown:1",
        "build:1:2",
        "name:a:b",
        "status:<running",
        "status:a..b",
        "name:<a",
        "name:a%b",
        "name:%",
        "id:x",
        "id:-1",
        "metrics.loss:x",
        "metrics.loss:nan",
        "metrics.loss:1|2",
        "metrics.loss:1..2",
        "metrics:1",
        "params:1",
        "created_at:x",
        "created_at:a|b",
        "created_at:2020-01-01..x",
        "created_at.x:2020-01-01",
        "tags:<x",
        "independent:maybe",
    ],
)
def test_what_a_field_does_not_take_is_refused(db: None, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        query.filtered(Experiment.objects.all(), text, query.EXPERIMENTS)
    assert text in caught.value.message or "unknown" in text


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("nope:1", 1),
        (" nope:1", 2),
        ("id:1,nope:1", 6),
        ("id:1, ,  name", 10),
        ("id:1,id:x", 9),
        ("id:1|2|x", 8),
        ("metrics.loss: < abc", 17),
        ("metrics.metrics:metrics", 17),
        ("user.password:1", 6),
        ("a.b.c:1", 3),
        ("status:running,created_at:2020-01-01..x", 39),
        ("name:a:b", 7),
        ("tags:<x", 6),
        ("search:x..y..z", 8),
    ],
)
def test_errors_point_at_the_column(db: None, text: str, column: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^Query, column {column}: "):
        query.filtered(Experiment.objects.all(), text, query.EXPERIMENTS)


def test_errors_of_a_sort_point_at_the_column(db: None) -> None:
    with pytest.raises(InvalidInput, match=r"^Sort, column 14: 'metric.a.b'"):
        query.ordered(Experiment.objects.all(), "created_at,  metric.a.b", metrics=True)


@given(
    field=st.sampled_from([*query.EXPERIMENTS, "params.a", "metrics.a", "user.id"]),
    body=st.text(st.characters(blacklist_characters=",", blacklist_categories=["Cs"]), max_size=20),
)
def test_every_query_runs_or_is_refused(field: str, body: str) -> None:
    try:
        rows = query.filtered(Experiment.objects.all(), f"{field}:{body}", query.EXPERIMENTS)
    except InvalidInput:
        return
    assert "SELECT" in str(rows.query).upper()


@pytest.fixture
def groups(people: tuple[User, User]) -> dict[str, ExperimentGroup]:
    project = make_project(people[0], "searches")
    return {"grid": make_group(project), "chosen": make_selection(project, make_experiment(project))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type:study", ["grid"]),
        ("concurrency:2", ["grid"]),
        ("concurrency:>2", []),
        ("concurrency:~<2", ["grid"]),
        ("search_algorithm:bo", []),
        ("search_algorithm:~bo|hyperband", ["grid", "chosen"]),
    ],
)
def test_groups(groups: dict[str, ExperimentGroup], text: str, expected: list[str]) -> None:
    rows = query.filtered(ExperimentGroup.objects.all(), text, query.GROUPS)
    ids = set(rows.values_list("pk", flat=True))
    assert [key for key, group in groups.items() if group.pk in ids] == expected


@pytest.mark.parametrize("key", ALGORITHMS)
def test_every_algorithm_is_found_by_its_name(groups: dict[str, ExperimentGroup], key: str) -> None:
    group, other = groups["grid"], make_group(groups["grid"].project)
    group.hptuning, other.hptuning = ({"matrix": {}, name: {"n_experiments": 3}} for name in (key, "another"))
    ExperimentGroup.objects.bulk_update([group, other], ["hptuning"])
    assert group.search_algorithm is not None
    for name in (key, group.search_algorithm):
        rows = query.filtered(ExperimentGroup.objects.all(), f"search_algorithm:{name}", query.GROUPS)
        assert list(rows) == [group]


def test_an_unknown_algorithm_is_told_with_the_known_ones(groups: dict[str, ExperimentGroup]) -> None:
    with pytest.raises(InvalidInput, match=r"no algorithm 'magic' \(grid, random, hyperband, bo, asha, tpe"):
        query.filtered(ExperimentGroup.objects.all(), "search_algorithm:magic", query.GROUPS)


def order(sort: str | None, runs: dict[str, Experiment]) -> str:
    keys = {run.pk: key for key, run in runs.items()}
    rows = query.ordered(Experiment.objects.filter(pk__in=keys), sort, metrics=True)
    return "".join(keys[pk] for pk in rows.values_list("pk", flat=True))


def test_sorting_puts_rows_without_a_value_last(runs: dict[str, Experiment]) -> None:
    assert order("metric.loss", runs)[:2] == "ab"
    assert order("-metrics.loss", runs)[:2] == "ba"
    assert order("-started_at", runs)[0] == "a"
    assert order("started_at", runs)[0] == "a"
    assert order("created_at", runs)[:2] == "ab"


def test_unknown_sort_fields_are_ignored(runs: dict[str, Experiment]) -> None:
    Experiment.objects.filter(pk=runs["b"].pk).update(updated_at=datetime(2100, 1, 1, tzinfo=UTC))
    assert order("password, -user.password", runs)[0] == "b"
    assert order(None, runs)[0] == "b"


def test_wart_1_a_sort_with_two_dots_is_refused(db: None) -> None:
    with pytest.raises(InvalidInput):
        query.ordered(Experiment.objects.all(), "metric.a.b", metrics=True)


def test_filter_runs_on_a_project(runs: dict[str, Experiment]) -> None:
    rows = query.filtered(Experiment.objects.filter(project__in=Project.objects.live()), "tags:x", query.EXPERIMENTS)
    assert rows.count() == 1
