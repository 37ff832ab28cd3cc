"""The examples of the description are true: they fit their schemas, and the interface takes and gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.throttling import Rate
from polyaxon.db.models import CI, ExperimentGroup, Job, Project
from tests.api.described import Operation, operations, problems, undone
from tests.api.described_world import FILE, DescribedWorld
from tests.api.test_matrix import SECRET
from tests.factories import JOB

pytestmark = pytest.mark.slow

# What is not sent here, and the tests that do.
ELSEWHERE = {
    "update_project_experiment_artifacts_content": "tests/api/test_artifacts.py: bytes, not JSON",
    "update_project_job_artifacts_content": "tests/api/test_artifacts.py: bytes, not JSON",
    "upload_project_repo": "tests/api/test_repos.py: a form with a file",
    "sync_project_repo": "tests/api/test_external_repos.py: wants a repository elsewhere",
    "create_project_experiment_token": "tests/api/test_run_tokens.py: wants a token for one use",
    "create_project_experiment_ephemeraltoken": "tests/api/test_run_tokens.py: wants a token for one use",
    "create_project_job_impersonatetoken": "tests/api/test_run_tokens.py: wants a run that is under way",
    "create_project_notebook_impersonatetoken": "tests/api/test_plugins.py: wants a notebook that is under way",
    "create_project_repo_external": "tests/api/test_external_repos.py: wants a repository elsewhere",
}
# What an operation needs that the world does not have, or has too much of.
PREPARED: dict[str, Callable[[], object]] = {
    "create_project_ci": lambda: CI.objects.all().delete(),
    **{f"{verb}_project_job": lambda: Job.objects.update(content=JOB) for verb in ("restart", "resume", "copy")},
    "resume_project_group": lambda: ExperimentGroup.objects.update(status="done"),
    "delete_org": lambda: Project.objects.all().delete(),
}
QUERIES = {
    "get_options": "?keys=BUILD_JOBS:LANG_ENV",
    "list_owner_options": "?keys=BUILD_JOBS:LANG_ENV",
    "get_project_experiment_metrics_points": "?name=loss",
    **{f"get_project_group_{asked}": "?metric=loss" for asked in ("best", "importances")},
    "get_project_group_pareto": "?metrics=acc,-loss",
    "get_project_experiment_outputs_files": f"?path={FILE}",
    "get_project_job_outputs_files": f"?path={FILE}",
}


def in_the_world(operation: Operation, body: Any, world: DescribedWorld) -> Any:
    """The example with ids and names that the world has."""
    if not isinstance(body, dict):
        return body
    member = operation.id == "create_org_team_member"
    there = {
        "experiment_ids": [world.experiment.pk],
        "ids": [world.experiment.pk],
        "user": world.users["contributor"].username if member else "the-stranger",
        "project": SECRET,
        "username": world.boss.username,
    }
    return {name: there.get(name, value) for name, value in body.items()}


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> DescribedWorld:
    for scope in Rate.THROTTLE_RATES:
        monkeypatch.setitem(Rate.THROTTLE_RATES, scope, "1000000/min")
    return DescribedWorld()


def test_every_body_has_an_example_that_fits_its_schema() -> None:
    wrong: dict[str, Any] = {}
    for operation in operations():
        for code in (None, *operation.raw["responses"]):
            media = operation.media(code)
            if media is None:
                continue
            examples = operation.examples(code)
            found = [problem for value in examples.values() for problem in problems(media["schema"], value)]
            if found or not examples:
                wrong[f"{operation.id} {code or 'request'}"] = found or "no example"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


def test_the_interface_takes_every_example_and_answers_as_described(world: DescribedWorld) -> None:
    wrong = {}
    # Files do not come back when a transaction is undone: what deletes them comes last.
    for operation in sorted(operations(), key=lambda operation: operation.method == "delete"):
        for name, body in (operation.examples() or {"": None}).items():
            if operation.id not in ELSEWHERE and (found := _answered(operation, body, world)):
                wrong[f"{operation.id} {name}"] = found
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())


def _answered(operation: Operation, body: Any, world: DescribedWorld) -> Any:
    """What is wrong with the answer."""
    with undone():
        PREPARED.get(operation.id, bool)()
        answer = operation.send(world, in_the_world(operation, body, world), QUERIES.get(operation.id, ""))
    streams = "streams" in operation.raw["tags"]
    if answer.code >= 300 and not (streams and answer.code == 426):  # which this way of asking cannot take
        return answer
    if str(answer.code) not in operation.raw["responses"]:
        return f"{answer.code} is not described"
    media = operation.media(str(answer.code))
    if not answer.body or media is None:
        return None if not answer.body or not answer.content_type.startswith("application/json") else answer
    given = answer.json
    return problems(media["schema"], given) or _unlike(list(operation.examples(str(answer.code)).values()), given)


@pytest.mark.parametrize("query", ["", "?metrics=1", "?params=1"])
def test_each_shape_of_listed_experiments_has_its_example(world: DescribedWorld, query: str) -> None:
    (operation,) = (found for found in operations() if found.id == "list_project_experiments")
    rows = [value["results"][0] for value in operation.examples("200").values()]
    given = operation.send(world, query=query).json["results"][0]
    assert [set(row) for row in rows].count(set(given)) == 1
    assert len(rows) == 3


def _unlike(examples: list[Any], given: Any) -> str | None:
    """Where the answer has other fields than the example."""
    shapes = [shape(example) for example in examples]
    return None if shape(given) in shapes or not shapes else f"{shape(given)} is not as in the example, {shapes}"


def shape(value: Any, depth: int = 0) -> Any:
    """The names of fields of an object or of the rows of a list."""
    if isinstance(value, dict) and depth == 0 and "results" in value:
        return {name: shape(value[name], 1) for name in value}
    if isinstance(value, dict):
        return sorted(value)
    if isinstance(value, list):
        return shape(value[0], depth + 1) if value else None
    return None
