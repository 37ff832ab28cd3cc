"""Forwards what the script logs."""

from __future__ import annotations

import logging
import time
from typing import Callable


class RunLogHandler(logging.Handler):
    """Gives each record, formatted as a log line of the platform, to ``send``; our own records stay out."""

    def __init__(self, send: Callable[[str], None], level: int = logging.INFO) -> None:
        super().__init__(level)
        self._send = send
        formatter = logging.Formatter("%(asctime)s UTC %(levelname)s -- %(message)s", "%Y-%m-%d %H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)

    def emit(self, record: logging.LogRecord) -> None:
        if _has_no_other_handler(logging.getLogger(record.name)):
            _print_as_before(record)
        if record.name.partition(".")[0].startswith("polyaxon"):
            return
        try:
            self._send(self.format(record))
        except Exception:  # noqa: BLE001 - what every logging handler does
            self.handleError(record)


def _has_no_other_handler(logger: logging.Logger | None) -> bool:
    while logger is not None:
        if any(not isinstance(handler, RunLogHandler) for handler in logger.handlers):
            return False
        logger = logger.parent if logger.propagate else None
    return True


def _print_as_before(record: logging.LogRecord) -> None:
    """Without any handler warnings go to stderr; that ours is there must not silence them."""
    last = logging.lastResort
    if last is not None and record.levelno >= last.level:
        last.handle(record)


def forward_logs(send: Callable[[str], None], level: str = "") -> RunLogHandler:
    """Attach a handler to the root logger; ``level`` is a name such as ``WARNING``, INFO when it is none."""
    number = logging.getLevelName(level.upper())
    handler = RunLogHandler(send, number if isinstance(number, int) else logging.INFO)
    logging.getLogger().addHandler(handler)
    return handler
