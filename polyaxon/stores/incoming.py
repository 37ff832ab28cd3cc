"""Files that clients send in parts: collected beside the outputs, checked, then put in their place at once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from polyaxon.errors import InvalidInput
from polyaxon.stores.errors import PathRefused, shown
from polyaxon.stores.paths import open_regular, safe_parts

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator

    from polyaxon.stores.inflate import Readable

FOLDER = ".incoming"  # no owner has a name with a dot
LOCKS = ".incoming-locks"
PIECE_BYTES = 1024 * 1024
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Misplaced(Exception):
    """A part that does not begin where the parts before it end, which is at `received`."""

    def __init__(self, received: int) -> None:
        self.received = received
        super().__init__(f"{received} bytes were received; go on there")


class Incoming:
    """Uploads under `root`, the root of the outputs: so that a finished one only needs to be renamed.

    An upload is named by a UUID that its run, path and content determine. Parts come in order; the same part may come
    twice, also at the same time: whoever changes an upload holds its lock.
    """

    def __init__(self, root: Path) -> None:
        self._root = Path(root)

    @contextmanager
    def locked(self, upload: uuid.UUID) -> Iterator[None]:
        """Alone with an upload, among all processes. Few uploads share a lock with another."""
        path = self._root / LOCKS / upload.hex[:2]  # never removed: its lock would go with it
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def received(self, upload: uuid.UUID) -> int:
        """Bytes that are there."""
        try:
            return self._content(upload).stat().st_size
        except FileNotFoundError:
            return 0

    def write(self, upload: uuid.UUID, offset: int, stream: Readable) -> int:
        """Take a part; the bytes that are there then. Raises Misplaced."""
        content = self._content(upload)
        content.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(content, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            size = os.fstat(file.fileno()).st_size
            if offset > size:
                raise Misplaced(size)
            file.seek(offset)
            while piece := stream.read(PIECE_BYTES):
                file.write(piece)
        return self.received(upload)

    def checksum(self, upload: uuid.UUID) -> str:
        """SHA-256 in hex. Raises FileNotFoundError."""
        with self._content(upload).open("rb") as file:
            return _digest(file)

    def place(self, upload: uuid.UUID, outputs: Path, path: str) -> None:
        """Make the upload the file `path` in the folder `outputs`, in place of what has that name.

        Every step is taken without following links, so nothing is ever written outside. Raises PathRefused,
        InvalidInput if a folder has the name, FileNotFoundError without upload.
        """
        *folders, name = safe_parts(path)
        outputs.mkdir(parents=True, exist_ok=True)
        with _folder(outputs, folders, path) as folder:
            try:
                os.rename(self._content(upload), name, dst_dir_fd=folder)
            except (IsADirectoryError, NotADirectoryError, OSError) as error:
                if isinstance(error, FileNotFoundError) or not _is_folder(folder, name):
                    raise
                raise InvalidInput(f"{shown(path)} is a folder among the outputs.", field="path") from None
        self.discard(upload)

    def discard(self, upload: uuid.UUID) -> None:
        """Forget an upload; none there is fine."""
        shutil.rmtree(self._content(upload).parent, ignore_errors=True)

    def _content(self, upload: uuid.UUID) -> Path:
        # The sweep pass finds abandoned ones by this form.
        return self._root / FOLDER / f".{upload.hex}.part" / "content"


def checksum_of(outputs: Path, path: str, size: int) -> str | None:
    """SHA-256 in hex of the file `path` in `outputs`; None if there is none of that size."""
    try:
        file, found = open_regular(outputs, path)
    except (OSError, PathRefused):
        return None
    with file:
        return _digest(file) if found == size else None


def _digest(file: Readable) -> str:
    digest = hashlib.sha256()
    while piece := file.read(PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _folder(root: Path, names: list[str], path: str) -> Iterator[int]:
    """Descriptor of the folder at `names`, made where it is missing."""
    folder = os.open(root, _FOLDER_FLAGS)
    try:
        for name in names:
            inner = _inner(folder, name, path)
            os.close(folder)
            folder = inner
        yield folder
    finally:
        os.close(folder)


def _inner(folder: int, name: str, path: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)
    try:
        return os.open(name, _FOLDER_FLAGS, dir_fd=folder)
    except OSError:
        raise PathRefused(path, "goes through a link or a file") from None


def _is_folder(folder: int, name: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
