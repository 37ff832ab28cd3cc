"""Encryption of stored secrets."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.security.encryption import KEY_FILE, MARKER, Undecryptable, decrypt, encrypt
from polyaxon.settings.config import ConfigurationError, load


def with_key(settings: Any, key: str, label: str = "default") -> None:
    security = settings.CONFIG.security.model_copy(update={"encryption_secret": key, "encryption_key": label})
    settings.CONFIG = replace(settings.CONFIG, security=security)


@given(st.text())
def test_what_is_encrypted_is_decrypted(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    stored = encrypt(text)
    assert stored.startswith(MARKER)
    assert decrypt(stored) == text


def test_the_stored_form_is_marker_label_and_fernet_token(settings: Any) -> None:
    key = Fernet.generate_key()
    with_key(settings, key.decode(), "la$bel")
    label, _, token = encrypt("hush").removeprefix("\u00ef\u00bb\u00bf").rpartition("$")
    assert label == "la$bel"
    assert Fernet(key).decrypt(base64.b64decode(token)) == b"hush"
    assert decrypt(encrypt("hush")) == "hush"


def test_text_without_marker_was_never_encrypted() -> None:
    assert decrypt('"plain"') == '"plain"'


def test_another_key_label_or_damage_is_told(settings: Any) -> None:
    with_key(settings, Fernet.generate_key().decode())
    stored = encrypt("hush")
    for damaged in (stored[:-9], stored.replace("default", "older"), f"{MARKER}default$%"):
        with pytest.raises(Undecryptable):
            decrypt(damaged)
    with_key(settings, Fernet.generate_key().decode())
    with pytest.raises(Undecryptable, match="POLYAXON_ENCRYPTION_SECRET"):
        decrypt(stored)


def test_without_a_configured_key_one_is_generated_and_kept(settings: Any, tmp_path: Path) -> None:
    core = settings.CONFIG.core.model_copy(update={"data_dir": tmp_path})
    settings.CONFIG = replace(settings.CONFIG, core=core)
    stored = encrypt("hush")
    file = tmp_path / KEY_FILE
    assert file.stat().st_mode & 0o777 == 0o600
    with_key(settings, file.read_text())
    assert decrypt(stored) == "hush"


@pytest.mark.parametrize("key", ["short", "x" * 44, "!" * 44])
def test_an_invalid_key_stops_the_start_and_is_not_printed(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("POLYAXON_ENCRYPTION_SECRET", key)
    with pytest.raises(ConfigurationError) as wrong:
        load()
    assert [p.partition(":")[0] for p in wrong.value.problems] == ["POLYAXON_ENCRYPTION_SECRET"]
    assert key not in str(wrong.value)
