"""A search of ours on the database of the environment, every pass called here: `… ALGORITHM TRIALS [CONCURRENCY]`."""

# ruff: noqa: ARG002 - the runner's signatures are its interface's

from __future__ import annotations

import json
import statistics
import sys
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - needs Django
from django.utils import timezone  # noqa: E402

from bench.search_cost_space import LATE, hptuning  # noqa: E402
from hpsearch import SearchAlgorithm  # noqa: E402
from polyaxon import queues  # noqa: E402
from polyaxon.actions.groups import NewGroup, create_group  # noqa: E402
from polyaxon.actions.metrics import log_row  # noqa: E402
from polyaxon.actions.projects import create_project  # noqa: E402
from polyaxon.actions.users import create_user  # noqa: E402
from polyaxon.components import heap  # noqa: E402
from polyaxon.db.models import Experiment, ExperimentGroup  # noqa: E402
from polyaxon.stores.series import Row  # noqa: E402
from polyaxon.trials import plan_of  # noqa: E402
from scheduler import tasks  # noqa: E402
from scheduler.passes import reconcile, runs  # noqa: E402
from scheduler.runners.base import LaunchSpec, Observation, Phase, Runner, StopReason, Usage  # noqa: E402
from scheduler.schedule import STATISTICS_INTERVAL  # noqa: E402

LONGEST = 4  # ticks of the clock


@dataclass(slots=True)
class Begun:
    """A run: when it was begun, and at which tick of the clock it ends well."""

    at: datetime
    end: int


class NoRunner(Runner):
    """Starts nothing: a run runs for some ticks of a clock, and then it has ended well.

    `longest`: in ticks. Runs take turns in how long they last, so that those under way together end one after another.
    """

    def __init__(self, longest: int) -> None:
        self._begun: dict[str, Begun] = {}
        self._now, self._lengths = 0, cycle(range(1, longest + 1))

    def tick(self) -> set[str]:
        """Go on; the runs that end now."""
        self._now += 1
        return {run for run, begun in self._begun.items() if begun.end == self._now}

    def submit(self, spec: LaunchSpec) -> None:
        self._begun[spec.run] = Begun(timezone.now(), self._now + 1 + next(self._lengths))

    def observe(self, run: str, attempt: int) -> Observation:
        known = self._begun.get(run)
        if known is None:
            return Observation(Phase.ABSENT)
        if known.end > self._now:
            return Observation(Phase.RUNNING, started_at=known.at)
        return Observation(Phase.EXITED, started_at=known.at, finished_at=timezone.now(), exit_code=0)

    def stop(self, run: str, attempt: int, reason: StopReason, grace: float) -> None:
        """Nothing runs."""

    def usage(self, run: str, attempt: int) -> Usage | None:
        return None

    def clean(self, run: str) -> None:
        self._begun.pop(run, None)

    def discard(self, run: str, grace: float) -> None:
        self.clean(run)

    def kept(self) -> list[str]:
        return list(self._begun)

    def active(self) -> list[str]:
        return []


class Stopwatch:
    """Where the time goes, but for what this benchmark asks itself."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.suggesting = 0.0
        # Whenever trials ended: how many, and what had been spent until then, and of it on suggestions.
        self.ends: list[tuple[int, float, float]] = []
        self.longest_pass = 0.0
        self.memory: list[float] = []

    def watch(self, algorithm: SearchAlgorithm) -> None:
        suggest = algorithm.suggest

        def timed(*arguments: Any, **keys: Any) -> Any:
            begin = time.perf_counter()
            try:
                return suggest(*arguments, **keys)
            finally:
                self.suggesting += time.perf_counter() - begin

        algorithm.suggest = timed  # type: ignore[method-assign]

    @contextmanager
    def counting(self) -> Iterator[None]:
        """The time of the block counts."""
        begin = time.perf_counter()
        yield
        self.spent += time.perf_counter() - begin

    @property
    def count(self) -> int:
        """Trials that have ended."""
        return sum(count for count, _, _ in self.ends)

    def ended(self, count: int) -> None:
        """So many trials have ended at this moment."""
        if count:
            self.ends.append((count, self.spent, self.suggesting))
            if self.count % LATE < count:
                self.memory.append(_resident())


class Passes:
    """The messages that are sent, and the passes that they are for. They are sent for real, too."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[str, tuple[Any, ...]], None] = OrderedDict()
        self._send = queues.publisher.send
        queues.publisher.send = self.send  # type: ignore[method-assign]

    def send(self, task: str, *arguments: Any, **options: float | None) -> bool:
        self._waiting[task, arguments] = None
        return self._send(task, *arguments, **options)

    def run(self, watch: Stopwatch) -> None:
        """Until nothing is left to do."""
        passes = {
            "scheduler.group": tasks.group_pass,
            "scheduler.dispatch": tasks.dispatch_pass,
            "scheduler.experiment": tasks.experiment_pass,
        }
        while self._waiting:
            (task, arguments), _ = self._waiting.popitem(last=False)
            begin = time.perf_counter()
            passes[task](*arguments)
            if task == "scheduler.group":
                watch.longest_pass = max(watch.longest_pass, time.perf_counter() - begin)


def measure(algorithm: str, trials: int, concurrency: int) -> dict[str, float]:
    call_command("migrate", verbosity=0)
    runner, passes, watch = NoRunner(1 if concurrency == 1 else LONGEST), Passes(), Stopwatch()
    runs.configured_runner = lambda: runner  # type: ignore[assignment, attr-defined, return-value]
    group = make_group(algorithm, trials, concurrency)
    heap.settle()  # as every process of ours does once it has started
    watch.watch(plan_of(group).algorithm)
    with watch.counting():
        passes.run(watch)
    due = 0.0
    while under_way(group):
        ending = list(group.experiments.filter(uuid__in=runner.tick()))
        with watch.counting():
            for trial in ending:
                report(trial)
            reconcile.sync()
            passes.run(watch)
            if time.monotonic() > due:  # what every server does besides
                tasks.statistics_pass()
                due = time.monotonic() + STATISTICS_INTERVAL
        queues.app.control.purge()  # nobody takes the messages
        watch.ended(group.experiments.filter(status="succeeded").count() - watch.count)
    group.refresh_from_db()
    assert group.status == "done", (group.status, group.status_message)
    return figures(watch)


def make_group(algorithm: str, trials: int, concurrency: int) -> ExperimentGroup:
    name = f"{algorithm}-{trials}-{int(time.time())}"
    user = create_user(name, name)
    content = {
        "version": 1,
        "kind": "group",
        "hptuning": hptuning(algorithm, trials, concurrency),
        "run": {"cmd": "python train.py --lr={{ lr }} --dropout={{ dropout }} --layers={{ layers }}"},
    }
    return create_group(create_project(user, name), user, NewGroup(content=json.dumps(content)))


def under_way(group: ExperimentGroup) -> bool:
    return group.experiments.filter(status__in=["starting", "running"]).exists()


def report(trial: Experiment) -> None:
    """What the trial itself would send."""
    loss = (trial.params or {}).get("lr", 0.0)
    log_row(trial, Row({"loss": float(loss)}, timezone.now(), step=1))


def figures(watch: Stopwatch) -> dict[str, float]:
    """Of each trial what was spent since others ended before it, shared with those that ended together with it."""
    steps = [
        ((end - before - suggestion) / count, suggestion / count)
        for (_, before, suggested), (count, end, now) in pairwise(watch.ends)
        for suggestion in [now - suggested]
        for _ in range(count)
    ]
    rest, suggestion = ([1000 * each for each in column] for column in zip(*steps, strict=True))
    return {
        "rest": statistics.median(rest),
        "rest_late": statistics.median(rest[-LATE:]),
        "suggestion": statistics.mean(suggestion),  # asked ahead, most trials wait for none
        "suggestion_late": statistics.mean(suggestion[-LATE:]),
        "longest_pass": watch.longest_pass * 1000,
        "memory_start": watch.memory[0] if watch.memory else _resident(),
        "memory_end": _resident(),
    }


def _resident() -> float:
    """MiB of this process."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1)))
