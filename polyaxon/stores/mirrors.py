"""Mirrors of external git repositories: fetched from their server, read like repositories of uploads."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from polyaxon.errors import InvalidInput
from polyaxon.stores.errors import RepoError, shown
from polyaxon.stores.git_commands import GitCommands
from polyaxon.stores.repos import InternalRepo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMES = frozenset({"http", "https", "ssh", "git"})
DEFAULT_BRANCHES = ("master", "main")
URL_LENGTH = 200

# A caller's environment cannot overrule these, only remove them.
_REMOVED = frozenset({"GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_TRACE", "GIT_TRACE_CURL", "GIT_CURL_VERBOSE"})

_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"[A-Za-z0-9_:][-A-Za-z0-9_.:%]*")
_USER = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_.]*")
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]+")

# Reads the credentials from the environment, where no list of processes shows them.
_HELPER = (
    '!f() { test "$1" = get '
    '&& printf "username=%s\\npassword=%s\\n" "$POLYAXON_GIT_USER" "$POLYAXON_GIT_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """For one https server; used while fetching and stored nowhere."""

    username: str
    password: str = field(repr=False)


def check_url(url: str, *, allow_file: bool = False) -> str:
    """`url` if git may be sent there. Raises `InvalidInput`.

    Accepted are http, https, ssh and git addresses, with `allow_file` also file. Credentials belong in the server's
    settings, since everybody who may read the project sees the address.
    """
    allowed = SCHEMES | {"file"} if allow_file else SCHEMES
    if len(url) > URL_LENGTH:
        raise _refused(f"has more than {URL_LENGTH} characters")
    if url.startswith("-") or _UNFIT.search(url):
        raise _refused("begins with a hyphen, or has blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise _refused(f"cannot be read: {error}") from None
    if parts.scheme not in allowed or not url[len(parts.scheme) :].startswith("://"):
        raise _refused(f"must begin with one of {', '.join(f'{name}://' for name in sorted(allowed))}")
    _check_place(parts)
    return url


def _check_place(parts: SplitResult) -> None:
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise _refused("must name a file as file:///path")
        return
    if not _HOST.fullmatch(parts.hostname or ""):
        raise _refused("names no server")
    user = parts.username
    if parts.password is not None or (user is not None and parts.scheme != "ssh"):
        raise _refused("holds credentials. Leave them out: the server's settings name those for private repositories")
    if user is not None and not _USER.fullmatch(user):
        raise _refused("has no proper user name")
    if parts.path in {"", "/"}:
        raise _refused("names no repository")


def _refused(reason: str) -> InvalidInput:
    return InvalidInput(f"The address of the repository {reason}.", field="git_url")


class Mirror(InternalRepo):
    """A copy of an external repository, with its branches. What a run was pinned to stays, whatever happens there."""

    def fetch(self, url: str, *, credentials: Credentials | None = None, timeout: float, max_bytes: int) -> None:
        """Make the branches those of the repository at `url`, which `check_url` has accepted.

        Takes at most `timeout` seconds, and `max_bytes` for one file. Raises RepoError, and then nothing has changed.
        """
        self._ensure()
        _Remote(self.path, self.path.name).fetch(url, credentials, timeout=timeout, max_bytes=max_bytes)

    def branch(self, name: str | None = None) -> tuple[str, str] | None:
        """Name and newest commit of a branch; without `name` of the default one. None if there is none such."""
        branches = self._branches()
        if name is not None:
            return (name, branches[name]) if name in branches else None
        for default in DEFAULT_BRANCHES:
            if default in branches:
                return default, branches[default]
        return next(iter(branches.items())) if len(branches) == 1 else None

    def head(self) -> str | None:
        found = self.branch()
        return found[1] if found else None

    @property
    def is_empty(self) -> bool:
        """Whether it has no branch yet."""
        return not self._branches()

    def keep(self, sha: str) -> None:
        """Have the commit stay after its branch has gone elsewhere."""
        self._git.run("update-ref", f"refs/polyaxon/{sha}", sha, what=f"commit {shown(sha)} cannot be kept")

    def _branches(self) -> dict[str, str]:
        if not self.path.is_dir():
            return {}
        lines = self._git.run(
            "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", what="it cannot be read"
        )
        pairs = (line.partition(" ") for line in lines.splitlines())
        return {ref.removeprefix("refs/heads/"): sha for sha, _, ref in pairs}


class _Remote(GitCommands):
    """The one command that talks to other servers."""

    def fetch(self, url: str, credentials: Credentials | None, *, timeout: float, max_bytes: int) -> None:
        scheme = urlsplit(url).scheme
        # No submodules, no hooks, no file larger than allowed, no objects that are not what they claim to be.
        git = [
            *("git", "-c", f"protocol.{scheme}.allow=always", "-c", "fetch.fsckObjects=true"),
            *("-c", "http.followRedirects=initial", "-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=30"),
            *("fetch", "--quiet", "--atomic", "--force", "--prune", "--no-tags", "--no-auto-maintenance"),
            *("--no-recurse-submodules", "--no-write-fetch-head", "--", url, "+refs/heads/*:refs/heads/*"),
        ]
        limit = ["sh", "-c", 'ulimit -f "$0" && exec "$@"', str(max(1, max_bytes // 512))]
        environment = {**self._environment, **_identification(url, credentials, self._environment)}
        status, error = self._within(timeout, [*limit, *git], environment)
        if status:
            reason = _without(self._last_words(error), credentials)
            raise RepoError(f"it cannot be fetched: {reason}", self._which)

    def _within(self, timeout: float, command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
        """Exit code and errors of the command, which ends in time together with its helpers."""
        inherited = {key: value for key, value in os.environ.items() if key not in _REMOVED}
        process = subprocess.Popen(  # noqa: S603 - arguments are checked, and no shell reads them
            command,
            cwd=self.path,
            env={**inherited, **environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, error = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise RepoError(f"it cannot be fetched: it took more than {timeout:g} seconds", self._which) from None
        return process.returncode, error.decode(errors="replace")


def _identification(url: str, credentials: Credentials | None, present: Mapping[str, str]) -> dict[str, str]:
    """Variables that let git log in at the server of `url`, and nowhere else."""
    variables = {"GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GIT_LFS_SKIP_SMUDGE": "1"}
    if "GIT_SSH_COMMAND" not in os.environ:
        variables["GIT_SSH_COMMAND"] = "ssh -oBatchMode=yes"
    parts = urlsplit(url)
    if credentials is None or parts.scheme != "https":
        return variables
    count = int(present["GIT_CONFIG_COUNT"])
    return {
        **variables,
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"credential.https://{parts.netloc}.helper",
        f"GIT_CONFIG_VALUE_{count}": _HELPER,
        "POLYAXON_GIT_USER": credentials.username,
        "POLYAXON_GIT_PASSWORD": credentials.password,
    }


def _without(text: str, credentials: Credentials | None) -> str:
    return text.replace(credentials.password, "***") if credentials and credentials.password else text


def is_branch(name: str) -> bool:
    """Whether `name` may name a branch."""
    return bool(_BRANCH.fullmatch(name)) and not name.startswith("-")
