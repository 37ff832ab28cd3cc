"""The helper's image, as its Dockerfile says, on the base image of the cluster."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images
from tests.cluster.pushing import extend

if TYPE_CHECKING:
    from tests.cluster.plan import Plan

SOURCE = Path(__file__).resolve().parents[2] / "docker" / "helper" / "helper"
SETTINGS = {"Env": [*images.ENVIRONMENT, "PYTHONPATH=/usr/lib/polyaxon", "PYTHONDONTWRITEBYTECODE=1"]}


def push_helper(plan: Plan) -> str:
    """Push it, and return the name that pods call it by."""
    files = sorted(SOURCE.rglob("*.py"))
    tag = "helper-" + hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "layer.tar"
        with tarfile.open(archive, "w") as tar:
            for file in files:
                tar.add(file, arcname=f"usr/lib/polyaxon/helper/{file.relative_to(SOURCE)}")
        extend(plan.registry, images.BASE.name, images.TAG, tag, images.compressed(archive), SETTINGS)
    return f"{plan.registry}/{images.BASE.name}:{tag}"
