"""The code of a run, at its commit."""

from __future__ import annotations

import http.client
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from helper.http import send
from helper.problems import Passing, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1024 * 1024


def fetch(url: str, token: str, folder: Path) -> None:
    """Unpack the archive at `url` into `folder`. What lies there already is written over."""
    with tempfile.TemporaryFile(dir=folder) as archive:
        _download(url, token, archive)
        archive.seek(0)
        try:
            with tarfile.open(fileobj=archive, mode="r:gz") as files:
                files.extractall(folder, _members(files, folder.resolve()))  # noqa: S202 - each is checked
        except (tarfile.TarError, EOFError) as error:
            raise Problem(f"code: the archive cannot be unpacked: {error}") from error


def _download(url: str, token: str, archive: object) -> None:
    try:
        with send(url, headers={"Authorization": f"Token {token}"}) as answer:
            while block := answer.read(BLOCK):
                archive.write(block)  # type: ignore[attr-defined]
    except (http.client.HTTPException, OSError) as error:
        raise Passing(f"code: the download broke off: {error}") from error
    except Passing:
        raise
    except Problem as error:
        raise Problem(f"code: {error}") from error


def _members(files: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    """Files, folders and links that stay inside, as anybody's. Older Pythons have no filter that does this."""
    files.extraction_filter = lambda member, _: member
    for member in files:
        place = (folder / member.name).resolve()
        target = (place.parent / member.linkname).resolve() if member.issym() else place
        if not (member.isreg() or member.isdir() or member.issym()):
            continue
        if not all(each == folder or folder in each.parents for each in (place, target)):
            raise Problem(f"code: {member.name!r} in the archive leads out of the folder")
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        yield member
