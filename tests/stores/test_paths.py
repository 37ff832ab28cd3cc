from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyaxon.stores import PathRefused, contained
from polyaxon.stores.paths import contained_unlinked, open_regular

TRICKY = st.sampled_from(
    [
        "..",
        ".",
        "",
        "/",
        "\\",
        "\0",
        "%2e%2e",
        "%252e",
        "C:",
        "~",
        "link",
        "out",
        "file",
        "folder",
        "x" * 256,
        "\ud800",
        "…",
    ]
)
ANY_PATH = st.lists(TRICKY | st.text(max_size=8), max_size=8).map("/".join)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return _furnish(tmp_path)


def _furnish(parent: Path) -> Path:
    root = parent / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_text("inside")
    (parent / "secret").write_text("outside")
    (root / "out").symlink_to(parent)
    (root / "absolute").symlink_to("/etc")
    (root / "link").symlink_to("folder")
    (root / "loop").symlink_to("loop")
    return root


@pytest.mark.parametrize(
    ("relative", "inside"),
    [
        ("a", "a"),
        ("folder/file", "folder/file"),
        ("./folder//file/", "folder/file"),
        ("link/file", "folder/file"),
        ("not/yet/there", "not/yet/there"),
        ("..hidden", "..hidden"),
        ("...", "..."),
        ("%2e%2e/secret", "%2e%2e/secret"),
        ("%252e%252e%252fsecret", "%252e%252e%252fsecret"),
        ("~/x", "~/x"),
        ("$HOME", "$HOME"),
        ("naïve 💾", "naïve 💾"),
    ],
)
def test_paths_inside(root: Path, relative: str, inside: str) -> None:
    assert contained(root, relative) == root.resolve() / inside


@pytest.mark.parametrize(
    ("relative", "reason"),
    [
        ("", "empty"),
        (".", "empty"),
        ("././", "empty"),
        ("..", "'..'"),
        ("folder/../file", "'..'"),
        ("a/../../secret", "'..'"),
        ("..\\secret", "'..'"),
        ("a\\..\\..\\secret", "'..'"),
        ("/etc/passwd", "absolute"),
        ("//etc/passwd", "absolute"),
        ("\\etc", "absolute"),
        ("\\\\host\\share\\x", "absolute"),
        ("C:\\x", "absolute"),
        ("c:x", "absolute"),
        ("a\0.txt", "NUL"),
        ("out/secret", "link"),
        ("out", "link"),
        ("absolute/passwd", "link"),
        ("link/../../secret", "'..'"),
        ("loop", "link"),
        ("loop/x", "link"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("x/" * 2100, "too long"),
        ("a\ud800b", "Unicode"),
    ],
)
def test_paths_refused(root: Path, relative: str, reason: str) -> None:
    with pytest.raises(PathRefused, match=reason) as error:
        contained(root, relative)
    assert str(root.parent) not in str(error.value)
    assert reason.strip("'") in error.value.reason


@given(relative=ANY_PATH)
def test_no_path_leads_out(relative: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = _furnish(Path(folder))
        try:
            target, message = contained(root, relative), ""
        except PathRefused as error:
            target, message = root.resolve() / "refused", str(error)
        assert Path(os.path.realpath(target)).is_relative_to(root.resolve())
        assert target != root.resolve()
        assert folder not in message
        assert "\n" not in message


@given(relative=ANY_PATH)
def test_no_file_outside_is_opened(relative: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = _furnish(Path(folder))
        try:
            stream, size = open_regular(root, relative)
        except (PathRefused, OSError):
            return
        with stream:
            assert (stream.read(), size) == (b"inside", 6)


def test_a_root_that_is_a_link_itself_works(root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    assert contained(tmp_path / "alias", "folder") == root.resolve() / "folder"


def test_a_folder_with_a_similar_name_is_not_inside(root: Path) -> None:
    Path(f"{root}-other").mkdir()
    (root / "similar").symlink_to(f"{root}-other")
    with pytest.raises(PathRefused):
        contained(root, "similar")


def test_unlinked_refuses_links_that_stay_inside(root: Path) -> None:
    assert contained_unlinked(root, "folder/file") == root.resolve() / "folder/file"
    with pytest.raises(PathRefused, match="link"):
        contained_unlinked(root, "link/file")


def test_open_follows_links_inside_and_refuses_those_that_lead_out(root: Path) -> None:
    stream, size = open_regular(root, "link/file")
    with stream:
        assert (stream.read(), size) == (b"inside", 6)
    with pytest.raises(PathRefused):
        open_regular(root, "out/secret")


def test_open_does_not_hang_on_a_pipe(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(PathRefused, match="neither"):
        open_regular(root, "pipe")


def test_open_refuses_sockets_and_folders(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(OSError, match="socket"):
            open_regular(root, "socket")
    with pytest.raises(IsADirectoryError):
        open_regular(root, "folder")


def test_a_link_put_in_place_after_the_check_is_not_followed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = root / "folder" / "file"

    def swapped(_: Path, __: str) -> Path:
        target = checked.resolve()
        checked.unlink()
        checked.symlink_to(root.parent / "secret")
        return target

    monkeypatch.setattr("polyaxon.stores.paths.contained", swapped)
    with pytest.raises(OSError, match="symbolic link"):
        open_regular(root, "folder/file")


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("folder/file", "folder", "folder/none", "out/secret"):
        try:
            open_regular(root, name)[0].close()
        except (PathRefused, OSError):
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before
