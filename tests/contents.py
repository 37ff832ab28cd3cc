"""What clients send: polyaxonfiles as text and archives of code."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any


def experiment_content(cmd: str = "true", **sections: Any) -> str:
    return json.dumps({"version": 1, "kind": "experiment", "run": {"cmd": cmd}, **sections})


def job_content(cmd: str = "true", **sections: Any) -> str:
    return json.dumps({"version": 1, "kind": "job", "run": {"cmd": cmd}, **sections})


def group_content(cmd: str = "echo {{ lr }}", *, n: int = 4, concurrency: int = 2, **sections: Any) -> str:
    search = {
        "concurrency": concurrency,
        "seed": 11,
        "random_search": {"n_experiments": n},
        "matrix": {"lr": {"uniform": [0.0, 1.0]}},
    }
    return json.dumps({"version": 1, "kind": "group", "hptuning": search, "run": {"cmd": cmd}, **sections})


# A command that has begun when its outputs have `begun`, and goes on when they have `go`.
WAITS = 'cd "$POLYAXON_RUN_OUTPUTS_PATH"; touch begun; until [ -e go ]; do sleep 0.05; done'


def tar_gz(files: Mapping[str, str | bytes]) -> io.BytesIO:
    """An archive as clients send it, members named `./path`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(f"./{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer
