"""Why a search did what it did: its decisions, and those about one trial."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from api.flags import number
from api.kept_fields import KeptFields
from api.views import ItemView
from polyaxon.db.models import SearchDecision
from polyaxon.errors import InvalidInput

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

KINDS = tuple(SearchDecision._meta.get_field("kind").flatchoices)
_NAMES = tuple(str(name) for name, _ in KINDS)
KIND = OpenApiParameter("kind", str, enum=_NAMES, description="Only decisions of this kind.")


class SearchDecisionSerializer(KeptFields, serializers.ModelSerializer[SearchDecision]):
    """One decision, about a trial or (`experiment` null) about the search itself.

    `trial` and `parent` are indexes of trials, `bracket` and `rung` the stage of one that was started. `numbers` are
    what the decision rests on.
    """

    trial = serializers.IntegerField(source="trial_index", read_only=True, allow_null=True)
    # The base class's `parent` is a serializer's owner, and stays that.
    parent = serializers.IntegerField(source="parent_index", read_only=True, allow_null=True)  # type: ignore[assignment]
    numbers = serializers.DictField(read_only=True)

    class Meta:
        model = SearchDecision
        fields: ClassVar = (
            *("id", "created_at", "kind", "trial", "experiment", "bracket", "rung", "parent"),
            *("strategy", "reason", "numbers"),
        )


class DecisionsView(ItemView):
    """The decisions of a search, the newest last."""

    lists = True
    serializer_class = SearchDecisionSerializer

    @extend_schema(
        parameters=[
            KIND,
            OpenApiParameter("experiment", int, description="Only those about this experiment."),
            OpenApiParameter("trial", int, description="Only those about the trial with this index."),
        ]
    )
    def get(self, request: Request, **kwargs: Any) -> Response:
        wanted = {"experiment": number(request, "experiment"), "trial_index": number(request, "trial")}
        rows = _of_kind(request, self.item.decisions.all())
        rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
        return self.paged(rows.order_by("id"), SearchDecisionSerializer)


class TrialDecisionsView(ItemView):
    """Why a trial was started, stopped or started again, the newest decision last."""

    lists = True
    serializer_class = SearchDecisionSerializer

    @extend_schema(parameters=[KIND])
    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(_of_kind(request, self.item.decisions.all()).order_by("id"), SearchDecisionSerializer)


def _of_kind(request: Request, rows: QuerySet[SearchDecision]) -> QuerySet[SearchDecision]:
    kind = request.query_params.get("kind", "")
    if kind and kind not in _NAMES:
        raise InvalidInput(f"kind is one of {', '.join(_NAMES)}, not {kind!r}.", field="kind")
    return rows.filter(kind=kind) if kind else rows
