"""Secrets that are generated once and kept in 0600 files of the data folder."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path


def random_text() -> str:
    """64 characters that nobody guesses."""
    return secrets.token_urlsafe(48)


def read_or_create(folder: Path, name: str, generate: Callable[[], str] = random_text) -> str:
    """The secret called `name`; generated at the first call. Ends the process with one line when it cannot."""
    path = folder / name
    try:
        if path.exists():
            return path.read_text(encoding="utf-8").strip()
        folder.mkdir(parents=True, exist_ok=True)
        return _create(path, generate())
    except OSError as error:
        sys.exit(f"Cannot use the data folder {folder}: {error.strerror}. Set POLYAXON_DATA_DIR to a writable one.")


def write(path: Path, text: str) -> None:
    """Write `text` to a new or existing file that only its owner can read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)


def _create(path: Path, value: str) -> str:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    write(temporary, value)
    try:
        # A link fails when another process was first, and then its value is the one that counts.
        os.link(temporary, path)
    except FileExistsError:
        value = path.read_text(encoding="utf-8").strip()
    finally:
        temporary.unlink()
    return value
