"""Addresses of notebooks and tensorboards: those that people know, as in 0.6, and those that the services have."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from api.proxy.views import EntryView, ServedView
from polyaxon.db.models import Experiment, ExperimentGroup

_PROJECT = r"(?P<owner>[^/\x00]+)/(?P<project>[^/\x00]+)"
_REST = r"(?:/(?P<rest>[^\x00]*))?\Z"
_PARENTS = {"experiments": Experiment, "groups": ExperimentGroup}


def _of(kind: str) -> list[URLPattern]:
    return [
        re_path(rf"^{kind}s?/proxy/(?P<pod>plx-{kind}-[0-9a-f]{{32}})(?:/.*)?\Z", ServedView.as_view(kind=kind)),
        *(
            re_path(
                rf"^{kind}s?/{_PROJECT}/{word}/(?P<item>[0-9]{{1,18}}){_REST}",
                EntryView.as_view(kind=kind, parent=parent),
            )
            for word, parent in _PARENTS.items()
            if kind == "tensorboard"
        ),
        re_path(rf"^{kind}s?/{_PROJECT}{_REST}", EntryView.as_view(kind=kind)),
    ]


urlpatterns = [*_of("notebook"), *_of("tensorboard")]
