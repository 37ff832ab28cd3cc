"""Statuses: which there are, which may follow which, and what a set of replicas means for its run.

Every change of status goes through `actions.statuses.set_status`, which asks the tables here. Done is final: a late
event never revives a finished run.
"""

from polyaxon.lifecycles.derivation import experiment_status
from polyaxon.lifecycles.tables import EXPERIMENT, GROUP, JOB, Lifecycle

__all__ = ["EXPERIMENT", "GROUP", "JOB", "Lifecycle", "experiment_status"]
