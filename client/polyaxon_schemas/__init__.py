"""Polyaxonfiles: reading, merging, checking and rendering them."""

from polyaxon_schemas.problems import PolyaxonfileError, Problem
from polyaxon_schemas.reader import discover, merge, read, read_file, read_text
from polyaxon_schemas.specification import Rendered, Specification, parse

__all__ = [
    "PolyaxonfileError",
    "Problem",
    "Rendered",
    "Specification",
    "discover",
    "merge",
    "parse",
    "read",
    "read_file",
    "read_text",
]
