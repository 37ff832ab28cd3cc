"""An image with a small server under the names of Jupyter and TensorBoard, on the base image of the cluster."""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images
from tests.cluster.pushing import extend

if TYPE_CHECKING:
    from tests.cluster.plan import Plan

STAND_IN = Path(__file__).resolve().parents[1] / "service_stand_in.py"
NAMES = ("jupyter-notebook", "jupyter-lab", "tensorboard")


def push_services(plan: Plan) -> str:
    """Push it, and return the name that pods call it by."""
    program = b"#!/usr/bin/env python3\n" + STAND_IN.read_bytes()
    tag = "services-" + hashlib.sha256(program).hexdigest()[:12]
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "layer.tar"
        with tarfile.open(archive, "w") as tar:
            for name in NAMES:
                member = tarfile.TarInfo(f"usr/local/bin/{name}")
                member.size, member.mode = len(program), 0o755
                tar.addfile(member, io.BytesIO(program))
        settings = {"Env": list(images.ENVIRONMENT)}
        extend(plan.registry, images.BASE.name, images.TAG, tag, images.compressed(archive), settings)
    return f"{plan.registry}/{images.BASE.name}:{tag}"
