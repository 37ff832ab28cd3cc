"""Migrations keep what is stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def newest() -> Iterator[None]:
    """The database is as the code wants it, whatever happened to the test."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def migrated(name: str) -> Any:
    """The models as they were after the migration `name`, to which the database goes."""
    executor = MigrationExecutor(connection)
    executor.migrate([("db", name)])
    return executor.loader.project_state([("db", name)]).apps


@pytest.mark.usefixtures("newest")
def test_series_learn_their_projects() -> None:
    apps = migrated("0002_rest_api")
    user = apps.get_model("db", "User").objects.create(username="ann")
    owner = apps.get_model("db", "Owner").objects.create(name="ann", user=user)
    project = apps.get_model("db", "Project").objects.create(name="p", owner=owner, user=user)
    experiment = apps.get_model("db", "Experiment").objects.create(project=project, user=user)
    old = apps.get_model("db", "MetricSeries")
    old.objects.create(run=experiment.uuid, experiment=experiment, name="loss", last=0.5, last_time=timezone.now())
    old.objects.create(run=uuid.uuid4(), kind="resource", name="cpu_percent", last_time=timezone.now())
    new = migrated("0003_scale").get_model("db", "MetricSeries")
    assert dict(new.objects.values_list("name", "project")) == {"loss": project.pk, "cpu_percent": None}
