"""The `polyaxon` command line tool."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.7.0"
