"""Search algorithms: pure functions of a space, settings, a seed and the trials so far."""

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.errors import EmptySpace, SearchError, UnsupportedAlgorithm
from hpsearch.factory import create_algorithm
from hpsearch.space import SearchSpace
from hpsearch.stopping import stopping_rule
from hpsearch.trial import Decision, Suggestion, Trial, TrialState

__all__ = [
    "Decision",
    "EmptySpace",
    "SearchAlgorithm",
    "SearchError",
    "SearchSpace",
    "Suggestion",
    "Trial",
    "TrialState",
    "UnsupportedAlgorithm",
    "create_algorithm",
    "stopping_rule",
]
