"""Kinds of resources as lists across projects show them. A further kind is one more row of `KINDS`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import Http404

from api.builds.serializers import BuildSerializer
from api.builds.views import listed as listed_builds
from api.experiments.serializers import ExperimentSerializer
from api.experiments.views import listed as listed_experiments
from api.groups.serializers import GroupSerializer
from api.groups.views import listed as listed_groups
from api.jobs.serializers import JobSerializer
from api.jobs.views import listed as listed_jobs
from api.projects.serializers import ProjectSerializer
from polyaxon.db.models import BuildJob, Experiment, ExperimentGroup, Job, Project, User
from polyaxon.security.permissions import is_platform_admin
from polyaxon.stores import series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import ModelSerializer

    Rows = QuerySet[Any]


def _nothing(rows: Sequence[Any]) -> dict[str, Any]:
    del rows
    return {}


@dataclass(frozen=True)
class Kind:
    """`listed` selects what a list shows, `context` loads for a page what its rows do not hold."""

    model: type[Any]
    serializer: type[ModelSerializer[Any]]
    listed: Callable[[Rows], Rows]
    context: Callable[[Sequence[Any]], dict[str, Any]] = field(default=_nothing)


KINDS: dict[str, Kind] = {
    "projects": Kind(Project, ProjectSerializer, lambda rows: rows.select_related("user", "owner").defer("readme")),
    "groups": Kind(ExperimentGroup, GroupSerializer, listed_groups),
    "experiments": Kind(
        Experiment,
        ExperimentSerializer,
        lambda rows: listed_experiments(rows).select_related("project__owner"),
        lambda page: {"metrics": series.summaries(page)},
    ),
    "jobs": Kind(Job, JobSerializer, listed_jobs),
    "builds": Kind(BuildJob, BuildSerializer, listed_builds),
}


def reshaped(
    kind: Kind, prefix: str, *, add: tuple[str, ...] = (), leave_out: tuple[str, ...] = ()
) -> type[ModelSerializer[Any]]:
    """The kind's serializer with other fields, named `<prefix><its name>`."""
    base = kind.serializer
    fields = [name for name in base.Meta.fields if name not in leave_out]
    meta = type("Meta", (base.Meta,), {"fields": (*fields, *add)})
    return type(f"{prefix}{base.__name__}", (base,), {"Meta": meta})


def asked_user(request: Request, username: str) -> User | None:
    """The user whose rows are asked for; None if they are not the caller's business. Raises 404."""
    user = User.objects.filter(username=username).first()
    if user is None:
        raise Http404(f"There is no user {username}.")
    caller: Any = request.user
    return user if user == caller or is_platform_admin(caller) else None
