"""Chart views of experiments and groups."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from polyaxon.actions.names import check_name
from polyaxon.db.models import ChartView, Experiment, ExperimentChartView, ExperimentGroup, GroupChartView, User
from polyaxon.events import emit


@transaction.atomic
def create_chart_view(item: Experiment | ExperimentGroup, user: User, values: dict[str, Any]) -> ChartView:
    """Raises `InvalidInput` when the name is wrong."""
    _check(values)
    view: ChartView
    if isinstance(item, Experiment):
        view = ExperimentChartView.objects.create(experiment=item, **values)
    else:
        view = GroupChartView.objects.create(experiment_group=item, **values)
    emit("created", view, actor=user)
    return view


@transaction.atomic
def update_chart_view(view: ChartView, user: User, values: dict[str, Any]) -> None:
    """Raises `InvalidInput` when the name is wrong."""
    _check(values)
    for key, value in values.items():
        setattr(view, key, value)
    view.save(update_fields=[*values, "updated_at"])
    emit("updated", view, actor=user)


@transaction.atomic
def delete_chart_view(view: ChartView, user: User) -> None:
    emit("deleted", view, actor=user)
    view.delete()


def _check(values: dict[str, Any]) -> None:
    if values.get("name"):
        check_name(values["name"])
