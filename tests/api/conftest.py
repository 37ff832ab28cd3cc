"""Clients of the interface: each speaks for one user, run or service."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from polyaxon.db import server_side
from polyaxon.options import store
from polyaxon.security import tokens
from tests.factories import make_experiment, make_project, make_user

if TYPE_CHECKING:
    import uuid
    from pathlib import Path

    from polyaxon.db.models import Experiment, Project, User


@pytest.fixture(autouse=True)
def _fresh_rates() -> None:
    cache.clear()


@pytest.fixture(autouse=True)
def _nothing_remembered_ages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Options and plans are not forgotten within a test by the clock: queries are counted, and compared."""
    for module in (store, server_side):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, settings: Any) -> None:
    """Code, logs and outputs of one test are not those of another whose rows had the same ids."""
    stores = settings.CONFIG.stores
    roots = {name: tmp_path / name for name in ("outputs_root", "logs_root", "repos_root", "runs_root")}
    settings.CONFIG = replace(settings.CONFIG, stores=stores.model_copy(update=roots))


def client_of(user: User | None = None, *, run: uuid.UUID | None = None, scopes: list[str] | None = None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Token {tokens.issue(user, run=run, scopes=scopes)}")
    return client


@pytest.fixture
def owner(db: None) -> User:
    return make_user("olga")


@pytest.fixture
def other(db: None) -> User:
    return make_user("oskar")


@pytest.fixture
def admin(db: None) -> User:
    return make_user("root-admin", superuser=True)


@pytest.fixture
def project(owner: User) -> Project:
    return make_project(owner, "digits")


@pytest.fixture
def experiment(project: Project) -> Experiment:
    return make_experiment(project)


@pytest.fixture
def client(owner: User) -> APIClient:
    return client_of(owner)


@pytest.fixture
def stranger(other: User) -> APIClient:
    return client_of(other)


@pytest.fixture
def anonymous() -> APIClient:
    return client_of()


@pytest.fixture
def service() -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL="sidecar")
    return client


def url(*parts: object) -> str:
    return "/api/v1/" + "/".join(str(part) for part in parts)


P = "/api/v1/olga/digits"
