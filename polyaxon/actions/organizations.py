"""Organizations, their members and teams, and what teams may do on projects."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from polyaxon.actions.names import check_name
from polyaxon.db.models import (
    MemberRole,
    Membership,
    Organization,
    Owner,
    Project,
    Team,
    TeamMember,
    TeamProject,
    User,
)
from polyaxon.errors import InvalidInput
from polyaxon.events import emit

# First words of addresses: an owner of such a name could not be reached.
_SHADOWED_TEXT = """
activitylogs archives bookmarks catalogs events healthz historylogs log_handler nodes options orgs schema searches
stats superusers webhooks
"""
SHADOWED = frozenset(_SHADOWED_TEXT.split())


@transaction.atomic
def create_organization(user: User, name: str, *, description: str = "") -> Organization:
    """A new organization whose first owner is `user`. Raises `InvalidInput` when the name is wrong or taken."""
    check_name(name)
    if name.lower() in SHADOWED:
        raise InvalidInput(f"The name {name} is reserved. Choose another one.", field="name")
    if Owner.objects.filter(name__iexact=name).exists():
        raise InvalidInput(f"The name {name} is taken. Choose another one.", field="name")
    organization = Organization.objects.create(owner=Owner.objects.create(name=name), description=description)
    Membership.objects.create(organization=organization, user=user, role=MemberRole.OWNER)
    emit("created", organization, actor=user)
    return organization


@transaction.atomic
def delete_organization(organization: Organization, user: User) -> None:
    """Remove an organization that has no projects any more."""
    _lock(organization)
    if Project.objects.filter(owner=organization.owner_id).exists():
        raise InvalidInput("The organization still has projects, maybe archived ones. Delete them first.")
    emit("deleted", organization, actor=user, context={"name": organization.owner.name})
    organization.owner.delete()


@transaction.atomic
def set_member(organization: Organization, username: str, role: str, *, actor: User) -> Membership:
    """Make a user a member with `role`, or change the role of one. The last owner stays an owner."""
    _lock(organization)
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise InvalidInput(f"There is no active user {username}.", field="user")
    if role != MemberRole.OWNER:
        _keep_an_owner(organization, user)
    membership, _ = Membership.objects.update_or_create(organization=organization, user=user, defaults={"role": role})
    emit("updated", organization, actor=actor, context={"member": username, "role": role})
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, actor: User) -> None:
    """Take a user out of an organization and out of its teams."""
    organization, user = membership.organization, membership.user
    _lock(organization)
    _keep_an_owner(organization, user)
    TeamMember.objects.filter(team__organization=organization, user=user).delete()
    membership.delete()
    emit("updated", organization, actor=actor, context={"member": user.username, "role": None})


def create_team(organization: Organization, name: str, *, actor: User) -> Team:
    check_name(name)
    try:
        with transaction.atomic():
            team = Team.objects.create(organization=organization, name=name)
            emit("created", team, actor=actor)
    except IntegrityError as error:
        raise _team_exists(name) from error
    return team


def rename_team(team: Team, name: str, *, actor: User) -> None:
    check_name(name)
    team.name = name
    try:
        with transaction.atomic():
            team.save()
            emit("updated", team, actor=actor)
    except IntegrityError as error:
        raise _team_exists(name) from error


@transaction.atomic
def delete_team(team: Team, *, actor: User) -> None:
    emit("deleted", team, actor=actor, context={"name": team.name})
    team.delete()


@transaction.atomic
def add_team_member(team: Team, username: str, *, actor: User) -> TeamMember:
    """Put a member of the organization into one of its teams."""
    membership = team.organization.memberships.filter(user__username=username).select_related("user").first()
    if membership is None:
        raise InvalidInput(f"{username} is no member of the organization. Add them there first.", field="user")
    member, _ = TeamMember.objects.get_or_create(team=team, user=membership.user)
    emit("updated", team, actor=actor, context={"member": username})
    return member


@transaction.atomic
def remove_team_member(member: TeamMember, *, actor: User) -> None:
    emit("updated", member.team, actor=actor, context={"removed_member": member.user.username})
    member.delete()


@transaction.atomic
def set_team_role(team: Team, project: Project, role: str, *, actor: User) -> TeamProject:
    """Give `team` the role on a project of its organization."""
    if project.owner_id != team.organization.owner_id:
        raise InvalidInput("A team gets roles on projects of its own organization only.", field="project")
    granted, _ = TeamProject.objects.update_or_create(team=team, project=project, defaults={"role": role})
    emit("updated", team, actor=actor, context={"project": project.pk, "role": role})
    return granted


@transaction.atomic
def remove_team_role(granted: TeamProject, *, actor: User) -> None:
    emit("updated", granted.team, actor=actor, context={"project": granted.project_id, "role": None})
    granted.delete()


def _lock(organization: Organization) -> None:
    """Changes of one organization's members wait for one another, so that two cannot remove the last two owners."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)


def _keep_an_owner(organization: Organization, leaving: User) -> None:
    owners = organization.memberships.filter(role=MemberRole.OWNER)
    if owners.filter(user=leaving).exists() and not owners.exclude(user=leaving).exists():
        raise InvalidInput("An organization needs an owner. Make somebody else an owner first.", field="role")


def _team_exists(name: str) -> InvalidInput:
    return InvalidInput(f"The organization has a team {name} already. Choose another name.", field="name")
