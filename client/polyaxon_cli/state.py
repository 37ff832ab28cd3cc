"""The files in which the tool remembers the server, the login, the project and the last runs.

Global state lies in `~/.polyaxon` (`/tmp/.polyaxon` when home is read-only), local state in `./.polyaxon`.
Every file is a JSON object, written through a temporary file and a rename: nobody reads half of one.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from polyaxon_cli.errors import CliError

__all__ = [
    "AUTH",
    "CACHES",
    "CLI",
    "CONFIG",
    "PROFILES",
    "PROJECT",
    "StateFile",
    "global_folder",
    "local_folder",
    "write_atomic",
]

FOLDER = ".polyaxon"
PRIVATE_MODE = 0o600


def global_folder() -> Path:
    """`~/.polyaxon`, or the shared fall-back when home is missing or read-only."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  Path.home() raises where there is no home
    if home.is_dir() and os.access(home, os.W_OK):
        return home / FOLDER
    return Path("/tmp") / FOLDER  # noqa: S108  the fixed place where clients look, too


def local_folder() -> Path:
    """`.polyaxon` of the current directory."""
    return Path.cwd() / FOLDER


def write_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace `path` by a file holding `text` (UTF-8); the folder is made when missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    except OSError as error:
        raise CliError(f"Cannot write {path}: {error.strerror}", "Check the folder's permissions") from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


class StateFile:
    """One JSON object in the global or the local folder."""

    def __init__(self, name: str, *, local: bool = False, private: bool = False) -> None:
        self.name = name
        self.local = local
        self.private = private

    @property
    def path(self) -> Path:
        """Where the file is now; HOME and the current directory are looked at on each use."""
        return (local_folder() if self.local else global_folder()) / self.name

    def exists(self) -> bool:
        """Whether there is such a file."""
        return self.path.is_file()

    def read(self) -> dict[str, Any]:
        """The stored object; empty when there is no file. A damaged file is an error that names it."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise CliError(f"Cannot read {self.path}: {error.strerror}", "Check its permissions") from error
        except ValueError as error:
            raise CliError(f"{self.path} is not valid JSON", "Delete the file and run the command again") from error
        if not isinstance(data, dict):
            raise CliError(f"{self.path} does not hold a JSON object", "Delete the file and run the command again")
        return data

    def write(self, data: dict[str, Any]) -> None:
        """Replace the stored object."""
        mode = PRIVATE_MODE if self.private else 0o644
        write_atomic(self.path, json.dumps(data, indent=2, default=str) + "\n", mode=mode)

    def merge(self, data: dict[str, Any]) -> dict[str, Any]:
        """Store `data` over what is there; returns the result."""
        merged = {**self.read(), **data}
        self.write(merged)
        return merged

    def delete(self) -> bool:
        """Remove the file; False when there was none."""
        try:
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise CliError(f"Cannot delete {self.path}: {error.strerror}", "Check its permissions") from error
        return True


CONFIG = StateFile(".polyaxonconfig")
AUTH = StateFile(".polyaxonauth", private=True)
CLI = StateFile(".polyaxoncli")
PROFILES = StateFile(".polyaxonprofiles", private=True)
PROJECT = StateFile(".polyaxonproject", local=True)

# The last run seen of each kind; written only where a project is initialised.
CACHES = {
    "experiment": StateFile(".polyaxonxp", local=True),
    "group": StateFile(".polyaxongroup", local=True),
    "job": StateFile(".polyaxonjob", local=True),
    "build": StateFile(".polyaxonbuild", local=True),
    "experiment job": StateFile(".polyaxonxpjob", local=True),
}
