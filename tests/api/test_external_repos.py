"""External repositories and CI, with real git repositories."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from polyaxon import storage
from polyaxon.actions import ci as ci_actions
from polyaxon.actions.external_repos import credentials
from polyaxon.db.models import (
    CI,
    BuildJob,
    CodeReference,
    Experiment,
    ExperimentGroup,
    ExternalRepo,
    Job,
    Project,
    Repo,
    User,
)
from polyaxon.stores import Credentials
from tests.api.conftest import P
from tests.api.test_repos import archive, content, upload
from tests.factories import EXPERIMENT, GROUP, JOB
from tests.gits import commit, git, make_origin

Item = Experiment | ExperimentGroup | Job | BuildJob
R = f"{P}/repo"
BUILD = json.dumps({"version": 1, "kind": "build", "image": "python:3.11"})


@pytest.fixture(autouse=True)
def _files_allowed(settings: Any, _own_folders: None) -> None:
    code = settings.CONFIG.code.model_copy(update={"repos_allow_file": True})
    settings.CONFIG = replace(settings.CONFIG, code=code)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    return make_origin(tmp_path / "origin", {"train": "print(1)"})


def address(origin: Path) -> str:
    return f"file://{origin}"


def external(client: APIClient, git_url: str, **fields: Any) -> Any:
    return client.post(f"{R}/external", {"git_url": git_url, **fields}, format="json")


def test_set_show_and_delete(client: APIClient, project: Project, origin: Path) -> None:
    answer = external(client, address(origin))
    assert (answer.status_code, answer.content) == (201, b"")
    shown = client.get(R).json()
    assert set(shown) == {"project", "created_at", "updated_at", "is_public", "git_url"}
    assert (shown["project"], shown["git_url"], shown["is_public"]) == ("digits", address(origin), True)
    assert client.get(P).json()["has_code"] is True
    assert client.delete(R).status_code == 204
    assert client.get(R).status_code == 404
    assert not storage.repository_path(project).exists()


def test_the_same_address_again_is_200_and_another_400(
    client: APIClient, project: Project, origin: Path, tmp_path: Path
) -> None:
    external(client, address(origin))
    storage.mirror(project).delete()
    assert external(client, address(origin)).status_code == 200
    assert storage.mirror(project).head() == git(origin, "rev-parse", "HEAD")
    second = make_origin(tmp_path / "second", {"a": "b"})
    assert external(client, address(second)).status_code == 400
    assert client.patch(R, {"git_url": address(second)}, format="json").status_code == 200
    assert storage.mirror(project).head() == git(second, "rev-parse", "HEAD")
    assert client.patch(R, {"is_public": False}, format="json").json()["is_public"] is False


@pytest.mark.parametrize(
    "git_url", ["--upload-pack=x", "ext::sh -c x", "https://a:b@host/c", "", "file:///nothing/here"]
)
def test_what_cannot_be_fetched_is_400_and_leaves_nothing(client: APIClient, project: Project, git_url: str) -> None:
    answer = external(client, git_url)
    assert answer.status_code == 400
    assert list(answer.json()) == ["git_url"]
    assert not ExternalRepo.objects.exists()
    assert not storage.repository_path(project).exists()


def test_files_of_the_server_need_the_setting(client: APIClient, project: Project, origin: Path, settings: Any) -> None:
    code = settings.CONFIG.code.model_copy(update={"repos_allow_file": False})
    settings.CONFIG = replace(settings.CONFIG, code=code)
    assert external(client, address(origin)).status_code == 400
    assert not ExternalRepo.objects.exists()


def test_private_repositories_need_https_and_credentials(client: APIClient, project: Project, origin: Path) -> None:
    assert "https" in str(external(client, address(origin), is_public=False).json())
    answer = external(client, "https://github.com/a/b.git", is_public=False)
    assert answer.json()["is_public"][0].startswith("The server has no credentials")


def test_credentials_go_to_listed_servers_only(client: APIClient, project: Project, settings: Any) -> None:
    """Whoever may set an address would read them at a server of his own otherwise."""
    code = settings.CONFIG.code.model_copy(update={"repos_access_token": "hunter2"})
    settings.CONFIG = replace(settings.CONFIG, code=code)
    repo = ExternalRepo(project=project, git_url="https://github.com/a/b.git", is_public=False)
    assert credentials(repo) == Credentials("polyaxon", "hunter2")
    for place in ("evil.example", "github.com.evil.example", "github.com:8443", "[::1]"):
        answer = external(client, f"https://{place}/a.git", is_public=False)
        assert (answer.status_code, list(answer.json())) == (400, ["git_url"])
        assert "hunter2" not in answer.content.decode()
    code = code.model_copy(update={"repos_access_token": "", "repos_credentials": "bot:a:b"})
    settings.CONFIG = replace(settings.CONFIG, code=code)
    assert credentials(repo) == Credentials("bot", "a:b")


def test_uploads_and_external_repositories_exclude_each_other(
    client: APIClient, project: Project, origin: Path
) -> None:
    upload(client, archive(train="x"))
    assert external(client, address(origin)).status_code == 403
    client.delete(R)
    assert external(client, address(origin)).status_code == 201
    assert upload(client, archive(train="x")).status_code == 403
    assert not Repo.objects.exists()


def test_strangers_change_nothing(client: APIClient, stranger: APIClient, project: Project, origin: Path) -> None:
    assert external(stranger, address(origin)).status_code == 403
    assert stranger.post(f"{P}/ci", {}, format="json").status_code == 403
    external(client, address(origin))
    assert stranger.post(f"{R}/sync").status_code == 403
    assert stranger.delete(R).status_code == 403
    assert stranger.get(R).status_code == 200
    project.is_public = False
    project.save()
    assert stranger.post(f"{R}/sync").status_code == 404


def test_runs_stand_on_the_newest_commit_of_the_remote(client: APIClient, project: Project, origin: Path) -> None:
    external(client, address(origin))
    sha = commit(origin, {"train": "print(2)"})
    created = client.post(f"{P}/experiments", {"content": EXPERIMENT}, format="json").json()
    reference = client.get(f"{P}/experiments/{created['id']}/coderef").json()
    repo = ExternalRepo.objects.get()
    assert (reference["commit"], reference["branch"], reference["external_repo"]) == (sha, "main", repo.pk)
    assert (reference["repo"], reference["git_url"]) == (None, address(origin))


def test_runs_choose_a_branch_or_a_commit(client: APIClient, project: Project, origin: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    git(origin, "branch", "side")
    second = commit(origin, {"train": "print(2)"})
    external(client, address(origin))

    def pinned(**build: str) -> Any:
        body = {**json.loads(EXPERIMENT), "build": {"image": "a", **build}}
        return client.post(f"{P}/experiments", {"content": json.dumps(body)}, format="json")

    def commit_of(answer: Any) -> str:
        return str(
            Experiment.objects.select_related("code_reference").get(pk=answer.json()["id"]).code_reference.commit
        )

    assert commit_of(pinned(branch="side")) == first
    assert commit_of(pinned(commit=second)) == second
    assert pinned(branch="other").status_code == 400
    assert pinned(commit="f" * 40).status_code == 400
    assert pinned(branch="--all").status_code == 400


def test_download(client: APIClient, stranger: APIClient, project: Project, origin: Path) -> None:
    external(client, address(origin))
    answer = stranger.get(f"{R}/download")
    assert answer["Content-Disposition"] == 'attachment; filename="digits-master.tar.gz"'
    assert content(answer, "train") == b"print(1)"
    sha = git(origin, "rev-parse", "HEAD")
    assert content(client.get(f"{R}/download", {"commit": sha}), "train") == b"print(1)"
    assert client.get(f"{R}/download", {"commit": "0" * 40}).status_code == 404


def test_an_empty_remote_is_code_to_come(client: APIClient, project: Project, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "--quiet", "--bare")
    assert external(client, address(empty)).status_code == 201
    created = client.post(f"{P}/experiments", {"content": EXPERIMENT}, format="json")
    assert created.status_code == 201
    assert not CodeReference.objects.exists()
    assert client.get(f"{R}/download").status_code == 404


def test_sync_without_ci_only_brings_back_what_is_gone(client: APIClient, project: Project, origin: Path) -> None:
    assert client.post(f"{R}/sync").status_code == 404
    external(client, address(origin))
    storage.mirror(project).delete()
    answer = client.post(f"{R}/sync")
    assert (answer.status_code, type(answer.json())) == (200, str)
    assert storage.mirror(project).head() is not None
    assert not Experiment.objects.exists()


@pytest.mark.parametrize(
    ("text", "model"), [(EXPERIMENT, Experiment), (GROUP, ExperimentGroup), (JOB, Job), (BUILD, BuildJob)]
)
def test_ci_runs_a_new_commit_once(
    client: APIClient,
    project: Project,
    origin: Path,
    text: str,
    model: type[Experiment | ExperimentGroup | Job | BuildJob],
) -> None:
    external(client, address(origin))
    client.post(f"{P}/ci", {}, format="json")
    sha = commit(origin, {"polyaxonfile.yml": text})
    answer = client.post(f"{R}/sync")
    assert (answer.status_code, answer.content) == (201, b"")
    assert client.post(f"{R}/sync").status_code == 200
    row = model.objects.select_related("code_reference", "user").get()
    assert row.code_reference is not None
    assert (row.tags, row.user.username, row.code_reference.commit) == (["ci"], "olga", sha)
    commit(origin, {"polyaxonfile.yml": text, "other": "x"})
    assert client.post(f"{R}/sync").status_code == 201
    assert model.objects.count() == 2


def test_ci_runs_uploads_that_ask_for_it(client: APIClient, project: Project) -> None:
    plain = upload(client, archive(**{"polyaxon.yaml": EXPERIMENT}), sync=True)
    assert (plain.status_code, type(plain.json())) == (200, str)
    assert client.post(f"{P}/ci", {"config": {"a": 1}}, format="json").status_code == 201
    assert upload(client, archive(**{"polyaxon.yaml": EXPERIMENT}), sync=False).status_code == 200
    assert not Experiment.objects.exists()
    ran = upload(client, archive(**{"polyaxon.yaml": EXPERIMENT}), sync=True)
    assert (ran.status_code, ran.content, len(ran["X-Polyaxon-Commit"])) == (201, b"", 40)
    assert Experiment.objects.get().tags == ["ci"]
    assert upload(client, archive(**{"polyaxon.yaml": EXPERIMENT}), sync=True).status_code == 200


@pytest.mark.parametrize("files", [{}, {"polyaxon.yml": "{"}, {"polyaxon.yml": "version: 1\nkind: experiment\nrun: 3"}])
def test_ci_says_what_is_wrong_with_the_file(
    client: APIClient, project: Project, origin: Path, files: dict[str, str]
) -> None:
    external(client, address(origin))
    client.post(f"{P}/ci", {}, format="json")
    sha = commit(origin, files)
    answer = client.post(f"{R}/sync")
    assert answer.status_code == 400
    assert (sha if not files else "polyaxon.yml") in answer.json()[0]
    assert CI.objects.get().code_reference is None


def test_ci_ends_with_the_rights_of_who_enabled_it(
    client: APIClient, project: Project, origin: Path, other: User
) -> None:
    external(client, address(origin))
    client.post(f"{P}/ci", {}, format="json")
    commit(origin, {"polyaxon.yml": EXPERIMENT})
    CI.objects.update(user=other)
    answer = client.post(f"{R}/sync")
    assert (answer.status_code, "oskar" in answer.json()[0]) == (400, True)
    assert not Experiment.objects.exists()


def test_ci_of_other_kinds_runs_nothing(client: APIClient, project: Project, origin: Path) -> None:
    external(client, address(origin))
    client.post(f"{P}/ci", {}, format="json")
    commit(origin, {"polyaxon.yml": json.dumps({"version": 1, "kind": "notebook", "build": {"image": "a"}})})
    assert client.post(f"{R}/sync").status_code == 200
    assert ci_actions.sync(project) is False


def test_ci_settings(client: APIClient, project: Project) -> None:
    for verb in ("get", "patch", "delete"):
        assert getattr(client, verb)(f"{P}/ci").status_code == 404
    created = client.post(f"{P}/ci", {"config": {"a": 1}}, format="json")
    assert created.status_code == 201
    assert set(created.json()) == {"config", "created_at", "updated_at"}
    assert client.patch(f"{P}/ci", {"config": {"a": 2}}, format="json").json()["config"] == {"a": 2}
    assert client.get(f"{P}/ci").json()["config"] == {"a": 2}
    assert client.delete(f"{P}/ci").status_code == 204
    assert not CI.objects.exists()


def test_wart_1_a_second_ci_is_400(client: APIClient, project: Project) -> None:
    client.post(f"{P}/ci", {}, format="json")
    assert client.post(f"{P}/ci", {}, format="json").status_code == 400
    assert CI.objects.count() == 1


@pytest.mark.parametrize("text", ["[1]", "{", '{"sync": "perhaps"}'])
def test_upload_options_that_make_no_sense_are_400(client: APIClient, project: Project, text: str) -> None:
    part = SimpleUploadedFile("a.tar.gz", archive(train="x"))
    answer = client.put(f"{R}/upload", {"repo": part, "json": text}, format="multipart")
    assert answer.status_code == 400
    assert not Repo.objects.exists()
