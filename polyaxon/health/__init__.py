"""Whether each part of the platform works."""

from polyaxon.health.checks import COMPONENTS, Report, Severity, report

__all__ = ["COMPONENTS", "Report", "Severity", "report"]
