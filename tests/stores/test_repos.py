from __future__ import annotations

import io
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path

import pytest

from polyaxon.stores import Commit, InternalRepo, RepoError

from .contracts import joined, unpacked

ANN = {"author": "ann", "email": "ann@example.org", "message": "upload"}


@pytest.fixture
def repo(tmp_path: Path) -> InternalRepo:
    return InternalRepo(tmp_path / "repos" / "ann" / "digits")


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def commit(repo: InternalRepo, folder: Path) -> Commit:
    return repo.commit_tree(folder, **ANN)


def git(repo: InternalRepo, *arguments: str) -> str:
    """What an ordinary git says about the repository."""
    command = ["git", "-c", "safe.directory=*", "--git-dir", str(repo.path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def exported(repo: InternalRepo, sha: str, destination: Path) -> dict[str, bytes]:
    repo.export(sha, destination)
    files = [path for path in destination.rglob("*") if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(destination)): path.read_bytes() for path in files}


class TestCommit:
    def test_no_repository_yet(self, repo: InternalRepo) -> None:
        assert repo.head() is None
        assert not repo.contains("0" * 40)

    def test_the_first_upload_makes_the_repository_and_a_commit(self, repo: InternalRepo, tmp_path: Path) -> None:
        made = commit(repo, write(tmp_path / "up", {"train.py": b"print(1)", "pkg/a.py": b""}))
        assert made.created
        assert made.sha == repo.head() == git(repo, "rev-parse", "master")
        assert git(repo, "log", "-1", "--format=%an|%ae|%cn|%ce|%s") == "ann|ann@example.org|ann|ann@example.org|upload"
        assert git(repo, "ls-tree", "-r", "--name-only", "master").split() == ["pkg/a.py", "train.py"]

    def test_identical_content_makes_no_commit(self, repo: InternalRepo, tmp_path: Path) -> None:
        first = commit(repo, write(tmp_path / "one", {"a": b"1"}))
        again = repo.commit_tree(write(tmp_path / "two", {"a": b"1"}), author="bob", email="b@x", message="other")
        assert again == Commit(first.sha, created=False)
        assert git(repo, "rev-list", "--count", "master") == "1"

    def test_a_change_and_a_way_back_are_commits(self, repo: InternalRepo, tmp_path: Path) -> None:
        one, two = write(tmp_path / "one", {"a": b"1", "b": b"1"}), write(tmp_path / "two", {"a": b"2"})
        shas = [commit(repo, folder).sha for folder in (one, two, one)]
        assert git(repo, "rev-list", "master").split() == shas[::-1]
        assert len(set(shas)) == 3
        assert exported(repo, shas[1], tmp_path / "out") == {"a": b"2"}

    def test_a_changed_mode_is_a_change(self, repo: InternalRepo, tmp_path: Path) -> None:
        folder = write(tmp_path / "up", {"run.sh": b"#!/bin/sh"})
        first = commit(repo, folder)
        (folder / "run.sh").chmod(0o755)
        second = commit(repo, folder)
        assert second.created
        repo.export(second.sha, tmp_path / "out")
        assert os.access(tmp_path / "out" / "run.sh", os.X_OK)
        assert first.sha != second.sha

    def test_ignored_files_are_kept(self, repo: InternalRepo, tmp_path: Path) -> None:
        files = {
            ".gitignore": b"*\n!a\n",
            "a": b"1",
            "data.csv": b"2",
            "build/x.o": b"3",
            "build/.gitignore": b"*",
        }
        made = commit(repo, write(tmp_path / "up", files))
        assert exported(repo, made.sha, tmp_path / "out") == files

    def test_bytes_are_kept_whatever_the_upload_says_of_them(self, repo: InternalRepo, tmp_path: Path) -> None:
        attributes = textwrap.dedent("""
            [attr]text eol=crlf
            * text=auto eol=crlf
            *.id ident
            *.lfs filter=lfs diff=lfs merge=lfs -text
            *.utf16 text working-tree-encoding=UTF-16
            secret export-ignore
            version export-subst
        """).encode()
        files = {
            ".gitattributes": attributes,
            "sub/.gitattributes": b"* text eol=lf\n",
            "unix": b"a\nb\n",
            "dos": b"a\r\nb\r\n",
            "sub/mixed": b"a\nb\r\nc\r",
            "x.id": b"$Id$\n$Id: old $\n",
            "x.lfs": b"weights\0\r\n",
            "x.utf16": "naïve\n".encode("utf-16"),
            "broken.utf16": b"\xff",
            "secret": b"kept",
            "version": b"$Format:%H$",
        }
        made = commit(repo, write(tmp_path / "up", files))
        assert exported(repo, made.sha, tmp_path / "out") == files
        assert {name: data for name, data in unpacked(repo.archive(made.sha)).items() if data is not None} == files

    def test_configuration_of_user_machine_and_caller_is_ignored(
        self, repo: InternalRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hooks = write(
            tmp_path / "hooks",
            {"reference-transaction": b"#!/bin/sh\nexit 1\n", "post-commit": b"#!/bin/sh\n"},
        )
        (hooks / "reference-transaction").chmod(0o755)
        excludes = write(tmp_path / "misc", {"excludes": b"*\n", "attributes": b"* text eol=crlf\n"})
        configuration = f"""
            [core]
            hooksPath = {hooks}
            autocrlf = true
            excludesFile = {excludes}/excludes
            attributesFile = {excludes}/attributes
            [commit]
            gpgSign = true
            [user]
            useConfigOnly = true
            [init]
            defaultBranch = trunk
        """
        home = write(tmp_path / "home", {".gitconfig": textwrap.dedent(configuration).encode()})
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
        monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(home / ".gitconfig"))
        monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
        monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "elsewhere"))
        monkeypatch.setenv("GIT_AUTHOR_DATE", "2001-01-01T00:00:00Z")
        made = commit(repo, write(tmp_path / "up", {"a.txt": b"1\r\n2\n"}))
        assert exported(repo, made.sha, tmp_path / "out") == {"a.txt": b"1\r\n2\n"}
        assert not (tmp_path / "elsewhere").exists()
        for name in os.environ.keys() & {
            "GIT_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
        }:
            monkeypatch.delenv(name)
        assert git(repo, "rev-parse", "refs/heads/master") == made.sha
        assert int(git(repo, "log", "-1", "--format=%at")) > time.time() - 3600

    def test_links_are_kept_as_links(self, repo: InternalRepo, tmp_path: Path) -> None:
        folder = write(tmp_path / "up", {"v1/model": b"1"})
        (folder / "latest").symlink_to("v1/model")
        (folder / "dir").symlink_to("v1")
        repo.export(commit(repo, folder).sha, tmp_path / "out")
        assert (tmp_path / "out" / "latest").readlink() == Path("v1/model")
        assert (tmp_path / "out" / "dir" / "model").read_bytes() == b"1"

    def test_odd_names(self, repo: InternalRepo, tmp_path: Path) -> None:
        odd = [
            "-rf",
            "--exec=x",
            ":(exclude)a",
            "a b",
            "line\nbreak",
            "naïve 💾",
            "*",
            "[x]",
            '"quoted"',
            "back\\slash",
        ]
        files = {name: name.encode() for name in [*odd, os.fsdecode(b"\xff")] if name != os.fsdecode(b"\xff")}
        made = commit(repo, write(tmp_path / "up", {**files, os.fsdecode(b"\xff"): b"x"}))
        assert exported(repo, made.sha, tmp_path / "out") == {**files, os.fsdecode(b"\xff"): b"x"}

    def test_a_file_larger_than_git_keeps_in_memory(self, repo: InternalRepo, tmp_path: Path) -> None:
        data = random.Random(1).randbytes(20 * 1024**2)
        made = commit(repo, write(tmp_path / "up", {"big": data}))
        assert exported(repo, made.sha, tmp_path / "out") == {"big": data}

    def test_an_upload_of_no_files(self, repo: InternalRepo, tmp_path: Path) -> None:
        (tmp_path / "up").mkdir()
        made = commit(repo, tmp_path / "up")
        assert exported(repo, made.sha, tmp_path / "out") == {}

    def test_a_repository_inside_is_refused_by_name(self, repo: InternalRepo, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "-q", tmp_path / "up" / "vendor" / "lib"], check=True)
        with pytest.raises(RepoError, match="vendor/lib") as error:
            commit(repo, tmp_path / "up")
        assert str(tmp_path) not in str(error.value)
        assert repo.head() is None

    @pytest.mark.parametrize(
        ("author", "expected"),
        [
            ("", "unknown"),
            ("<>", "unknown"),
            ("A <b>\nc", "A bc"),
            (" . ", "unknown"),
            ("Zoë 💾", "Zoë 💾"),
            ("\ud800", "?"),
        ],
    )
    def test_any_author(self, repo: InternalRepo, tmp_path: Path, author: str, expected: str) -> None:
        folder = write(tmp_path / "up", {"a": b"1"})
        repo.commit_tree(folder, author=author, email=f"{author}@x", message="-m \ud800\0 x")
        assert git(repo, "log", "-1", "--format=%an") == expected

    def test_nothing_is_left_beside_the_repository(self, repo: InternalRepo, tmp_path: Path) -> None:
        commit(repo, write(tmp_path / "up", {"a": b"1"}))
        assert list(repo.path.parent.iterdir()) == [repo.path]
        assert sorted(path.name for path in (tmp_path / "up").iterdir()) == ["a"]


class TestRead:
    @pytest.fixture
    def sha(self, repo: InternalRepo, tmp_path: Path) -> str:
        return commit(repo, write(tmp_path / "up", {"a": b"1", "b/c": b"2"})).sha

    def test_contains_takes_full_hashes_of_commits_only(self, repo: InternalRepo, sha: str) -> None:
        tree = git(repo, "rev-parse", f"{sha}^{{tree}}")
        assert repo.contains(sha)
        for other in (
            sha[:12],
            sha.upper(),
            "master",
            "HEAD",
            f"{sha}^0",
            f"{sha}\n",
            "",
            tree,
            "0" * 40,
            "--all",
        ):
            assert not repo.contains(other), other

    def test_contains_knows_older_commits(self, repo: InternalRepo, sha: str, tmp_path: Path) -> None:
        commit(repo, write(tmp_path / "up", {"a": b"changed"}))
        assert repo.contains(sha)
        assert repo.head() != sha

    @pytest.mark.parametrize("unknown", ["0" * 40, "master", "--help", "../../x"])
    @pytest.mark.usefixtures("sha")
    def test_unknown_commits(self, repo: InternalRepo, tmp_path: Path, unknown: str) -> None:
        for call in (lambda: repo.export(unknown, tmp_path / "out"), lambda: repo.archive(unknown)):
            with pytest.raises(RepoError, match="there is no commit") as error:
                call()
            assert error.value.which == "digits"
            assert str(tmp_path) not in str(error.value)
        assert not (tmp_path / "out").exists()

    def test_export_makes_the_folders_above(self, repo: InternalRepo, sha: str, tmp_path: Path) -> None:
        assert exported(repo, sha, tmp_path / "x" / "y" / "out") == {"a": b"1", "b/c": b"2"}
        assert [path.name for path in (tmp_path / "x" / "y").iterdir()] == ["out"]

    def test_export_leaves_what_is_there(self, repo: InternalRepo, sha: str, tmp_path: Path) -> None:
        write(tmp_path / "out", {"mine": b"x"})
        with pytest.raises(FileExistsError):
            repo.export(sha, tmp_path / "out")
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"mine"}
        assert not list(tmp_path.glob(".*.part"))

    def test_an_exported_folder_is_independent(self, repo: InternalRepo, sha: str, tmp_path: Path) -> None:
        for name in ("one", "two"):
            repo.export(sha, tmp_path / name)
        (tmp_path / "one" / "a").write_text("changed by a run")
        assert (tmp_path / "two" / "a").read_bytes() == b"1"
        assert exported(repo, sha, tmp_path / "three")["a"] == b"1"

    def test_archive_has_the_files_at_its_root(self, repo: InternalRepo, sha: str) -> None:
        assert unpacked(repo.archive(sha)) == {"a": b"1", "b": None, "b/c": b"2"}

    def test_archive_keeps_links_and_modes(self, repo: InternalRepo, tmp_path: Path) -> None:
        folder = write(tmp_path / "up", {"run.sh": b"#!"})
        (folder / "run.sh").chmod(0o755)
        (folder / "link").symlink_to("run.sh")
        data = joined(repo.archive(commit(repo, folder).sha))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            assert [(info.name, info.linkname, info.mode) for info in tar] == [
                ("link", "run.sh", 0o755),
                ("run.sh", "", 0o755),
            ]

    def test_delete(self, repo: InternalRepo, sha: str) -> None:
        repo.delete()
        repo.delete()
        assert not list(repo.path.parent.iterdir())
        assert repo.head() is None
        assert not repo.contains(sha)

    def test_a_damaged_repository_is_an_error_that_names_it(self, repo: InternalRepo, sha: str, tmp_path: Path) -> None:
        for path in (repo.path / "objects").rglob("*"):
            if path.is_file() and not path.match(f"{sha[:2]}/{sha[2:]}"):
                path.unlink()
        with pytest.raises(RepoError, match=f"'digits': commit {sha} cannot be read") as error:
            repo.export(sha, tmp_path / "out")
        assert str(tmp_path) not in str(error.value)
        assert not (tmp_path / "out").exists()


def _upload_many(path: Path, folder: Path, who: str, count: int) -> None:
    repo = InternalRepo(path)
    for number in range(count):
        write(folder, {"who": who.encode(), "number": str(number).encode()})
        repo.commit_tree(folder, author=who, email=f"{who}@example.org", message=f"{who} {number}")


def test_processes_that_commit_at_once_all_end_in_the_history(repo: InternalRepo, tmp_path: Path) -> None:
    """They also race for making the repository."""
    spawn = multiprocessing.get_context("spawn")
    names = ["ann", "bob", "cyd"]
    workers = [spawn.Process(target=_upload_many, args=(repo.path, tmp_path / name, name, 4)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    messages = git(repo, "log", "--format=%s", "master").splitlines()
    assert sorted(messages) == sorted(f"{name} {number}" for name in names for number in range(4))
    for name in names:
        assert [line for line in messages[::-1] if line.startswith(name)] == [f"{name} {number}" for number in range(4)]
    assert "error" not in git(repo, "fsck", "--full")


def test_a_commit_that_comes_between_outside_our_lock_is_built_upon(
    repo: InternalRepo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(repo, write(tmp_path / "one", {"a": b"1"})).sha
    tree = git(repo, "rev-parse", f"{first}^{{tree}}")
    advance, calls = repo._git.advance, []

    def intruded(ref: str, new: str, old: str | None, held: list[int]) -> bool:
        calls.append(old)
        if len(calls) == 1:
            identity = ["-c", "user.name=x", "-c", "user.email=x@x"]
            git(
                repo,
                "update-ref",
                ref,
                git(repo, *identity, "commit-tree", tree, "-p", first, "-m", "between"),
            )
        return advance(ref, new, old, held)

    monkeypatch.setattr(repo._git, "advance", intruded)
    made = commit(repo, write(tmp_path / "two", {"a": b"2"}))
    assert git(repo, "log", "--format=%s", made.sha).splitlines() == ["upload", "between", "upload"]
    assert calls[0] == first
    assert len(calls) == 2


@pytest.mark.parametrize("left", ["refs/heads/master.lock", "HEAD.lock"])
def test_locks_of_a_killed_git_do_not_block(repo: InternalRepo, tmp_path: Path, left: str) -> None:
    commit(repo, write(tmp_path / "one", {"a": b"1"}))
    (repo.path / left).touch()
    made = commit(repo, write(tmp_path / "two", {"a": b"2"}))
    assert made.created
    assert repo.head() == made.sha


COMMIT_FOREVER = """
import sys
from pathlib import Path
from polyaxon.stores import InternalRepo
repo, folder = InternalRepo(Path(sys.argv[1])), Path(sys.argv[2])
number = 0
while True:
    for index in range(60):
        (folder / f"{index}.py").write_text(f"{number} {index}" * 100)
    (folder / "number").write_text(str(number))
    print(repo.commit_tree(folder, author="ann", email="a@x", message=str(number)).sha, flush=True)
    number += 1
"""


@pytest.mark.slow
def test_a_repository_survives_kill_at_any_moment(repo: InternalRepo, tmp_path: Path) -> None:
    dice = random.Random(7)
    told: list[str] = []
    for round_number in range(8):
        folder = tmp_path / f"up{round_number}"
        folder.mkdir()
        command = [sys.executable, "-c", COMMIT_FOREVER, str(repo.path), str(folder)]
        environment = {**os.environ, "TMPDIR": str(tmp_path)}  # a killed process leaves its scratch files
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment)
        assert child.stdout is not None
        if round_number:  # the first round may be killed while the repository is made
            told.append(child.stdout.readline().strip())
        time.sleep(dice.uniform(0.0, 0.4) if round_number else 0.9)
        # Odd rounds spare git itself: it goes on without its caller.
        (os.killpg if round_number % 2 == 0 else os.kill)(child.pid, signal.SIGKILL)
        told += [line.strip() for line in child.stdout if len(line) == 41]
        child.wait()
        made = commit(repo, write(tmp_path / "next", {"round": str(round_number).encode()}))
        assert made.created
        told.append(made.sha)
        assert exported(repo, made.sha, tmp_path / f"out{round_number}") == {"round": str(round_number).encode()}
    history = git(repo, "rev-list", "master").split()
    assert set(told) <= set(history)
    assert len(told) >= 15
    subprocess.run(["git", "--git-dir", repo.path, "fsck", "--full", "--strict"], check=True, capture_output=True)
