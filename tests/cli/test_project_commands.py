"""project, init and upload, against a real HTTP server."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from polyaxon_cli import state
from polyaxon_cli.ignore import DEFAULT_TEXT
from tests.cli.wire_server import USER, Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    Tool = Callable[..., Result]


def test_create_sends_what_was_given(polyaxon: Tool, platform: Platform) -> None:
    result = polyaxon("project", "create", "--name=digits", "--tags= a, b ,", "--description=d", "--private")
    assert (result.exit_code, "success" in result.stdout) == (0, True)
    sent = platform.requests[-1].json
    assert sent == {"name": "digits", "tags": ["a", "b"], "description": "d", "is_public": False}


def test_create_and_link_in_one_go(polyaxon: Tool, platform: Platform, work: Path) -> None:
    assert polyaxon("project", "create", "--name=digits", "--init").exit_code == 0
    assert state.PROJECT.read()["name"] == "digits"
    assert (work / ".polyaxonignore").exists()


def test_a_bad_name_is_refused_before_anything_is_sent(polyaxon: Tool, platform: Platform) -> None:
    result = polyaxon("project", "create", "--name=my project")
    assert result.exit_code == 1
    assert "'my project'" in result.stderr
    assert platform.requests == []


def test_a_taken_name_is_told_in_one_line(polyaxon: Tool, platform: Platform) -> None:
    platform.add_project("digits")
    result = polyaxon("project", "create", "--name=digits")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: A project named digits exists (400 on http://127.0.0.1")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["list", "ls"])
def test_list_is_paged(polyaxon: Tool, platform: Platform, name: str) -> None:
    for number in range(25):
        platform.add_project(f"p{number}")
    first = polyaxon("project", name).stdout
    assert "p0" in first.split()
    assert "count: 25  next: --page=2" in first
    assert "offset" not in platform.requests[-1].query
    second = polyaxon("project", name, "--page=2").stdout
    assert platform.requests[-1].query == {"offset": "20"}
    assert "p24" in second.split()
    assert "previous: --page=1" in second


def test_list_as_json_is_the_servers_answer(polyaxon: Tool, platform: Platform) -> None:
    made = platform.add_project("digits")
    assert json.loads(polyaxon("project", "list", "--json").stdout)["results"] == [made]


@pytest.mark.parametrize("name", ["digits", f"{USER}/digits", f"{USER}.digits"])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_project_is_named_in_three_ways_and_two_places(
    polyaxon: Tool, platform: Platform, name: str, place: str
) -> None:
    platform.add_project("digits", description="ten classes")
    arguments = ["project", "-p", name, "get"] if place == "before" else ["project", "get", "-p", name]
    result = polyaxon(*arguments)
    assert result.exit_code == 0
    assert "ten classes" in result.stdout
    assert platform.requests[-1].path == f"/api/v1/{USER}/digits/"


@pytest.mark.parametrize("name", ["a/b/c", "a b", "../etc", ""])
def test_what_is_no_project_is_wrong_usage(polyaxon: Tool, platform: Platform, name: str) -> None:
    assert polyaxon("project", "get", "-p", name).exit_code == 2
    assert platform.requests == []


def test_update(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("project", "update", "--name=numbers", "--private=true").exit_code == 0
    assert platform.requests[-1].json == {"name": "numbers", "is_public": False}
    assert state.PROJECT.read()["name"] == "numbers"


def test_update_with_nothing_is_a_failure(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("project", "update").exit_code == 1
    assert platform.requests == []


def test_delete_asks_first(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    assert polyaxon("project", "delete", stdin="n\n").exit_code == 1
    assert platform.projects
    assert polyaxon("project", "delete", stdin="y\n").exit_code == 0
    assert not platform.projects
    assert not state.PROJECT.exists()


def test_delete_of_another_project_keeps_this_link(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    platform.add_project("other")
    assert polyaxon("project", "delete", "-y", "-p", "other").exit_code == 0
    assert state.PROJECT.read()["name"] == "digits"


def test_init_links_the_folder_and_writes_the_ignore_file(polyaxon: Tool, platform: Platform, work: Path) -> None:
    made = platform.add_project("digits")
    result = polyaxon("init", "digits")
    assert result.exit_code == 0
    assert json.loads((work / ".polyaxon" / ".polyaxonproject").read_text()) == made
    assert (work / ".polyaxonignore").read_text() == DEFAULT_TEXT


def test_init_with_an_unknown_project_changes_nothing(polyaxon: Tool, platform: Platform, work: Path) -> None:
    result = polyaxon("init", "digits")
    assert result.exit_code == 1
    assert "404" in result.stderr
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("answers", "options", "linked", "replaced"),
    [
        ("n\nn\n", [], "digits", False),
        ("y\ny\n", [], "other", True),
        ("", [], "digits", False),
        ("", ["-y"], "other", False),
    ],
)
def test_init_asks_before_it_replaces(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path,
    answers: str, options: list[str], linked: str, replaced: bool,
) -> None:  # fmt: skip
    (work / ".polyaxonignore").write_text("mine\n")
    platform.add_project("other")
    assert polyaxon("init", "other", *options, stdin=answers).exit_code == 0
    assert state.PROJECT.read()["name"] == linked
    assert ((work / ".polyaxonignore").read_text() == DEFAULT_TEXT) is replaced


def test_another_project_forgets_the_runs_of_the_last(
    polyaxon: Tool, project: dict[str, Any], platform: Platform
) -> None:
    state.CACHES["experiment"].write({"id": 7})
    platform.add_project("other")
    polyaxon("init", "-y", "other")
    assert not state.CACHES["experiment"].exists()


def test_init_again_is_quiet(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    state.CACHES["experiment"].write({"id": 7})
    polyaxon("init", "digits")
    assert polyaxon("init", "digits").exit_code == 0
    assert state.CACHES["experiment"].read() == {"id": 7}


def sent_members(request: Any) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(request.parts["repo"]), mode="r:gz") as tar:
        return tar.getnames()


def test_upload_sends_the_folder_without_ignored_files(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path
) -> None:
    (work / "train.py").write_text("print(1)")
    (work / "data.bin").write_bytes(b"x")
    (work / ".polyaxonignore").write_text("*.bin\n")
    result = polyaxon("upload")
    assert result.exit_code == 0
    request = platform.requests[-1]
    assert (request.method, request.path) == ("PUT", f"/api/v1/{USER}/digits/repo/upload/")
    assert sent_members(request) == ["./.polyaxonignore", "./train.py"]
    assert json.loads(request.parts["json"]) == {"sync": True}
    assert "2 files" in result.stdout


def test_upload_needs_a_linked_folder(polyaxon: Tool, platform: Platform) -> None:
    result = polyaxon("upload")
    assert result.exit_code == 1
    assert result.stderr == "Error: No project is initialised in this folder. Run `polyaxon init PROJECT` here.\n"


def test_upload_warns_above_the_first_limit_and_refuses_above_the_second(
    polyaxon: Tool, project: dict[str, Any], platform: Platform, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "noise").write_bytes(os.urandom(20_000))
    monkeypatch.setenv("POLYAXON_WARN_UPLOAD_SIZE", "10000")
    warned = polyaxon("upload")
    assert (warned.exit_code, "Warning: The upload has" in warned.stderr) == (0, True)
    monkeypatch.setenv("POLYAXON_MAX_UPLOAD_SIZE", "15000")
    refused = polyaxon("upload")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: The code is larger than")
    assert len([request for request in platform.requests if request.method == "PUT"]) == 1


def test_an_empty_folder_is_not_uploaded(polyaxon: Tool, project: dict[str, Any], platform: Platform) -> None:
    result = polyaxon("upload")
    assert result.exit_code == 1
    assert "nothing to upload" in result.stderr
