"""`make test`: all tests with real services, first on SQLite, then those that use the database on Postgres, and at last
those that need a real Kubernetes, which are skipped where none can run, but fail there with `CI=true`. Whole servers
and Kubernetes, which both wait most of the time, are tested side by side.

Arguments are passed on to each pytest run. The last line printed adds them up, in pytest's words.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scripts import processes
from tests.services import PackagesMissingError, ServiceError, ServiceStack, ensure_packages, missing_packages
from tests.services.packages import install_optional, missing_optional

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
# Rooms whose behaviour depends on the database below them.
DATABASE_TESTS = (
    "tests/db",
    "tests/actions",
    "tests/api",
    "tests/scheduler",
    "tests/monitors",
    "tests/options",
    "tests/components",
    "tests/pods",
)
# Whole servers and their runs: not spread over workers, since they keep the machine busy.
SERVER_TESTS = ("tests/embedded", "tests/e2e")
# Not spread over workers: all share one cluster.
CLUSTER_TESTS = ("tests", "-m", "cluster")
OTHER_TESTS = ("-m", "not cluster")
WORKERS = 2
NO_TESTS_COLLECTED = 5


@dataclass(frozen=True)
class Outcome:
    """Counts of one pytest run and its exit code."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    exit_code: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.passed + other.passed,
            self.failed + other.failed,
            self.skipped + other.skipped,
            self.exit_code or other.exit_code,
        )

    def summary(self, seconds: float) -> str:
        """The counts as pytest prints them."""
        counts = (("failed", self.failed), ("passed", self.passed), ("skipped", self.skipped))
        told = ", ".join(f"{count} {word}" for word, count in counts if count) or "no tests ran"
        return f"{told} in {seconds:.2f}s ({timedelta(seconds=int(seconds))})"


def read_outcome(report: Path, exit_code: int) -> Outcome:
    """Counts from a JUnit report; a run that broke off without one counts as one failure."""
    if exit_code == NO_TESTS_COLLECTED:
        return Outcome()
    if not report.exists():
        return Outcome(0, 1, 0, exit_code or 1)
    suites = list(ET.parse(report).getroot().iter("testsuite"))  # noqa: S314  our own file
    total, skipped = _sum(suites, "tests"), _sum(suites, "skipped")
    failed = _sum(suites, "failures") + _sum(suites, "errors")
    # A test that fails and whose clean-up fails, too, is listed twice but counted once.
    passed = max(total - skipped - failed, 0)
    return Outcome(passed, max(failed, 1 if exit_code else 0), skipped, exit_code)


def _sum(suites: Sequence[ET.Element], attribute: str) -> int:
    return sum(int(suite.get(attribute, "0")) for suite in suites)


def base_environment(services: Mapping[str, str], home: Path) -> dict[str, str]:
    """The caller's environment less the platform's settings, with an empty home and the services."""
    kept = {key: value for key, value in os.environ.items() if is_kept(key)}
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, **services, "HOME": str(home), "PATH": path}


def is_kept(variable: str) -> bool:
    """Whether tests get to see a variable of the caller's."""
    return not variable.startswith("POLYAXON_") or variable.startswith("POLYAXON_TEST_")


def postgres_environment(url: str) -> dict[str, str]:
    """The settings that put the platform's database on Postgres."""
    parts = urlsplit(url)
    return {
        "POLYAXON_DB_ENGINE": "django.db.backends.postgresql",
        "POLYAXON_DB_NAME": parts.path.lstrip("/"),
        "POLYAXON_DB_USER": parts.username or "",
        "POLYAXON_DB_PASSWORD": parts.password or "",
        "POLYAXON_DB_HOST": parts.hostname or "",
        "POLYAXON_DB_PORT": str(parts.port),
    }


@dataclass(frozen=True)
class Run:
    """Tests that are run together: what pytest is told of them, and where it reports."""

    title: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    report: Path

    def start(self, **options: Any) -> subprocess.Popen[bytes]:
        """In a session of its own."""
        command = [sys.executable, "-m", "pytest", f"--junitxml={self.report}", *self.arguments]
        return processes.start(command, cwd=ROOT, env=dict(self.environment), **options)

    def wait(self, child: subprocess.Popen[bytes]) -> Outcome:
        """Its end; interrupted like a person would when we are stopped."""
        try:
            exit_code = child.wait()
        finally:
            processes.end(child, first=signal.SIGINT, grace=30)
        return read_outcome(self.report, exit_code)


def run_pytest(run: Run) -> Outcome:
    """One run, seen as it goes."""
    say(f"== {run.title}")
    return run.wait(run.start())


def run_side_by_side(seen: Run, other: Run) -> Iterator[tuple[Run, Outcome]]:
    """Two runs at once, both of which mostly wait; what the other one prints is shown at its end."""
    with tempfile.TemporaryFile() as told:
        beside = other.start(stdout=told, stderr=subprocess.STDOUT)
        try:
            yield seen, run_pytest(seen)
        except BaseException:
            processes.end(beside, first=signal.SIGINT, grace=30)
            raise
        say(f"== {other.title}, begun together with that")
        outcome = other.wait(beside)
        told.seek(0)
        shutil.copyfileobj(told, sys.stdout.buffer)
        sys.stdout.flush()
        yield other, outcome


def run_all(arguments: Sequence[str], stack: ServiceStack, scratch: Path) -> Outcome:
    """Every run; one of them having failed does not keep the others."""
    environment = base_environment(stack.environment(), _empty_home(scratch / "home"))
    if names_tests(arguments):
        return run_pytest(Run("chosen tests, on SQLite", arguments, environment, scratch / "chosen.xml"))
    total = Outcome()
    for run, outcome in _every(arguments, stack, environment, scratch):
        total += as_ci_wants_it(run.title, outcome) if not arguments else outcome
    return total


def prepare_cluster(environment: Mapping[str, str]) -> None:
    """Compile what a cluster needs while nothing else runs. Why that cannot be, where it cannot, its tests say."""
    say("== making ready for a real Kubernetes")
    child = processes.start([sys.executable, "-m", "tests.cluster", "prepare"], cwd=ROOT, env=dict(environment))
    try:
        child.wait()
    finally:
        processes.end(child, first=signal.SIGINT, grace=30)


def _empty_home(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _every(
    arguments: Sequence[str], stack: ServiceStack, environment: Mapping[str, str], scratch: Path
) -> Iterator[tuple[Run, Outcome]]:
    spread = [f"--numprocesses={WORKERS}", "-q"]
    everywhere = ["tests", *(f"--ignore={folder}" for folder in SERVER_TESTS), *OTHER_TESTS, *spread, *arguments]
    database = [*DATABASE_TESTS, *OTHER_TESTS, *spread, *arguments]
    on_postgres = {**environment, **postgres_environment(stack.postgres.url)}
    rooms = Run("rooms, on SQLite", everywhere, environment, scratch / "rooms.xml")
    yield rooms, run_pytest(rooms)
    rooms = Run("rooms with a database, on Postgres", database, on_postgres, scratch / "postgres.xml")
    yield rooms, run_pytest(rooms)
    prepare_cluster(environment)
    with ServiceStack() as others:  # whose messages nobody else takes
        apart = {**environment, **others.environment(), "HOME": str(_empty_home(scratch / "other-home"))}
        servers = Run("servers", [*SERVER_TESTS, *OTHER_TESTS, "-q", *arguments], environment, scratch / "servers.xml")
        cluster = Run("a real Kubernetes", [*CLUSTER_TESTS, "-q", *arguments], apart, scratch / "cluster.xml")
        yield from run_side_by_side(servers, cluster)


def as_ci_wants_it(title: str, outcome: Outcome) -> Outcome:
    """With `CI=true` a run in which no test passed is a failure: nothing is left out there without being seen."""
    if os.environ.get("CI") != "true" or outcome.passed or outcome.failed:
        return outcome
    say(f"error: {title}: no test ran, which CI=true does not allow")
    return Outcome(0, 1, outcome.skipped, 1)


def names_tests(arguments: Sequence[str]) -> bool:
    """Whether any argument is a path to tests."""
    return any(argument.startswith("tests") for argument in arguments)


def install_packages() -> None:
    """Install Debian packages that are missing: those of services, and what tests can do without at a pinch."""
    missing, optional = missing_packages(), missing_optional()
    if not (missing or optional):
        return
    begun = time.monotonic()
    say(f"== installing {' '.join([*missing, *optional])} ...")
    ensure_packages()
    if left := install_optional():
        say(f"   not installed, tests that need it are skipped: {' '.join(left)}")
    say(f"   took {time.monotonic() - begun:.0f} s")


def run(arguments: Sequence[str]) -> Outcome:
    """Packages, services, tests; everything started is stopped again."""
    install_packages()
    begun = time.monotonic()
    say("== starting Postgres, Redis and RabbitMQ ...")
    with tempfile.TemporaryDirectory(prefix="polyaxon-make-test-") as scratch, ServiceStack() as stack:
        say(f"   took {time.monotonic() - begun:.0f} s")
        return run_all(arguments, stack, Path(scratch))


def say(line: str) -> None:
    """Print at once, in order with what the children print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 only if there were tests and all of them passed."""
    begun = time.monotonic()
    try:
        with processes.raising_signals():
            outcome = run(arguments)
    except processes.Interrupted as stop:
        say(f"stopped by {stop}")
        return stop.exit_code
    except (PackagesMissingError, ServiceError) as problem:
        say(f"error: {problem}")
        return 1
    say(f"== {outcome.summary(time.monotonic() - begun)} ==")
    return outcome.exit_code if outcome.passed or outcome.failed else NO_TESTS_COLLECTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
