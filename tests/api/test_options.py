"""Options over REST."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon import options
from polyaxon.db.models import ConfigOption
from polyaxon.security.encryption import MARKER
from tests.api.conftest import client_of, url

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, User


@pytest.fixture
def root(admin: User) -> APIClient:
    return client_of(admin)


def values(client: APIClient, *keys: str, path: str = "options") -> list[Any]:
    answer = client.get(url(path), {"keys": keys})
    assert answer.status_code == 200, answer.content
    return [row["value"] for row in answer.json()]


def post(client: APIClient, body: Any, path: str = "options") -> Any:
    return client.post(url(path), body, format="json")


def test_options_show_their_definition_and_default_in_the_order_asked(root: APIClient) -> None:
    rows = root.get(url("options"), {"keys": ["TTL:TOKEN", "NOTEBOOKS:PORT_RANGE", "REPOS:ACCESS_TOKEN"]}).json()
    assert [set(row) for row in rows] == [{"key", "typing", "is_list", "is_secret", "value", "description"}] * 3
    assert [row["key"] for row in rows] == ["TTL:TOKEN", "NOTEBOOKS:PORT_RANGE", "REPOS:ACCESS_TOKEN"]
    assert [row["value"] for row in rows] == [30, [6700, 7700], None]
    assert [(row["typing"], row["is_list"], row["is_secret"]) for row in rows] == [
        ("int", False, False),
        ("int", True, False),
        ("str", False, True),
    ]


def test_values_are_set_read_and_reset(root: APIClient) -> None:
    sent = {"TTL:TOKEN": "7", "ALLOW_USER_OWNERSHIP": "no", "NODE_SELECTORS:JOBS": '{"gpu": "yes"}'}
    answer = post(root, sent)
    assert (answer.status_code, answer.json()) == (200, {})
    assert values(root, *sent) == [7, False, {"gpu": "yes"}]
    assert [options.value(key) for key in sent] == [7, False, {"gpu": "yes"}]
    post(root, {"TTL:TOKEN": "", "ALLOW_USER_OWNERSHIP": None})
    assert values(root, *sent) == [30, True, {"gpu": "yes"}]
    assert options.value("TTL:TOKEN") == 30


def test_form_bodies_are_taken(root: APIClient) -> None:
    assert root.post(url("options"), {"TTL:TOKEN": "9"}).status_code == 200
    assert values(root, "TTL:TOKEN") == [9]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"NO:SUCH": 1},
        {"TTL:TOKEN": "soon"},
        {"TTL:TOKEN": 0},
        {"TTL:TOKEN": True},
        {"NOTEBOOKS:BACKEND": "word"},
        {"NODE_SELECTORS:JOBS": [1]},
        {"ENV_VARS:JOBS": [["only-a-name"]]},
        {"REPOS:CREDENTIALS": "nobody"},
        {"DEBUG": True},
        {"ENCRYPTION_SECRET": "x"},
    ],
)
def test_nonsense_is_400_and_changes_nothing(root: APIClient, body: Any) -> None:
    with_good = {"TTL:HEARTBEAT": 60, **body} if isinstance(body, dict) and body else body
    assert post(root, with_good).status_code == 400
    assert ConfigOption.objects.count() == 0


def test_keys_must_be_named_and_known(root: APIClient) -> None:
    assert root.get(url("options")).status_code == 400
    assert root.get(url("options"), {"keys": ["TTL:TOKEN", "NO:SUCH"]}).status_code == 400
    assert root.get(url("options"), {"keys": "\x00"}).status_code == 400


def test_only_admins_meet_the_clusters_options(client: APIClient, anonymous: APIClient) -> None:
    for caller in (client, anonymous):
        answer = caller.get(url("options"), {"keys": "TTL:TOKEN"})
        assert answer.status_code == 403
        assert "WWW-Authenticate" not in answer
        assert post(caller, {"TTL:TOKEN": 1}).status_code == 403
    assert ConfigOption.objects.count() == 0


def test_secrets_are_stored_encrypted(root: APIClient) -> None:
    post(root, {"REPOS:ACCESS_TOKEN": "hush-hush", "REPOS:CREDENTIALS": "olga:pass:word"})
    rows = {row.key: row for row in ConfigOption.objects.all()}
    assert all(row.value is None and row.secret.startswith(f"{MARKER}default$") for row in rows.values())
    assert "hush" not in rows["REPOS:ACCESS_TOKEN"].secret
    assert values(root, "REPOS:ACCESS_TOKEN", "REPOS:CREDENTIALS") == ["hush-hush", ["olga", "pass:word"]]
    assert options.value("REPOS:CREDENTIALS") == ["olga", "pass:word"]


def test_a_secret_of_another_key_is_one_clear_error(root: APIClient) -> None:
    post(root, {"REPOS:ACCESS_TOKEN": "hush"})
    row = ConfigOption.objects.get()
    row.secret = row.secret.replace("default$", "older$")
    row.save()
    answer = root.get(url("options"), {"keys": "REPOS:ACCESS_TOKEN"})
    assert answer.status_code == 400
    assert "'older'" in answer.json()[0]
    assert post(root, {"REPOS:ACCESS_TOKEN": "again"}).status_code == 200
    assert values(root, "REPOS:ACCESS_TOKEN") == ["again"]


def test_settings_are_shown_but_never_their_secrets(root: APIClient) -> None:
    assert values(root, "PASSWORD_LENGTH", "ENCRYPTION_KEY", "K8S_NAMESPACE") == [8, "default", "polyaxon"]
    assert values(root, "SECRET_INTERNAL_TOKEN", "ENCRYPTION_SECRET", "CELERY_BROKER_URL") == [None] * 3


def test_the_run_of_an_admin_reads_no_secret(root: APIClient, admin: User, experiment: Experiment) -> None:
    post(root, {"REPOS:ACCESS_TOKEN": "hush"})
    run = client_of(admin, run=experiment.uuid)
    assert run.get(url("options"), {"keys": "REPOS:ACCESS_TOKEN"}).status_code == 403
    assert run.get(url("root-admin/options"), {"keys": "REPOS:ACCESS_TOKEN"}).status_code == 403
    assert post(run, {"TTL:TOKEN": 1}, "root-admin/options").status_code == 403


def test_an_owner_has_values_of_its_own(client: APIClient, owner: User) -> None:
    sent = {"MAX_RESTARTS:JOBS": 3, "REPOS:ACCESS_TOKEN": "mine", "BUILD_JOBS:ALWAYS_PULL_LATEST": False}
    answer = post(client, sent, "olga/options")
    assert (answer.status_code, answer.json()) == (200, {})
    page = client.get(url("olga/options"), {"keys": [*sent, "TTL:TOKEN", "NO:SUCH"]}).json()
    assert page["count"] == 3
    assert {row["key"]: (row["option"], row["is_secret"]) for row in page["results"]} == {
        "MAX_RESTARTS:JOBS": (3, False),
        "REPOS:ACCESS_TOKEN": ("mine", True),
        "BUILD_JOBS:ALWAYS_PULL_LATEST": (False, False),
    }
    assert client.get(url("olga/options")).status_code == 400
    post(client, {"REPOS:ACCESS_TOKEN": None}, "olga/options")
    assert client.get(url("olga/options"), {"keys": "REPOS:ACCESS_TOKEN"}).json()["count"] == 0


def test_wart_owner_options_do_not_reach_the_cluster(client: APIClient, root: APIClient, owner: User) -> None:
    post(client, {"MAX_RESTARTS:JOBS": 3}, "olga/options")
    assert values(root, "MAX_RESTARTS:JOBS") == [0]
    assert options.value("MAX_RESTARTS:JOBS") == 0
    assert options.value("MAX_RESTARTS:JOBS", owner=owner.owner) == 3
    post(root, {"MAX_RESTARTS:JOBS": 5})
    assert options.value("MAX_RESTARTS:JOBS", owner=owner.owner) == 3
    post(client, {"MAX_RESTARTS:JOBS": ""}, "olga/options")
    assert options.value("MAX_RESTARTS:JOBS", owner=owner.owner) == 5


@pytest.mark.parametrize("key", ["TTL:TOKEN", "ALLOW_USER_OWNERSHIP", "SERVICE_ACCOUNTS:JOBS", "AUTH_GITHUB:CLIENT_ID"])
def test_wart_owners_do_not_set_what_holds_for_all(client: APIClient, owner: User, key: str) -> None:
    answer = post(client, {key: "1"}, "olga/options")
    assert answer.status_code == 403
    assert ConfigOption.objects.count() == 0


def test_wart_options_of_other_owners_are_theirs(
    client: APIClient, stranger: APIClient, root: APIClient, anonymous: APIClient, owner: User
) -> None:
    post(client, {"REPOS:ACCESS_TOKEN": "mine"}, "olga/options")
    asked = {"keys": "REPOS:ACCESS_TOKEN"}
    assert stranger.get(url("olga/options"), asked).status_code == 403
    assert post(stranger, {"REPOS:ACCESS_TOKEN": "stolen"}, "olga/options").status_code == 403
    assert stranger.get(url("nobody/options"), asked).status_code == 404
    assert anonymous.get(url("olga/options"), asked).status_code == 401
    assert root.get(url("olga/options"), asked).json()["results"][0]["option"] == "mine"


def test_a_scoped_token_neither_reads_nor_changes_options(admin: User) -> None:
    from polyaxon.security import tokens

    reader = client_of()
    reader.credentials(HTTP_AUTHORIZATION=f"Token {tokens.issue(admin, scopes=['read'])}")
    assert reader.get(url("options"), {"keys": "TTL:TOKEN"}).status_code == 403
    assert post(reader, {"TTL:TOKEN": 1}).status_code == 403


def test_user_ownership_can_be_switched_off(root: APIClient, client: APIClient) -> None:
    post(root, {"ALLOW_USER_OWNERSHIP": False})
    assert post(client, {"name": "mine"}, "projects").status_code == 400
    post(root, {"ALLOW_USER_OWNERSHIP": True})
    assert post(client, {"name": "mine"}, "projects").status_code == 201


def test_tokens_live_as_long_as_the_option_says(root: APIClient, owner: User) -> None:
    from polyaxon.security import tokens

    post(root, {"TTL:TOKEN": 2})
    _, token = tokens.create(owner)
    assert token.expires_at is not None
    assert (token.expires_at - token.started_at).days == 2


def test_settings_are_defaults_of_options(root: APIClient, settings: Any) -> None:
    code = settings.CONFIG.code.model_copy(update={"notebooks_backend": "lab", "repos_access_token": "hush"})
    security = settings.CONFIG.security.model_copy(update={"ttl_token_days": 11})
    settings.CONFIG = replace(settings.CONFIG, code=code, security=security)
    assert values(root, "NOTEBOOKS:BACKEND", "TTL:TOKEN", "REPOS:ACCESS_TOKEN") == ["lab", 11, None]
    assert options.value("REPOS:ACCESS_TOKEN") == "hush"
    post(root, {"TTL:TOKEN": 12})
    assert values(root, "TTL:TOKEN") == [12]


def test_many_options_take_no_more_queries(root: APIClient, django_assert_max_num_queries: Any) -> None:
    keys = [key for key, option in options.OPTIONS.items() if option.store is options.OptionStore.DATABASE]
    post(root, dict.fromkeys((key for key in keys if key.startswith("TTL:")), 5))
    with django_assert_max_num_queries(4):
        assert len(values(root, *keys)) == len(keys)
