"""What the main container executes: the run's command under a supervisor, or what a launcher needs around it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from scheduler.runners.kubernetes.manifests import names
from scheduler.runners.kubernetes.manifests.environment import literal
from scheduler.runners.kubernetes.spec import MASTER, Backend

if TYPE_CHECKING:
    from scheduler.runners.base import LaunchSpec
    from scheduler.runners.kubernetes.spec import Replica

PORT = 2222
LAUNCH_PATH = "/plx-launch"  # files that the commands below read
SSH_PATH = "/plx-ssh"
MPI_FRAMEWORKS = frozenset({"horovod", "mpi"})

# A container's first process ignores SIGTERM unless it handles it, and only the first one gets it. So the command is
# a process group of its own, which hears of a stop as a whole. Its output is one stream: lines keep their order.
SUPERVISOR = """\
set -m
/bin/bash -c "$1" 2>&1 &
child=$!
exec 2>/dev/null
trap 'asked=1; kill -TERM -- "-$child"' TERM INT
asked=1
while [ -n "$asked" ]; do asked=; wait "$child"; code=$?; done
exit "$code"
"""

_OWN_KEY = f"umask 077; cp {SSH_PATH}/id_rsa /tmp/plx-key"
_SSHD = (
    "ssh-keygen -q -t ed25519 -N '' -f /tmp/plx-host-key && "
    f'exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -p {PORT} -f {LAUNCH_PATH}/sshd_config '
    "-h /tmp/plx-host-key"
)

SSH_FILES = {
    "ssh_config": f"""\
Host *
  Port {PORT}
  IdentityFile /tmp/plx-key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  ConnectTimeout 2
  ConnectionAttempts 10
  LogLevel ERROR
""",
    "sshd_config": f"""\
AuthorizedKeysFile {SSH_PATH}/authorized_keys
PasswordAuthentication no
PidFile none
StrictModes no
UsePAM no
""",
}


def passwd(user: int, group: int) -> str:
    """`/etc/passwd` for ssh, which refuses to work for a user that has no entry there."""
    return (
        "root:x:0:0:root:/root:/bin/bash\n"
        "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        f"polyaxon:x:{user}:{group}::/tmp:/bin/bash\n"
    )


def supervised(command: str) -> list[str]:
    """Command and arguments of a container."""
    return ["/bin/bash", "-c", literal(SUPERVISOR), "polyaxon", literal(command)]


def needs_ssh(launch: LaunchSpec) -> bool:
    """Whether replicas are started through ssh."""
    spec = names.cluster(launch)
    return spec.is_distributed and (spec.framework in MPI_FRAMEWORKS or spec.backend is Backend.MPI)


def main_command(launch: LaunchSpec, replica: Replica) -> list[str]:
    """Of a replica's main container."""
    if not needs_ssh(launch):
        return supervised(launch.command)
    if names.cluster(launch).backend is Backend.MPI:
        # The operator tells mpirun the hosts, by a file that it names in the environment.
        return supervised(_mpirun(launch, slots=None) if replica.role == "launcher" else _SSHD)
    return supervised(_mpirun(launch, slots=_slots(launch)) if replica.role == MASTER else _SSHD)


def _slots(launch: LaunchSpec) -> list[tuple[str, int]]:
    """Address and number of processes of each replica: one per GPU, at least one."""
    replicas = names.cluster(launch).replicas
    return [
        ("localhost" if each.role == MASTER else names.address(launch, each), max(each.place.gpus, 1))
        for each in replicas
    ]


def _mpirun(launch: LaunchSpec, slots: list[tuple[str, int]] | None) -> str:
    others = [host for host, _ in slots or [] if host != "localhost"]
    waits = [f"until (exec 3<>/dev/tcp/{host}/{PORT}) 2>/dev/null; do sleep 1; done" for host in others]
    lines = [_OWN_KEY, *waits, f"exec {shlex.join(_arguments(launch, slots))}"]
    return "\n".join(lines)


def _arguments(launch: LaunchSpec, slots: list[tuple[str, int]] | None) -> list[str]:
    spec = names.cluster(launch)
    processes = sum(number for _, number in slots) if slots else _processes(launch)
    hosts = ["-H", ",".join(f"{host}:{number}" for host, number in slots)] if slots else []
    passed = [*launch.env, *dict.fromkeys(name for each in spec.replicas for name in each.place.env)]
    exported = [part for name in passed for part in ("-x", name)]
    return [
        *("mpirun", "-np", str(processes), *hosts, "--bind-to", "none", "--map-by", "slot", "--tag-output"),
        *("-mca", "plm_rsh_args", f"-F {LAUNCH_PATH}/ssh_config", *exported),
        *("/bin/bash", "-c", launch.command),
    ]


def _processes(launch: LaunchSpec) -> int:
    return sum(max(each.place.gpus, 1) for each in names.cluster(launch).replicas)
