"""An image in which `examples/` run: the cluster's base image with the packages of the example and our client."""

from __future__ import annotations

import hashlib
import platform
import re
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images, places
from tests.cluster.commands import run, run_long
from tests.cluster.pushing import Layer, extend

if TYPE_CHECKING:
    from tests.cluster.plan import Plan

PYTHON = "3.11"
"""Of the base image."""
PACKAGES = ("scikit-learn", "matplotlib", "joblib")
CLIENT_PACKAGES = ("httpx", "jinja2", "pathspec", "pydantic", "pyyaml")
PLACE = f"usr/local/lib/python{PYTHON}/dist-packages"
# Whatever Debian's C library is new enough for.
PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_27", "manylinux_2_28", "manylinux_2_34")
PARTS = ("polyaxon_client", "polyaxon_schemas")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def push_example(plan: Plan) -> str:
    """Push it, and return the name that pods call it by. The packages are fetched once, and kept."""
    packages = _packages()
    with tempfile.TemporaryDirectory() as scratch:
        client = _client(Path(scratch))
        tag = f"example-{_short(packages)}"
        full = f"{tag}-{_short(client)}"
        settings = {"Env": [*images.ENVIRONMENT, "MPLCONFIGDIR=/tmp", "PYTHONDONTWRITEBYTECODE=1"]}
        extend(plan.registry, images.BASE.name, images.TAG, tag, packages, settings)
        extend(plan.registry, images.BASE.name, tag, full, client, settings)
    return f"{plan.registry}/{images.BASE.name}:{full}"


def _short(layer: Layer) -> str:
    return layer.diff_id.partition(":")[2][:12]


def _packages() -> Layer:
    pins = _pins()
    recipe = " ".join([PYTHON, *PACKAGES, *CLIENT_PACKAGES, *PLATFORMS, pins])
    folder = places.cache() / f"example-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with places.locked("example"):
        if not folder.is_dir():
            with places.made_at_once(folder) as storage:
                layer = _install(storage, pins)
                (storage / "diff_id").write_text(layer.diff_id)
    return Layer(folder / "layer.tar.gz", (folder / "diff_id").read_text())


def _pins() -> str:
    """The versions that the project pins: what `make run` runs the example with."""
    lines = (places.ROOT / "requirements" / "run.txt").read_text().splitlines()
    found = (_PIN.match(line) for line in lines)
    return "\n".join(f"{each[1]}=={each[2]}" for each in found if each)


def _install(storage: Path, pins: str) -> Layer:
    """Into a folder as pip would into the image, and that as a layer in `storage`."""
    root = storage / "root"
    constraints = storage / "pins.txt"
    constraints.write_text(pins)
    wheels = [part for each in PLATFORMS for part in ("--platform", f"{each}_{platform.machine()}")]
    of_image = ["--python-version", PYTHON, "--implementation", "cp", "--only-binary=:all:", *wheels]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(root / PLACE)]
    log = places.cache() / "example.log"
    log.write_text("")
    run_long(
        f"fetching {', '.join(PACKAGES)}",
        [*command, *of_image, "--constraint", str(constraints), *PACKAGES, *CLIENT_PACKAGES],
        log,
    )
    archive = storage / "layer.tar"
    owner = ["--numeric-owner", "--owner=0", "--group=0"]
    run(["tar", "--create", "--file", str(archive), *owner, f"--directory={root}", "usr"])
    layer = images.compressed(archive)
    archive.unlink()
    run(["rm", "-r", str(root)])
    return layer


def _client(scratch: Path) -> Layer:
    archive = scratch / "layer.tar"
    source = places.ROOT / "client"
    with tarfile.open(archive, "w") as tar:
        for file in sorted(file for part in PARTS for file in (source / part).rglob("*.py")):
            member = tarfile.TarInfo(f"{PLACE}/{file.relative_to(source)}")
            member.size, member.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                tar.addfile(member, content)
    return images.compressed(archive)
