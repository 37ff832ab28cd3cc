"""The cable between this machine and the node, and the node's addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.commands import run, succeeds

if TYPE_CHECKING:
    from tests.cluster.node import Node
    from tests.cluster.plan import Plan

INSIDE = "eth0"


def connect(node: Node) -> None:
    """Lay the cable. This machine reaches node, pods and services; they reach this machine and nothing else."""
    plan = node.plan
    disconnect(plan)
    peer = ["peer", "name", INSIDE, "netns", str(node.init.pid)]
    run(["ip", "link", "add", plan.link, "type", "veth", *peer])
    run(["ip", "address", "add", f"{plan.host}/24", "dev", plan.link])
    run(["ip", "link", "set", plan.link, "up"])
    node.run(["sh", "-ec", _inside(plan)])
    run(["ip", "route", "add", plan.network, "via", plan.node])
    _write_pod_network(plan)


def disconnect(plan: Plan) -> None:
    """Take the cable away, and with it the routes over it; it also goes with the node."""
    if Path(f"/sys/class/net/{plan.link}").exists():
        # Gone by itself in between: that is what we want.
        succeeds(["ip", "link", "delete", plan.link])


def _inside(plan: Plan) -> str:
    return f"""
        echo 1 >/proc/sys/net/ipv4/ip_forward
        test ! -e /proc/sys/net/ipv6 || echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
        ip link set lo up
        ip address add {plan.node}/24 dev {INSIDE}
        ip link set {INSIDE} up
    """


def _write_pod_network(plan: Plan) -> None:
    """Pods get a cable each. On a bridge, answers of a service's pods to other pods would bypass its filter."""
    ranges = {"type": "host-local", "ranges": [[{"subnet": plan.pods}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugins = [
        {"type": "ptp", "ipMasq": False, "mtu": 1500, "ipam": ranges},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    plan.write(json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}), "cni", "10-pods.conflist")
