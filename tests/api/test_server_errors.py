"""Requests that once made the server fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.conftest import P, url

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Project


@pytest.mark.parametrize(
    "address",
    [
        P,  # found its object by `pk`
        f"{P}/archive",  # has no serializer
        f"{P}/restore",
        f"{P}/tensorboard/stop",
        url("users/session/refresh"),
        url("orgs"),
    ],
)
def test_options_tell_the_methods(client: APIClient, project: Project, address: str) -> None:
    answer = client.options(address)
    assert answer.status_code == 200
    assert "OPTIONS" in answer["Allow"]
    assert set(answer.json()) == {"name", "description", "renders", "parses"}
