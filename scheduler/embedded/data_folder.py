"""The data folder: writable, and of one server at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO


class FolderUnusable(Exception):
    """One sentence for the person who chose the folder."""


def claim(folder: Path) -> IO[str]:
    """Make `folder` if needed and lock it for this process. The lock goes with the returned file, also on SIGKILL."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "server.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise FolderUnusable(
            f"Cannot write to the data folder {folder}: {error.strerror}. Choose another one with DATA_DIR."
        ) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise FolderUnusable(
            f"The data folder {folder} is in use by another server (process {holder or 'unknown'}). "
            "Stop it, or choose another folder with DATA_DIR."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
