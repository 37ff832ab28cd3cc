"""Settings: typed, documented, and named when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from polyaxon.management.commands.settings_table import table
from polyaxon.settings import secrets_file
from polyaxon.settings.config import AREAS, ConfigurationError, load

ROOT = Path(__file__).resolve().parents[2]


def test_the_documented_table_is_the_codes() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert documented == table(), "run: python manage.py settings_table > docs/settings.md"


def test_every_setting_says_what_it_means() -> None:
    silent = [name for area in AREAS.values() for name, field in area.model_fields.items() if not field.description]
    assert silent == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("POLYAXON_PORT", "0"),
        ("POLYAXON_PORT", "x"),
        ("POLYAXON_LOCAL_CONCURRENCY", "-1"),
        ("POLYAXON_DB_ENGINE", "oracle"),
        ("POLYAXON_ALLOWED_HOSTS", "{"),
        ("POLYAXON_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, key: str, value: str) -> None:
    monkeypatch.setenv(key, value)
    with pytest.raises(ConfigurationError) as wrong:
        load()
    assert [problem for problem in wrong.value.problems if problem.startswith(key)]


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYAXON_PORT", "x")
    monkeypatch.setenv("POLYAXON_DB_PORT", "y")
    with pytest.raises(ConfigurationError) as wrong:
        load()
    assert len(wrong.value.problems) == 2


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"POLYAXON_PORT": 9001, "POLYAXON_HOST": "127.0.0.9"}), encoding="utf-8")
    monkeypatch.setenv("POLYAXON_CONFIG_FILE", str(file))
    monkeypatch.setenv("POLYAXON_PORT", "9002")
    config = load()
    assert (config.server.port, config.server.host) == (9002, "127.0.0.9")


def test_an_unreadable_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYAXON_CONFIG_FILE", str(tmp_path / "missing.json"))
    with pytest.raises(ConfigurationError, match=r"missing\.json"):
        load()


def test_a_generated_secret_is_kept_and_private(tmp_path: Path) -> None:
    first = secrets_file.read_or_create(tmp_path / "data", "key")
    assert secrets_file.read_or_create(tmp_path / "data", "key") == first
    assert (tmp_path / "data" / "key").stat().st_mode & 0o777 == 0o600
    assert len(first) >= 40
