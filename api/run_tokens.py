"""How a run gets its own token: from a service that acts for its user, or in trade for a token for one use."""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api.authentication import EphemeralAuthentication, EphemeralUser, InternalTokenAuthentication, InternalUser
from api.throttling import ImpersonateRate
from api.views import ItemView
from polyaxon.db.models import Experiment
from polyaxon.lifecycles import tables as s
from polyaxon.security import ephemeral, tokens

if TYPE_CHECKING:
    from rest_framework.request import Request

IMPERSONATOR = "initializer"
TRADING = frozenset({s.SCHEDULED, s.STARTING, s.RUNNING})


class RunTokenSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(read_only=True)


class _RunTokenView(ItemView):
    """Answers with a token of the run's user that writes to this run only, and ends with it."""

    permission_classes = (IsAuthenticated,)
    throttle_classes = (ImpersonateRate,)
    serializer_class = RunTokenSerializer

    def allows(self, user: Any) -> bool:
        raise NotImplementedError

    @extend_schema(request=None, responses={200: RunTokenSerializer, 403: None})
    def post(self, request: Request, **kwargs: Any) -> Response:
        if not self.allows(request.user):
            return Response(status=status.HTTP_403_FORBIDDEN)
        return Response({"token": tokens.issue(self.item.user, run=self.item.uuid)})


class ImpersonateView(_RunTokenView):
    """For the service that prepares a run, while the run is under way."""

    authentication_classes = (InternalTokenAuthentication,)

    def allows(self, user: Any) -> bool:
        is_impersonator = isinstance(user, InternalUser) and user.service == IMPERSONATOR
        return is_impersonator and bool(self.item.is_stoppable)


class TradeView(_RunTokenView):
    """For the run itself, once, with the token for one use that it was started with."""

    model = Experiment
    authentication_classes = (EphemeralAuthentication,)

    def allows(self, user: Any) -> bool:
        scope = user.scope if isinstance(user, EphemeralUser) else []
        return scope == ephemeral.scope_of(self.item) and self.item.status in TRADING
