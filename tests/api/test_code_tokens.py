"""Tokens that fetch the code of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rest_framework.test import APIClient

from polyaxon.actions.statuses import set_status
from polyaxon.security import code_tokens
from tests.api.conftest import P
from tests.api.test_repos import archive, upload
from tests.factories import EXPERIMENT, make_project

if TYPE_CHECKING:
    from polyaxon.db.models import Project, User

DOWNLOAD = f"{P}/repo/download"


@pytest.fixture
def commits(client: APIClient, project: Project) -> tuple[str, str]:
    """Two commits, the first of which a run stands on."""
    first = upload(client, archive(train="print(1)"))["X-Polyaxon-Commit"]
    client.post(f"{P}/experiments", {"content": EXPERIMENT}, format="json")
    return first, upload(client, archive(train="print(2)"))["X-Polyaxon-Commit"]


@pytest.fixture
def fetcher(commits: tuple[str, str], project: Project) -> APIClient:
    run = project.experiments.get()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {code_tokens.issue(run)}")
    return client


def test_it_fetches_the_code_of_its_run(fetcher: APIClient, commits: tuple[str, str]) -> None:
    answer = fetcher.get(DOWNLOAD, {"commit": commits[0]})
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content)[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("commit", ["", "master", "0" * 40])
def test_it_fetches_no_other_commit(fetcher: APIClient, commits: tuple[str, str], commit: str) -> None:
    assert fetcher.get(DOWNLOAD, {"commit": commit}).status_code == 403
    assert fetcher.get(DOWNLOAD, {"commit": commits[1]}).status_code == 403


def test_it_fetches_nothing_of_another_project(fetcher: APIClient, commits: tuple[str, str], owner: User) -> None:
    other = make_project(owner, "letters")
    answer = fetcher.get(f"/api/v1/{owner.username}/{other.name}/repo/download", {"commit": commits[0]})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("get", path) for path in ("", "/repo", "/experiments", "/experiments/{id}", "/experiments/{id}/logs")),
        ("patch", "/experiments/{id}"),
        ("post", "/experiments/{id}/metrics"),
        ("post", "/experiments/{id}/stop"),
        ("post", "/experiments"),
    ],
)
def test_it_opens_nothing_else(fetcher: APIClient, project: Project, method: str, path: str) -> None:
    address = P + path.format(id=project.experiments.get().pk)
    assert getattr(fetcher, method)(address, {}, format="json").status_code == 403
    assert fetcher.get("/api/v1/users").status_code == 403


def test_it_ends_with_its_run(fetcher: APIClient, commits: tuple[str, str], project: Project) -> None:
    set_status(project.experiments.get(), "failed")
    assert fetcher.get(DOWNLOAD, {"commit": commits[0]}).status_code == 401
