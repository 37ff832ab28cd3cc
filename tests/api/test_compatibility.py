"""Defects of 0.6 that are mended and that no resource's own tests look at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from api.throttling import HighRate, InternalRate, UserRate
from tests.api.conftest import P, client_of

if TYPE_CHECKING:
    from rest_framework.test import APIClient

    from polyaxon.db.models import Experiment, User


def test_wart_12_metrics_do_not_count_as_a_user_s_requests(
    owner: User, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, rate in ((UserRate, "3/min"), (HighRate, "1000/s")):
        monkeypatch.setattr(kind, "rate", rate, raising=False)
    client, item = client_of(owner), f"{P}/experiments/{experiment.pk}"
    posts = [client.post(f"{item}/metrics", {"values": {"a": 1}}, format="json").status_code for _ in range(10)]
    assert set(posts) == {201}
    assert [client.get(item).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_wart_12_a_busy_service_does_not_slow_another(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InternalRate, "rate", "2/min", raising=False)

    def ask(service: str, address: str) -> int:
        client = client_of()
        client.credentials(HTTP_AUTHORIZATION="InternalToken only-for-tests", HTTP_X_POLYAXON_INTERNAL=service)
        path = f"{P}/experiments/{experiment.pk}/statuses"
        code: int = client.get(path, REMOTE_ADDR=address).status_code
        return code

    assert [ask("sidecar", "10.0.0.1") for _ in range(3)] == [200, 200, 429]
    assert ask("helper", "10.0.0.1") == 200
    assert ask("sidecar", "10.0.0.2") == 200


@pytest.mark.parametrize("path", ["model.bin", "a/b/c", "x" * 300])
def test_wart_20_a_missing_file_tells_nothing_of_the_server(
    client: APIClient, experiment: Experiment, path: str, settings: Any
) -> None:
    answer = client.get(f"{P}/experiments/{experiment.pk}/outputs/files", {"path": path})
    root: Path = settings.CONFIG.stores.outputs_root
    assert answer.status_code in {400, 404}
    assert str(root) not in answer.content.decode()
    assert experiment.sub_path not in answer.content.decode()


def test_the_page_of_compatibility_names_tests_that_exist() -> None:
    root = Path(__file__).resolve().parents[2]
    named = set(re.findall(r"`(test_\w+)`", (root / "docs" / "compatibility.md").read_text(encoding="utf-8")))
    files = (root / "tests").rglob("test_*.py")
    existing = {name for file in files for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}
    assert named - existing == set()
