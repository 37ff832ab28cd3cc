"""`polyaxon port-forward`: reach the server of a cluster from this machine, through kubectl."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from polyaxon_cli import state
from polyaxon_cli.errors import CliError, one_line
from polyaxon_cli.options import Command
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["port_forward"]

HOST = "127.0.0.1"
PORT = click.IntRange(0, 65535)
SERVICE = "polyaxon-polyaxon-api"
# Seconds until the way through must be open, and until kubectl must have ended.
PATIENCE = 30.0
ENDING = 5.0


@click.command("port-forward", cls=Command)
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port here; 0: any free one.")
@click.option("-n", "--namespace", default="polyaxon", show_default=True, help="Namespace of the release.")
@click.option("--service", default=SERVICE, show_default=True, help="Service of the API.")
@click.option("--service-port", type=PORT, default=80, show_default=True, help="Port of the service.")
@click.option("--set", "configure", is_flag=True, help="Have the tool use this address from now on.")
@pass_session
def port_forward(session: Session, port: int, namespace: str, service: str, service_port: int, configure: bool) -> None:
    """Reach the server of a cluster at an address of this machine, until Ctrl-C."""
    if shutil.which("kubectl") is None:
        raise CliError("kubectl is not installed", "Install it, and log in to the cluster with it")
    chosen = port or _free_port()
    target = [f"service/{service}", f"{chosen}:{service_port}"]
    command = ["kubectl", "port-forward", f"--namespace={namespace}", f"--address={HOST}", *target]
    with _running(command) as process:
        _wait_until_open(process, chosen)
        address = f"http://{HOST}:{chosen}"
        if configure:
            state.CONFIG.write({**state.CONFIG.read(), "host": HOST, "port": str(chosen), "use_https": False})
            state.CLI.delete()
        session.out.success(f"{address} is {service} in {namespace}, until Ctrl-C.")
        if not configure:
            session.out.message(f"Use it: polyaxon config set --host={HOST} --port={chosen} --use_https=false")
        _keep(process)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603  our own words
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(ENDING)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_open(process: subprocess.Popen[str], port: int) -> None:
    """Return once the platform answers through the port."""
    import httpx

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _refuse_end(process)
        try:
            # No proxy stands between a person and their own machine.
            httpx.get(f"http://{HOST}:{port}/healthz", timeout=2.0, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise CliError(f"Nothing answers through port {port} after {PATIENCE:.0f} seconds", "Check the service's pods")


def _refuse_end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        return
    said = one_line(process.stderr.read() if process.stderr else "")
    raise CliError(f"kubectl ended: {said or f'exit code {process.returncode}'}", "Check --namespace and --service")


def _keep(process: subprocess.Popen[str]) -> None:
    try:
        process.wait()
    except KeyboardInterrupt:
        return
    _refuse_end(process)
