"""Organizations, members, teams, and projects that they own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from polyaxon.actions import organizations as orgs
from polyaxon.db.models import Membership, Organization, Owner, Project, TeamMember, TeamProject, User
from polyaxon.security import tokens
from tests.api.conftest import client_of, url
from tests.factories import make_experiment, make_project, make_user

if TYPE_CHECKING:
    from rest_framework.test import APIClient


@pytest.fixture
def acme(owner: User) -> Organization:
    return orgs.create_organization(owner, "acme")


@pytest.fixture
def secret(acme: Organization, owner: User) -> Project:
    return make_project(owner, "vault", owner="acme", is_public=False)


@pytest.fixture
def team(acme: Organization, owner: User, other: User) -> Any:
    orgs.set_member(acme, other.username, "member", actor=owner)
    team = orgs.create_team(acme, "crew", actor=owner)
    orgs.add_team_member(team, other.username, actor=owner)
    return team


def test_an_organization_is_made_by_its_first_owner(client: APIClient, stranger: APIClient) -> None:
    made = client.post(url("orgs"), {"name": "acme", "description": "We test."}, format="json")
    assert made.status_code == 201
    assert {**made.json(), "created_at": 0, "updated_at": 0} == {
        "name": "acme",
        "description": "We test.",
        "role": "owner",
        "created_at": 0,
        "updated_at": 0,
    }
    assert client.get(url("orgs")).json()["count"] == 1
    assert stranger.get(url("orgs")).json()["count"] == 0
    assert stranger.get(url("orgs/acme")).status_code == 404
    assert stranger.get(url("orgs/acme")).json()["detail"] == stranger.get(url("orgs/nothing")).json()["detail"]


@pytest.mark.parametrize("name", ["orgs", "Nodes", "user", "a b", "olga", "OLGA", "a" * 129])
def test_names_that_an_organization_cannot_have(client: APIClient, owner: User, name: str) -> None:
    answer = client.post(url("orgs"), {"name": name}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["name"]
    assert not Organization.objects.exists()


def test_projects_of_an_organization(client: APIClient, acme: Organization, stranger: APIClient) -> None:
    made = client.post(url("projects"), {"name": "open", "owner": "acme"}, format="json")
    assert made.status_code == 201
    assert (made.json()["owner"], made.json()["unique_name"], made.json()["user"]) == ("acme", "acme.open", "olga")
    assert client.post(url("projects"), {"name": "open"}, format="json").status_code == 201
    assert [row["name"] for row in client.get(url("acme")).json()["results"]] == ["open"]
    assert stranger.get(url("acme")).json()["count"] == 1
    refused = stranger.post(url("projects"), {"name": "mine", "owner": "acme"}, format="json")
    assert list(refused.json()) == ["owner"]
    foreign = stranger.post(url("projects"), {"name": "mine", "owner": "olga"}, format="json")
    assert (refused.status_code, foreign.status_code) == (400, 400)
    again = client.post(url("projects"), {"name": "open", "owner": "acme"}, format="json")
    assert again.json() == ["acme has a project named open already. Choose another name."]


def test_a_member_without_team_sees_what_everybody_sees(
    acme: Organization, secret: Project, owner: User, other: User, stranger: APIClient
) -> None:
    assert stranger.get(url("acme")).status_code == 404  # nothing tells that it exists
    orgs.set_member(acme, other.username, "member", actor=owner)
    assert stranger.get(url("acme")).json()["count"] == 0
    assert stranger.get(url("acme/vault")).status_code == 404
    assert stranger.get(url("orgs/acme")).json()["role"] == "member"


def test_owners_are_admins_of_the_organizations_projects(
    acme: Organization, secret: Project, owner: User, other: User, stranger: APIClient
) -> None:
    orgs.set_member(acme, other.username, "owner", actor=owner)
    assert stranger.patch(url("acme/vault"), {"description": "x"}, format="json").status_code == 200
    assert stranger.delete(url("acme/vault")).status_code == 204


def test_roles_grow_and_end(team: Any, secret: Project, client: APIClient, stranger: APIClient) -> None:
    roles, one = url("orgs/acme/teams/crew/projects"), url("orgs/acme/teams/crew/projects/vault")
    experiment = make_experiment(secret, is_managed=False)
    item, runs = url("acme/vault/experiments", experiment.pk), url("acme/vault/experiments")
    new = {"is_managed": False}
    assert stranger.get(item).status_code == 404
    assert client.post(roles, {"project": "vault", "role": "viewer"}, format="json").status_code == 201
    assert stranger.get(item).status_code == 200
    assert stranger.post(runs, new, format="json").status_code == 403
    assert client.put(one, {"role": "contributor"}, format="json").json()["role"] == "contributor"
    mine = stranger.post(runs, new, format="json")
    assert mine.status_code == 201
    assert stranger.post(f"{item}/stop").status_code == 200
    assert stranger.post(f"{item}/metrics", {"values": {"a": 1}}, format="json").status_code == 201
    assert stranger.patch(item, {"tags": ["x"]}, format="json").status_code == 403
    own = url("acme/vault/experiments", mine.json()["id"])
    assert stranger.patch(own, {"tags": ["x"]}, format="json").status_code == 200
    assert stranger.delete(own).status_code == 403
    client.put(one, {"role": "maintainer"}, format="json")
    assert stranger.patch(item, {"tags": ["x"]}, format="json").status_code == 200
    assert stranger.delete(own).status_code == 204
    assert stranger.delete(url("acme/vault")).status_code == 403
    assert client.delete(one).status_code == 204
    assert stranger.get(item).status_code == 404
    assert not TeamProject.objects.exists()


def test_an_admin_of_a_project_changes_roles_on_that_project_only(
    team: Any, secret: Project, owner: User, stranger: APIClient
) -> None:
    second = make_project(owner, "second", owner="acme", is_public=False)
    hidden = make_project(owner, "hidden", owner="acme", is_public=False)
    orgs.set_team_role(team, secret, "admin", actor=owner)
    orgs.set_team_role(team, second, "viewer", actor=owner)
    others = orgs.create_team(team.organization, "others", actor=owner)
    orgs.set_team_role(others, hidden, "viewer", actor=owner)
    roles = url("orgs/acme/teams/others/projects")
    codes = [
        stranger.post(roles, {"project": name, "role": "viewer"}, format="json").status_code
        for name in ("vault", "second", "hidden", "nothing")
    ]
    assert codes == [201, 403, 404, 404]
    assert [row["project"] for row in stranger.get(roles).json()["results"]] == ["vault"]
    assert stranger.get(f"{roles}/hidden").json() == stranger.get(f"{roles}/nothing").json()
    assert stranger.delete(f"{roles}/vault").status_code == 204
    assert stranger.post(url("orgs/acme/teams"), {"name": "mine"}, format="json").status_code == 403


def test_teams_get_roles_on_projects_of_their_organization_only(team: Any, owner: User, client: APIClient) -> None:
    make_project(owner, "private", is_public=False)
    answer = client.post(url("orgs/acme/teams/crew/projects"), {"project": "private", "role": "admin"}, format="json")
    assert answer.status_code == 404
    assert not TeamProject.objects.exists()


def test_members_come_and_go(acme: Organization, client: APIClient, other: User, stranger: APIClient) -> None:
    members = url("orgs/acme/members")
    assert client.post(members, {"user": "oskar"}, format="json").json()["role"] == "member"
    assert list(client.post(members, {"user": "nobody"}, format="json").json()) == ["user"]
    assert [row["user"] for row in stranger.get(members).json()["results"]] == ["olga", "oskar"]
    assert stranger.put(f"{members}/oskar", {"role": "owner"}, format="json").status_code == 403
    assert stranger.delete(f"{members}/olga").status_code == 403
    client.post(url("orgs/acme/teams"), {"name": "crew"}, format="json")
    in_team = client.post(url("orgs/acme/teams/crew/members"), {"user": "oskar"}, format="json")
    assert in_team.status_code == 201
    assert stranger.delete(f"{members}/oskar").status_code == 204  # leaves
    assert not TeamMember.objects.exists()
    assert stranger.get(members).status_code == 404
    late = client.post(url("orgs/acme/teams/crew/members"), {"user": "oskar"}, format="json")
    assert list(late.json()) == ["user"]


def test_the_last_owner_stays(acme: Organization, client: APIClient) -> None:
    one = url("orgs/acme/members/olga")
    assert client.delete(one).status_code == 400
    assert client.put(one, {"role": "member"}, format="json").status_code == 400
    assert Membership.objects.get().role == "owner"


def test_teams_are_named_renamed_and_deleted(acme: Organization, client: APIClient) -> None:
    teams = url("orgs/acme/teams")
    assert client.post(teams, {"name": "crew"}, format="json").status_code == 201
    assert list(client.post(teams, {"name": "crew"}, format="json").json()) == ["name"]
    assert client.patch(f"{teams}/crew", {"name": "band"}, format="json").json()["name"] == "band"
    assert client.get(f"{teams}/crew").status_code == 404
    assert client.get(teams).json()["count"] == 1
    assert client.delete(f"{teams}/band").status_code == 204
    assert client.get(teams).json()["count"] == 0


def test_an_organization_goes_when_it_is_empty(acme: Organization, secret: Project, client: APIClient) -> None:
    assert client.patch(url("orgs/acme"), {"description": "x"}, format="json").json()["description"] == "x"
    assert client.delete(url("orgs/acme")).status_code == 400
    Project.objects.all().delete()
    assert client.delete(url("orgs/acme")).status_code == 204
    assert not Owner.objects.filter(name="acme").exists()
    assert client.get(url("acme")).status_code == 404


def test_archived_projects_are_restored_by_their_admins(
    team: Any, secret: Project, owner: User, client: APIClient, stranger: APIClient
) -> None:
    orgs.set_team_role(team, secret, "maintainer", actor=owner)
    assert client.post(url("acme/vault/archive")).status_code == 200
    assert stranger.post(url("acme/vault/restore")).status_code == 404
    assert client.post(url("acme/vault/restore")).status_code == 200
    assert stranger.get(url("acme/vault")).status_code == 200


def test_a_users_own_projects_stay_the_users(acme: Organization, owner: User, admin: User) -> None:
    make_project(owner, "private", is_public=False)
    member = make_user("mia")
    orgs.set_member(acme, "mia", "owner", actor=owner)
    assert client_of(member).get(url("olga/private")).status_code == 404
    assert client_of(admin).get(url("olga/private")).status_code == 200


@pytest.mark.parametrize(
    "path", ["orgs", "orgs/acme/members", "orgs/acme/teams", "orgs/acme/teams/crew/members", "acme", "users/tokens"]
)
def test_queries_of_lists_do_not_grow(team: Any, owner: User, client: APIClient, path: str) -> None:
    def more() -> None:
        user = make_user()
        orgs.set_member(team.organization, user.username, "member", actor=owner)
        orgs.add_team_member(team, user.username, actor=owner)
        extra = orgs.create_team(team.organization, f"crew-{user.username}", actor=owner)
        orgs.set_team_role(extra, make_project(owner, owner="acme"), "viewer", actor=owner)
        orgs.create_organization(owner, f"org-{user.username}")
        tokens.issue(owner)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(path), {"limit": 100}).json()["count"] > 0
        return len(captured)

    more()
    before = queries()
    for _ in range(5):
        more()
    assert queries() == before
