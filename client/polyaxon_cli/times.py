"""Dates as ages and spans as run times, as the tables show them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

__all__ = ["age", "parse", "run_time", "span"]

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
UNITS = (("year", 365 * DAY), ("week", 7 * DAY), ("day", DAY), ("hour", HOUR), ("minute", MINUTE))


def parse(text: str | None) -> datetime | None:
    """An ISO 8601 time stamp as an aware datetime (UTC when it names no zone); None when it is none."""
    if not text:
        return None
    # Before Python 3.11 fromisoformat takes neither "Z" nor fractions of other than 3 or 6 digits.
    fixed = re.sub(r"[zZ]$", "+00:00", text.strip())
    fixed = re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), fixed)
    try:
        moment = datetime.fromisoformat(fixed)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def age(text: str | None, now: datetime | None = None) -> str:
    """`3 hours ago`, `in 2 days`, `a few seconds ago`; empty without a date, unreadable text as it is."""
    moment = parse(text)
    if moment is None:
        return text or ""
    seconds = ((now or datetime.now(timezone.utc)) - moment).total_seconds()
    for name, size in UNITS:
        count = int(abs(seconds) // size)
        if count:
            return _phrase(f"{count} {name}{'s' if count > 1 else ''}", future=seconds < 0)
    return _phrase("a few seconds", future=seconds < 0)


def _phrase(amount: str, *, future: bool) -> str:
    return f"in {amount}" if future else f"{amount} ago"


def span(seconds: float) -> str:
    """`1d 2h 3m`; below an hour `2m 5s`, below a minute `12s`. Negative spans count as zero."""
    left = max(0, int(seconds))
    if left < MINUTE:
        return f"{left}s"
    if left < HOUR:
        return f"{left // MINUTE}m {left % MINUTE}s"
    days, left = divmod(left, DAY)
    hours, left = divmod(left, HOUR)
    parts = [f"{days}d"] if days else []
    return " ".join([*parts, f"{hours}h", f"{left // MINUTE}m"])


def run_time(started: str | None, finished: str | None, now: datetime | None = None) -> str:
    """How long a run took, or has been running; empty when it never started."""
    begin = parse(started)
    if begin is None:
        return ""
    end = parse(finished) or now or datetime.now(timezone.utc)
    return span((end - begin).total_seconds())
