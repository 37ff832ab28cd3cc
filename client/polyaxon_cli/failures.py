"""What foreign exceptions mean to the person at the command line."""

from __future__ import annotations

from polyaxon_cli.errors import CliError, one_line

__all__ = ["explain"]

SERVER_ERRORS = 500
REMEDIES = {
    400: "Correct the request and try again",
    401: "Run `polyaxon login`",
    403: "Ask the project's owner for access, or log in as another user",
    404: "Check the project and the id (`polyaxon project list`, `polyaxon experiment list`)",
    413: "Add data and build results to .polyaxonignore",
    429: "Wait a moment and try again",
}


def explain(error: Exception) -> CliError | None:
    """The error to show instead of `error`; None for one that nobody expected."""
    return _polyaxonfile(error) or _client(error) or _system(error)


def _polyaxonfile(error: Exception) -> CliError | None:
    # Only looked up by name: an error of this class means that its module is loaded already.
    if type(error).__module__.partition(".")[0] != "polyaxon_schemas":
        return None
    return CliError(str(error))


def _client(error: Exception) -> CliError | None:
    if type(error).__module__.partition(".")[0] != "polyaxon_client":
        return None
    from polyaxon_client import exceptions

    if isinstance(error, exceptions.PolyaxonHTTPError):
        return _http(error.status, error.messages, error.hint, error.url)
    if isinstance(error, exceptions.ConnectionFailed):
        what = one_line(str(error)).partition("; ")[0]
        return CliError(_sentence(what), "Start the server, or correct its address with `polyaxon config set`")
    return CliError(_sentence(one_line(str(error))))


def _http(status: int, messages: list[str], hint: str, url: str) -> CliError:
    said = one_line("; ".join(messages)) or hint or f"The server answered {status}"
    remedy = REMEDIES.get(status, "The server's log has the reason" if status >= SERVER_ERRORS else "")
    return CliError(f"{_sentence(said).rstrip('.')} ({status} on {url})", remedy)


def _system(error: Exception) -> CliError | None:
    if not isinstance(error, OSError):
        return None
    where = f" {error.filename}" if error.filename else ""
    return CliError(
        f"Cannot use{where}: {error.strerror or error}", "Check the path, its permissions and the free space"
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
