"""The binary format of Postgres' COPY: a header, tuples of fields that each have their length before them, an end."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

MICROSECONDS = 1_000_000
# Timestamps count microseconds from the year 2000; this is 2000-01-01 in microseconds of Unix time.
EPOCH = 946_684_800 * MICROSECONDS
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
NULL = -1  # as the length of a field

_SHORT, _INT = struct.Struct(">h"), struct.Struct(">i")
# A field that is an array: dimensions, whether there are nulls, type; then size and lower bound of the one dimension.
_ARRAY_HEADER = 5 * _INT.size


def tuples(data: bytes) -> Iterator[list[memoryview | None]]:
    """The fields of each tuple, None for NULL."""
    view, place = memoryview(data), len(HEADER)
    while (columns := _SHORT.unpack_from(view, place)[0]) >= 0:
        place += _SHORT.size
        fields: list[memoryview | None] = []
        for _ in range(columns):
            (length,) = _INT.unpack_from(view, place)
            place += _INT.size
            fields.append(None if length == NULL else view[place : place + length])
            place += max(length, 0)
        yield fields


def integer(field: memoryview) -> int:
    """A bigint."""
    return int.from_bytes(field, "big", signed=True)


def array(field: memoryview | None, kind: str) -> npt.NDArray[Any]:
    """An array without nulls of a type with 8 bytes, whose numpy name is `kind`. NULL is an empty one."""
    if field is None:
        return np.empty(0, kind)
    elements = np.dtype([("length", ">i4"), ("value", f">{kind}")])
    return np.frombuffer(field, elements, offset=_ARRAY_HEADER)["value"].astype(kind)
