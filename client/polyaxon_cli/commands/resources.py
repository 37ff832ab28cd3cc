"""`resources`: what a run takes of the machine, live on a terminal and once elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from polyaxon_cli.archive import size_text
from polyaxon_cli.commands import shared
from polyaxon_cli.errors import CliError
from polyaxon_cli.following import INTERVAL, StatusWatch
from polyaxon_cli.live import screen
from polyaxon_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["add_requests", "add_resources"]

USAGE = ("job", "memory_used", "memory_total", "cpu", "cpus")
GPU = (
    *("job", "index", "name", "memory_used", "memory_total", "utilization"),
    *("temperature", "power", "power_limit"),
)


def add_resources(group: click.Group, kind: str, *, replicas: bool = False) -> None:
    """`resources` of kinds whose processes are measured."""

    @group.command(help=f"Show what the {kind} takes of the machine; on a terminal, until it ends.")
    @shared.of_run(kind)
    @click.option("-g", "--gpu", is_flag=True, help="Show its GPUs.")
    @pass_session
    def resources(session: Session, gpu: bool, job: int | None = None) -> None:
        parts = ("jobs", job, "resources") if job else ("resources",)
        path = session.run_path(kind, *parts)
        session.http.get(session.run_path(kind))  # a run that does not exist is told at once
        if session.out.interactive:
            _follow(session, kind, path, gpu=gpu)
        else:
            _once(session, path, gpu=gpu)

    if replicas:
        resources.params.append(
            click.Option(["-j", "--job"], type=click.IntRange(min=1), metavar="ID", help="Only this replica.")
        )


def add_requests(group: click.Group, kind: str) -> None:
    """`resources` of kinds that are not measured: what they ask for."""

    @group.command(help=f"Show the resources that the {kind} asks for; it is not measured.")
    @shared.of_run(kind)
    @click.option("-g", "--gpu", is_flag=True, help="Only GPUs.")
    @pass_session
    def resources(session: Session, gpu: bool) -> None:
        asked = session.http.get(session.run_path(kind)).get("resources") or {}
        wanted = {key: value for key, value in asked.items() if value and (key == "gpu" or not gpu)}
        if session.as_json:
            session.out.raw(wanted)
        elif wanted:
            session.out.details(wanted, title="Resources:")
        elif gpu:
            raise CliError(f"{shared.same_run(session, kind)} asks for no GPU")
        else:
            session.out.message(f"{shared.same_run(session, kind)} asks for no resources of its own.")


def _once(session: Session, path: str, *, gpu: bool) -> None:
    samples = _samples(session, path)
    if session.as_json:
        session.out.raw(samples)
    elif not samples:
        session.out.message("Nothing was measured yet.")
    else:
        session.out.rows(_rows(samples, gpu=gpu), GPU if gpu else USAGE)


def _follow(session: Session, kind: str, path: str, *, gpu: bool) -> None:
    watch = StatusWatch(session.http, session.run_path(kind))
    with screen(session.out) as show:
        while not watch.is_done():
            samples = _samples(session, path)
            if samples:
                show(session.out.table(_rows(samples, gpu=gpu), GPU if gpu else USAGE))
            time.sleep(INTERVAL)
    session.out.message(f"{shared.same_run(session, kind)} is {watch.status}.")


def _samples(session: Session, path: str) -> list[dict[str, Any]]:
    """The last sample of each process; none before the first."""
    from polyaxon_client.exceptions import NotFoundError

    try:
        answer = session.http.get(path)
    except NotFoundError:
        return []
    return answer if isinstance(answer, list) else [answer]


def _rows(samples: Sequence[Mapping[str, Any]], *, gpu: bool) -> list[dict[str, Any]]:
    if not gpu:
        return [_usage(sample) for sample in samples]
    rows = [_gpu(sample, one) for sample in samples for one in sample.get("gpu_resources") or []]
    if not rows:
        raise CliError("No job of this run has a GPU", "Ask for one with environment.resources.gpu in its file")
    return rows


def _usage(sample: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "job": sample["job_name"],
        "memory_used": size_text(sample["memory_used"]),
        "memory_total": size_text(sample["memory_limit"]),
        "cpu": f"{sample['cpu_percentage']:.1f}%",
        "cpus": sample["n_cpus"],
    }


def _gpu(sample: Mapping[str, Any], gpu: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "job": sample["job_name"],
        "index": gpu.get("index"),
        "name": gpu.get("name"),
        "memory_used": size_text(gpu.get("memory_used") or 0),
        "memory_total": size_text(gpu.get("memory_total") or 0),
        "utilization": f"{gpu.get('utilization_gpu') or 0}%",
        "temperature": gpu.get("temperature_gpu"),
        "power": gpu.get("power_draw"),
        "power_limit": gpu.get("power_limit"),
    }
