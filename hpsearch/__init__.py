"""Search algorithms: pure functions of a space, settings, a seed and the trials so far."""

from hpsearch.algorithm import SearchAlgorithm
from hpsearch.budget import spent
from hpsearch.errors import EmptySpace, SearchError, UnsupportedAlgorithm
from hpsearch.factory import create_algorithm
from hpsearch.history import History, Leader, MemoryHistory, Score, Tally
from hpsearch.pruning import Curve, Stop, prune
from hpsearch.space import SearchSpace
from hpsearch.stopping import stopping_rule
from hpsearch.trial import Decision, Stage, Strategy, Suggestion, Trial, TrialState

__all__ = [
    "Curve",
    "Decision",
    "EmptySpace",
    "History",
    "Leader",
    "MemoryHistory",
    "Score",
    "SearchAlgorithm",
    "SearchError",
    "SearchSpace",
    "Stage",
    "Stop",
    "Strategy",
    "Suggestion",
    "Tally",
    "Trial",
    "TrialState",
    "UnsupportedAlgorithm",
    "create_algorithm",
    "prune",
    "spent",
    "stopping_rule",
]
