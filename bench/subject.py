"""What is compared: a tracking server, and how it is asked for each operation."""

from __future__ import annotations

from typing import Protocol

BATCH = 1000
SERIES = 4  # of a batch: 250 steps of each, as a training loop sends them
PAGE = 100


class Subject(Protocol):
    """A server with an open connection. Every method is one operation of the benchmark."""

    name: str

    def create_run(self) -> str:
        """A new run, by its id."""

    def log_point(self, run: str, step: int) -> None:
        """One value of one series."""

    def batch(self, run: str, first_step: int) -> bytes:
        """The body of a batch of `BATCH` points, made before the clock runs."""

    def log_batch(self, run: str, body: bytes) -> None:
        """Send it."""

    def page(self, runs: int) -> list[float]:
        """The `PAGE` runs that rank highest among the upper half of `runs`, whole; their ranks."""

    def history(self, run: str) -> int:
        """Every point of the run's series `m0`; how many there were."""

    def sampled(self, run: str, points: int) -> int:
        """About `points` points of it; how many there were."""
