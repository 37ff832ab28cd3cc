"""Archives that would leave their folder, are broken, or are too much: refused, and nothing changes."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.person import Answer, Person
from tests.e2e.unchanged import MIB, Unchanged, said, words_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def settings_of_server() -> dict[str, str]:
    return {
        "POLYAXON_UPLOAD_MAX_BYTES": str(4 * MIB),
        "POLYAXON_UPLOAD_MAX_UNPACKED_BYTES": str(64 * MIB),
        "POLYAXON_UPLOAD_MAX_FILE_BYTES": str(48 * MIB),
        "POLYAXON_UPLOAD_MAX_MEMBERS": "500",
    }


def upload(person: Person, careful: str, data: bytes) -> Answer:
    boundary = uuid.uuid4().hex
    head_of_part = f'--{boundary}\r\nContent-Disposition: form-data; name="repo"; filename="r.tar.gz"\r\n\r\n'
    body = head_of_part.encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return person.http("PUT", f"{careful}/repo/upload", body, Content_Type=f"multipart/form-data; boundary={boundary}")


def archive(files: dict[str, bytes], *members: tarfile.TarInfo, mode: str = "w:gz") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for member in members:
            tar.addfile(member)
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "", **more: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    for key, value in more.items():
        setattr(info, key, value)
    return info


def through_a_link() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(member("out", tarfile.SYMTYPE, "/tmp"))
        info = tarfile.TarInfo("out/evil")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    return buffer.getvalue()


GOOD_FILE = {"fine.py": b"print('fine')\n"}
NOISE = os.urandom(200_000)
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "traversal": lambda: archive({**GOOD_FILE, "../evil": b"x"}),
    "hidden traversal": lambda: archive({**GOOD_FILE, "a/b/../../../evil": b"x"}),
    "absolute path": lambda: archive({**GOOD_FILE, "/tmp/evil-from-upload": b"x"}),
    "link out of the tree": lambda: archive(GOOD_FILE, member("out", tarfile.SYMTYPE, "../../../../etc/passwd")),
    "absolute link": lambda: archive(GOOD_FILE, member("out", tarfile.SYMTYPE, "/etc/passwd")),
    "hard link out of the tree": lambda: archive(GOOD_FILE, member("out", tarfile.LNKTYPE, "../../etc/passwd")),
    "file through a link": through_a_link,
    "character device": lambda: archive(GOOD_FILE, member("zero", tarfile.CHRTYPE, devmajor=1, devminor=5)),
    "block device": lambda: archive(GOOD_FILE, member("disk", tarfile.BLKTYPE, devmajor=8, devminor=0)),
    "pipe": lambda: archive(GOOD_FILE, member("pipe", tarfile.FIFOTYPE)),
    "cut": lambda: archive({"noise": NOISE})[:100_000],
    "cut in the last bytes": lambda: archive({"noise": NOISE})[:-5],
    "garbage": lambda: NOISE[:5000],
    "gzip of garbage": lambda: gzip.compress(NOISE[:5000]),
    "empty": lambda: b"",
    "zip bomb": lambda: archive({"zeros": bytes(40 * MIB)}),
    "large file": lambda: archive({"zeros": bytes(49 * MIB)}),
    "many bytes": lambda: archive({f"zeros{n}": bytes(17 * MIB) for n in range(4)}),
    "many files": lambda: archive({f"f{n}": b"" for n in range(600)}),
    "deep": lambda: archive({"/".join(["d"] * 200) + "/f": b"x"}),
    "one name twice as file and folder": lambda: archive({"a": b"x", "a/b": b"y"}),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_bad_archive(admin: Person, careful: str, unchanged: Unchanged, case: str) -> None:
    data = ARCHIVES[case]()
    with unchanged():
        refused = said(upload(admin, careful, data), 400)
    assert len(json.loads(refused)[0] if refused.startswith("[") else refused) > 15
    assert not Path("/tmp/evil-from-upload").exists()
    assert not Path("/tmp/evil").exists()


def test_an_archive_over_the_limit(admin: Person, careful: str, unchanged: Unchanged) -> None:
    with unchanged():
        refused = said(upload(admin, careful, archive({"noise": os.urandom(5 * MIB)})), 413)
    words_in(refused, ["5.0 MiB", "at most"])


def test_the_tool_tells_why_an_upload_is_refused(admin: Person, unchanged: Unchanged, tmp_path: Path) -> None:
    admin.cli("init", "admin/careful", "-y", cwd=tmp_path)
    with unchanged():
        (tmp_path / "out").symlink_to("/etc/passwd")
        words_in(admin.cli("upload", code=1, cwd=tmp_path).stderr, ["out", "/etc/passwd"])
        (tmp_path / "out").unlink()
        (tmp_path / "noise").write_bytes(os.urandom(5 * MIB))
        words_in(admin.cli("upload", code=1, cwd=tmp_path).stderr, ["5.0 MiB", ".polyaxonignore"])


def test_identical_content_makes_no_new_commit(admin: Person, careful: str, unchanged: Unchanged) -> None:
    admin.cli("upload")
    with unchanged():
        admin.cli("upload")
        admin.cli("upload")
