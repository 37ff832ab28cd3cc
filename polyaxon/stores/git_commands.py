"""Git commands on one bare repository, untouched by the machine's and the user's git configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from git.cmd import Git
from git.exc import GitCommandNotFound

from polyaxon.stores.errors import RepoError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_NO_SHA = "0" * 40

# Files go in and come out byte for byte, whatever the machine or an upload says.
_CONFIGURATION = {
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.bigFileThreshold": "16m",
    "core.eol": "lf",
    "core.excludesFile": os.devnull,
    "core.fileMode": "true",
    "core.fsmonitor": "false",
    "core.fsync": "committed,reference",
    "core.fsyncMethod": "batch",
    "core.hooksPath": os.devnull,
    "core.ignoreCase": "false",
    "core.protectHFS": "false",
    "core.protectNTFS": "false",
    "core.safecrlf": "false",
    "core.symlinks": "true",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "i18n.commitEncoding": "utf-8",
    "protocol.allow": "never",
    "safe.directory": "*",
}

# `info/attributes` outranks every `.gitattributes` in the tree: no conversion, nothing left out, nothing
# substituted.
ATTRIBUTES = "* -text !eol -ident !filter !working-tree-encoding -export-ignore -export-subst -diff -merge\n"


def _environment(repository: Path) -> dict[str, str]:
    """Variables that take the place of those of the calling process; some are set empty for that reason
    alone."""
    home = str(repository)
    settings = dict(enumerate(_CONFIGURATION.items()))
    return {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_PARAMETERS": "",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **{f"GIT_CONFIG_KEY_{index}": key for index, (key, _) in settings.items()},
        **{f"GIT_CONFIG_VALUE_{index}": value for index, (_, value) in settings.items()},
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_DIR": home,
        "GIT_COMMON_DIR": home,
        "GIT_OBJECT_DIRECTORY": str(repository / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": "",
        "GIT_NAMESPACE": "",
        "GIT_PREFIX": "",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }


# Packing removes folders of objects that have become empty, also the one in which git is about to make a file. What is
# run writes objects by their content, so that it may be repeated.
_FOLDER_GONE = "unable to create temporary file: No such file or directory"
REPEATS = 5


class GitCommands:
    """Runs `git` on the repository at `path` and raises RepoError with git's own last words when that
    fails."""

    def __init__(self, path: Path, which: str) -> None:
        self.path = path
        self._which = which
        self._environment = _environment(path)

    def init(self, branch: str) -> None:
        """Make a bare repository without any hook in the folder, which exists and is empty."""
        options = ["--quiet", "--bare", "--template=", f"--initial-branch={branch}"]
        # A work tree named by the caller's environment cannot be overruled, only removed.
        command = ["env", "-u", "GIT_WORK_TREE", "git", "init", *options]
        status, _, error = self._execute(command, self.path, self._environment)
        if status:
            raise RepoError(f"it cannot be made: {self._last_words(error)}", self._which)
        (self.path / "info").mkdir(exist_ok=True)
        (self.path / "info" / "attributes").write_text(ATTRIBUTES)

    def run(
        self,
        *arguments: str,
        what: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> str:
        """Standard output of the command, without its last newline.

        `what` is what cannot be done if it fails. `folder` is the work tree. `held` are descriptors that the
        command inherits, so that a lock outlives a killed caller until the command has ended too.
        """
        status, output, error = self.attempt(*arguments, folder=folder, env=env, held=held)
        for _ in range(REPEATS):
            if not status or _FOLDER_GONE not in error:
                break
            status, output, error = self.attempt(*arguments, folder=folder, env=env, held=held)
        if status:
            raise RepoError(f"{what}: {self._last_words(error)}", self._which)
        return output

    def attempt(
        self,
        *arguments: str,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
        held: Sequence[int] = (),
    ) -> tuple[int, str, str]:
        """Exit code, output and errors of the command. Raises RepoError only if there is no git."""
        variables = {**self._environment, **(env or {})}
        if folder is not None:
            variables["GIT_WORK_TREE"] = str(folder)
        return self._execute(["git", *arguments], folder or self.path, variables, held)

    def _execute(
        self, command: Sequence[str], folder: Path, env: Mapping[str, str], held: Sequence[int] = ()
    ) -> tuple[int, str, str]:
        try:
            result = Git(str(folder)).execute(
                command, with_extended_output=True, with_exceptions=False, env=env, pass_fds=tuple(held)
            )
        except GitCommandNotFound:
            raise RepoError("git is not installed on the server", self._which) from None
        assert isinstance(result, tuple)  # with_extended_output gives one
        return result[0], str(result[1]), str(result[2])

    def advance(self, ref: str, new: str, old: str | None, held: Sequence[int]) -> bool:
        """Set `ref` to the commit `new` if it still is `old`; None stands for not being there."""
        status, _, _ = self.attempt("update-ref", ref, new, old or _NO_SHA, held=held)
        return status == 0

    def break_locks(self, ref: str) -> None:
        """Remove what a killed `advance` leaves. The caller knows that no other one is running.

        Git locks `HEAD`, too, when it moves the branch that `HEAD` names.
        """
        for name in (ref, "HEAD"):
            (self.path / f"{name}.lock").unlink(missing_ok=True)

    def _last_words(self, error: str) -> str:
        lines = [line.strip() for line in error.replace(str(self.path), "repository").splitlines() if line.strip()]
        return lines[-1] if lines else "git gave no reason"
