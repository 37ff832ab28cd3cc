"""`.polyaxonignore`: which files of a folder are left out of an upload.

Patterns follow gitignore. Two habits of older files are kept: `./path` means a path from the top (git would
never match it) and patterns match whatever the case of the letters.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from polyaxon_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

__all__ = ["DEFAULT_TEXT", "IGNORE_FILE", "IgnoreRules"]

IGNORE_FILE = ".polyaxonignore"

DEFAULT_TEXT = """\
# What `polyaxon upload` leaves out; the syntax is that of .gitignore.
.git
.eggs
eggs
lib
lib64
parts
sdist
var
*.pyc
*.swp
.DS_Store
./.polyaxon

__pycache__/
.venv/
.ipynb_checkpoints/
"""

# Never part of the code, with or without an ignore file: git's own data and this tool's state.
ALWAYS = (".git", ".polyaxon")


class IgnoreRules:
    """The patterns of one ignore file; no patterns ignore nothing."""

    def __init__(self, text: str = "") -> None:
        # The last pattern that matches a path decides.
        self._patterns = list(reversed(_compile(text)))

    @classmethod
    def of_folder(cls, folder: Path) -> IgnoreRules:
        """The rules in `folder`'s own ignore file; parents are not looked at."""
        path = folder / IGNORE_FILE
        try:
            return cls(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls()
        except (OSError, UnicodeDecodeError) as error:
            raise CliError(f"Cannot read {path}: {error}", "Save it as UTF-8 text") from error

    def ignores(self, relative: str, *, is_folder: bool = False) -> bool:
        """Whether the path (from the top, `/` between parts, no leading `./`) is left out, whose folder is not."""
        tested = relative.lower() + ("/" if is_folder else "")
        return next((bool(pattern.include) for pattern in self._patterns if _matches(pattern, tested)), False)

    def walk(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """Files and links below `folder` that are not ignored, sorted; an ignored folder is not entered."""
        yield from self._walk(folder, "")

    def _walk(self, folder: Path, prefix: str) -> Iterator[os.DirEntry[str]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise CliError(
                f"Cannot read the folder {folder}: {error.strerror}",
                f"Fix its permissions or add it to {IGNORE_FILE}",
            ) from error
        for entry in entries:
            relative = prefix + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if (not prefix and entry.name in ALWAYS) or self.ignores(relative, is_folder=is_folder):
                continue
            if is_folder:
                yield from self._walk(folder / entry.name, f"{relative}/")
            else:
                yield entry


def _compile(text: str) -> list[GitIgnoreSpecPattern]:
    lines = [_gitignore_line(line) for line in text.splitlines()]
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return []
    from pathspec import GitIgnoreSpec

    try:
        patterns = GitIgnoreSpec.from_lines(lines).patterns
    except ValueError as error:
        raise CliError(f"{IGNORE_FILE} holds a pattern that cannot be read: {error}", "Correct that line") from error
    return [pattern for pattern in patterns if pattern.include is not None]


def _matches(pattern: GitIgnoreSpecPattern, tested: str) -> bool:
    """Whether the pattern means the path itself.

    The library's also match whatever is below what they mean, so that `!a/` would take back all of `a`. The group
    `ps_d` is the slash behind the folder that was meant.
    """
    assert pattern.regex is not None  # only comments have none
    has_slash = "ps_d" in pattern.regex.groupindex
    itself = {-1, len(tested) - 1}
    return any(not has_slash or found.start("ps_d") in itself for found in pattern.regex.finditer(tested))


def _gitignore_line(line: str) -> str:
    """`./a` becomes `/a`, `!./a` becomes `!/a`; letters are made lower case, as the paths are.

    `a/**` becomes `a/**/*`, the same in git, which the library does not take for `a` itself.
    """
    negated = line.startswith("!")
    body = line[1:] if negated else line
    if body.startswith("./"):
        body = body[1:]
    *parents, last = body.rstrip().split("/")
    if last == "**" and set(parents) - {"", "**"}:
        body = f"{body.rstrip()}/*"
    return ("!" if negated else "") + body.lower()
