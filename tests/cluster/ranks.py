"""What a distributed training does with its environment, over plain sockets and with nothing but Python: runs in pods.

python ranks.py             one process per replica, as `init_process_group("env://")` has it
python ranks.py launch 2    two per replica, as `torchrun --nproc-per-node=2` starts them by its variables
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from typing import Any

PATIENCE = 60.0
RING_PORT = 29600


def say(line: str) -> None:
    """In the run's log; in one piece, for two processes may write there."""
    os.write(1, f"{line}\n".encode())


def connected(host: str, port: int) -> socket.socket:
    """To a peer that may not listen yet, or whose name may not be known yet."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection((host, port), timeout=PATIENCE)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def listening(port: int) -> socket.socket:
    """On every address of this pod."""
    listener = socket.create_server(("", port), reuse_port=False)
    listener.settimeout(PATIENCE)
    return listener


def told(peer: socket.socket) -> Any:
    """The next line of a peer."""
    with peer.makefile("r") as lines:
        return json.loads(lines.readline())


def tell(peer: socket.socket, what: Any) -> None:
    peer.sendall(json.dumps(what).encode() + b"\n")


def gathered(mine: dict[str, Any], rank: int, size: int, address: str, port: int) -> list[dict[str, Any]]:
    """What each rank has, in order of rank, known to all: rank 0 collects and tells."""
    if rank:
        with connected(address, port) as master:
            tell(master, mine)
            found: list[dict[str, Any]] = told(master)
            return found
    with listening(port) as listener, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(listener.accept()[0]) for _ in range(size - 1)]
        found = sorted([mine, *map(told, peers)], key=lambda each: int(each["rank"]))
        for peer in peers:
            tell(peer, found)
        return found


def passed_on(rank: int) -> int:
    """The rank that the one before it in the ring says it has; each is reached at its address in `POLYAXON_CLUSTER`."""
    cluster = json.loads(os.environ["POLYAXON_CLUSTER"])
    hosts = [address.partition(":")[0] for role in ("master", "worker") for address in cluster.get(role, [])]
    with listening(RING_PORT) as listener:
        with connected(hosts[(rank + 1) % len(hosts)], RING_PORT) as following:
            tell(following, rank)
        peer, _ = listener.accept()
        with peer:
            return int(told(peer))


def take_part() -> list[dict[str, Any]]:
    """By the variables of `env://`."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    task = json.loads(os.environ["POLYAXON_TASK_INFO"])
    mine = {"rank": rank, "task": f"{task['type']}-{task['index']}", "host": socket.gethostbyname(socket.gethostname())}
    found = gathered(mine, rank, size, os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    say(f"rank {rank} of {size}: sum {sum(each['rank'] for each in found)}")
    return found


def launch(per_node: int) -> int:
    """As torchrun does with a static rendezvous; the exit code of the first process that fails."""
    given = {name: int(os.environ[f"PET_{name}"]) for name in ("NNODES", "NODE_RANK", "MASTER_PORT")}
    variables = {
        **os.environ,
        "WORLD_SIZE": str(given["NNODES"] * per_node),
        "MASTER_ADDR": os.environ["PET_MASTER_ADDR"],
        "MASTER_PORT": str(given["MASTER_PORT"] + 1),
    }
    ranks = [str(given["NODE_RANK"] * per_node + local) for local in range(per_node)]
    command = [sys.executable, __file__, "part"]
    children = [subprocess.Popen(command, env={**variables, "RANK": rank}) for rank in ranks]
    return max(child.wait() for child in children)


def main() -> int:
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb == "launch":
        return launch(int(sys.argv[2]))
    found = take_part()
    rank = int(os.environ["RANK"])
    if verb != "part":
        say(f"rank {rank} heard of rank {passed_on(rank)}")
        if rank == 0:
            say(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
