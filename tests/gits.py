"""Git repositories of other people, made for a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

_IDENTITY = ("-c", "user.name=Tester", "-c", "user.email=tester@localhost", "-c", "commit.gpgSign=false")


def git(folder: Path, *arguments: str) -> str:
    """Standard output of a git command in `folder`."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", *_IDENTITY, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_origin(folder: Path, files: Mapping[str, str], *, branch: str = "main") -> Path:
    """A repository with one commit of `files`."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    commit(folder, files)
    return folder


def commit(folder: Path, files: Mapping[str, str]) -> str:
    """Write `files`, commit everything, and return the commit."""
    for name, text in files.items():
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "A change")
    return git(folder, "rev-parse", "HEAD")
