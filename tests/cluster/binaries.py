"""The programs that Debian does not have, compiled once from Go modules and kept by version."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster import golang, places
from tests.cluster.commands import run, run_long
from tests.cluster.report import say

KUBERNETES = "v1.34.4"
ETCD = "v3.6.4"
COREDNS = "v1.13.2"
KWOK = "v0.7.0"
LIBRARIES = ("k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go")
STAGED = re.compile(r"^\s*(k8s\.io/\S+) => \./staging/", re.MULTILINE)


@dataclass(frozen=True)
class Build:
    """One Go module of our own and the programs that come out of it."""

    name: str
    module: str = ""
    """The module that the programs belong to; empty for what needs the standard library only."""
    version: str = ""
    packages: tuple[str, ...] = (".",)
    """Import paths of the programs; `.` is a source folder of ours."""
    programs: tuple[str, ...] = ()
    flags: str = ""
    """Variables that the linker sets."""
    same_libraries: tuple[str, ...] = ()
    """Kubernetes' libraries to take in the version that Kubernetes itself is compiled with: compiled once for both."""

    @property
    def source(self) -> Path:
        """Our own source, if the build has any."""
        return places.SOURCES / "programs" / self.name

    @property
    def key(self) -> str:
        """Name of the folder in the cache: another version or recipe is another folder."""
        recipe = [self.module, self.version, *self.packages, self.flags, *self.same_libraries]
        recipe += [file.read_text() for file in sorted(self.source.glob("*.go"))]
        digest = hashlib.sha256("\n".join(recipe).encode()).hexdigest()[:8]
        return f"{self.name}-{self.version}-{digest}" if self.version else f"{self.name}-{digest}"

    @property
    def folder(self) -> Path:
        """Where the compiled programs are."""
        return places.cache() / "bin" / self.key


def _kubernetes() -> Build:
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    version = "k8s.io/component-base/version"
    # Without these the API server says v0.0.0, and clients refuse it.
    variables = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    programs = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
    return Build(
        "kubernetes",
        "k8s.io/kubernetes",
        KUBERNETES,
        tuple(f"k8s.io/kubernetes/cmd/{program}" for program in programs),
        programs,
        " ".join(f"-X {version}.{key}={value}" for key, value in variables.items()),
    )


BUILDS = (
    Build("pause", programs=("pause",)),
    _kubernetes(),
    Build("etcd", "go.etcd.io/etcd/server/v3", ETCD, programs=("etcd",)),
    Build("coredns", "github.com/coredns/coredns", COREDNS, programs=("coredns",), same_libraries=LIBRARIES),
    Build("kwok", "sigs.k8s.io/kwok", KWOK, ("sigs.k8s.io/kwok/cmd/kwok",), ("kwok",)),
)


def missing() -> list[Build]:
    """Builds that the cache does not hold."""
    return [build for build in BUILDS if not build.folder.is_dir()]


def program(name: str) -> Path:
    """Path of a compiled program."""
    return next(build.folder / name for build in BUILDS if name in build.programs)


def ensure() -> None:
    """Compile what is missing; several minutes when that is all of it."""
    if not missing():
        return
    with places.locked("build"):
        if not (left := missing()):
            return
        say(f"compiling {', '.join(build.name for build in left)} (once per version, into {places.cache()})")
        go = golang.compiler()
        for build in left:
            _compile(go, build)
        # Two gigabytes that nobody needs again; an interrupted run goes on from them.
        shutil.rmtree(places.cache() / "go", ignore_errors=True)


def _compile(go: Path, build: Build) -> None:
    log = places.cache() / f"{build.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    with places.made_at_once(build.folder) as out, tempfile.TemporaryDirectory(dir=log.parent) as folder:
        source = Path(folder)
        _write_module(go, build, source, log)
        flags = f"-s -w {build.flags}".strip()
        command = [str(go), "build", "-v", "-trimpath", "-ldflags", flags, "-o", f"{out}/", *build.packages]
        run_long(f"compiling {build.name} {build.version}".rstrip(), command, log, env=golang.environment(), cwd=source)
        for name in build.programs:
            run(["test", "-x", str(out / name)])


def _write_module(go: Path, build: Build, source: Path, log: Path) -> None:
    lines = [f"module {build.name}", "", "go 1.24.0"]
    if build.module:
        lines += ["", f"require {build.module} {build.version}", *_replacements(go, build, log)]
        lines += [f"require {name} {_library_version(KUBERNETES)}" for name in build.same_libraries]
    (source / "go.mod").write_text("\n".join([*lines, ""]))
    for file in build.source.glob("*.go"):
        shutil.copy(file, source)
    imports = "\n".join(f'import _ "{package}"' for package in build.packages if package != ".")
    if imports:
        # Blank imports keep the programs' modules in the build list.
        (source / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}\n")


def _replacements(go: Path, build: Build, log: Path) -> list[str]:
    """Kubernetes' go.mod takes its libraries from local folders, but they are published as v0.MINOR.PATCH."""
    said = log.with_suffix(".json")
    said.unlink(missing_ok=True)
    download = [str(go), "mod", "download", "-json", f"{build.module}@{build.version}"]
    run_long(f"fetching {build.module}", download, said, env=golang.environment(), cwd=said.parent)
    text = Path(json.loads(said.read_text())["GoMod"]).read_text()
    said.unlink()
    library = _library_version(build.version)
    return [f"replace {name} => {name} {library}" for name in dict.fromkeys(STAGED.findall(text))]


def _library_version(kubernetes: str) -> str:
    return kubernetes.replace("v1.", "v0.", 1)
