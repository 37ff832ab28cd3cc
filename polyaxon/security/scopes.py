"""What can be done to a project, and how far the scopes of a token reach.

Verbs, roles and scopes are three names of one ladder; each step includes those below it:

| verb | role of a team | scope of a token | allows |
|---|---|---|---|
| READ | viewer | `read` | looking, downloading |
| RUN | contributor | `runs` | starting and stopping runs, posting their metrics, statuses and logs, uploading code |
| MAINTAIN | maintainer | `write` | changing and deleting runs, changing the project; with a token, creating projects |
| ADMIN | admin | `admin` | deleting the project, roles on it; with a token, accounts, tokens, organizations |
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from polyaxon.db.models import ProjectRole


class Verb(IntEnum):
    """What somebody wants to do, by how much it takes."""

    READ = 1
    RUN = 2
    MAINTAIN = 3
    ADMIN = 4


SCOPES: dict[str, Verb] = {"read": Verb.READ, "runs": Verb.RUN, "write": Verb.MAINTAIN, "admin": Verb.ADMIN}
ROLES: dict[str, Verb] = dict(zip(ProjectRole.values, Verb, strict=True))


def roles_for(verb: Verb) -> list[str]:
    """Roles that allow `verb`."""
    return [role for role, reach in ROLES.items() if reach >= verb]


def reach(scopes: Iterable[str]) -> Verb | None:
    """The most that a token with `scopes` allows: everything without scopes, nothing (None) if all are unknown."""
    scopes = list(scopes)
    if not scopes:
        return Verb.ADMIN
    known = [SCOPES[scope] for scope in scopes if scope in SCOPES]
    return max(known, default=None)


def allows(scopes: Iterable[str], verb: Verb) -> bool:
    """Whether a token with `scopes` may be used for `verb`."""
    most = reach(scopes)
    return most is not None and most >= verb
