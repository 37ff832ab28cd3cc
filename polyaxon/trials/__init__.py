"""What the trials of a search tell: its plan, its history, its counts and its curves, read from the database."""

from polyaxon.trials.counts import Counts, count_trials
from polyaxon.trials.history import DatabaseHistory
from polyaxon.trials.plans import Plan, plan_of

__all__ = ["Counts", "DatabaseHistory", "Plan", "count_trials", "plan_of"]
