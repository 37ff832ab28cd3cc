"""Artifacts of runs."""
