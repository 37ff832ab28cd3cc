"""Tokens that fetch the code of one run, and nothing else: what prepares a run's pod needs no more.

Their scope is none of the ladder in `security.scopes`, so every other endpoint refuses them. They end with their run.
"""

from __future__ import annotations

from polyaxon.db.models import BuildJob, Experiment, Job, NotebookJob, TensorboardJob, Token
from polyaxon.db.models.abstract import Runnable
from polyaxon.security import tokens

SCOPE = "code"
KINDS: tuple[type[Runnable], ...] = (Experiment, Job, BuildJob, NotebookJob, TensorboardJob)


def issue(run: Runnable) -> str:
    """A token that fetches the code of `run`."""
    return tokens.issue(run.user, run=run.uuid, scopes=[SCOPE])


def is_one(token: Token) -> bool:
    """Whether the token is of this sort."""
    return bool(token.scopes == [SCOPE])


def opens(token: Token, owner: str, project: str, commit: str) -> bool:
    """Whether it fetches that commit of that project: the run's own."""
    wanted = {
        "uuid": token.run,
        "project__owner__name": owner,
        "project__name": project,
        "code_reference__commit": commit.lower(),
    }
    return any(model._base_manager.filter(**wanted).exists() for model in KINDS)
