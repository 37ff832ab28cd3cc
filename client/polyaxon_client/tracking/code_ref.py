"""The git state of the code, asked from the git program; none without it or outside of a repository."""

from __future__ import annotations

import os
import re
from typing import Any

GIT_TIMEOUT = 10.0
MOST_DIFF_BYTES = 16 * 1024 * 1024
MOST_UNTRACKED = 100
_CREDENTIALS = re.compile(r"//[^/@]*@")


def get_code_ref(cwd: str | None = None) -> dict[str, Any]:
    """``{commit, head, branch, git_url, is_dirty}`` of the repository around ``cwd``, else empty."""
    commit = _git(cwd, "rev-parse", "HEAD")
    if not commit:
        return {}
    url = _git(cwd, "config", "--get", "remote.origin.url")
    return {
        "commit": commit,
        "head": commit,
        "branch": _git(cwd, "rev-parse", "--abbrev-ref", "HEAD"),
        # A password in the address is nobody's business.
        "git_url": _CREDENTIALS.sub("//", url) if url else None,
        "is_dirty": bool(_git(cwd, "status", "--porcelain", "--untracked-files=no")),
    }


def get_diff(cwd: str | None = None) -> bytes | None:
    """What of the files under version control differs from the commit; ``None`` when nothing does, or too much."""
    # Without prefixes of the user's own, so that `git apply` takes it.
    diff = _output(cwd, "diff", "--no-ext-diff", "--no-color", "--binary", "--src-prefix=a/", "--dst-prefix=b/", "HEAD")
    return diff if diff and len(diff) <= MOST_DIFF_BYTES else None


def get_untracked(cwd: str | None = None) -> list[str]:
    """Files that are neither under version control nor ignored, the first hundred."""
    found = _git(cwd, "ls-files", "--others", "--exclude-standard", "--full-name") or ""
    return found.splitlines()[:MOST_UNTRACKED]


def get_revision(cwd: str | None = None) -> dict[str, Any] | None:
    """``{revision, branch, dirty}``, ``None`` outside of a repository."""
    ref = get_code_ref(cwd)
    if not ref:
        return None
    return {"revision": ref["commit"], "branch": ref["branch"], "dirty": ref["is_dirty"]}


def is_tracked(path: str | None) -> bool:
    """Whether a file is under version control."""
    if not path:
        return False
    folder, name = os.path.split(path)
    return bool(_git(folder, "ls-files", "--", name))


def _git(cwd: str | None, *args: str) -> str | None:
    found = _output(cwd, *args)
    return None if found is None else found.decode("utf-8", errors="replace").strip()


def _output(cwd: str | None, *args: str) -> bytes | None:
    import subprocess  # noqa: PLC0415 - imported in the background

    try:
        done = subprocess.run(  # noqa: S603
            ["git", *args],  # noqa: S607 - the user's git
            cwd=cwd,
            capture_output=True,
            timeout=GIT_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
