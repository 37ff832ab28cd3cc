"""Bookmarks, archives and saved queries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from polyaxon.actions.bookmarks import add_bookmark
from polyaxon.actions.builds import NewBuild, create_build
from polyaxon.db.models import Bookmark, BuildJob, Project, User
from tests.api.conftest import P, client_of, url
from tests.factories import make_experiment, make_group, make_job, make_project

if TYPE_CHECKING:
    from rest_framework.test import APIClient

KINDS = ("projects", "groups", "experiments", "jobs", "builds")


def make_unmanaged_build(project: Project) -> BuildJob:
    assert project.user is not None
    return create_build(project, project.user, NewBuild(is_managed=False))


@pytest.fixture
def places(project: Project) -> dict[str, str]:
    """Address of one row of each kind."""
    return {
        "projects": P,
        "groups": f"{P}/groups/{make_group(project).pk}",
        "experiments": f"{P}/experiments/{make_experiment(project).pk}",
        "jobs": f"{P}/jobs/{make_job(project).pk}",
        "builds": f"{P}/builds/{make_unmanaged_build(project).pk}",
    }


def lists(kind: str) -> str:
    return url("olga") if kind == "projects" else f"{P}/{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_bookmark_shows_in_lists_details_and_bookmarks(client: APIClient, places: dict[str, str], kind: str) -> None:
    place = places[kind]
    assert client.get(place).json()["bookmarked"] is False
    assert client.get(lists(kind)).json()["results"][0]["bookmarked"] is False
    assert client.post(f"{place}/bookmark").status_code == 201
    again = client.post(f"{place}/bookmark/")
    assert (again.status_code, again.content) == (201, b"")
    detail = client.get(place).json()
    assert detail["bookmarked"] is True
    row = client.get(lists(kind)).json()["results"][0]
    assert row.pop("bookmarked") is True
    page = client.get(url("bookmarks/olga", kind)).json()
    assert page["count"] == 1
    assert page["results"] == [{"content_object": row}]


@pytest.mark.parametrize("kind", KINDS)
def test_unbookmarking_twice_is_fine_but_not_without_a_bookmark(
    client: APIClient, places: dict[str, str], kind: str
) -> None:
    place = places[kind]
    assert client.delete(f"{place}/unbookmark").status_code == 404
    client.post(f"{place}/bookmark")
    assert [client.delete(f"{place}/unbookmark").status_code for _ in range(2)] == [204, 204]
    assert client.get(place).json()["bookmarked"] is False
    assert client.get(url("bookmarks/olga", kind)).json()["count"] == 0
    client.post(f"{place}/bookmark")
    assert client.get(url("bookmarks/olga", kind)).json()["count"] == 1


def test_readers_bookmark_and_nobody_else(places: dict[str, str], stranger: APIClient, client: APIClient) -> None:
    assert {stranger.post(f"{place}/bookmark").status_code for place in places.values()} == {201}
    assert client.get(P).json()["bookmarked"] is False
    assert stranger.get(url("bookmarks/oskar/experiments")).json()["count"] == 1
    Project.objects.update(is_public=False)
    assert {stranger.post(f"{place}/bookmark").status_code for place in places.values()} == {404}
    assert {stranger.delete(f"{place}/unbookmark").status_code for place in places.values()} == {404}
    assert {stranger.get(url("bookmarks/oskar", kind)).json()["count"] for kind in KINDS} == {0}


def test_runs_and_services_have_no_bookmarks(
    places: dict[str, str], owner: User, project: Project, service: APIClient, anonymous: APIClient
) -> None:
    experiment = make_experiment(project)
    path = f"{P}/experiments/{experiment.pk}/bookmark"
    assert client_of(owner, run=experiment.uuid).post(path).status_code == 403
    assert service.post(path).status_code == 401
    assert anonymous.post(path).status_code == 401
    assert not Bookmark.objects.exists()


@pytest.mark.parametrize("resource", ["bookmarks", "archives"])
def test_lists_are_their_users_own_business(
    client: APIClient, stranger: APIClient, admin: User, places: dict[str, str], resource: str
) -> None:
    if resource == "bookmarks":
        client.post(f"{places['jobs']}/bookmark")
    else:
        client.post(f"{places['jobs']}/archive")
    path = url(resource, "olga/jobs")
    assert client.get(path).json()["count"] == 1
    assert client_of(admin).get(path).json()["count"] == 1
    assert stranger.get(path).json() == {"count": 0, "next": None, "previous": None, "results": []}
    assert client.get(url(resource, "nobody/jobs")).status_code == 404
    assert client.get(url(resource, "olga/nothing")).status_code == 404


def test_bookmarks_are_sorted_by_when_they_were_made(client: APIClient, project: Project, owner: User) -> None:
    first, second = make_experiment(project), make_experiment(project)
    for experiment in (second, first):
        add_bookmark(owner, experiment)

    def shown(query: str) -> list[int]:
        page = client.get(url(f"bookmarks/olga/experiments{query}")).json()
        return [row["content_object"]["id"] for row in page["results"]]

    assert shown("") == [first.pk, second.pk]
    assert shown("?sort=created_at") == [second.pk, first.pk]
    assert shown("?sort=started_at&limit=1") == [first.pk]


def test_what_is_archived_is_in_no_bookmarks(client: APIClient, places: dict[str, str], project: Project) -> None:
    for place in places.values():
        client.post(f"{place}/bookmark")
    client.post(f"{places['jobs']}/archive")
    assert client.get(url("bookmarks/olga/jobs")).json()["count"] == 0
    client.post(f"{places['jobs']}/restore")
    assert client.get(url("bookmarks/olga/jobs")).json()["count"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_archives_show_what_can_be_restored(client: APIClient, places: dict[str, str], kind: str) -> None:
    row = client.get(lists(kind)).json()["results"][0]
    assert client.get(url("archives/olga", kind)).json()["count"] == 0
    client.post(f"{places[kind]}/archive")
    (archived,) = client.get(url("archives/olga", kind)).json()["results"]
    assert archived.pop("deleted") is True
    assert set(archived) == set(row)
    assert archived["id"] == row["id"]
    assert client.post(f"{places[kind]}/restore").status_code == 200
    assert client.get(url("archives/olga", kind)).json()["count"] == 0
    client.delete(places[kind])
    assert client.get(url("archives/olga", kind)).json()["count"] == 0


def test_archives_follow_the_right_to_read(client: APIClient, project: Project, admin: User, owner: User) -> None:
    """What a former administrator started in a private project is not theirs to see any more."""
    experiment = make_experiment(project, admin)
    client.patch(P, {"is_public": False}, format="json")
    client.post(f"{P}/experiments/{experiment.pk}/archive")
    path = url("archives/root-admin/experiments")
    assert client_of(admin).get(path).json()["count"] == 1
    User.objects.filter(pk=admin.pk).update(is_staff=False, is_superuser=False)
    assert client_of(admin).get(path).json()["count"] == 0


SEARCH = {"name": "good-ones", "query": {"query": "metrics.loss:<0.3", "sort": "-created_at"}}
SEARCH_KINDS = ("groups", "experiments", "builds", "jobs", "notebooks", "tensorboards")


@pytest.mark.parametrize("kind", SEARCH_KINDS)
def test_searches_are_saved_listed_and_deleted(client: APIClient, project: Project, kind: str) -> None:
    path = url("searches/olga/digits", kind)
    answer = client.post(path, SEARCH, format="json")
    assert answer.status_code == 201
    saved = answer.json()
    assert saved == {"id": saved["id"], **SEARCH, "meta": {}}
    assert client.get(path).json()["results"] == [saved]
    others = [client.get(url("searches/olga/digits", name)).json()["count"] for name in SEARCH_KINDS if name != kind]
    assert set(others) == {0}
    assert client.delete(f"{path}/{saved['id']}").status_code == 204
    assert client.get(path).json()["count"] == 0


def test_wart_19_a_search_is_deleted_below_its_own_kind_only(client: APIClient, project: Project) -> None:
    saved = client.post(url("searches/olga/digits/jobs"), SEARCH, format="json").json()
    assert client.delete(url("searches/olga/digits/experiments", saved["id"])).status_code == 404
    assert client.get(url("searches/olga/digits/jobs")).json()["count"] == 1


def test_searches_are_checked(client: APIClient, project: Project) -> None:
    path = url("searches/olga/digits/jobs")
    assert list(client.post(path, {"name": "x"}, format="json").json()) == ["query"]
    assert list(client.post(path, {**SEARCH, "name": "no blanks"}, format="json").json()) == ["name"]
    assert client.post(path, SEARCH, format="json").status_code == 201
    clash = client.post(path, SEARCH, format="json")
    assert clash.status_code == 400
    assert "good-ones" in clash.json()[0]
    nameless = [client.post(path, {"query": {}, "name": name}, format="json").status_code for name in ("", None, "")]
    assert nameless == [201, 201, 201]
    assert client.get(f"{path}?sort=created_at").json()["results"][0]["name"] == "good-ones"


def test_searches_are_read_by_readers_and_written_by_writers(
    client: APIClient, stranger: APIClient, project: Project
) -> None:
    path = url("searches/olga/digits/jobs")
    saved = client.post(path, SEARCH, format="json").json()
    assert stranger.get(path).json()["count"] == 0
    assert stranger.post(path, SEARCH, format="json").status_code == 403
    assert stranger.delete(f"{path}/{saved['id']}").status_code == 403
    Project.objects.update(is_public=False)
    assert stranger.get(path).status_code == 404
    make_project(name="elsewhere")
    assert client.get(path).json()["count"] == 1


@pytest.mark.parametrize("name", ["notebook", "Notebooks", "bookmark", "bookmarks"])
def test_wart_14_words_of_addresses_are_reserved(client: APIClient, project: Project, name: str) -> None:
    answers = [
        client.post(url("projects"), {"name": name}, format="json"),
        client.post(url("searches/olga/digits/jobs"), {"query": {}, "name": name}, format="json"),
        client.post(f"{P}/experiments", {"is_managed": False, "name": name}, format="json"),
    ]
    assert [(answer.status_code, list(answer.json())) for answer in answers] == [(400, ["name"])] * 3
