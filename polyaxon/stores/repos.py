"""Code of a project as a bare git repository: an upload is a commit, a run is pinned to one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polyaxon.stores.errors import RepoError, shown
from polyaxon.stores.git_commands import GitCommands
from polyaxon.stores.packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BRANCH = "master"

_REF = f"refs/heads/{BRANCH}"
_LOCK = "polyaxon.lock"
_ATTEMPTS = 20
LOOSE_OBJECTS = 2000  # from which on they are packed
_MAINTENANCE = {"gc.autoDetach": "false", "gc.packRefs": "false", "gc.pruneExpire": "2.weeks.ago"}
_REGULAR = frozenset({"100644", "100755"})
_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_UNFIT_FOR_IDENTITY = re.compile(r"[\x00-\x1f\x7f<>]")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's full hash, and whether this call made it or found it."""

    sha: str
    created: bool


class InternalRepo:
    """A project's repository at `path`, made by the first commit.

    Any process may be killed at any time: the branch moves in one step, after everything that it needs is on
    disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path).absolute()
        self._git = GitCommands(self.path, self.path.name)

    def commit_tree(self, folder: Path, *, author: str, email: str, message: str) -> Commit:
        """Commit the folder's files exactly as they are; empty folders are not kept.

        Content identical to the newest commit's makes no new one. Several processes may do this at once: each
        content ends up in the history. Raises RepoError.
        """
        self._ensure()
        tree = self._write_tree(Path(folder).absolute())
        identity = _identity(author, email)
        for _ in range(_ATTEMPTS):
            with self._locked() as lock:
                commit = self._commit(tree, identity, message, lock)
            if commit is not None:
                return commit
        raise self._error("the upload could not be stored: others keep storing theirs; try again")

    def head(self) -> str | None:
        """The newest commit's hash; None before the first."""
        return self._newest()[0]

    def contains(self, sha: str) -> bool:
        """Whether `sha`, a full hash of 40 hex digits, is a commit of this repository's history."""
        if not _FULL_SHA.fullmatch(sha) or not self.path.is_dir():
            return False
        status, refs, _ = self._git.attempt("for-each-ref", "--count=1", "--contains", sha)
        return status == 0 and bool(refs)

    def read(self, sha: str, name: str, *, max_bytes: int) -> bytes | None:
        """Content of a file at the root of a commit; None if there is none, or if it is larger.

        Links are no files here, so nothing outside of the commit is read. Lacks a newline at its end.
        """
        status, line, _ = self._git.attempt("ls-tree", "-l", sha, "--", name)
        words = line.split()
        if status or not words or words[0] not in _REGULAR or int(words[3]) > max_bytes:
            return None
        text = self._git.run("cat-file", "blob", words[2], what=f"{shown(name)} cannot be read")
        return text.encode("utf-8", "surrogateescape")

    def files_among(self, sha: str, names: Sequence[str]) -> list[str]:
        """Those of `names`, paths from the root, that are files of a commit, in their order. Links are none."""
        _, lines, _ = self._git.attempt("ls-tree", sha, "--", *names)
        entries = (line.partition("\t") for line in lines.splitlines())
        found = {name for facts, _, name in entries if facts.split()[0] in _REGULAR}
        return [name for name in names if name in found]

    def export(self, sha: str, destination: Path) -> None:
        """Write the files of a commit into the new folder `destination`, which appears complete or not at
        all.

        Raises RepoError for an unknown commit, FileExistsError if `destination` holds something.
        """
        self._require(sha)
        destination = Path(destination).absolute()
        destination.parent.mkdir(parents=True, exist_ok=True)
        staging = destination.with_name(f".{uuid.uuid4().hex}.part")
        staging.mkdir(mode=0o755)
        try:
            self._check_out(sha, staging)
            _rename_new(staging, destination)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def archive(self, sha: str) -> Iterator[bytes]:
        """The files of a commit as a streamed tar.gz, with names relative to its root. Raises RepoError at
        once."""
        self._require(sha)
        return self._archived(sha)

    def delete(self) -> None:
        """Remove the repository; none there is fine."""
        trash = self.path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            self.path.rename(trash)
        except FileNotFoundError:
            return
        shutil.rmtree(trash)

    def maintain(self) -> None:
        """Pack objects when many lie loose, and drop those that nothing has needed for two weeks. Raises RepoError.

        Safe beside uploads and exports: what they have just written is younger, and what they find again counts as
        young, too. References are left alone, so their locks are only ever those of `commit_tree` and `fetch`.
        """
        options = {**_MAINTENANCE, "gc.auto": str(LOOSE_OBJECTS)}
        settings = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        self._git.run(*settings, "gc", "--auto", "--quiet", what="it cannot be packed")

    def _archived(self, sha: str) -> Iterator[bytes]:
        with tempfile.TemporaryDirectory(prefix="polyaxon-archive-") as scratch:
            folder = Path(scratch) / "code"
            self.export(sha, folder)
            yield from pack(folder)

    def _error(self, what: str) -> RepoError:
        return RepoError(what, self.path.name)

    def _require(self, sha: str) -> None:
        if not self.contains(sha):
            raise self._error(f"there is no commit {shown(sha)}")

    def _ensure(self) -> None:
        """Make the repository beside its place and move it there, so that half a repository is never seen."""
        if self.path.is_dir():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        staging = self.path.with_name(f".{uuid.uuid4().hex}.part")
        staging.mkdir(mode=0o750)
        try:
            GitCommands(staging, self.path.name).init(BRANCH)
            with contextlib.suppress(FileExistsError):  # another process was first
                _rename_new(staging, self.path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _write_tree(self, folder: Path) -> str:
        """Store the folder's files and give the hash of their tree."""
        _refuse_nested_repository(folder, self.path.name)
        with _scratch_index() as env:
            self._git.run("add", "--all", "--force", ".", what="the upload cannot be stored", folder=folder, env=env)
            return self._git.run("write-tree", what="the upload cannot be stored", env=env)

    def _newest(self) -> tuple[str | None, str | None]:
        """Hashes of the newest commit and its tree."""
        if not self.path.is_dir():
            return None, None
        line = self._git.run("for-each-ref", "--format=%(objectname) %(tree)", _REF, what="it cannot be read")
        sha, _, tree = line.partition(" ")
        return sha or None, tree or None

    def _commit(self, tree: str, identity: Mapping[str, str], message: str, lock: int) -> Commit | None:
        """The commit of `tree` on top of the newest; None if another one came between."""
        head, head_tree = self._newest()
        if head and head_tree == tree:
            return Commit(head, created=False)
        parent = ["-p", head] if head else []
        text = message.replace("\0", "").encode("utf-8", "replace").decode()
        what = "the commit cannot be made"
        sha = self._git.run("commit-tree", tree, *parent, "-m", text, what=what, env=identity, held=[lock])
        return Commit(sha, created=True) if self._git.advance(_REF, sha, head, held=[lock]) else None

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """Hold the repository's lock, which ends with its holders: git's own lock files outlive a killed
        git."""
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever made git's locks held ours, so it is dead.
            self._git.break_locks(_REF)
            yield descriptor
        finally:
            os.close(descriptor)

    def _check_out(self, sha: str, folder: Path) -> None:
        what = f"commit {sha} cannot be read"
        with _scratch_index() as env:
            self._git.run("read-tree", sha, what=what, env=env)
            self._git.run("checkout-index", "--all", "--quiet", what=what, folder=folder, env=env)


@contextlib.contextmanager
def _scratch_index() -> Iterator[dict[str, str]]:
    """Environment with an index of its own, so that calls at the same time do not meet."""
    with tempfile.TemporaryDirectory(prefix="polyaxon-index-") as folder:
        yield {"GIT_INDEX_FILE": str(Path(folder) / "index")}


def _identity(author: str, email: str) -> dict[str, str]:
    name = _presentable(author) or "unknown"
    address = _presentable(email) or "unknown@localhost"
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
        # Unset by emptiness: the time is now.
        "GIT_AUTHOR_DATE": "",
        "GIT_COMMITTER_DATE": "",
    }


def _presentable(text: str) -> str:
    """Without what git refuses in a name, or strips from its ends."""
    clean = _UNFIT_FOR_IDENTITY.sub("", text).strip(" .,:;\"\\'")
    return clean.encode("utf-8", "replace").decode()


def _refuse_nested_repository(folder: Path, which: str) -> None:
    """Git would store a folder that is a repository itself as a mere pointer, without its files."""
    for path, folders, files in os.walk(folder):
        if ".git" in folders or ".git" in files:
            inner = os.path.relpath(path, folder)
            raise RepoError(f"the upload holds a git repository in {shown(inner)}; remove its .git", which)


def _rename_new(source: Path, target: Path) -> None:
    """Move a folder to a place that is free or an empty folder. Raises FileExistsError."""
    try:
        source.rename(target)
    except OSError:
        if target.exists():
            raise FileExistsError(target.name) from None
        raise
