"""`make test`: all tests with real services, first on SQLite, then those that use the database on Postgres, and at last
those that need a real Kubernetes, which are skipped where none can run, but fail there with `CI=true`.

Arguments are passed on to each pytest run. The last line printed adds them up, in pytest's words.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scripts import processes
from tests.services import PackagesMissingError, ServiceError, ServiceStack, ensure_packages, missing_packages
from tests.services.packages import install_optional, missing_optional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
# Whole servers and their runs, which take the machine for themselves.
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


def run_pytest(title: str, arguments: Sequence[str], environment: Mapping[str, str], report: Path) -> Outcome:
    """One pytest run in a session of its own; interrupted like a person would when we are stopped."""
    say(f"== {title}")
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", *arguments]
    child = processes.start(command, cwd=ROOT, env=dict(environment))
    try:
        exit_code = child.wait()
    finally:
        processes.end(child, first=signal.SIGINT, grace=30)
    return read_outcome(report, exit_code)


def run_all(arguments: Sequence[str], stack: ServiceStack, scratch: Path) -> Outcome:
    """Every run; one of them having failed does not keep the others."""
    home = scratch / "home"
    home.mkdir()
    environment = base_environment(stack.environment(), home)
    if names_tests(arguments):
        return run_pytest("chosen tests, on SQLite", arguments, environment, scratch / "chosen.xml")
    spread = [f"--numprocesses={WORKERS}", "-q"]
    rooms = ["tests", *(f"--ignore={folder}" for folder in SERVER_TESTS), *OTHER_TESTS, *spread]
    on_postgres = {**environment, **postgres_environment(stack.postgres.url)}
    runs = (
        ("rooms, on SQLite", rooms, environment),
        ("rooms with a database, on Postgres", [*DATABASE_TESTS, *OTHER_TESTS, *spread], on_postgres),
        ("servers", [*SERVER_TESTS, *OTHER_TESTS, "-q"], environment),
        ("a real Kubernetes", [*CLUSTER_TESTS, "-q"], environment),
    )
    total = Outcome()
    for number, (title, folders, variables) in enumerate(runs):
        outcome = run_pytest(title, [*folders, *arguments], variables, scratch / f"{number}.xml")
        total += as_ci_wants_it(title, outcome) if not arguments else outcome
    return total


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
