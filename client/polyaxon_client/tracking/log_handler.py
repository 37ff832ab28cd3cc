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
        if record.name.partition(".")[0].startswith("polyaxon"):
            return
        try:
            self._send(self.format(record))
        except Exception:  # noqa: BLE001 - what every logging handler does
            self.handleError(record)


def forward_logs(send: Callable[[str], None], level: str = "") -> RunLogHandler:
    """Attach a handler to the root logger; ``level`` is a name such as ``WARNING``, INFO when it is none."""
    number = logging.getLevelName(level.upper())
    handler = RunLogHandler(send, number if isinstance(number, int) else logging.INFO)
    logging.getLogger().addHandler(handler)
    return handler
