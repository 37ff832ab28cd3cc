"""Metrics of experiments."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from polyaxon.actions.revisions import tell_of_ended
from polyaxon.db.models import Experiment
from polyaxon.db.models.metrics import SERIES_NAME_LENGTH
from polyaxon.errors import InvalidInput
from polyaxon.stores.columns import Column, ingest_columns
from polyaxon.stores.series import Measured, Row, ingest
from polyaxon.stores.single_row import Point, ingest_row


def log_metrics(experiment: Experiment, rows: Sequence[Row], *, batch: uuid.UUID | None = None) -> int | None:
    """Store `rows` and return the number of points; None when `batch` was stored before. Raises `InvalidInput`."""
    for name in {name for row in rows for name in row.values}:
        _check_name(name)
    stored = ingest(Measured.of(experiment), rows, batch=batch)
    tell_of_ended(experiment)  # also if the batch was stored before: who sent it may have been killed in between
    return stored


def log_row(experiment: Experiment, row: Row, *, batch: uuid.UUID | None = None) -> Point | None:
    """The same with one row, which has values: the point of the first one."""
    for name in row.values:
        _check_name(name)
    stored = ingest_row(experiment, row, batch=batch)
    tell_of_ended(experiment)
    return stored


def log_columns(experiment: Experiment, columns: Sequence[Column], *, batch: uuid.UUID | None = None) -> int | None:
    """The same with whole arrays, each of another series."""
    for column in columns:
        _check_name(column.name)
    stored = ingest_columns(experiment, columns, batch=batch)
    tell_of_ended(experiment)
    return stored


def _check_name(name: str) -> None:
    """Any Unicode will do, but for what a database cannot store as text."""
    if not name:
        raise InvalidInput("A metric needs a name.", field="values")
    if len(name) > SERIES_NAME_LENGTH:
        raise InvalidInput(f"A metric's name has at most {SERIES_NAME_LENGTH} characters.", field="values")
    if "\x00" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise InvalidInput(f"The metric name {name!r} has a character that is not text.", field="values")
