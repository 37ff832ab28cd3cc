"""Why a search cannot go on."""


class SearchError(ValueError):
    """A search cannot be done as asked."""


class UnsupportedAlgorithm(SearchError):
    """The platform has no such search algorithm, or not yet."""


class EmptySpace(SearchError):
    """The matrix leaves no point to try."""
