"""Tests of the polyaxonfile format."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
