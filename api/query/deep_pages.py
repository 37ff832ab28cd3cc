"""Pages far down a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

from django.db.models import QuerySet

# From here on skipping whole rows takes longer than asking twice.
DEEP = 1000


@dataclass(frozen=True, slots=True)
class DeepPages(Sequence[Any]):
    """`rows`, of which pages far down are found by id first: an index may be enough to pass over those before."""

    rows: QuerySet[Any]

    def __len__(self) -> int:
        return self.rows.count()

    @overload
    def __getitem__(self, part: int) -> Any: ...
    @overload
    def __getitem__(self, part: slice) -> list[Any]: ...
    def __getitem__(self, part: int | slice) -> Any:
        if isinstance(part, int) or part.start < DEEP:
            return self.rows[part] if isinstance(part, int) else list(self.rows[part])
        ids = list(self.rows.values_list("pk", flat=True)[part])
        found = self.rows.order_by().in_bulk(ids)
        return [found[pk] for pk in ids if pk in found]
