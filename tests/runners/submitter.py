"""A server reduced to one act: submit a launch, read from standard input as JSON, and tell when."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from scheduler.runners.base import LaunchSpec
from scheduler.runners.local.runner import LocalRunner


def main() -> None:
    data = json.load(sys.stdin)
    repository = data["repository"]
    spec = LaunchSpec(
        run=data["run"],
        attempt=data["attempt"],
        command=data["command"],
        env=data["env"],
        repository=Path(repository) if repository else None,
        commit=data["commit"],
        log_path=Path(data["log_path"]),
        outputs_path=Path(data["outputs_path"]),
    )
    runner = LocalRunner(Path(data["root"]))
    print("ready", flush=True)  # noqa: T201
    runner.submit(spec)
    print("submitted", flush=True)  # noqa: T201
    time.sleep(60)


if __name__ == "__main__":
    main()
