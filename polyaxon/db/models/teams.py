"""Organizations, their members and teams, and the roles of teams on projects."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from polyaxon.db.models.abstract import Timestamped
from polyaxon.db.models.projects import Project
from polyaxon.db.models.users import Owner


class ProjectRole(models.TextChoices):
    """What a team may do on a project. Each role may do what those before it may."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    MAINTAINER = "maintainer"
    ADMIN = "admin"


class MemberRole(models.TextChoices):
    """Owners run the organization and are admins of all of its projects; members get what their teams get."""

    OWNER = "owner"
    MEMBER = "member"


class Organization(Timestamped):
    """An owner of projects that several people stand behind."""

    owner = models.OneToOneField(Owner, on_delete=models.CASCADE, related_name="organization")
    description = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.owner.name


class Membership(Timestamped):
    """A user of an organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=MemberRole.choices, default=MemberRole.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="membership_organization_user")]

    def __str__(self) -> str:
        return f"{self.role} {self.user_id} of organization {self.organization_id}"


class Team(Timestamped):
    """Members of one organization who get the same roles."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=128)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="team_organization_name")]

    def __str__(self) -> str:
        return f"{self.organization}/{self.name}"


class TeamMember(Timestamped):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="team_member_team_user")]

    def __str__(self) -> str:
        return f"user {self.user_id} of team {self.team_id}"


class TeamProject(Timestamped):
    """The role of a team on one project of its organization."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="projects")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="teams")
    role = models.CharField(max_length=16, choices=ProjectRole.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "project"], name="team_project_team_project")]

    def __str__(self) -> str:
        return f"team {self.team_id} is {self.role} of project {self.project_id}"
