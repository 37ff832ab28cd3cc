"""Empty the outbox of webhooks: what is due is sent, what is not taken is sent again later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from polyaxon.db.models import WebhookDelivery
from polyaxon.errors import UserError
from polyaxon.security.encryption import decrypt
from scheduler.webhook_requests import Outcome, send

AT_ONCE = 8
BATCH = 64
LONGEST_PAUSE = timedelta(days=1)
FACTOR = 4


def deliver() -> int:
    """Send what is due; returns how many were tried."""
    claimed = _claim()
    if claimed:
        with ThreadPoolExecutor(min(AT_ONCE, len(claimed)), thread_name_prefix="webhooks") as pool:
            outcomes = list(pool.map(_send, claimed))
        for delivery, outcome in zip(claimed, outcomes, strict=True):
            _record(delivery, outcome)
    _forget()
    return len(claimed)


def _claim() -> list[WebhookDelivery]:
    """Due deliveries, put off so that no other sender takes them; after its death they are due again."""
    now = timezone.now()
    rows = WebhookDelivery.objects.filter(status=WebhookDelivery.PENDING, due_at__lte=now)
    waves = BATCH / AT_ONCE
    later = now + timedelta(seconds=waves * settings.CONFIG.webhooks.webhooks_timeout + 60)
    claimed = []
    for row in rows.select_related("webhook").order_by("due_at", "id")[:BATCH]:
        mine = WebhookDelivery.objects.filter(pk=row.pk, status=WebhookDelivery.PENDING, due_at=row.due_at)
        if mine.update(due_at=later):
            claimed.append(row)
    return claimed


def _send(delivery: WebhookDelivery) -> Outcome:
    hook = delivery.webhook
    if not hook.enabled:
        return Outcome(None, "The webhook is disabled.")
    try:
        secret = decrypt(hook.secret)
    except UserError as error:
        return Outcome(None, error.message)
    timeout = settings.CONFIG.webhooks.webhooks_timeout
    return send(hook.url, secret, delivery.payload, delivery=delivery.uuid.hex, timeout=timeout)


def _record(delivery: WebhookDelivery, outcome: Outcome) -> None:
    now, attempts = timezone.now(), delivery.attempts + 1
    values: dict[str, Any] = {"attempts": attempts, "response_code": outcome.code, "error": outcome.error}
    if outcome.taken:
        values |= {"status": WebhookDelivery.DELIVERED, "finished_at": now}
    elif attempts >= settings.CONFIG.webhooks.webhooks_attempts or not delivery.webhook.enabled:
        values |= {"status": WebhookDelivery.FAILED, "finished_at": now}
    else:
        values |= {"due_at": now + pause(attempts)}
    WebhookDelivery.objects.filter(pk=delivery.pk).update(**values)


def pause(attempts: int) -> timedelta:
    """Before the next try: each time four times as long, at most a day."""
    seconds = settings.CONFIG.webhooks.webhooks_backoff * FACTOR ** min(attempts - 1, 20)
    return min(timedelta(seconds=min(seconds, LONGEST_PAUSE.total_seconds())), LONGEST_PAUSE)


def _forget() -> None:
    limit = timezone.now() - timedelta(days=settings.CONFIG.webhooks.webhooks_log_days)
    WebhookDelivery.objects.filter(created_at__lt=limit).exclude(status=WebhookDelivery.PENDING).delete()
