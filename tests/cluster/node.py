"""The node: namespaces of its own for mounts, processes and network, in which everything of the cluster runs.

Whatever the cluster mounts, starts, links or filters is in these namespaces and ends with their first process, which
the kernel sees to, also when that process is killed. Nothing of it shows on the machine but the processes, the cable
of `network` and the groups of `cgroups`.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts import processes
from tests.cluster import binaries
from tests.cluster.commands import ClusterError, run, tail
from tests.cluster.identity import NOTE, Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.cluster.plan import Plan

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DISK = 100 << 30
"""Bytes that the node's /var may hold; the file takes what is in it."""
PATIENCE = 20.0
"""Seconds that namespaces and processes may take to come and go."""

# A kubelet writes these settings of the whole machine unless it finds them so; it finds files of its own.
KERNEL_SETTINGS: Mapping[str, str] = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}

# The first process: mounts that hide the machine's own, then nothing but waiting and reaping.
SETUP = """
set -e
mount --make-rshared /
mount -t proc proc /proc
mount -o loop,nobarrier "$1/disk" /var || mount --bind "$1/var" /var
mkdir -p /var/lib /var/log /var/tmp /var/cache
ln -sfn /run /var/run
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock
cd "$1/kernel"
find . -type f | while read -r setting; do mount --bind "$setting" "/proc/sys/$setting"; done
cd /
exec "$2"
"""


class Node:
    """The namespaces of one cluster, and the processes in them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @property
    def keeper(self) -> Identity | None:
        """The process on the machine that holds the namespaces; they end with it."""
        return Identity.read(self.plan.folder / "keeper.pid")

    @property
    def init(self) -> Identity:
        """The first process in the namespaces; `ClusterError` if there is none."""
        keeper = self.keeper
        if keeper is None or not keeper.is_alive():
            raise ClusterError("the cluster is not up")
        if not (children := _children(keeper.pid)):
            raise ClusterError("the cluster has no first process")
        return Identity.of(children[0])

    def is_kept(self) -> bool:
        """Whether the keeper lives, and so anything at all."""
        return (keeper := self.keeper) is not None and keeper.is_alive()

    def is_alive(self) -> bool:
        """Whether the namespaces exist and can be used."""
        try:
            return self._is_set_up()
        except (ClusterError, ProcessLookupError):
            return False

    def create(self, *, bound: bool) -> None:
        """Make the namespaces. `bound`: they end with the thread that calls this, even if it is killed."""
        self._prepare()
        options = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private"]
        inside = ["sh", "-c", SETUP, "setup", str(self.plan.folder), str(binaries.program("pause"))]
        # The shell notes itself before there is anything to clean up, and becomes the keeper.
        note = f"{NOTE} >{shlex.quote(str(self.plan.folder / 'keeper.pid'))}"
        command = ["sh", "-c", f'{note}; exec "$@"', "keeper", "unshare", *options, *inside]
        log = self.plan.path("logs", "node.log")
        with log.open("wb") as output:
            child = _start(command, bound=bound, stdout=output, stderr=subprocess.STDOUT, cwd="/")
        self._await(child, log)

    def run(self, command: Sequence[str]) -> str:
        """Run a tool on the node to its end and return its output."""
        return run([*self._enter(), *command])

    def spawn(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Identity:
        """Start a process on the node, which lives until it is ended or the node is; it prints into logs/NAME.log."""
        log, note = self.plan.path("logs", f"{name}.log"), self.plan.path("processes", f"{name}.inside")
        note.unlink(missing_ok=True)
        script = f'{NOTE} >{shlex.quote(str(note))}; exec "$@" >>{shlex.quote(str(log))} 2>&1 </dev/null'
        variables = {"PATH": PATH, "HOME": str(self.plan.folder), **environment}
        assignments = [f"{key}={value}" for key, value in variables.items()]
        inside = ["setsid", "--fork", "env", "-i", *assignments, "sh", "-c", script, name, *command]
        run([*self._enter(), *inside])
        identity = self._outside(note)
        self.plan.write(str(identity), "processes", f"{name}.pid")
        return identity

    def process(self, name: str) -> Identity | None:
        """A spawned process, whether it still lives or not."""
        return Identity.read(self.plan.folder / "processes" / f"{name}.pid")

    def end(self, name: str, first: signal.Signals) -> None:
        """End a spawned process."""
        if (identity := self.process(name)) is not None:
            identity.end(first)

    def destroy(self) -> None:
        """End every process on the node, and with them all mounts, links and filters."""
        keeper = self.keeper
        if keeper is None:
            return
        inside = self.members()
        keeper.end(signal.SIGKILL)
        _wait_until_gone(lambda: [f"process {each.pid}" for each in inside if each.is_alive()])
        _wait_until_gone(lambda: _loops_of(self.plan.folder / "disk"))

    def members(self) -> list[Identity]:
        """Every process on the node."""
        try:
            return [self.init, *map(Identity.of, _descendants(self.init.pid))]
        except (ClusterError, ProcessLookupError):
            return []

    def _prepare(self) -> None:
        for name, value in KERNEL_SETTINGS.items():
            self.plan.path("kernel", name).write_text(f"{value}\n")
        self.plan.path("var", "here")
        self._make_disk()

    def _make_disk(self) -> None:
        """A file system in one file, for /var: it goes at once, while a removal of all layers' files takes a minute.

        Where there is no such thing as a loop device the node does with a folder.
        """
        if (mkfs := shutil.which("mkfs.ext4", path=PATH)) is None:
            return
        disk = self.plan.path("disk")
        free = shutil.disk_usage(disk.parent).free
        with disk.open("wb") as file:
            file.truncate(min(DISK, free * 9 // 10))
        run([mkfs, "-q", "-F", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", str(disk)])

    def _await(self, child: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.is_alive():
            if child.poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"the node's namespaces cannot be made: {tail(log)}")
            time.sleep(0.05)

    def _is_set_up(self) -> bool:
        return Path(f"/proc/{self.init.pid}/exe").readlink() == binaries.program("pause")

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.init.pid), "--mount", "--net", "--pid", "--wd=/", "--"]

    def _outside(self, note: Path) -> Identity:
        """The process whose note was written with its number inside."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            inside = Identity.read(note)
            if inside is not None:
                for pid in _children(self.init.pid):
                    identity = Identity.of(pid)
                    if identity.tick == inside.tick and _number_inside(pid) == inside.pid:
                        return identity
            time.sleep(0.02)
        raise ClusterError(f"{note.stem}: ended at once; see its log")


def _start(command: Sequence[str], *, bound: bool, **options: Any) -> subprocess.Popen[bytes]:
    if bound:
        # The keeper does not listen to anything milder.
        return processes.start(command, on_death=signal.SIGKILL, **options)
    return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, start_new_session=True, **options)


def _wait_until_gone(look: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while left := look():
        if time.monotonic() > deadline:
            raise ClusterError(f"not gone after {PATIENCE:.0f} s: {', '.join(left)}")
        time.sleep(0.05)


def _loops_of(disk: Path) -> list[str]:
    """Loop devices that a file is behind; the kernel frees them a moment after the last mount."""
    files = Path("/sys/block").glob("loop*/loop/backing_file")
    return [file.parts[3] for file in files if _content(file).startswith(str(disk))]


def _content(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # gone in between
        return ""


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
            children = [int(each) for each in task.read_text().split()]
            found += children
            waiting += children
    return found


def _number_inside(pid: int) -> int:
    """The number that a process has in the innermost namespace."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0
