"""Tests of the platform: one folder per room."""
