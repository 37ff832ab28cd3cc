"""`python -m tests.cluster up|down|status|prepare`."""

from __future__ import annotations

import argparse
import sys

from scripts.processes import Interrupted, raising_signals
from tests.cluster import places
from tests.cluster.cluster import Cluster, explain_status, prepare_machine, sweep
from tests.cluster.commands import ClusterError
from tests.cluster.report import say

COMMANDS = {
    "up": "start this checkout's cluster unless it works already",
    "down": "end it and remove everything it made",
    "status": "say which parts of it work",
    "prepare": "install, compile and make what the machine lacks, and start nothing",
}


def up() -> None:
    """Start and say how to reach it."""
    cluster = Cluster.up()
    say(f"export KUBECONFIG={cluster.kubeconfig}")


def down() -> None:
    """End and remove, and what killed runs of tests left, too."""
    sweep(places.default_state())
    if (cluster := Cluster.find()) is None:
        say("no cluster is up")
    else:
        cluster.down()


def status() -> None:
    """Say what works."""
    for line in explain_status():
        say(line)


def main(arguments: list[str]) -> int:
    """Exit code 0 if the command did what it says, 1 if it could not."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A real Kubernetes for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, explained in COMMANDS.items():
        commands.add_parser(name, help=explained)
    chosen = parser.parse_args(arguments).command
    try:
        with raising_signals():
            {"up": up, "down": down, "status": status, "prepare": prepare_machine}[chosen]()
    except Interrupted as stop:
        return stop.exit_code
    except ClusterError as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
