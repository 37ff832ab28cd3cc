"""Shapes of organizations and teams."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from polyaxon.db.models import MemberRole, Membership, Organization, ProjectRole, Team, TeamMember, TeamProject
from polyaxon.db.models.abstract import NAME_LENGTH


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    """`role` is the caller's own; null for administrators of the platform who are no members."""

    name = serializers.CharField(source="owner.name", read_only=True)
    role = serializers.SerializerMethodField()

    class Meta:
        model = Organization
        fields = ("name", "description", "role", "created_at", "updated_at")

    def get_role(self, organization: Organization) -> str | None:
        role: str | None = getattr(organization, "role", None)
        return role


class NewOrganizationSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=NAME_LENGTH)
    description = serializers.CharField(required=False, allow_blank=True, max_length=4096)


class ChangedOrganizationSerializer(serializers.Serializer[Any]):
    description = serializers.CharField(allow_blank=True, max_length=4096)


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ("user", "role", "created_at", "updated_at")


class RoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(MemberRole.choices)


class NewMemberSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(MemberRole.choices, default=MemberRole.MEMBER)


class TeamSerializer(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("name", "created_at", "updated_at")


class TeamNameSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=NAME_LENGTH)


class TeamMemberSerializer(serializers.ModelSerializer[TeamMember]):
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = TeamMember
        fields = ("user", "created_at")


class NewTeamMemberSerializer(serializers.Serializer[Any]):
    user = serializers.CharField(max_length=150)


class TeamProjectSerializer(serializers.ModelSerializer[TeamProject]):
    project = serializers.CharField(source="project.name", read_only=True)

    class Meta:
        model = TeamProject
        fields = ("project", "role", "created_at", "updated_at")


class ProjectRoleSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(ProjectRole.choices)


class NewTeamProjectSerializer(ProjectRoleSerializer):
    project = serializers.CharField(max_length=NAME_LENGTH)
