"""What somebody asks of a platform under test, and what they are told."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from polyaxon.pods import labels

if TYPE_CHECKING:
    from pathlib import Path

    from kubernetes import client

    from tests.cluster.platform import Platform

DONE = {"succeeded", "failed", "stopped", "done"}
PATIENCE = 180.0
_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (?:(\S+) )?-- (.*)")


class Status(NamedTuple):
    """One of a run's history."""

    status: str
    message: str


@dataclass(frozen=True)
class Asked:
    """A run of the administrator's project `p`, of the kind that its address names."""

    platform: Platform
    place: str

    def detail(self) -> dict[str, Any]:
        """What the API says of it now."""
        found: dict[str, Any] = self.platform.api.request("GET", self.place)
        return found

    def wait(self, *statuses: str, patience: float = PATIENCE) -> dict[str, Any]:
        """Its detail, when it has one of these statuses, or has ended if none is given."""
        return self.platform.api.wait_for(self.place, set(statuses) or DONE, patience)

    def history(self) -> list[Status]:
        found = self.platform.api.request("GET", f"{self.place}/statuses?limit=100")["results"]
        return [Status(each["status"], each["message"] or "") for each in found]

    def post(self, verb: str, body: Any = None) -> Any:
        return self.platform.api.request("POST", f"{self.place}/{verb}", body)

    def log(self) -> list[str]:
        """Its lines without times; with the replica where they have one."""
        found = (_LINE.fullmatch(line) for line in self.platform.api.text(f"{self.place}/logs").splitlines())
        return [f"{each[1]}: {each[2]}" if each[1] else each[2] for each in found if each]

    @property
    def outputs(self) -> Path:
        return self.platform.outputs / "admin/p" / self.place.split("/", 2)[2]

    def pods(self, core: client.CoreV1Api) -> list[Any]:
        """Its pods that are there."""
        selector = f"{labels.RUN}={self.detail()['uuid']}"
        return list(core.list_namespaced_pod(self.platform.namespace, label_selector=selector).items)


def ask(platform: Platform, command: str, *, kind: str = "experiment", **content: Any) -> Asked:
    """Have a run made."""
    asked = {"version": 1, "kind": kind, "run": {"cmd": command}, **content}
    return ask_for(platform, asked)


def ask_for(platform: Platform, content: dict[str, Any]) -> Asked:
    """Have a run made from the content of a file."""
    place = f"admin/p/{content['kind']}s"
    made = platform.api.request("POST", place, {"content": json.dumps(content)})
    return Asked(platform, f"{place}/{made['id']}")
