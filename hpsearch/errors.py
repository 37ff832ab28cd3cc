"""Why a search cannot go on."""


class SearchError(ValueError):
    """A search cannot be done as asked."""


class UnsupportedAlgorithm(SearchError):  # noqa: N818 - the documented name
    """The platform has no such search algorithm, or not yet."""


class EmptySpace(SearchError):  # noqa: N818 - a state of the space
    """The matrix leaves no point to try."""
