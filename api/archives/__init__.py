"""Archived rows of a user."""
