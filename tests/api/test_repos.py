"""The code of a project."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from polyaxon import storage
from polyaxon.db.models import CodeReference, Project, Repo
from tests.api.conftest import P
from tests.factories import EXPERIMENT

if TYPE_CHECKING:
    from rest_framework.test import APIClient

R = f"{P}/repo"


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def upload(client: APIClient, data: bytes, *, sync: bool = False) -> Any:
    part = SimpleUploadedFile("tmp1.tar.gz", data, content_type="text/plain")
    return client.put(f"{R}/upload/", {"repo": part, "json": json.dumps({"sync": sync})}, format="multipart")


def test_an_upload_becomes_a_commit_once(client: APIClient, project: Project) -> None:
    first = upload(client, archive(train="print(1)"))
    assert (first.status_code, first.content) == (200, b"")
    sha = first["X-Polyaxon-Commit"]
    assert len(sha) == 40
    assert upload(client, archive(train="print(1)"))["X-Polyaxon-Commit"] == sha
    assert upload(client, archive(train="print(2)"))["X-Polyaxon-Commit"] != sha
    assert client.get(P).json()["has_code"] is True


def test_a_new_experiment_stands_on_the_newest_commit(client: APIClient, project: Project) -> None:
    sha = upload(client, archive(train="print(1)"))["X-Polyaxon-Commit"]
    created = client.post(f"{P}/experiments", {"content": EXPERIMENT}, format="json").json()
    reference = client.get(f"{P}/experiments/{created['id']}/coderef").json()
    assert (reference["commit"], reference["branch"]) == (sha, "master")


def test_download(client: APIClient, stranger: APIClient, service: APIClient, project: Project) -> None:
    first = upload(client, archive(train="print(1)"))["X-Polyaxon-Commit"]
    upload(client, archive(train="print(2)"))
    newest = stranger.get(f"{R}/download")
    assert newest["Content-Disposition"] == 'attachment; filename="digits-master.tar.gz"'
    assert content(newest, "train") == b"print(2)"
    assert content(stranger.get(f"{R}/download?commit={first}"), "train") == b"print(1)"
    assert content(service.get(f"{R}/download?commit=master"), "train") == b"print(2)"
    for wrong in ("0" * 40, "--help", "HEAD~1", first[:10]):
        assert client.get(f"{R}/download", {"commit": wrong}).status_code == 404


def content(answer: Any, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(b"".join(answer.streaming_content))) as tar:
        names = {member.name.removeprefix("./"): member for member in tar.getmembers()}
        file = tar.extractfile(names[name])
        assert file is not None
        return file.read()


def test_wart_1_an_upload_without_the_part_is_400(client: APIClient, project: Project) -> None:
    answer = client.put(f"{R}/upload", {"json": "{}"}, format="multipart")
    assert list(answer.json()) == ["repo"]
    assert client.put(f"{R}/upload", {"repo": "text"}, format="multipart").status_code == 400
    assert client.put(f"{R}/upload", {}, format="json").status_code == 415


def outside(name: str, **fields: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        member = tarfile.TarInfo(name)
        for key, value in fields.items():
            setattr(member, key, value)
        tar.addfile(member, io.BytesIO(b""))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        archive(train="print(1)" * 1000)[:-20],
        outside("../evil"),
        outside("/etc/evil"),
        outside("link", type=tarfile.SYMTYPE, linkname="../../evil"),
        outside("device", type=tarfile.CHRTYPE),
    ],
    ids=["garbage", "cut", "traversal", "absolute", "link", "device"],
)
def test_a_bad_archive_is_400_and_changes_nothing(client: APIClient, project: Project, data: bytes) -> None:
    answer = upload(client, data)
    assert answer.status_code == 400
    assert isinstance(answer.json(), list)
    assert not Repo.objects.exists()
    assert storage.repository(project).head() is None


def test_an_upload_over_the_limit_is_413(client: APIClient, project: Project, settings: Any) -> None:
    limits = settings.CONFIG.limits.model_copy(update={"upload_max_bytes": 10})
    settings.CONFIG = replace(settings.CONFIG, limits=limits)
    assert upload(client, b"x" * 100_000).status_code == 413


def test_strangers_do_not_upload(client: APIClient, stranger: APIClient, project: Project) -> None:
    assert upload(stranger, archive(train="x")).status_code == 403
    assert not Repo.objects.exists()


def test_repo(client: APIClient, stranger: APIClient, project: Project) -> None:
    assert client.get(R).status_code == 404
    assert client.get(f"{R}/download").status_code == 404
    upload(client, archive(train="x"))
    assert set(client.get(R).json()) == {"project", "created_at", "updated_at", "is_public"}
    assert client.get(R).json()["project"] == "digits"
    assert client.patch(R, {"is_public": False}, format="json").json()["is_public"] is False
    assert stranger.delete(R).status_code == 403
    assert client.delete(R).status_code == 204
    assert client.get(R).status_code == 404
    assert CodeReference.objects.get().repo is None
    assert not storage.repository_path(project).exists()
