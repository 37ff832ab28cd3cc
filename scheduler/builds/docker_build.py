"""Build an image with a Docker daemon and push it: the command of a build that runs on this machine.

Started as `python -I docker_build.py` in the folder of the code; isolated, so that no file of that folder is imported.
POLYAXON_BUILD holds the plan as JSON: `host` of the daemon, `dockerfile` (a path), `context` (a folder of the code),
`destination` (name:tag), `no_cache`, and whether to `push`. Says in its output what the daemon says.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from docker.errors import DockerException

import docker

SILENCE_SECONDS = 3600  # a step of a build may say nothing for so long


class Failed(Exception):
    """In the daemon's words."""


def main() -> int:
    """The exit code."""
    plan = json.loads(os.environ["POLYAXON_BUILD"])
    try:
        _make(plan)
    except Failed as error:
        return _fail(str(error))
    except (DockerException, OSError) as error:
        return _fail(f"Docker at {plan['host']}: {error}")
    return 0


def _fail(words: str) -> int:
    sys.stdout.write(f"The image was not built. {words}\n")
    return 1


def _make(plan: dict[str, Any]) -> None:
    make = docker.APIClient  # type: ignore[attr-defined]  # mypy takes our own folder of that name
    api = make(base_url=plan["host"], version="auto", timeout=SILENCE_SECONDS)
    name, _, tag = plan["destination"].rpartition(":")
    if not os.path.isdir(plan["context"]):  # noqa: PTH112 - a name from outside
        raise Failed(f"build.context: the code has no folder {plan['context']!r}.")
    _tell(
        api.build(
            path=plan["context"],
            dockerfile=plan["dockerfile"],
            tag=plan["destination"],
            nocache=plan["no_cache"],
            rm=True,
            forcerm=True,
            decode=True,
        )
    )
    if plan["push"]:
        _tell(api.push(name, tag=tag, stream=True, decode=True))


def _tell(messages: Iterable[dict[str, Any]]) -> None:
    """Pass on what the daemon says, but for progress bars. Raises `Failed`."""
    for message in messages:
        if "error" in message:
            raise Failed(str(message["error"]).strip())
        if "stream" in message:
            sys.stdout.write(message["stream"])
        elif message.get("status") and "progressDetail" not in message:
            sys.stdout.write(f"{message['status']}\n")


if __name__ == "__main__":
    sys.exit(main())
