"""What is asked of an object store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helper.http import read
from helper.problems import Passing

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 1024 * 1024
PART = 64 * 1024 * 1024  # bytes of a file that travel at once


@dataclass(frozen=True)
class Found:
    """An object; its name is relative to the store's prefix."""

    name: str
    size: int
    modified: float  # seconds since 1970


class ObjectStore(ABC):
    """The objects below one prefix."""

    page = 1000  # objects that one request for the list asks for

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def key(self, name: str) -> str:
        """The object's full name."""
        return f"{self.prefix}/{name}" if self.prefix else name

    def relative(self, key: str) -> str | None:
        """Its name relative to the prefix; None for the marks of folders that some tools make."""
        name = key[len(self.prefix) + 1 :] if self.prefix else key
        return name if name and not name.endswith("/") else None

    @abstractmethod
    def list(self) -> Iterator[Found]:
        """All objects."""

    @abstractmethod
    def get(self, name: str, path: Path) -> None:
        """Write the object to `path`."""

    @abstractmethod
    def put(self, name: str, path: Path) -> None:
        """Store the file at `path`."""


def write(answer: http.client.HTTPResponse, path: Path) -> None:
    """Write an answer's body to a file; a body that breaks off raises `Passing`."""
    size = 0
    with answer, path.open("wb") as file:
        while block := read(answer, BLOCK):
            size += file.write(block)
    expected = answer.headers.get("Content-Length")
    if expected is not None and int(expected) != size:
        raise Passing(f"{path.name}: {size} of {expected} bytes arrived")
