"""Chart views of experiments and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.db.models import ExperimentChartView, GroupChartView, Project
from tests.api.conftest import P, client_of
from tests.factories import make_experiment, make_group

if TYPE_CHECKING:
    from rest_framework.test import APIClient

CHARTS = [{"id": "1", "mode": "lines", "metricNames": ["loss"]}]


@pytest.fixture
def places(project: Project) -> dict[str, tuple[str, int]]:
    """Address and id of an item of each kind that has chart views, by the field that names it."""
    experiment, group = make_experiment(project), make_group(project)
    return {
        "experiment": (f"{P}/experiments/{experiment.pk}/chartviews", experiment.pk),
        "experiment_group": (f"{P}/groups/{group.pk}/chartviews", group.pk),
    }


@pytest.mark.parametrize("parent", ["experiment", "experiment_group"])
def test_chart_views_are_made_changed_and_deleted(
    client: APIClient, places: dict[str, tuple[str, int]], parent: str
) -> None:
    path, pk = places[parent]
    answer = client.post(path, {"name": "losses", "charts": CHARTS}, format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"id", "uuid", "created_at", "updated_at", "name", "charts", "meta", parent}
    assert (made[parent], made["charts"], made["meta"], len(made["uuid"])) == (pk, CHARTS, {}, 32)
    one = f"{path}/{made['id']}"
    assert client.get(one).json() == made
    changed = client.patch(one, {"meta": {"smoothing": 0.5}}, format="json").json()
    assert (changed["name"], changed["meta"]) == ("losses", {"smoothing": 0.5})
    assert list(client.put(one, {"name": "other"}, format="json").json()) == ["charts"]
    assert client.put(one, {"charts": []}, format="json").json()["charts"] == []
    assert client.get(path).json()["count"] == 1
    assert client.delete(one).status_code == 204
    assert client.get(one).status_code == 404
    assert client.get(path).json()["results"] == []


def test_chart_views_are_checked(client: APIClient, places: dict[str, tuple[str, int]]) -> None:
    path, _ = places["experiment"]
    assert list(client.post(path, {"name": "x"}, format="json").json()) == ["charts"]
    assert list(client.post(path, {"charts": None}, format="json").json()) == ["charts"]
    assert list(client.post(path, {"charts": [], "name": "not this"}, format="json").json()) == ["name"]
    made = client.post(path, {"charts": []}, format="json").json()
    assert made["name"] is None
    assert client.patch(f"{path}/{made['id']}", {"name": "log"}, format="json").status_code == 400


def test_chart_views_are_found_below_their_own_item_only(
    client: APIClient, project: Project, places: dict[str, tuple[str, int]]
) -> None:
    path, _ = places["experiment"]
    made = client.post(path, {"charts": []}, format="json").json()
    neighbour = make_experiment(project)
    foreign = f"{P}/experiments/{neighbour.pk}/chartviews/{made['id']}"
    assert {client.get(foreign).status_code, client.delete(foreign).status_code} == {404}
    assert ExperimentChartView.objects.count() == 1


def test_chart_views_are_written_by_writers_and_the_run_itself(
    stranger: APIClient, project: Project, places: dict[str, tuple[str, int]]
) -> None:
    path, _ = places["experiment_group"]
    assert stranger.get(path).status_code == 200
    assert stranger.post(path, {"charts": []}, format="json").status_code == 403
    assert not GroupChartView.objects.exists()
    experiment = make_experiment(project)
    run = client_of(experiment.user, run=experiment.uuid)
    assert run.post(f"{P}/experiments/{experiment.pk}/chartviews", {"charts": []}, format="json").status_code == 201
    assert run.post(path, {"charts": []}, format="json").status_code == 403
