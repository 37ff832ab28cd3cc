"""A run of a project whose code lives elsewhere executes that code."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from polyaxon import storage
from polyaxon.actions.external_repos import set_external
from tests.contents import experiment_content
from tests.factories import make_experiment, make_project
from tests.gits import commit, git, make_origin
from tests.scheduler.test_passes import settle

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _files_allowed(settings: Any) -> None:
    code = settings.CONFIG.code.model_copy(update={"repos_allow_file": True})
    settings.CONFIG = replace(settings.CONFIG, code=code)


def test_a_run_gets_the_commit_that_it_was_made_on(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin", {"say.sh": "echo first"})
    project = make_project()
    assert project.user is not None
    set_external(project, project.user, f"file://{origin}")
    first = make_experiment(project, content=experiment_content("sh say.sh"))
    # The branch is rewritten, so that no branch leads to the first commit any more.
    commit(origin, {"say.sh": "echo second"})
    git(origin, "reset", "--quiet", "--soft", "HEAD~1")
    git(origin, "commit", "--quiet", "--amend", "--message", "Another")
    second = make_experiment(project, content=experiment_content("sh say.sh"))
    settle(first, second)
    said = [storage.logs().tail(run.sub_path, 1).decode().rpartition("-- ")[2].strip() for run in (first, second)]
    assert ([first.status, second.status], said) == (["succeeded", "succeeded"], ["first", "second"])
