"""Catalogs: the same rules for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import options
from polyaxon.db.models import GitAccess, K8SSecret
from tests.api.conftest import client_of, url

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, User

COMMON = {"id", "uuid", "name", "description", "readme", "tags", "created_at", "updated_at"}
FIELDS: dict[str, set[str]] = {
    "data_stores": {"type", "mount_path", "host_path", "volume_claim", "bucket", "k8s_secret", "read_only"},
    "k8s_secrets": {"k8s_ref", "items"},
    "k8s_config_maps": {"k8s_ref", "items"},
    "git_access": {"host", "k8s_secret", "is_default"},
    "registry_access": {"host", "insecure", "k8s_secret", "is_default"},
}
REFERENCES = ("k8s_secrets", "k8s_config_maps")
every_catalog = pytest.mark.parametrize("catalog", sorted(FIELDS))


def body(catalog: str, name: str = "first", **fields: Any) -> dict[str, Any]:
    return {"name": name, **({"k8s_ref": "object"} if catalog in REFERENCES else {}), **fields}


@pytest.fixture
def root(admin: User) -> APIClient:
    return client_of(admin)


@every_catalog
def test_an_entry_from_start_to_end(root: APIClient, catalog: str) -> None:
    base = url("catalogs", catalog)
    created = root.post(base, body(catalog, tags=["a", "a", "b"]), format="json")
    assert created.status_code == 201
    assert set(created.json()) == COMMON | FIELDS[catalog]
    assert created.json()["tags"] == ["a", "b"]
    assert len(created.json()["uuid"]) == 32
    assert root.get(f"{base}/first").json() == created.json()
    assert [row["name"] for row in root.get(base).json()["results"]] == ["first"]
    changed = root.patch(f"{base}/first", {"description": "what for", "tags": ["c", "c"]}, format="json").json()
    assert (changed["description"], changed["tags"]) == ("what for", ["c"])
    assert root.put(f"{base}/first", body(catalog, "second"), format="json").json()["name"] == "second"
    assert root.get(f"{base}/first").status_code == 404
    assert root.delete(f"{base}/second").status_code == 204
    assert root.get(base).json()["count"] == 0


@every_catalog
def test_names_only(root: APIClient, client: APIClient, catalog: str) -> None:
    for number in range(25):
        root.post(url("catalogs", catalog), body(catalog, f"entry-{number}"), format="json")
    for form in ("names", "name"):
        page = client.get(url("catalogs", catalog, form)).json()
        assert page["count"] == len(page["results"]) == 25
        assert {frozenset(row) for row in page["results"]} == {frozenset({"id", "name"})}


@every_catalog
@pytest.mark.parametrize("name", ["", "a b", "secret", "x" * 129, "names", None])
def test_a_name_follows_the_rules(root: APIClient, catalog: str, name: str | None) -> None:
    answer = root.post(url("catalogs", catalog), {**body(catalog), "name": name}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["name"])


@every_catalog
def test_a_taken_name_is_400_and_ones_own_is_not(root: APIClient, catalog: str) -> None:
    base = url("catalogs", catalog)
    for name in ("first", "second"):
        root.post(base, body(catalog, name), format="json")
    assert root.post(base, body(catalog), format="json").status_code == 400
    assert root.patch(f"{base}/second", {"name": "first"}, format="json").status_code == 400
    assert root.patch(f"{base}/second", {"name": "second"}, format="json").status_code == 200


@every_catalog
def test_codes_are_403_for_all_who_may_not(
    root: APIClient, client: APIClient, anonymous: APIClient, catalog: str
) -> None:
    base = url("catalogs", catalog)
    root.post(base, body(catalog), format="json")
    assert [client.get(path).status_code for path in (base, f"{base}/names", f"{base}/first")] == [200] * 3
    for path in (base, f"{base}/names", f"{base}/first"):
        answer = anonymous.get(path)
        assert answer.status_code == 403
        assert "WWW-Authenticate" not in answer
    assert client.post(base, body(catalog, "mine"), format="json").status_code == 403
    assert client.patch(f"{base}/first", {"description": "x"}, format="json").status_code == 403
    assert client.delete(f"{base}/first").status_code == 403
    assert client.get(base).json()["count"] == 1


def test_the_run_of_an_admin_changes_nothing(admin: User, experiment: Experiment, root: APIClient) -> None:
    root.post(url("catalogs/k8s_secrets"), body("k8s_secrets"), format="json")
    run = client_of(admin, run=experiment.uuid)
    assert run.delete(url("catalogs/k8s_secrets/first")).status_code == 403
    assert K8SSecret.objects.count() == 1


@pytest.mark.parametrize("catalog", REFERENCES)
def test_references_need_an_object(root: APIClient, catalog: str) -> None:
    assert list(root.post(url("catalogs", catalog), {"name": "first"}, format="json").json()) == ["k8s_ref"]
    entry = root.post(url("catalogs", catalog), body(catalog), format="json").json()
    assert entry["items"] == []
    wrong = root.patch(url("catalogs", catalog, "first"), {"items": ["x" * 257]}, format="json")
    assert wrong.status_code == 400


def test_a_secret_that_goes_leaves_its_users(root: APIClient) -> None:
    secret = root.post(url("catalogs/k8s_secrets"), body("k8s_secrets"), format="json").json()["id"]
    store = root.post(
        url("catalogs/data_stores"),
        {"name": "pictures", "type": "s3", "bucket": "s3://b", "k8s_secret": secret},
        format="json",
    ).json()
    assert (store["k8s_secret"], store["read_only"]) == (secret, False)
    root.delete(url("catalogs/k8s_secrets/first"))
    assert root.get(url("catalogs/data_stores/pictures")).json()["k8s_secret"] is None
    assert root.patch(url("catalogs/data_stores/pictures"), {"k8s_secret": 10**6}, format="json").status_code == 400
    assert root.patch(url("catalogs/data_stores/pictures"), {"type": "ftp"}, format="json").status_code == 400


@pytest.mark.parametrize(("catalog", "key"), [("git_access", "ACCESS:GIT"), ("registry_access", "ACCESS:REGISTRY")])
def test_the_default_entry_is_an_option(root: APIClient, catalog: str, key: str) -> None:
    base = url("catalogs", catalog)
    ids = [root.post(base, body(catalog, name, host=""), format="json").json()["id"] for name in ("first", "second")]
    root.post(url("options"), {key: ids[1]}, format="json")
    assert options.value(key) == ids[1]
    assert {row["name"]: row["is_default"] for row in root.get(base).json()["results"]} == {
        "first": False,
        "second": True,
    }
    assert root.get(f"{base}/second").json()["is_default"] is True
    assert root.patch(f"{base}/first", {"is_default": True}, format="json").json()["is_default"] is False


def test_archived_entries_are_hidden(root: APIClient) -> None:
    root.post(url("catalogs/git_access"), body("git_access"), format="json")
    GitAccess.objects.update(deleted=True)
    assert root.get(url("catalogs/git_access/first")).status_code == 404
    assert root.get(url("catalogs/git_access")).json()["count"] == 0


def test_unknown_catalogs_do_not_exist(root: APIClient) -> None:
    assert root.get(url("catalogs/wonders")).status_code == 404
    assert root.get(url("catalogs/k8s_secrets/nothing")).status_code == 404
