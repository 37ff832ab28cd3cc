"""What the platform knows of runs in the end, counted, and compared with what they did."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.cluster.test_processes import rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.cluster.patient import Patient

ORDER = ("created", "building", "scheduled", "starting", "running", "succeeded", "failed")
WARNING = "warning"
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC (?:\w+ )?-- (.*)")
PODS = "SELECT phase, exit_code FROM db_podstate p JOIN db_experiment e ON p.run = e.uuid WHERE e.id = {} ORDER BY p.id"
POINTS = (
    "SELECT s.name, s.count, p.step, p.value FROM db_metricpoint p JOIN db_metricseries s ON p.series_id = s.id "
    "WHERE s.experiment_id = {} AND s.kind = 'metric' ORDER BY s.name, p.id"
)


@dataclass
class Outcomes:
    """Of all runs of a project that log `line N` and the metrics `value` and `square` of N at step N."""

    api: Patient
    project: str
    database: str
    tally: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Of warnings."""
    wrong: dict[int, list[str]] = field(default_factory=dict)
    """What is not as it should be, by run."""

    def look_at_pod(self, run: int, code: int, steps: int, outputs: Path) -> None:
        """A run of the platform, whose command ends with `code` after so many steps."""
        self._look_at_statuses(run, "failed" if code else "succeeded")
        starts = (outputs / self._path(run) / "starts").read_text()
        self._note(run, "starts", starts.split(), ["x"])
        self._note(run, "pods", rows(self.database, PODS.format(run)), [("exited", code)])
        self._look_at_lines(run, steps)
        self._look_at_metrics(run, steps)

    def look_at_outsider(self, run: int, steps: int) -> None:
        """A run outside of the platform."""
        self._look_at_statuses(run, "succeeded")
        self._look_at_lines(run, steps, "posted ")
        self._look_at_metrics(run, steps, "posted ")

    def describe(self, *names: str) -> str:
        """How many there are."""
        return ", ".join(f"{name} {self.tally[name]}" for name in names)

    def explain(self) -> str:
        """A line for each run with anything wrong."""
        return "\n".join(f"run {run}: {'; '.join(wrong)}" for run, wrong in self.wrong.items())

    def _path(self, run: int) -> str:
        return f"{self.project}/experiments/{run}"

    def _look_at_statuses(self, run: int, end: str) -> None:
        found = self.api.ask("GET", f"{self._path(run)}/statuses?limit=100")["results"]
        statuses = [each["status"] for each in found]
        self.tally[statuses[-1]] += 1
        # Each once, none after a later one, and the last one is the end.
        moves = _without_waits(statuses)
        self._compare(run, "statuses", moves, [each for each in ORDER if each in {*moves[:-1], end}])
        # Why it does not begin yet, which comes before it runs and names a reason.
        begun = statuses.index("running") if "running" in statuses else len(statuses)
        self.tally["warnings"] += statuses.count(WARNING)
        bad = [
            each for at, each in enumerate(found) if each["status"] == WARNING and (at > begun or not each["message"])
        ]
        self._compare(run, "warnings", bad, [])
        self.reasons.update(each["message"] for each in found if each["status"] == WARNING)

    def _look_at_lines(self, run: int, steps: int, whose: str = "") -> None:
        lines = [_said(line) for line in self.api.text(f"{self._path(run)}/logs").splitlines()]
        remarks = [line for line in lines if line.startswith("tracking: ")]  # of the client, on servers that are away
        self._compare(run, "remarks", remarks, list(dict.fromkeys(remarks)))
        lines = [line for line in lines if line not in remarks]
        self._note(run, f"{whose}lines", lines, [f"line {step}" for step in range(steps)])

    def _look_at_metrics(self, run: int, steps: int, whose: str = "") -> None:
        """As the API gives them, and as they are in the database, in the order in which they came."""
        found = self.api.ask("GET", f"{self._path(run)}/metrics?limit=100000")["results"]
        expected = [(step, {"value": step, "square": step * step}) for step in range(steps)]
        self._compare(run, "metrics", [(each["step"], each["values"]) for each in found], expected)
        series = {"square": 2, "value": 1}
        points = [(name, steps, step, float(step**power)) for name, power in series.items() for step in range(steps)]
        self._note(run, f"{whose}points", rows(self.database, POINTS.format(run)), points)

    def _note(self, run: int, name: str, found: Sequence[Any], expected: Sequence[Any]) -> None:
        self.tally[name] += len(found)
        self._compare(run, name, found, expected)

    def _compare(self, run: int, name: str, found: Sequence[Any], expected: Sequence[Any]) -> None:
        if found != expected:
            self.wrong.setdefault(run, []).append(f"{name}: {_difference(found, expected)}")


def _without_waits(statuses: Sequence[str]) -> list[str]:
    """Without warnings; a launch that one of them put off begins a second time right after it."""
    moves: list[str] = []
    for before, status in pairwise(["", *statuses]):
        again = before == WARNING and status == "starting" and moves[-1:] == ["starting"]
        moves += [] if status == WARNING or again else [status]
    return moves


def _said(line: str) -> str:
    """Without the time. What is no line of a log stays as it is."""
    parts = LINE.fullmatch(line)
    return parts[1] if parts else line


def _difference(found: Sequence[Any], expected: Sequence[Any]) -> str:
    counts, wanted = Counter(map(repr, found)), Counter(map(repr, expected))
    lost, more = list((wanted - counts).elements()), list((counts - wanted).elements())
    if not lost and not more:
        return f"in another order: {found[:10]}"
    return f"{len(found)} of {len(expected)}, lost {lost[:5]}, too many {more[:5]}"
