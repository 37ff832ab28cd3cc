"""Options of the cluster and of owners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.http import Http404, QueryDict
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from api.options.serializers import OptionSerializer, OwnOptionSerializer
from api.permissions import StaffOnly
from api.platform.access import NeverUnauthorized, NoRuns
from api.views import BaseView
from polyaxon import options
from polyaxon.actions.options import change_options
from polyaxon.db.models import ConfigOption, Owner
from polyaxon.errors import InvalidInput
from polyaxon.security.permissions import is_platform_admin, leads, visible_owners
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from rest_framework.request import Request

KEYS = OpenApiParameter("keys", str, many=True, required=True, description="Which options; may be given repeatedly.")
changes_options = extend_schema(request=OpenApiTypes.OBJECT, responses={200: OpenApiTypes.OBJECT})


class _OptionsView(BaseView):
    # Values may be secrets: looking at them takes what changing them takes.
    verbs = {"GET": Verb.ADMIN}
    queryset = ConfigOption.objects.none()

    @staticmethod
    def keys(request: Request) -> list[str]:
        keys = request.query_params.getlist("keys")
        if not keys:
            raise InvalidInput("Name at least one option: `?keys=KEY`.")
        return keys

    @staticmethod
    def changes(request: Request) -> Mapping[str, Any]:
        body = request.data.dict() if isinstance(request.data, QueryDict) else request.data
        if not isinstance(body, Mapping):
            raise InvalidInput("Options are sent as a JSON object of keys and values.")
        return body


class OptionsView(_OptionsView, NeverUnauthorized):
    """Options of the whole cluster. Only administrators read and change them."""

    permission_classes = (IsAuthenticated, StaffOnly, NoRuns)
    serializer_class = OptionSerializer

    @extend_schema(parameters=[KEYS], responses={200: OptionSerializer(many=True)})
    def get(self, request: Request) -> Response:
        asked = [options.find(key) for key in self.keys(request)]
        rows = ConfigOption.objects.filter(owner=None, key__in=[option.key for option in asked])
        present = {row.key: row for row in rows}
        return Response([_shown(option, present.get(option.key)) for option in asked])

    @changes_options
    def post(self, request: Request) -> Response:
        change_options(self.changes(request))
        return Response({})


class OwnerOptionsView(_OptionsView):
    """Values of one owner, for that owner only.

    In 0.6 every user could read any owner's values, and what was written here held for the whole cluster.
    """

    permission_classes = (IsAuthenticated, NoRuns)
    serializer_class = OwnOptionSerializer
    lists = True

    @extend_schema(parameters=[KEYS])
    def get(self, request: Request, owner: str) -> Response:
        rows = ConfigOption.objects.filter(owner=self.owner(owner), key__in=self.keys(request))
        return self.paged(rows.order_by("key"), OwnOptionSerializer)

    @changes_options
    def post(self, request: Request, owner: str) -> Response:
        change_options(self.changes(request), owner=self.owner(owner))
        return Response({})

    def owner(self, name: str) -> Owner:
        """The owner called `name`. Raises 404, and 403 unless the caller is or leads it."""
        found = Owner.objects.filter(visible_owners(self.caller), name=name).select_related("organization").first()
        if found is None:
            raise Http404(f"There is no owner {name}.")
        organization = getattr(found, "organization", None)
        own = found.user_id == self.caller.pk or (organization is not None and leads(self.caller, organization))
        if not own and not is_platform_admin(self.caller):
            raise PermissionDenied("Only an owner reads and changes its options.")
        return found


def _shown(option: options.Option, row: ConfigOption | None) -> dict[str, Any]:
    if row is not None:
        value = options.stored(row)
    elif option.store is options.OptionStore.SETTINGS:
        value = options.setting_value(option.key)
    else:  # a secret that was set where the process is started stays there
        value = None if option.is_secret else options.default(option)
    names = ("key", "typing", "is_list", "is_secret", "description")
    return {**{name: getattr(option, name) for name in names}, "value": value}
