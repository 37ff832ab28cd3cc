"""Layers of Python packages for the cluster's base image, fetched once and kept."""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images, places
from tests.cluster.commands import run, run_long
from tests.cluster.pushing import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

PYTHON = "3.11"
"""Of the base image."""
PLACE = f"usr/local/lib/python{PYTHON}/dist-packages"
# Whatever Debian's C library is new enough for.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")


def layer(name: str, packages: Sequence[str], pins: str = "") -> Layer:
    """A layer with these packages, and what they need in the versions of `pins`, where those say any."""
    recipe = " ".join([PYTHON, *packages, *PLATFORMS, pins])
    folder = places.cache() / f"{name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with places.locked(name):
        if not folder.is_dir():
            with places.made_at_once(folder) as storage:
                (storage / "diff_id").write_text(_install(name, packages, pins, storage).diff_id)
    return Layer(folder / "layer.tar.gz", (folder / "diff_id").read_text())


def tag(layer: Layer) -> str:
    """Part of an image's tag that tells the layer."""
    return layer.diff_id.partition(":")[2][:12]


def _install(name: str, packages: Sequence[str], pins: str, storage: Path) -> Layer:
    """Into a folder as pip would into the image, and that as a layer in `storage`."""
    root = storage / "root"
    constraints = storage / "pins.txt"
    constraints.write_text(pins)
    wheels = [part for each in PLATFORMS for part in ("--platform", f"{each}_{platform.machine()}")]
    of_image = ["--python-version", PYTHON, "--implementation", "cp", "--only-binary=:all:", *wheels]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(root / PLACE)]
    log = places.cache() / f"{name}.log"
    log.write_text("")
    run_long(
        f"fetching {', '.join(packages)}",
        [*command, *of_image, "--constraint", str(constraints), *packages],
        log,
    )
    archive = storage / "layer.tar"
    owner = ["--numeric-owner", "--owner=0", "--group=0"]
    run(["tar", "--create", "--file", str(archive), *owner, f"--directory={root}", "usr"])
    made = images.compressed(archive)
    archive.unlink()
    run(["rm", "-r", str(root)])
    return made
