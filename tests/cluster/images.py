"""The images that are in the cluster's registry from the start, made once from Debian packages and kept."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import shutil
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts import processes
from tests.cluster import binaries, golang, packages, places
from tests.cluster.commands import ClusterError, run, run_long, tail
from tests.cluster.pushing import Layer, push, registry_answers
from tests.cluster.report import say, step
from tests.services.base import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.plan import Plan

# The system of an image belongs to one program only, so pip may install into it.
ENVIRONMENT = (f"PATH={golang.SYSTEM_PATH}", "LANG=C.UTF-8", "PIP_BREAK_SYSTEM_PACKAGES=1")
USELESS = (
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "var/log",
)


@dataclass(frozen=True)
class Image:
    """A Debian system with some packages, or a single program of ours."""

    name: str
    release: str = ""
    includes: tuple[str, ...] = ()
    program: str = ""
    # Packages with so many dependencies that debootstrap cannot order them; the new system's own apt installs them.
    later: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """Whatever changes the image if it changes."""
        built = binaries.program(self.program).parent.name if self.program else ""
        return " ".join([self.name, self.release, *self.includes, *self.later, *USELESS, *ENVIRONMENT, built])


BASE = Image(
    "base", "bookworm", ("python3", "python3-pip", "python3-venv", "python-is-python3", "git", "ca-certificates")
)
PAUSE = Image("pause", program="pause")
# What builds images, without a daemon.
BUILDER = Image("builder", "bookworm", ("ca-certificates",), later=("buildah", "crun", "uidmap"))
IMAGES = (PAUSE, BASE, BUILDER)
TAG = "1"


def reference(plan: Plan, image: Image) -> str:
    """The name that pods call an image by."""
    return f"{plan.registry}/{image.name}:{TAG}"


def folder() -> Path:
    """A registry's storage with all images."""
    digest = hashlib.sha256("\n".join(image.recipe for image in IMAGES).encode()).hexdigest()[:8]
    return places.cache() / "images" / digest


def missing() -> bool:
    """Whether the images are still to be made."""
    return not folder().is_dir()


def ensure() -> None:
    """Make the images if they are missing; a minute or two."""
    with places.locked("images"):
        if missing():
            say(f"making images {', '.join(image.name for image in IMAGES)} (once, into {places.cache()})")
            with places.made_at_once(folder()) as storage, _served(storage) as address:
                for image in IMAGES:
                    _make(image, address)


def copy_into(storage: Path) -> None:
    """Fill a registry's storage with the images, unless it holds some already."""
    if not storage.exists():
        run(["cp", "--archive", "--reflink=auto", str(folder()), str(storage)])


def registry_settings(storage: Path, address: str) -> dict[str, Any]:
    """Settings of a registry that keeps its images in `storage`."""
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"addr": address, "secret": "of-tests"},
    }


@contextlib.contextmanager
def _served(storage: Path) -> Iterator[str]:
    """A registry on loopback for as long as the block lasts."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory(dir=places.cache()) as scratch:
        settings, log = Path(scratch) / "registry.json", Path(scratch) / "registry.log"
        settings.write_text(json.dumps(registry_settings(storage, address)))
        with log.open("wb") as output:
            command = [packages.program("docker-registry"), "serve", str(settings)]
            server = processes.start(command, stdout=output, stderr=output)
        try:
            _await(address, log)
            yield address
        finally:
            processes.end(server)


def _await(address: str, log: Path) -> None:
    deadline = time.monotonic() + 90
    while not registry_answers(address):
        if time.monotonic() > deadline:
            raise ClusterError(f"the registry for making images does not answer:\n{tail(log)}")
        time.sleep(0.05)


def _make(image: Image, address: str) -> None:
    with tempfile.TemporaryDirectory(prefix="image-", dir=places.cache()) as scratch:
        if image.program:
            layer = program_layer(image.program, Path(scratch))
            settings = {"Entrypoint": [f"/{image.program}"]}
        else:
            layer = _debian_layer(image, Path(scratch))
            settings = {"Cmd": ["bash"], "Env": list(ENVIRONMENT)}
        with step(f"pushing image {image.name}"):
            push(address, image.name, TAG, layer, settings)


def program_layer(name: str, scratch: Path) -> Layer:
    """A layer of nothing but one of our programs; its file is in `scratch`."""
    archive = scratch / "layer.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(binaries.program(name), arcname=name)
    return compressed(archive)


def _debian_layer(image: Image, scratch: Path) -> Layer:
    system, archive = scratch / "system", scratch / "layer.tar"
    log = places.cache() / f"image-{image.name}.log"
    log.write_text("")
    # In mounts of its own, so that what debootstrap mounts goes with it, also when it is killed.
    command = ["unshare", "--mount", "--propagation", "private", packages.program("debootstrap")]
    options = ["--variant=minbase", f"--include={','.join(image.includes)}", image.release]
    run_long(f"making image {image.name}", [*command, *options, str(system), mirror()], log)
    if image.later:
        inside = f"apt-get update -q && apt-get install -qy --no-install-recommends {' '.join(image.later)}"
        run_long(f"installing {', '.join(image.later)}", ["chroot", str(system), "sh", "-c", inside], log)
    for useless in USELESS:
        shutil.rmtree(system / useless, ignore_errors=True)
        (system / useless).mkdir(parents=True, exist_ok=True)
    run(
        [
            "tar",
            "--create",
            "--file",
            str(archive),
            "--numeric-owner",
            "--one-file-system",
            f"--directory={system}",
            ".",
        ]
    )
    return compressed(archive)


def mirror() -> str:
    """Where this machine takes Debian's packages from."""
    listed = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)", "Created-By: Packages"])
    for line in listed.splitlines():
        origin, _, address = line.partition("|")
        if origin == "Debian" and "security" not in address and address.startswith("http"):
            return address.rstrip("/")
    return "http://deb.debian.org/debian"


def compressed(archive: Path) -> Layer:
    packed = archive.with_suffix(".tar.gz")
    with archive.open("rb") as source, gzip.open(packed, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    return Layer(packed, _digest(archive))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
