"""What the script logs, and what a test therefore expects to read back."""

from __future__ import annotations

import math
import struct
import zlib
from typing import Any

PARAMS = {"lr": 0.25, "layers": [32, 16], "optimizer": "adam", "nested": {"β": 1e-12}, "shuffle": True}
TAGS = ["by-hand", "ünïcode"]
FRAMEWORK = "scikit-learn"
DATA = "the data set, version 7"

# Steps that are not the number of the call; one metric that is logged now and then; values that are not round.
STEPS = [10 * n for n in range(40)]
HISTORY: list[dict[str, Any]] = [
    {
        "step": step,
        "values": {
            "loss": 1.0 / (n + 1),
            "accuracy": 1.0 - math.exp(-n / 7.0),
            **({"lr/décroît 📉": 0.1 * 0.9**n} if n % 4 == 0 else {}),
        },
    }
    for n, step in enumerate(STEPS)
]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + bytes((x * y) % 256 for x in range(3 * width)) for y in range(height))
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


FILES = {
    "model.bin": bytes(range(256)) * 4096,
    "plots/confusion matrix.png": _png(40, 30),
    "deep/er/und/größer/notes.txt": "ça va\n".encode(),
    "table.csv": b"a,b\r\n1,2\r\n",
    "empty": b"",
}
