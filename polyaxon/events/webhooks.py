"""Fills the outbox of webhooks, in the transaction of the event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db.models import QuerySet

from polyaxon.db.models import Event, Webhook, WebhookDelivery
from polyaxon.db.prepared import Prepared
from polyaxon.events.payloads import is_personal, payload
from polyaxon.events.registry import subscribe


def _hooks(project: int) -> QuerySet[Webhook]:
    return Webhook.objects.filter(project=project, enabled=True).select_related("project__owner")


_HOOKS = Prepared(_hooks, project=int)


@subscribe
def queue_deliveries(events: Sequence[Event]) -> None:
    """One delivery for each webhook of an event's project that asked for its type."""
    hooks: dict[int, list[Webhook]] = {}
    deliveries: list[WebhookDelivery] = []
    for event in events:
        if event.project_id is None or not event.is_heard or is_personal(event):
            continue
        if event.project_id not in hooks:
            hooks[event.project_id] = _HOOKS.all(project=event.project_id)
        deliveries += _deliveries(event, hooks[event.project_id])
    if deliveries:
        WebhookDelivery.objects.bulk_create(deliveries)


def _deliveries(event: Event, hooks: Sequence[Webhook]) -> Iterator[WebhookDelivery]:
    for hook in hooks:
        if asked_for(event.event_type, hook.events):
            told = payload(event, hook.project.unique_name)
            yield WebhookDelivery(webhook=hook, event_type=event.event_type, payload=told)


def asked_for(event_type: str, patterns: Iterable[str]) -> bool:
    """Whether one of `*`, `<subject>.*`, `*.<action>`, `<subject>.<action>` is of that type."""
    subject, _, action = event_type.partition(".")
    return not {"*", "*.*", event_type, f"{subject}.*", f"*.{action}"}.isdisjoint(patterns)
