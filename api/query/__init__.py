"""The filter language of lists: a parser, a compiler with one table of fields per resource, and sorting."""

from api.query.compiler import BUILDS, EXPERIMENTS, GROUPS, JOBS, NOTEBOOKS, TENSORBOARDS, filtered
from api.query.counting import quick_count
from api.query.deep_pages import DeepPages
from api.query.finding import find_experiments
from api.query.sorting import ordered

__all__ = [
    "BUILDS",
    "EXPERIMENTS",
    "GROUPS",
    "JOBS",
    "NOTEBOOKS",
    "TENSORBOARDS",
    "DeepPages",
    "filtered",
    "find_experiments",
    "ordered",
    "quick_count",
]
