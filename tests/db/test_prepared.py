"""Prepared queries: the same rows as the query that they stand for, built once."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyaxon.db.lookups import listed
from polyaxon.db.models import Experiment, Project
from polyaxon.db.prepared import Prepared
from polyaxon.db.writes import append
from polyaxon.security.permissions import visible_projects
from tests.factories import make_experiment, make_project, make_user

pytestmark = pytest.mark.django_db


def experiments(owner: str, item: int) -> QuerySet[Experiment]:
    rows = Experiment.objects.filter(project__owner__name=owner, pk__gte=item, deleted=False)
    return (
        rows.select_related("user", "project__owner", "original_experiment").annotate(twice=F("pk") * 2).order_by("pk")
    )


def test_rows_are_those_of_the_query() -> None:
    ann, bob = make_user("ann"), make_user("bob")
    one = make_experiment(make_project(ann, "p"), params={"lr": 0.1}, tags=["a"])
    two = make_experiment(one.project)
    Experiment.objects.filter(pk=two.pk).update(original_experiment=one)
    make_experiment(make_project(bob, "p"))
    prepared = Prepared(experiments, owner=str, item=int)
    for item in (0, one.pk, two.pk, two.pk + 1):
        expected = list(experiments("ann", item))
        found = prepared.all(owner="ann", item=item)
        assert [vars_of(row) for row in found] == [vars_of(row) for row in expected]
    assert prepared.first(owner="bob", item=two.pk + 100) is None


def vars_of(row: Any) -> dict[str, Any]:
    own = {name: value for name, value in vars(row).items() if name != "_state"}
    related = {name: vars_of(other) for name, other in row._state.fields_cache.items() if other is not None}
    return {**own, **related}


def test_related_rows_need_no_more_queries() -> None:
    experiment = make_experiment(make_project(make_user("ann"), "p"))
    found = Prepared(experiments, owner=str, item=int).first(owner="ann", item=experiment.pk)
    with CaptureQueriesContext(connection) as queries:
        assert found is not None
        assert (found.user.username, found.project.owner.name, found.original_experiment) == ("ann", "ann", None)
    assert len(queries) == 0


def test_the_query_is_built_once() -> None:
    built = []

    def build(name: str) -> QuerySet[Project]:
        built.append(name)
        return Project.objects.filter(name=name)

    prepared = Prepared(build, name=str)
    make_project(make_user("ann"), "p")
    for name in ("p", "q", "p"):
        prepared.all(name=name)
    assert len(built) == 1


def test_deferred_columns_stay_deferred() -> None:
    project = make_project(make_user("ann"), "p")
    prepared = Prepared(lambda item: Project.objects.filter(pk=item).only("name"), item=int)
    found = prepared.first(item=project.pk)
    assert found is not None
    assert found.get_deferred_fields() >= {"description", "tags"}
    assert found.description == project.description


def test_constants_are_values_and_no_text() -> None:
    odd = "100 %s of 'it' \\ \""
    project = make_project(make_user("ann"), "p", description=odd)
    make_project(project.user, "q", description="100 other")
    odd_ones = Project.objects.filter(description=odd, name__contains="p", is_public__in=[True, False])
    prepared = Prepared(lambda name: odd_ones.filter(name=name), name=str)
    assert [prepared.all(name=name) for name in ("p", "q")] == [[project], []]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite makes no plans for any values")
def test_a_plan_is_made_for_any_values_and_not_for_each() -> None:
    project = make_project(make_user("ann"), "p")
    named = Project.objects.filter(is_public__in=[True, False], name__in=["p", "never planned twice"])
    prepared = Prepared(lambda keys: named.filter(pk__among=keys), keys=str)
    for _ in range(20):
        assert prepared.all(keys=listed([project.pk])) == [project]
    with connection.cursor() as cursor:
        sql = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE %s"
        cursor.execute(sql, ["%'never planned twice'%"])
        assert cursor.fetchall() == [(15, 5)], "the first five are what Postgres compares with"


def test_a_query_that_can_have_no_rows() -> None:
    def build(name: str) -> QuerySet[Project]:
        return visible_projects(AnonymousUser()).filter(name=name)

    assert Prepared(build, name=str).all(name="p") == []


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(name=st.text(max_size=30), number=st.integers())
def test_values_that_no_column_holds_find_nothing(name: str, number: int) -> None:
    prepared = Prepared(lambda name, number: Project.objects.filter(name=name, pk=number), name=str, number=int)
    assert prepared.all(name=name, number=number) == []


@pytest.mark.parametrize(
    "build",
    [
        lambda item: Project.objects.filter(pk=item).prefetch_related("experiments"),
        lambda item: Project.objects.filter(pk=item).values("pk"),
        lambda item: Project.objects.filter(pk=item + 1),
    ],
    ids=["prefetch", "values", "changed"],
)
def test_what_cannot_be_prepared_is_refused(build: Any) -> None:
    with pytest.raises(TypeError):
        Prepared(build, item=int).all(item=1)


def test_appended_rows_are_those_that_saving_makes() -> None:
    project = make_project(make_user("ann"), "p")
    values = {"project": project, "user": project.user, "params": {"lr": 0.1}, "tags": ["a"], "is_managed": False}
    appended = append(Experiment(**values, name="one"))
    saved = Experiment.objects.create(**values, name="two")
    assert not appended._state.adding
    own = {"id", "uuid", "name", "created_at", "updated_at"}
    shown = [{key: value for key, value in row.items() if key not in own} for row in Experiment.objects.values()]
    assert shown[0] == shown[1]
    found = Experiment.objects.get(pk=appended.pk)
    assert (found.uuid, found.created_at, found.updated_at) == (appended.uuid, appended.created_at, appended.updated_at)
    appended.name = "three"
    appended.save()
    assert set(Experiment.objects.values_list("pk", "name")) == {(appended.pk, "three"), (saved.pk, "two")}
