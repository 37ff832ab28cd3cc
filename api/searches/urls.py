"""Addresses of saved queries."""

from __future__ import annotations

from api.routes import PROJECT, route
from api.searches import views

# Lists whose queries can be saved.
KINDS = ("groups", "experiments", "builds", "jobs", "notebooks", "tensorboards")

urlpatterns = [
    *(route(f"searches/{PROJECT}/{kind}", views.SearchesView, kind=kind) for kind in KINDS),
    *(route(f"searches/{PROJECT}/{kind}/<int:search_id>", views.SearchView, kind=kind) for kind in KINDS),
]
