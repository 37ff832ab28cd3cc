"""What a user has bookmarked."""

from __future__ import annotations

from typing import Any

from polyaxon_client.client.base import BaseApi


class BookmarkApi(BaseApi):
    def projects(self, username: str, page: int = 1) -> Any:
        return self._kind(username, "projects", page)

    def groups(self, username: str, page: int = 1) -> Any:
        return self._kind(username, "groups", page)

    def experiments(self, username: str, page: int = 1) -> Any:
        return self._kind(username, "experiments", page)

    def jobs(self, username: str, page: int = 1) -> Any:
        return self._kind(username, "jobs", page)

    def builds(self, username: str, page: int = 1) -> Any:
        return self._kind(username, "builds", page)

    def _kind(self, username: str, kind: str, page: int) -> Any:
        return self._list(self.transport.path("bookmarks", username, kind), page=page)
