"""Role by verb, on every kind of resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.db.models import Experiment, Project, User
from tests.api.conftest import P, client_of, url
from tests.factories import make_experiment, make_group, make_job, make_project

if TYPE_CHECKING:
    from rest_framework.test import APIClient


@pytest.fixture
def paths(project: Project) -> list[str]:
    experiment, job, group = make_experiment(project), make_job(project), make_group(project)
    return [P, f"{P}/experiments/{experiment.pk}", f"{P}/jobs/{job.pk}", f"{P}/groups/{group.pk}"]


def codes(client: APIClient, paths: list[str], verb: str, suffix: str = "") -> set[int]:
    return {getattr(client, verb)(f"{path}{suffix}", {}, format="json").status_code for path in paths}


def test_everybody_reads_a_public_project_and_only_its_owner_writes(paths: list[str], stranger: APIClient) -> None:
    assert codes(stranger, paths, "get") == {200}
    assert codes(stranger, paths, "patch") == {403}
    assert codes(stranger, paths, "delete") == {403}
    assert codes(stranger, paths, "post", "/archive") == {403}
    assert not Project.objects.get().deleted


def test_a_private_project_does_not_exist_for_others(paths: list[str], stranger: APIClient) -> None:
    Project.objects.update(is_public=False)
    for verb in ("get", "patch", "delete"):
        assert codes(stranger, paths, verb) == {404}
    missing = stranger.get(url("olga/nothing")).json()
    assert stranger.get(P).json() == missing
    assert stranger.get(f"{P}/experiments").status_code == 404
    assert stranger.get(url("olga")).json()["count"] == 0


def test_admins_read_and_write_everything(paths: list[str], admin: User) -> None:
    Project.objects.update(is_public=False)
    client = client_of(admin)
    assert codes(client, paths, "get") == {200}
    assert codes(client, paths[1:], "patch") == {200}
    assert client.get(url("olga")).json()["count"] == 1


def test_wart_4_lists_of_everything_keep_private_projects_out(paths: list[str], stranger: APIClient) -> None:
    assert stranger.get(url("experiments")).json()["count"] == 1
    assert stranger.get(url("activitylogs")).json()["count"] > 0
    Project.objects.update(is_public=False)
    assert stranger.get(url("experiments")).json()["count"] == 0
    assert stranger.get(url("activitylogs")).json()["results"] == []
    assert stranger.get(url("activitylogs/olga/digits")).status_code == 404


def test_items_are_found_below_their_own_project_only(client: APIClient, owner: User, experiment: Experiment) -> None:
    make_project(owner, "second")
    assert client.get(url("olga/second/experiments", experiment.pk)).status_code == 404
    assert client.get(f"{P}/groups/{experiment.pk}").status_code == 404


def test_wart_5_ids_of_other_projects_are_refused(client: APIClient, owner: User, experiment: Experiment) -> None:
    second = make_project(owner, "second")
    foreign = make_experiment(second)
    group = make_group(second)
    base = f"{P}/experiments/{experiment.pk}"
    client.post(url("olga/second/experiments", foreign.pk, "coderef"), {"commit": "b" * 40}, format="json")
    foreign.refresh_from_db()
    assert client.patch(base, {"original_experiment": foreign.pk}, format="json").status_code == 400
    assert client.patch(base, {"code_reference": foreign.code_reference_id}, format="json").status_code == 400
    created = client.post(f"{P}/experiments", {"is_managed": False, "experiment_group": group.pk}, format="json")
    assert list(created.json()) == ["experiment_group"]
