"""Images of frameworks whose replicas find each other in ways of their own: the base image and one layer each."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster import images, places, wheels
from tests.cluster.commands import run, run_long
from tests.cluster.pushing import MANIFEST, Layer, extend

if TYPE_CHECKING:
    from tests.cluster.plan import Plan

# The last two are what MXNet needs.
PACKAGES = ("openmpi-bin", "openssh-client", "openssh-server", "python3-mpi4py", "libgomp1", "libquadmath0")
# Its last release, which cannot do with a newer NumPy.
MXNET = ("mxnet==1.9.1", "numpy==1.23.5")
SETTINGS = {"Env": [*images.ENVIRONMENT, "PYTHONDONTWRITEBYTECODE=1"]}


def push_mpi(plan: Plan) -> str:
    """Open MPI, OpenSSH and mpi4py, as Debian has them."""
    return _reference(plan, _push(plan, images.TAG, _debian_layer(plan)))


def push_mxnet(plan: Plan) -> str:
    """The same with MXNet, of which there are packages for x86-64 only."""
    system = _push(plan, images.TAG, _debian_layer(plan))
    return _reference(plan, _push(plan, system, wheels.layer("mxnet", MXNET)))


def _reference(plan: Plan, tag: str) -> str:
    return f"{plan.registry}/{images.BASE.name}:{tag}"


def _push(plan: Plan, below: str, layer: Layer) -> str:
    tag = f"{below}-{wheels.tag(layer)}"
    extend(plan.registry, images.BASE.name, below, tag, layer, SETTINGS)
    return tag


def _debian_layer(plan: Plan) -> Layer:
    """What apt adds to the base image; made once."""
    recipe = " ".join([images.BASE.recipe, *PACKAGES])
    folder = places.cache() / f"frameworks-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with places.locked("frameworks"):
        if not folder.is_dir():
            with places.made_at_once(folder) as storage:
                (storage / "diff_id").write_text(_install(plan, storage).diff_id)
    return Layer(folder / "layer.tar.gz", (folder / "diff_id").read_text())


def _install(plan: Plan, storage: Path) -> Layer:
    log = places.cache() / "image-frameworks.log"
    log.write_text("")
    archive = storage / "layer.tar"
    with tempfile.TemporaryDirectory(prefix="image-", dir=places.cache()) as scratch:
        system, before = Path(scratch) / "system", Path(scratch) / "before"
        _unpack_base(plan, system)
        before.touch()
        inside = f"apt-get update -q && apt-get install -qy --no-install-recommends {' '.join(PACKAGES)}"
        run_long(f"installing {', '.join(PACKAGES)}", ["chroot", str(system), "sh", "-c", inside], log)
        for useless in images.USELESS:
            shutil.rmtree(system / useless, ignore_errors=True)
        # By the time that the kernel keeps: packages set that of their files themselves.
        changed = run(["find", str(system), "-mindepth", "1", "-cnewer", str(before), "-printf", "%P\n"])
        command = ["tar", "--create", "--file", str(archive), "--numeric-owner", "--no-recursion"]
        run([*command, f"--directory={system}", "--files-from=-"], data=changed)
    layer = images.compressed(archive)
    archive.unlink()
    return layer


def _unpack_base(plan: Plan, system: Path) -> None:
    address = f"http://{plan.registry}/v2/{images.BASE.name}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(f"{address}/manifests/{images.TAG}", headers={"Accept": MANIFEST})
    with opener.open(request, timeout=60) as answer:
        (layer,) = json.load(answer)["layers"]
    system.mkdir()
    packed = system.with_name("base.tar.gz")
    with opener.open(f"{address}/blobs/{layer['digest']}", timeout=60) as answer, packed.open("wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)
    run(["tar", "--extract", "--gzip", "--file", str(packed), "--numeric-owner", f"--directory={system}"])
    packed.unlink()
