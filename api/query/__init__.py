"""The filter language of lists: a parser, a compiler with one table of fields per resource, and sorting."""

from api.query.compiler import BUILDS, EXPERIMENTS, GROUPS, JOBS, NOTEBOOKS, TENSORBOARDS, filtered
from api.query.counting import as_many
from api.query.sorting import ordered, ordered_experiments

__all__ = [
    "BUILDS",
    "EXPERIMENTS",
    "GROUPS",
    "JOBS",
    "NOTEBOOKS",
    "TENSORBOARDS",
    "as_many",
    "filtered",
    "ordered",
    "ordered_experiments",
]
