"""The filter language of lists: a parser, a compiler with one table of fields per resource, and sorting."""

from api.query.compiler import EXPERIMENTS, GROUPS, JOBS, filtered
from api.query.sorting import ordered

__all__ = ["EXPERIMENTS", "GROUPS", "JOBS", "filtered", "ordered"]
