"""How far the image of a run is, read off the log of its build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_cli.session import ProjectRef, Session

__all__ = ["BuildSteps"]

# `Step 3/7 : RUN make` of the classic builder, `#8 [3/7] RUN make` and `#8 [stage 3/7] RUN make` of BuildKit.
STEP = re.compile(r"^(?:Step (\d+)/(\d+) ?:|#\d+ \[(?:[\w.-]+ )?(\d+)/(\d+)\]) ?(.*)$", re.MULTILINE)
BUILDING = "building"


class BuildSteps:
    """Follows the build that a run waits for, or that it is."""

    def __init__(self, session: Session, project: ProjectRef) -> None:
        self._session = session
        self._project = project
        self._read: dict[int, int] = {}

    def news(self, run: Mapping[str, Any], *, is_build: bool = False) -> str:
        """`step 3/7: RUN make` when the build came to another step since the last look, else nothing."""
        build = int(run["id"]) if is_build else _build_of(run)
        if build is None:
            return ""
        steps = STEP.findall(self._fresh(build))
        if not steps:
            return ""
        *numbers, command = steps[-1]
        done, total = [number for number in numbers if number]
        return f"step {done}/{total}: {command}"

    def _fresh(self, build: int) -> str:
        """What the build printed since the last look; nothing when it cannot be read now."""
        from polyaxon_client.exceptions import PolyaxonClientException

        offset = self._read.get(build, 0)
        path = self._project.path("builds", build, "logs")
        try:
            answer = self._session.http.request("GET", path, headers={"Range": f"bytes={offset}-"})
        except PolyaxonClientException:
            return ""  # nothing new, or the server is away for a moment: the status tells
        content = answer.content
        # The last line may be half written yet.
        whole = content[: content.rfind(b"\n") + 1]
        self._read[build] = offset + len(whole)
        return whole.decode("utf-8", "replace")


def _build_of(run: Mapping[str, Any]) -> int | None:
    """Id of the build that a run waits for, by its name `user.project.builds.3`."""
    if run.get("last_status") != BUILDING:
        return None
    last = str(run.get("build_job") or "").rpartition(".")[2]
    return int(last) if last.isdecimal() else None
