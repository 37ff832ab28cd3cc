"""Names of projects and runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from polyaxon_client.exceptions import ConfigurationError

_NAME = re.compile(r"[-\w]+\Z")


class ProjectName(NamedTuple):
    """``user`` is ``None`` when only the project was named: it is the user's own."""

    user: str | None
    project: str


class RunName(NamedTuple):
    user: str
    project: str
    group: int | None
    id: int


def parse_project(name: str | None) -> ProjectName:
    """``project``, ``user/project`` or ``user.project``.

    Raises:
        ConfigurationError: it is none of them.
    """
    parts = re.split(r"[./]", name) if name else []
    if not 1 <= len(parts) <= 2 or not all(_NAME.match(part) for part in parts):  # noqa: PLR2004 - user and project
        raise ConfigurationError(f"project={name!r}: expected `project`, `user/project` or `user.project`")
    return ProjectName(parts[0] if len(parts) > 1 else None, parts[-1])


def parse_run(info: Any, key: str) -> RunName | None:
    """The run in an info variable, ``user.project[.group].id`` or ``user.project.jobs.id``, if there is."""
    name = info.get(key) if isinstance(info, Mapping) else None
    parts = str(name).split(".") if name else []
    if len(parts) < 3 or not parts[-1].isdigit():  # noqa: PLR2004 - user, project, id
        return None
    group = int(parts[2]) if len(parts) > 3 and parts[2].isdigit() else None  # noqa: PLR2004
    return RunName(parts[0], parts[1], group, int(parts[-1]))
