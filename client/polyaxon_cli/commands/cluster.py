"""`polyaxon cluster`: the machines that runs are started on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli.archive import size_text
from polyaxon_cli.columns import GPUS, NODES
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cluster"]


@click.command(cls=Command)
@click.option("-n", "--node", type=click.IntRange(min=0), metavar="SEQUENCE", help="Only this node, with its GPUs.")
@pass_session
def cluster(session: Session, node: int | None) -> None:
    """Show the cluster and its nodes."""
    if node is None:
        _show_cluster(session, session.http.get("cluster/"))
    else:
        _show_node(session, session.http.get(session.http.path("nodes", node)))


def _show_cluster(session: Session, data: Mapping[str, Any]) -> None:
    if session.as_json:
        session.out.raw(data)
        return
    nodes = [_readable(node) for node in data.get("nodes") or []]
    if session.out.columns is None:
        if data["version_api"]:
            session.out.details(data["version_api"], title="Cluster info:")
        else:
            session.out.message("Runs are processes of the server's machine; there is no cluster.")
    if nodes:
        session.out.rows(nodes, NODES, title="Cluster nodes:")


def _show_node(session: Session, data: Mapping[str, Any]) -> None:
    if session.as_json:
        session.out.raw(data)
        return
    session.out.details(_readable({key: value for key, value in data.items() if key != "gpus"}), title="Node info:")
    if data.get("gpus"):
        session.out.rows([_readable(gpu) for gpu in data["gpus"]], GPUS, title="GPUs:")


def _readable(item: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes as a person reads them."""
    return {**item, "memory": size_text(item["memory"])} if item.get("memory") else dict(item)
