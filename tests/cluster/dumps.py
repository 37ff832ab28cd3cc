"""What is to be seen when a test of the cluster fails: pods, events, broken components, rows of our tables."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from kubernetes import client

from tests.cluster.commands import tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cluster.cluster import Cluster

PODS = 60
EVENTS = 120
ROWS = 25
LOG_LINES = 20
SECRET_WORDS = ("password", "secret", "token", "key")

_sources: list[tuple[str, Callable[[], str]]] = []


@contextlib.contextmanager
def dumped(title: str, describe: Callable[[], str]) -> Iterator[None]:
    """Within the block a failing test also shows `describe()`: for servers with a database of their own."""
    source = (title, describe)
    _sources.append(source)
    try:
        yield
    finally:
        _sources.remove(source)


def sections(cluster: Cluster | None) -> list[tuple[str, str]]:
    """Title and text of everything there is to show; what cannot be read says why instead."""
    described: list[tuple[str, Callable[[], str]]] = [("our tables", describe_tables), *_sources]
    if cluster is not None:
        described = [
            ("cluster: components", lambda: describe_components(cluster)),
            ("cluster: pods", lambda: describe_pods(cluster)),
            ("cluster: events", lambda: describe_events(cluster)),
            *described,
        ]
    return [(title, _text(describe)) for title, describe in described]


def _text(describe: Callable[[], str]) -> str:
    try:
        return describe() or "(none)"
    except Exception as error:  # a dump must not hide the failure it belongs to
        return f"(cannot be read: {type(error).__name__}: {str(error)[:300]})"


def describe_components(cluster: Cluster) -> str:
    """A line for each component that works; the end of the log of each that does not."""
    lines = []
    for component in cluster.components:
        works = component.is_working()
        lines.append(f"{component.name}: {'works' if works else 'does not work'}")
        if not works:
            lines.append(tail(component.log))
    return "\n".join(lines)


def describe_pods(cluster: Cluster) -> str:
    """Pods with the state of their containers, the newest first, and the end of what failed containers printed."""
    core = client.CoreV1Api(cluster.api())
    pods = sorted(core.list_pod_for_all_namespaces().items, key=_created, reverse=True)
    lines = [line for pod in pods[:PODS] for line in _pod_lines(core, pod)]
    left = len(pods) - PODS
    return "\n".join([*lines, *([f"... and {left} more"] if left > 0 else [])])


def _created(thing: Any) -> Any:
    return thing.metadata.creation_timestamp


def _pod_lines(core: client.CoreV1Api, pod: Any) -> Iterator[str]:
    meta, status = pod.metadata, pod.status
    yield f"{meta.namespace}/{meta.name}: {status.phase} on {pod.spec.node_name} {status.reason or ''}".rstrip()
    for condition in status.conditions or []:
        if condition.status != "True" and condition.message:
            yield f"    {condition.type}: {condition.message}"
    for container in [*(status.init_container_statuses or []), *(status.container_statuses or [])]:
        state = {key: value for key, value in container.state.to_dict().items() if value}
        yield f"    {container.name}: restarts={container.restart_count} {_brief(state)}"
        ended = container.state.terminated
        if ended is not None and ended.exit_code != 0:
            log = core.read_namespaced_pod_log(
                meta.name, meta.namespace, container=container.name, tail_lines=LOG_LINES
            )
            yield from (f"        | {line}" for line in log.splitlines())


def _brief(state: dict[str, Any]) -> str:
    return " ".join(
        f"{kind}({', '.join(f'{key}={value}' for key, value in fields.items() if value not in (None, ''))})"
        for kind, fields in state.items()
    )


def describe_events(cluster: Cluster) -> str:
    """The newest events, the last one last."""
    events = client.CoreV1Api(cluster.api()).list_event_for_all_namespaces().items
    lines = []
    for event in sorted(events, key=_created)[-EVENTS:]:
        about = event.involved_object
        where = f"{about.kind} {about.namespace or ''}/{about.name}"
        lines.append(f"{_created(event):%H:%M:%S} {event.type} {where} {event.reason}: {event.message}")
    return "\n".join(lines)


def describe_tables() -> str:
    """The newest rows of each table of ours that has any, less what is secret."""
    from django.apps import apps

    try:
        texts = [_table(model) for model in apps.get_app_config("db").get_models(include_auto_created=True)]
    except RuntimeError:  # pytest-django's refusal
        return "(the test uses no database)"
    return "\n".join(text for text in texts if text)


def _table(model: Any) -> str:
    rows = list(model._base_manager.order_by("-pk").values()[:ROWS])
    if not rows:
        return ""
    lines = [f"{model._meta.db_table}: {model._base_manager.count()} rows"]
    return "\n".join([*lines, *(f"    {_public(row)}" for row in rows)])


def _public(row: dict[str, Any]) -> str:
    shown = {key: value for key, value in row.items() if not any(word in key for word in SECRET_WORDS)}
    return " ".join(f"{key}={str(value)[:200]}" for key, value in shown.items() if value not in (None, "", [], {}))
