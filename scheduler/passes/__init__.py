"""Passes: level-triggered and idempotent. Each looks at rows, does the next step, and may be repeated at any time."""
