"""What all parts of the API client share."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from polyaxon_client.client.records import as_records
from polyaxon_client.exceptions import AuthenticationError, PolyaxonClientException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from polyaxon_client.client.client import PolyaxonClient
    from polyaxon_client.transport import Transport

logger = logging.getLogger("polyaxon_client")
PAGE_SIZE = 20
JsonObject = dict[str, Any]
T = TypeVar("T")


class BaseApi:
    """Requests of one resource. With the client's ``reraise`` off, failures are logged and give ``None``;
    a refused token (401) is always raised."""

    def __init__(self, client: PolyaxonClient) -> None:
        self._client = client

    @property
    def transport(self) -> Transport:
        return self._client.transport

    def report(self, path: str, body: Any) -> Any:
        """POST to any path or complete address."""
        return self._post(path, body)

    def _try(self, call: Callable[[], T], default: Any = None) -> Any:
        try:
            return call()
        except AuthenticationError:
            raise
        except PolyaxonClientException as error:
            if self._client.reraise:
                raise
            logger.error("%s", error)  # noqa: TRY400 - one line is the point, the trace adds nothing
            return default

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        return self._shape(self._try(lambda: self.transport.get(path, params)))

    def _list(
        self,
        path: str,
        *,
        page: int = 1,
        limit: int | None = None,
        query: str | None = None,
        sort: str | None = None,
        **filters: Any,
    ) -> Any:
        """A page ``{count, next, previous, results}``; pages count from 1. ``[]`` after a failure."""
        offset = (limit or PAGE_SIZE) * (page - 1) or None
        params = {"query": query, "sort": sort, "limit": limit, "offset": offset, **filters}
        return self._shape(self._try(lambda: self.transport.get(path, params), default=[]))

    def _post(self, path: str, body: Any = None, *, background: bool = False) -> Any:
        return self._write("POST", path, body, background=background)

    def _create(self, path: str, body: Any, *, background: bool = False) -> Any:
        """A POST that makes something. It is repeated when the answer is lost, and still makes it once."""
        if background:
            return self._post(path, body, background=True)
        return self._shape(self._try(lambda: self.transport.create(path, body)))

    def _patch(self, path: str, body: Any, *, background: bool = False) -> Any:
        return self._write("PATCH", path, body, background=background)

    def _delete(self, path: str, *, background: bool = False) -> Any:
        return self._write("DELETE", path, None, background=background)

    def _write(self, method: str, path: str, body: Any, *, background: bool) -> Any:
        if background:
            self._client.background.submit(method, path, body)
            return None
        if method == "DELETE":
            return self._try(lambda: self.transport.request(method, path).is_success)
        send = self.transport.patch if method == "PATCH" else self.transport.post
        return self._shape(self._try(lambda: send(path, body)))

    def _shape(self, answer: Any) -> Any:
        return as_records(answer) if self._client.schema_response else answer


def to_body(config: Any) -> JsonObject:
    """A request body from a mapping or from an object with ``to_dict``."""
    if hasattr(config, "to_dict"):
        config = config.to_dict()
    return dict(config)


def to_content(content: Any) -> str | None:
    """The text of a polyaxonfile from text, a mapping or a specification."""
    if content is None or isinstance(content, str):
        return content
    if hasattr(content, "to_text"):
        return str(content.to_text())
    return json.dumps(content)


def without_none(**values: Any) -> JsonObject:
    return {key: value for key, value in values.items() if value is not None}
