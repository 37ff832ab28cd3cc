"""Names of projects and of their items."""

from __future__ import annotations

import re

from polyaxon.db.models.abstract import NAME_LENGTH, ProjectItem
from polyaxon.errors import InvalidInput

_SLUG = re.compile(r"[-a-zA-Z0-9_]+\Z")

_RESERVED_TEXT = """
user admin experiment experiment_group experimentgroup project api polyaxon dashboard index log metric
portfolio public revision version support tryout output artifact data dataset secret config_map pod deployment
model management dependency dependencie repo cluster event manage login account register accept organization
team help doc logout 404 500 static _static status statuses _status out debug remote cli blog welcome feature
customer integration signup pricing subscribe enterprise about job thank guide privacy security term from
sponsorship for at platform branding vs answers _admin contact ext extension plugin notebook bookmark
bookmarking tensorboard pipeline dag operation action task monitor setting legal avatar self this
"""
RESERVED = frozenset(word + plural for word in _RESERVED_TEXT.split() for plural in ("", "s"))


def check_name(name: str, *, field: str = "name") -> str:
    """`name` if it may name something. Raises `InvalidInput`."""
    if len(name) > NAME_LENGTH:
        raise InvalidInput(f"A name has at most {NAME_LENGTH} characters.", field=field)
    if not _SLUG.match(name):
        raise InvalidInput("A name consists of letters, digits, hyphens and underscores only.", field=field)
    if name.lower() in RESERVED:
        raise InvalidInput(f"The name {name} is reserved. Choose another one.", field=field)
    return name


def free_name(model: type[ProjectItem], project_id: int, name: str | None) -> str | None:
    """`name`, or when the project has one of that name already, `name` with a number.

    Clients of 0.6 rely on the silent change.
    """
    if not name:
        return None
    check_name(name)
    rows = model._base_manager
    if not rows.filter(project_id=project_id, name=name).exists():
        return name
    number = 1 + rows.filter(name__startswith=name).exclude(name=name).count()
    changed = f"{name}-{number}"
    if rows.filter(project_id=project_id, name=changed).exists():
        raise InvalidInput(f"The names {name} and {changed} are taken in this project. Choose another one.")
    return changed
