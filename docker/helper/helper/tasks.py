"""Preparing a pod, and storing what its run writes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

from helper.code import fetch
from helper.http import patiently
from helper.problems import Passing, Problem
from helper.stores import open_store
from helper.transfer import Upload, copy, download

CODE_TOKEN = "POLYAXON_HELPER_CODE_TOKEN"  # noqa: S105 - a name
FOLDER_MODE = 0o2775  # the group of the pods writes there, and what they make stays the group's


def initialize(plan: dict[str, Any]) -> None:
    """Make folders, fetch the code, download what lies in object stores, copy the outputs of another run."""
    for folder in plan.get("folders", ()):
        _make(Path(folder))
    if code := plan.get("code"):
        patiently(partial(fetch, code["url"], os.environ.get(CODE_TOKEN, ""), Path(code["path"])))
    for each in plan.get("downloads", ()):
        patiently(partial(download, open_store(each["url"], _credentials(each)), Path(each["path"])))
    for each in plan.get("copies", ()):
        _copy(each, Path(each["path"]))


def _copy(each: dict[str, Any], folder: Path) -> None:
    """Into a folder that holds nothing yet: an earlier attempt, or another replica, may have been there before."""
    if any(folder.iterdir()):
        return
    if "url" in each:
        patiently(partial(download, open_store(each["url"], _credentials(each)), folder))
    else:
        copy(Path(each["from"]), folder)


def keep_storing(plan: dict[str, Any]) -> None:
    """Upload what changed every so often, and all that is left when told to end, which is when the run has ended."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    Path(plan["ready"]).touch()  # the run starts when this is there, so it cannot end before we would hear of it
    uploads = [Upload(open_store(each["url"], _credentials(each)), Path(each["path"])) for each in plan["uploads"]]
    while not ended.wait(float(plan.get("interval", 30))):
        for upload in uploads:
            _try(upload)
    for upload in uploads:
        patiently(upload.everything)


def _try(upload: Upload) -> None:
    """What does not work now is done at the end at the latest; only then does it count."""
    try:
        upload.settled()
    except (Passing, OSError) as error:
        sys.stderr.write(f"outputs are not stored yet: {error}\n")


def _make(folder: Path) -> None:
    """Folders that are there stay as they are: an earlier attempt may have left its outputs."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            each.mkdir(exist_ok=True)
            each.chmod(FOLDER_MODE)
        except PermissionError as error:
            raise Problem(
                f"{each}: cannot be made ({error.strerror}); the volume must let the user or group of pods write"
            ) from error


def _credentials(each: dict[str, Any]) -> str | None:
    return os.environ.get(each["credentials"]) if each.get("credentials") else None
