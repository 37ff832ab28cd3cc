"""What is wrong with a polyaxonfile, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = Union[str, int]
Path = tuple[Key, ...]

_SHOWN_TEXT = 60
# More than this of one file help nobody, and finding the words for each takes time.
MAX_PROBLEMS = 100


def dotted(path: Path) -> str:
    """``("environment", "tolerations", 0)`` as ``environment.tolerations[0]``."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f".{key}" if text else key
    return text


def describe(value: Any) -> str:  # noqa: PLR0911 - one line per type
    """A short name for a value of a file, for use after "found"."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"the number {_short(str(value))}"
    if isinstance(value, str):
        return f"the text {_short(value)!r}"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"a {type(value).__name__}"


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else text[:_SHOWN_TEXT] + "…"


@dataclass(frozen=True)
class Problem:
    """One defect. ``line`` counts from 1; ``source`` is the file the line belongs to."""

    path: Path
    message: str
    line: int | None = None
    source: str | None = None

    def text(self, default_source: str | None = None) -> str:
        place = _place(self.source or default_source, self.line)
        return ": ".join(part for part in (place, dotted(self.path), self.message) if part)

    def __str__(self) -> str:
        return self.text()


def _place(source: str | None, line: int | None) -> str:
    if source and line:
        return f"{source}:{line}"
    return source or (f"line {line}" if line else "")


class PolyaxonfileError(ValueError):
    """A polyaxonfile cannot be used. ``str()`` is one line per problem."""

    def __init__(self, problems: Iterable[Problem], source: str | None = None) -> None:
        self.problems = list(problems)
        self.source = source or next((p.source for p in self.problems if p.source), None)
        super().__init__("\n".join(problem.text(self.source) for problem in self.problems))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems, self.source)


def refuse(message: str, *path: Key, line: int | None = None, source: str | None = None) -> PolyaxonfileError:
    """An error that holds one problem."""
    return PolyaxonfileError([Problem(path, message, line, source)], source)
