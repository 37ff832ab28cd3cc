"""What can go wrong, in words for whoever started the run."""

from __future__ import annotations


class Problem(Exception):
    """It cannot be done."""


class Passing(Problem):
    """It could not be done now; a moment later it may be."""
