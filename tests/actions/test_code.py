"""Uploads become commits; runs are pinned to them."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from polyaxon import storage
from polyaxon.actions import code
from polyaxon.db.models import CodeReference, Event
from polyaxon.errors import InvalidInput
from tests.contents import experiment_content, tar_gz
from tests.factories import make_experiment, make_project

pytestmark = pytest.mark.django_db


def test_an_upload_is_a_commit_and_identical_content_makes_no_new_one() -> None:
    project = make_project()
    assert project.user is not None
    first = code.upload(project, project.user, tar_gz({"train.py": "print(1)"}))
    again = code.upload(project, project.user, tar_gz({"train.py": "print(1)"}))
    other = code.upload(project, project.user, tar_gz({"train.py": "print(2)"}))
    assert first.commit == again.commit
    assert first.pk == again.pk
    assert other.commit != first.commit
    assert Event.objects.filter(event_type="repo.new_commit", project=project).count() == 2


def test_a_run_keeps_the_commit_that_was_newest_when_it_was_made() -> None:
    project = make_project()
    assert project.user is not None
    first = code.upload(project, project.user, tar_gz({"a": "1"}))
    experiment = make_experiment(project, content=experiment_content())
    code.upload(project, project.user, tar_gz({"a": "2"}))
    experiment.refresh_from_db()
    assert experiment.code_reference is not None
    assert experiment.code_reference.commit == first.commit


def test_a_commit_can_be_asked_for() -> None:
    project = make_project()
    assert project.user is not None
    first = code.upload(project, project.user, tar_gz({"a": "1"}))
    code.upload(project, project.user, tar_gz({"a": "2"}))
    experiment = make_experiment(project, content=experiment_content(), commit=first.commit)
    assert experiment.code_reference is not None
    assert experiment.code_reference.commit == first.commit
    with pytest.raises(InvalidInput, match="no commit"):
        make_experiment(project, content=experiment_content(), commit="0" * 40)


def escaping_link() -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./link")
        info.type, info.linkname = tarfile.SYMTYPE, "../../../etc/passwd"
        archive.addfile(info)
    buffer.seek(0)
    return buffer


def named(name: str) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = 1
        archive.addfile(info, io.BytesIO(b"x"))
    buffer.seek(0)
    return buffer


def bomb() -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("./zeros")
        info.size = 300 * 1024 * 1024
        archive.addfile(info, Zeros())
    buffer.seek(0)
    return buffer


class Zeros(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return bytes(size)


def cut() -> io.BytesIO:
    whole = tar_gz({"a": "x" * 100_000, "b": "y" * 100_000}).getvalue()
    return io.BytesIO(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "archive",
    [
        lambda: named("../evil"),
        lambda: named("/etc/evil"),
        escaping_link,
        bomb,
        cut,
        lambda: io.BytesIO(b"not an archive"),
        lambda: io.BytesIO(gzip.compress(b"not a tar")),
        lambda: io.BytesIO(b""),
    ],
    ids=["dot-dot", "absolute", "link", "bomb", "cut", "garbage", "gzip", "empty"],
)
def test_a_refused_upload_changes_nothing(archive: object) -> None:
    project = make_project()
    assert project.user is not None
    before = code.upload(project, project.user, tar_gz({"a": "1"}))
    with pytest.raises(InvalidInput) as refused:
        code.upload(project, project.user, archive())  # type: ignore[operator]
    assert str(storage.runs_root().parent) not in str(refused.value)
    assert storage.repository(project).head() == before.commit
    assert CodeReference.objects.filter(repo__project=project).count() == 1
    assert [entry for entry in storage.repository_path(project).parent.iterdir() if entry.name.startswith(".")] == []
