"""Runs whose outputs another run reads: `environment.outputs` of its file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from polyaxon.db.models import Experiment, Job, Project, User
from polyaxon.errors import InvalidInput
from polyaxon.security.permissions import may_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

RunT = TypeVar("RunT", Experiment, Job)
MOST_PARTS = 3  # user, project, run


@dataclass(frozen=True, slots=True)
class OutputsRefs:
    """Each run once, in the order in which the file names them."""

    jobs: tuple[Job, ...] = ()
    experiments: tuple[Experiment, ...] = ()

    def __iter__(self) -> Iterator[Job | Experiment]:
        yield from self.jobs
        yield from self.experiments


def outputs_refs(project: Project, user: User, environment: Any) -> OutputsRefs:
    """The runs that `environment` names, as a run of `project` that is `user`'s means them.

    Raises `InvalidInput` for one that is not there, or that `user` may not read: nobody learns which.
    """
    section = getattr(environment, "outputs", None)
    if section is None:
        return OutputsRefs()
    return OutputsRefs(
        jobs=tuple(_found(Job, "jobs", section.jobs, project, user)),
        experiments=tuple(_found(Experiment, "experiments", section.experiments, project, user)),
    )


def _found(model: type[RunT], key: str, references: list[int | str] | None, project: Project, user: User) -> list[RunT]:
    found: dict[int, RunT] = {}
    for reference in references or ():
        row = _named(model, reference, project)
        if not may_read(user, row.project if row is not None else None) or row is None:
            raise InvalidInput(
                f"environment.outputs.{key}: there is no {key[:-1]} {reference!r} whose outputs you may read. "
                "Give its id, `name`, `project/name` or `user/project/name`."
            )
        found.setdefault(row.pk, row)
    return list(found.values())


def _named(model: type[RunT], reference: int | str, project: Project) -> RunT | None:
    rows = model._base_manager.filter(deleted=False, project__deleted=False).select_related("project__owner")
    text = str(reference)
    if text.isdecimal():
        return rows.filter(pk=int(text)).first() if len(text) <= 18 else None  # noqa: PLR2004 - digits of 64 bits
    *place, name = re.split(r"/" if "/" in text else r"\.", text)
    if len(place) >= MOST_PARTS or not all((*place, name)):
        return None
    return _in_project(rows, place, project).filter(**_key(name)).first()


def _in_project(rows: QuerySet[RunT], place: list[str], project: Project) -> QuerySet[RunT]:
    if not place:
        return rows.filter(project=project)
    owner = place[0] if len(place) > 1 else project.owner.name
    return rows.filter(project__owner__name=owner, project__name=place[-1])


def _key(name: str) -> dict[str, Any]:
    """Behind a project a number is an id, as unique names have it."""
    return {"pk": int(name)} if name.isdecimal() and len(name) <= 18 else {"name": name}  # noqa: PLR2004 - as above
