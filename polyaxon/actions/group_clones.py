"""A search again: the same one goes on, or another one is made from it."""

from __future__ import annotations

import json
from datetime import datetime

from django.db import transaction
from django.db.models import F

from polyaxon.actions.creation import merged_content
from polyaxon.actions.groups import PENDING_STOPPED, NewGroup, create_group
from polyaxon.actions.statuses import lock, reopen
from polyaxon.db.models import Experiment, ExperimentGroup, SearchDecision, User
from polyaxon.errors import InvalidInput
from polyaxon.events import emit
from polyaxon.lifecycles import tables as s
from polyaxon.trials.plans import changeable, plan_of
from polyaxon.wakeups import wake

RESTART, COPY = "restart", "copy"
EVENT_OF = {RESTART: "restarted", COPY: "copied"}


@transaction.atomic
def resume_group(group: ExperimentGroup, user: User) -> ExperimentGroup:
    """Have a search that was stopped, has failed or is done go on where it stands. Raises `InvalidInput`.

    Trials that its stop interrupted are made anew: the same points, in the outputs of those that had begun. Trials
    that were pruned, or that ended by themselves, stay as they are.
    """
    _check_search(group, "resumed")
    if not group.is_managed:
        raise InvalidInput(f"The platform does not run group {group.pk}, so it cannot be resumed.")
    locked = lock(group)
    assert isinstance(locked, ExperimentGroup)
    if locked.status not in locked.LIFECYCLE.reopens or locked.deleted:
        state = "archived" if locked.deleted else locked.status
        raise InvalidInput(f"Group {group.pk} is {state}; only a search that is stopped, failed or done is resumed.")
    _release(locked)
    reopen(group, message="Resumed by a user.")
    revision = F("history_revision") + 1
    values = {"stop_requested_at": None, "suggestions_complete": False, "history_revision": revision}
    ExperimentGroup.objects.filter(pk=group.pk).update(**values)
    emit("resumed", locked, actor=user)
    wake("group", group.pk)
    group.refresh_from_db()
    return group


def _release(locked: ExperimentGroup) -> None:
    """Free the places of the trials that the stop interrupted, so that their suggestions come again."""
    since = _stopped_since(locked)
    if since is None:
        return
    pruned = locked.decisions.filter(kind=SearchDecision.STOP).values("experiment")
    rows = locked.experiments.filter(status__in={s.STOPPED, s.SKIPPED}, trial_index__isnull=False)
    rows = rows.filter(stop_requested_at__gte=since).exclude(pk__in=pruned)
    keys = list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    starts = locked.decisions.filter(kind=SearchDecision.START, experiment__in=keys)
    starts.update(kind=SearchDecision.REPLACED)
    Experiment.objects.filter(pk__in=keys).update(trial_index=None)


def _stopped_since(locked: ExperimentGroup) -> datetime | None:
    """When the search, or what of it had not started, was stopped in its present life."""
    pending = locked.decisions.filter(kind=SearchDecision.FINISH, reason=PENDING_STOPPED)
    reopened = locked.statuses.filter(status=s.RESUMING).order_by("-id").first()
    if reopened is not None:
        pending = pending.filter(created_at__gte=reopened.created_at)
    times = [locked.stop_requested_at, locked.finished_at, *pending.values_list("created_at", flat=True)]
    return min((time for time in times if time is not None), default=None)


def restart_group(
    group: ExperimentGroup,
    user: User,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
) -> ExperimentGroup:
    """A new search from the file, code and seed of `group`, with `content` merged over the file.

    `update_code`: with the project's newest code instead.
    """
    return _clone(group, user, RESTART, content, update_code=update_code, description=description)


def copy_group(
    group: ExperimentGroup,
    user: User,
    *,
    content: str | None = None,
    update_code: bool = False,
    description: str | None = None,
) -> ExperimentGroup:
    """The same, and the new search also learns from the trials of `group` that are finished.

    Unless the file names a seed it has another one, so it does not try the same points over again.
    """
    return _clone(group, user, COPY, content, update_code=update_code, description=description)


def _clone(
    group: ExperimentGroup,
    user: User,
    strategy: str,
    content: str | None,
    *,
    update_code: bool,
    description: str | None,
) -> ExperimentGroup:
    _check_search(group, {RESTART: "restarted", COPY: "copied"}[strategy])
    new = NewGroup(
        content=merged_content(_present(group), content),
        seed=group.seed if strategy == RESTART else None,
        description=description if description is not None else group.description,
        tags=None if content else group.tags,
        backend=group.backend,
        code_reference=None if update_code else group.code_reference,
        code_is_pinned=not update_code,
        original=group,
        cloning_strategy=strategy,
    )
    with transaction.atomic():
        clone = create_group(group.project, user, new)
        emit(EVENT_OF[strategy], group, actor=user, context={"clone": clone.pk})
    return clone


def _present(group: ExperimentGroup) -> str:
    """The file of `group`, with what was changed of its search since."""
    present = plan_of(group)
    assert present.specification.hptuning is not None
    given, now = (changeable(one.resolved()) for one in (present.specification.hptuning, present.hptuning))
    changed = {key: value for key, value in now.items() if value != given.get(key)}
    override = json.dumps({"hptuning": changed}) if changed else None
    return merged_content(group.content, override) or ""


def _check_search(group: ExperimentGroup, done: str) -> None:
    if group.group_type != ExperimentGroup.STUDY or group.content is None:
        raise InvalidInput(f"Group {group.pk} is no search with a polyaxonfile, so it cannot be {done}.")
