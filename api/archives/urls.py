"""Addresses of archives."""

from __future__ import annotations

from api.archives.views import ArchivesView
from api.kinds import KINDS, reshaped
from api.routes import route

urlpatterns = [
    route(
        f"archives/<str:username>/{name}",
        ArchivesView,
        kind=kind,
        serializer_class=reshaped(kind, "Archived", add=("deleted",)),
    )
    for name, kind in KINDS.items()
]
