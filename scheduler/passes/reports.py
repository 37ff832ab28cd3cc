"""Count the statuses that runs reported of themselves and that nobody knows better by now."""

from __future__ import annotations

from polyaxon.actions.reports import apply_report, due_reports


def apply_reports() -> None:
    """Every report whose time has come. A second pass at the same moment finds what is left."""
    for report in due_reports():
        apply_report(report)
