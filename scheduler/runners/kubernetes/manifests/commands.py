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
# a process group of its own, which hears of a stop as a whole. Its output is one stream: lines keep their order. What
# the shell itself has to say, such as that a job is done, is none of it.
_SUPERVISOR = """\
set -m
exec 2>/dev/null
/bin/bash -c "$1" 2>&1 &
child=$!
trap 'asked=1; {stop}' TERM INT
asked=1
while [ -n "$asked" ]; do asked=; wait "$child"; code=$?; done
exit "$code"
"""
_STOP = 'kill -TERM -- "-$child"'
# mpirun would give its processes a second. So those beside it are told first, and it when they have ended. The other
# replicas go on meanwhile: what is being finished may have to hear from all.
_STOP_MPIRUN = (
    'kill -TERM $(grep -lsaz ^OMPI_COMM_WORLD_RANK= /proc/[0-9]*/environ | tr -cd "0-9\\n"); '
    f"while grep -qsaz ^OMPI_COMM_WORLD_RANK= /proc/[0-9]*/environ; do sleep 0.2; done; {_STOP}"
)
_STOP_SSHD = f"while grep -qsaz ^SSH_CONNECTION= /proc/[0-9]*/environ; do sleep 0.2; done; {_STOP}"

# Also where sshd is: with many hosts, Open MPI has some of them reach the others.
_OWN_KEY = f"(umask 077; cp {SSH_PATH}/id_rsa /tmp/plx-key)"
# A process that ssh starts has the environment of the container, which sshd does not hand on by itself.
_SSHD = f"""\
{_OWN_KEY}
(umask 077; export -p > /tmp/plx-environment)
ssh-keygen -q -t ed25519 -N '' -f /tmp/plx-host-key && \\
exec "$(command -v sshd || echo /usr/sbin/sshd)" -D -e -p {PORT} -f {LAUNCH_PATH}/sshd_config -h /tmp/plx-host-key
"""
_SSHD_CONFIG = f"""\
AuthorizedKeysFile {SSH_PATH}/authorized_keys
ForceCommand . /tmp/plx-environment; exec /bin/bash -c "$SSH_ORIGINAL_COMMAND"
LogLevel ERROR
PasswordAuthentication no
PidFile none
StrictModes no
UsePAM no
"""


def ssh_files(launch: LaunchSpec) -> dict[str, str]:
    """What ssh and its server read. Open MPI calls hosts by the first part of their names only."""
    ssh_config = f"""\
Host * !*.* !localhost
  HostName %h.{names.base_of(launch)}
Host *
  Port {PORT}
  IdentityFile /tmp/plx-key
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  ConnectTimeout 2
  ConnectionAttempts 10
  LogLevel ERROR
"""
    return {"ssh_config": ssh_config, "sshd_config": _SSHD_CONFIG}


def passwd(user: int, group: int) -> str:
    """`/etc/passwd` for ssh, which refuses to work for a user that has no entry there."""
    return (
        "root:x:0:0:root:/root:/bin/bash\n"
        "sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        f"polyaxon:x:{user}:{group}::/tmp:/bin/bash\n"
    )


def supervised(command: str, stop: str = _STOP) -> list[str]:
    """Command and arguments of a container, and what is done there when it is asked to stop."""
    return ["/bin/bash", "-c", literal(_SUPERVISOR.format(stop=stop)), "polyaxon", literal(command)]


def needs_ssh(launch: LaunchSpec) -> bool:
    """Whether replicas are started through ssh."""
    spec = names.cluster(launch)
    return spec.is_distributed and (spec.framework in MPI_FRAMEWORKS or spec.backend is Backend.MPI)


def main_command(launch: LaunchSpec, replica: Replica) -> list[str]:
    """Of a replica's main container."""
    if not needs_ssh(launch):
        return supervised(launch.command)
    # With the operator, it tells mpirun the hosts, by a file that it names in the environment.
    by_operator = names.cluster(launch).backend is Backend.MPI
    if replica.role != ("launcher" if by_operator else MASTER):
        return supervised(_SSHD, _STOP_SSHD)
    return supervised(_mpirun(launch, slots=None if by_operator else _slots(launch)), _STOP_MPIRUN)


def _slots(launch: LaunchSpec) -> list[tuple[str, int]]:
    """Address and number of processes of each replica: one per GPU, at least one."""
    replicas = names.cluster(launch).replicas
    return [
        ("localhost" if each.role == MASTER else names.address(launch, each), max(each.place.gpus, 1))
        for each in replicas
    ]


def _mpirun(launch: LaunchSpec, slots: list[tuple[str, int]] | None) -> str:
    others = [host for host, _ in slots or [] if host != "localhost"]
    # sshd complains of whoever says nothing.
    hello = "exec 3<>/dev/tcp/{host}/{port} && echo SSH-2.0-wait >&3 && read -rt 5 <&3"
    waits = [f"until ({hello.format(host=host, port=PORT)}) 2>/dev/null; do sleep 1; done" for host in others]
    lines = [_OWN_KEY, *waits, f"exec {shlex.join(_arguments(launch, slots))}"]
    return "\n".join(lines)


def _arguments(launch: LaunchSpec, slots: list[tuple[str, int]] | None) -> list[str]:
    processes = sum(number for _, number in slots) if slots else _processes(launch)
    hosts = ["-H", ",".join(f"{host}:{number}" for host, number in slots)] if slots else []
    return [
        *("mpirun", "-np", str(processes), *hosts, "--bind-to", "none", "--map-by", "slot", "--tag-output"),
        *("-mca", "plm_rsh_args", f"-F {LAUNCH_PATH}/ssh_config"),
        *("/bin/bash", "-c", launch.command),
    ]


def _processes(launch: LaunchSpec) -> int:
    return sum(max(each.place.gpus, 1) for each in names.cluster(launch).replicas)
