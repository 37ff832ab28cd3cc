"""What a training by MPI does first, and Horovod in `init`: ranks in the world, in a pod and across; runs in pods."""

from __future__ import annotations

import json
import os
import socket
from array import array

from mpi4py import MPI

MANY = 1 << 16  # numbers: more than travels with a message's head


def summed(communicator: MPI.Comm, number: int) -> float:
    """By everyone, of a vector that each fills with its own number."""
    mine, total = array("d", [float(number)]) * MANY, array("d", [0.0]) * MANY
    communicator.Allreduce([mine, MPI.DOUBLE], [total, MPI.DOUBLE], op=MPI.SUM)
    assert len(set(total)) == 1, "not everybody's numbers arrived everywhere"
    return total[0]


def main() -> None:
    world = MPI.COMM_WORLD
    local = world.Split_type(MPI.COMM_TYPE_SHARED)
    across = world.Split(local.rank, world.rank)
    found = {
        "rank": world.rank,
        "size": world.size,
        "local": [local.rank, local.size],
        "across": [across.rank, across.size],
        "sum": summed(world, world.rank + 1),
        "host": socket.gethostname().split(".")[0],
        "umask": os.umask(0o22),
        "folder": str(os.path.realpath(".")),
        "env": {name: value for name, value in os.environ.items() if name.startswith(("POLYAXON_", "TOLD_", "PATH"))},
    }
    gathered = world.gather(found)
    if gathered is not None:
        os.write(1, f"{json.dumps(gathered)}\n".encode())


if __name__ == "__main__":
    main()
