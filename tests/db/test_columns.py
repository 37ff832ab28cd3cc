"""Values are sent as Django would send them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.functions import Now
from django.utils import timezone

from polyaxon.db import columns
from polyaxon.db.columns import Column
from polyaxon.db.models import Experiment

MODELS = list(apps.get_app_config("db").get_models())
VALUES: tuple[Any, ...] = (
    None, "", "text", "12", 0, 7, 2.5, float("inf"), True, False, {}, {"a": [1, None]}, [], ["a"],
    datetime(2020, 2, 29, 12, 30, 15, 123456, tzinfo=UTC), UUID(int=7), UUID(int=7).hex,
)  # fmt: skip


def told(send: Callable[..., Any], *arguments: Any, **keys: Any) -> tuple[type, str] | str:
    """What it sends, to be compared: values as they are sent have no equality."""
    try:
        value = send(*arguments, **keys)
        shown = getattr(value, "dumps", repr)(getattr(value, "adapted", value))
    except (TypeError, ValueError, OverflowError, ValidationError) as error:
        return type(error).__name__
    return type(value), str(shown)


def one(column: Column, row: models.Model) -> Any:
    (value,) = columns.saved([column], row, connection, add=True)
    return value


def one_read(column: Column, row: models.Model) -> Any:
    (value,) = columns.read([column], row, connection)
    return value


@pytest.mark.filterwarnings("ignore:DateTimeField")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_value_is_sent_as_django_sends_it(model: type[models.Model]) -> None:
    for field, value in product(model._meta.local_concrete_fields, VALUES):
        row, column = model(), Column.of(field)
        row.__dict__[field.attname] = value
        if not column.changes:
            assert told(one, column, row) == told(field.get_db_prep_save, value, connection), (field, value)
        assert told(one_read, column, row) == told(field.get_db_prep_value, value, connection), (field, value)


@pytest.mark.parametrize("add", [True, False])
def test_times_that_set_themselves_do(add: bool) -> None:
    field = Experiment._meta.get_field("updated_at")
    row, before = Experiment(), timezone.now()
    assert Column.of(field).changes
    (value,) = columns.saved([Column.of(field)], row, connection, add=add)
    assert row.updated_at >= before
    assert str(value)[:19] == str(row.updated_at)[:19]


def test_expressions_and_times_without_a_zone_are_left_to_django(settings: Any) -> None:
    field = Experiment._meta.get_field("started_at")
    row = Experiment(started_at=Now())
    (value,) = columns.saved([Column.of(field)], row, connection, add=True)
    assert isinstance(value, Now)
    naive = copy(row)
    naive.started_at = datetime(2020, 1, 1)  # noqa: DTZ001
    with pytest.warns(RuntimeWarning, match="naive"):
        columns.saved([Column.of(field)], naive, connection, add=True)
