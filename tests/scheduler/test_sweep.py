"""What killed processes left behind goes; what is under way, or a run's own, stays."""

from __future__ import annotations

import subprocess
import threading
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from polyaxon import options, storage
from polyaxon.actions import code
from polyaxon.db.models import Event
from polyaxon.stores import repos
from scheduler.passes import sweep
from scheduler.passes.expiry import expire
from tests.contents import tar_gz
from tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def roots(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = {name: tmp_path / name for name in ("outputs_root", "repos_root")}
    settings.CONFIG = replace(settings.CONFIG, stores=settings.CONFIG.stores.model_copy(update=names))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is there now is older than what the sweep leaves alone."""
    monkeypatch.setattr(sweep, "ABANDONED_AFTER", -1.0)


def part() -> str:
    return f".{uuid.uuid4().hex}.part"


def make(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "half").write_text("x")
    return folder


def abandoned(root: Path) -> list[Path]:
    return [
        make(root / "repos_root" / part()),
        make(root / "repos_root" / ".upload-ab12_x"),
        make(root / "outputs_root" / "olga" / part()),
        make(root / "outputs_root" / "olga" / "digits" / "experiments" / part()),
        make(root / "outputs_root" / "olga" / "digits" / "groups" / "3" / part()),
        make(root / "tmp" / "polyaxon-index-abc"),
        make(root / "tmp" / "polyaxon-archive-abc"),
    ]


def test_abandoned_folders_go(roots: Path, later: None) -> None:
    folders = abandoned(roots)
    locked = make(folders[0] / "read-only")
    locked.chmod(0o500)
    sweep.sweep()
    assert [folder for folder in folders if folder.exists()] == []


def test_young_folders_stay(roots: Path) -> None:
    folders = abandoned(roots)
    sweep.sweep()
    assert all((folder / "half").exists() for folder in folders)


def test_what_is_a_run_s_or_somebody_s_stays(roots: Path, later: None) -> None:
    run = roots / "outputs_root" / "olga" / "digits" / "experiments" / "7"
    kept = [
        make(run / part()),
        make(run / "checkpoints" / part()),
        make(roots / "outputs_root" / "olga" / "digits" / "groups" / "3" / "9" / part()),
        make(roots / "outputs_root" / "olga" / "digits" / "experiments" / ".short.part"),
        make(roots / "tmp" / "another-program"),
    ]
    target = make(roots / "elsewhere")
    (roots / "tmp" / "polyaxon-index-link").symlink_to(target)
    sweep.sweep()
    assert all((folder / "half").exists() for folder in [*kept, target])


def loose(path: Path) -> int:
    return len(list(path.glob("objects/??/*")))


def test_repositories_are_packed_and_keep_every_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repos, "LOOSE_OBJECTS", 1)
    project = make_project()
    assert project.user is not None
    shas = []
    for number in range(3):
        files = {f"{number}-{name}.txt": f"{number} {name}" for name in range(300)}
        shas.append(code.upload(project, project.user, tar_gz(files)).commit)
    repository = storage.repository(project)
    before = loose(repository.path)
    sweep.sweep()
    assert before > 900
    assert loose(repository.path) == 0
    assert repository.head() == shas[-1]
    assert all(repository.contains(sha or "") for sha in shas)
    checked = subprocess.run(["git", "fsck", "--full"], cwd=repository.path, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, b"")


def test_uploads_beside_the_packing_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repos, "LOOSE_OBJECTS", 1)
    project = make_project()
    assert project.user is not None
    code.upload(project, project.user, tar_gz({f"{name}.txt": str(name) for name in range(300)}))
    repository, ended = storage.repository(project), threading.Event()

    def pack() -> None:
        while not ended.is_set():
            repository.maintain()

    packing = threading.Thread(target=pack)
    packing.start()
    try:
        shas = [code.upload(project, project.user, tar_gz({"a.txt": str(number)})).commit for number in range(10)]
    finally:
        ended.set()
        packing.join()
    assert len(set(shas)) == 10
    assert all(repository.contains(sha or "") for sha in shas)


def test_a_damaged_repository_keeps_no_other_from_its_upkeep(roots: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(roots / "repos_root" / "0000.git")
    sweep.sweep()
    assert "cannot be packed" in caplog.text


def test_events_are_kept_for_the_days_that_the_option_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.passes.expiry.AT_ONCE", 2)
    for _ in range(6):
        make_project()
    ids = list(Event.objects.order_by("id").values_list("pk", flat=True))
    for place, pk in enumerate(ids):
        Event.objects.filter(pk=pk).update(created_at=timezone.now() - timedelta(days=31 if place % 2 else 20))
    expire()
    assert list(Event.objects.order_by("id").values_list("pk", flat=True)) == ids[::2]
    options.write(options.find("CLEANING_INTERVALS:EVENTS"), 10)
    expire()
    assert not Event.objects.exists()
