"""Logs of pods: followed as they are written, and stored so that every line is there once."""
