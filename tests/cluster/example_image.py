"""An image in which `examples/` run: the cluster's base image with the packages of the example and our client."""

from __future__ import annotations

import re
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images, places, wheels
from tests.cluster.pushing import Layer, extend

if TYPE_CHECKING:
    from tests.cluster.plan import Plan

PACKAGES = ("scikit-learn", "matplotlib", "joblib")
CLIENT_PACKAGES = ("httpx", "jinja2", "pathspec", "pydantic", "pyyaml")
PARTS = ("polyaxon_client", "polyaxon_schemas")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")


def push_example(plan: Plan) -> str:
    """Push it, and return the name that pods call it by. The packages are fetched once, and kept."""
    packages = wheels.layer("example", [*PACKAGES, *CLIENT_PACKAGES], _pins())
    with tempfile.TemporaryDirectory() as scratch:
        client = _client(Path(scratch))
        tag = f"example-{wheels.tag(packages)}"
        full = f"{tag}-{wheels.tag(client)}"
        settings = {"Env": [*images.ENVIRONMENT, "MPLCONFIGDIR=/tmp", "PYTHONDONTWRITEBYTECODE=1"]}
        extend(plan.registry, images.BASE.name, images.TAG, tag, packages, settings)
        extend(plan.registry, images.BASE.name, tag, full, client, settings)
    return f"{plan.registry}/{images.BASE.name}:{full}"


def _pins() -> str:
    """The versions that the project pins: what `make run` runs the example with."""
    lines = (places.ROOT / "requirements" / "run.txt").read_text().splitlines()
    found = (_PIN.match(line) for line in lines)
    return "\n".join(f"{each[1]}=={each[2]}" for each in found if each)


def _client(scratch: Path) -> Layer:
    archive = scratch / "layer.tar"
    source = places.ROOT / "client"
    with tarfile.open(archive, "w") as tar:
        for file in sorted(file for part in PARTS for file in (source / part).rglob("*.py")):
            member = tarfile.TarInfo(f"{wheels.PLACE}/{file.relative_to(source)}")
            member.size, member.mode = file.stat().st_size, 0o644
            with file.open("rb") as content:
                tar.addfile(member, content)
    return images.compressed(archive)
