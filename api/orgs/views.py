"""Organizations, their members and teams, and the roles of teams on projects.

Members read; owners of the organization change. To everybody else an organization is not there.
"""

# ruff: noqa: ARG002 - the signature is the framework's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.response import Response

from api.orgs import serializers as shapes
from api.views import BaseView
from polyaxon.actions import organizations as actions
from polyaxon.db.models import Membership, Organization, Project, Team
from polyaxon.security.permissions import leads, may, visible_organizations, visible_projects
from polyaxon.security.scopes import Verb

if TYPE_CHECKING:
    from rest_framework.request import Request

OWNERS_ONLY = "Only owners of the organization may do this."

RowT = TypeVar("RowT", bound=Model)


def found(rows: QuerySet[RowT], what: str) -> RowT:
    """The one row, or 404."""
    row = rows.first()
    if row is None:
        raise Http404(f"There is no such {what}.")
    return row


def _deleted() -> Response:
    return Response(status=status.HTTP_204_NO_CONTENT)


def _created(data: Any) -> Response:
    return Response(data, status=status.HTTP_201_CREATED)


class OrganizationsView(BaseView):
    """Organizations of the caller."""

    lists = True
    serializer_class = shapes.OrganizationSerializer

    def get(self, request: Request) -> Response:
        return self.paged(organizations(request).order_by("owner__name"), shapes.OrganizationSerializer)

    @extend_schema(request=shapes.NewOrganizationSerializer, responses={201: shapes.OrganizationSerializer})
    def post(self, request: Request) -> Response:
        values = self.valid(shapes.NewOrganizationSerializer)
        created = actions.create_organization(self.caller, **values)
        return _created(shapes.OrganizationSerializer(organizations(request).get(pk=created.pk)).data)


def organizations(request: Request) -> QuerySet[Organization]:
    """Those that the caller may see, each with the caller's role."""
    mine = Membership.objects.filter(organization=OuterRef("pk"), user=request.user.pk)
    rows = Organization.objects.filter(visible_organizations(request.user)).select_related("owner")
    return rows.annotate(role=Subquery(mine.values("role")[:1]))


class _OrgView(BaseView):
    """Below one organization."""

    organization: Organization
    # Owners only, apart from reading; views that let others change something decide themselves.
    owners_only: ClassVar[bool] = True

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not hasattr(self, (request.method or "").lower()):
            return  # 405
        self.organization = found(organizations(request).filter(owner__name=self.kwargs["org"]), "organization")
        if request.method not in SAFE_METHODS and self.owners_only:
            self.check_leads()

    def check_leads(self) -> None:
        if not leads(self.request.user, self.organization):
            raise PermissionDenied(OWNERS_ONLY)


class OrganizationView(_OrgView):
    """One organization."""

    serializer_class = shapes.OrganizationSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.organization).data)

    @extend_schema(request=shapes.ChangedOrganizationSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        self.organization.description = self.valid(shapes.ChangedOrganizationSerializer)["description"]
        self.organization.save()
        return Response(self.get_serializer(self.organization).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        actions.delete_organization(self.organization, self.caller)
        return _deleted()


class MembersView(_OrgView):
    """Users of an organization."""

    lists = True
    serializer_class = shapes.MembershipSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.organization.memberships.select_related("user").order_by("user__username")
        return self.paged(rows, shapes.MembershipSerializer)

    @extend_schema(request=shapes.NewMemberSerializer, responses={201: shapes.MembershipSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(shapes.NewMemberSerializer)
        member = actions.set_member(self.organization, values["user"], values["role"], actor=self.caller)
        return _created(self.get_serializer(member).data)


class MemberView(_OrgView):
    """One user of an organization. Everybody may leave."""

    serializer_class = shapes.MembershipSerializer
    owners_only = False

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.member()).data)

    @extend_schema(request=shapes.RoleSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        self.check_leads()
        role = self.valid(shapes.RoleSerializer)["role"]
        changed = actions.set_member(self.organization, self.member().user.username, role, actor=self.caller)
        return Response(self.get_serializer(changed).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        if self.kwargs["username"] != self.caller.username:
            self.check_leads()
        actions.remove_member(self.member(), actor=self.caller)
        return _deleted()

    def member(self) -> Membership:
        rows = self.organization.memberships.select_related("user", "organization")
        return found(rows.filter(user__username=self.kwargs["username"]), "member")


class TeamsView(_OrgView):
    """Teams of an organization."""

    lists = True
    serializer_class = shapes.TeamSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return self.paged(self.organization.teams.order_by("name"), shapes.TeamSerializer)

    @extend_schema(request=shapes.TeamNameSerializer, responses={201: shapes.TeamSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        name = self.valid(shapes.TeamNameSerializer)["name"]
        return _created(self.get_serializer(actions.create_team(self.organization, name, actor=self.caller)).data)


class _TeamView(_OrgView):
    """Below one team."""

    team: Team

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if hasattr(self, "organization"):
            rows = self.organization.teams.select_related("organization__owner")
            self.team = found(rows.filter(name=self.kwargs["team"]), "team")


class TeamView(_TeamView):
    """One team."""

    serializer_class = shapes.TeamSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(self.team).data)

    @extend_schema(request=shapes.TeamNameSerializer)
    def patch(self, request: Request, **kwargs: Any) -> Response:
        actions.rename_team(self.team, self.valid(shapes.TeamNameSerializer)["name"], actor=self.caller)
        return Response(self.get_serializer(self.team).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        actions.delete_team(self.team, actor=self.caller)
        return _deleted()


class TeamMembersView(_TeamView):
    """Members of a team."""

    lists = True
    serializer_class = shapes.TeamMemberSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.team.members.select_related("user").order_by("user__username")
        return self.paged(rows, shapes.TeamMemberSerializer)

    @extend_schema(request=shapes.NewTeamMemberSerializer, responses={201: shapes.TeamMemberSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        name = self.valid(shapes.NewTeamMemberSerializer)["user"]
        return _created(self.get_serializer(actions.add_team_member(self.team, name, actor=self.caller)).data)


class TeamMemberView(_TeamView):
    """One member of a team."""

    serializer_class = shapes.TeamMemberSerializer

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        rows = self.team.members.select_related("user", "team")
        member = found(rows.filter(user__username=self.kwargs["username"]), "member")
        actions.remove_team_member(member, actor=self.caller)
        return _deleted()


class _RolesView(_TeamView):
    """Roles of a team. Who is an admin of a project changes roles on it, too."""

    owners_only = False

    def project(self, name: str) -> Project:
        """The organization's project of that name, if the caller may change roles on it."""
        rows = visible_projects(self.caller).filter(owner=self.organization.owner_id)
        project = found(rows.filter(name=name).select_related("owner"), "project")
        if self.request.method not in SAFE_METHODS and not may(self.caller, project, Verb.ADMIN):
            raise PermissionDenied("Only admins of the project and owners of the organization change roles on it.")
        return project


class TeamProjectsView(_RolesView):
    """Projects on which a team has a role; those that the caller may read."""

    lists = True
    serializer_class = shapes.TeamProjectSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        rows = self.team.projects.filter(project__in=visible_projects(self.caller))
        return self.paged(rows.select_related("project").order_by("project__name"), shapes.TeamProjectSerializer)

    @extend_schema(request=shapes.NewTeamProjectSerializer, responses={201: shapes.TeamProjectSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        values = self.valid(shapes.NewTeamProjectSerializer)
        project = self.project(values["project"])
        granted = actions.set_team_role(self.team, project, values["role"], actor=self.caller)
        return _created(self.get_serializer(granted).data)


class TeamProjectView(_RolesView):
    """The role of a team on one project."""

    serializer_class = shapes.TeamProjectSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_serializer(found(self._granted(), "role")).data)

    @extend_schema(request=shapes.ProjectRoleSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        project = self.project(self.kwargs["name"])
        role = self.valid(shapes.ProjectRoleSerializer)["role"]
        granted = actions.set_team_role(self.team, project, role, actor=self.caller)
        return Response(self.get_serializer(granted).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        actions.remove_team_role(found(self._granted(), "role"), actor=self.caller)
        return _deleted()

    def _granted(self) -> Any:
        project = self.project(self.kwargs["name"])
        return self.team.projects.filter(project=project).select_related("project", "team")
