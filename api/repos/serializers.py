"""Shapes of a project's code."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from api.fields import JSONObjectField
from polyaxon.db.models import CI, ExternalRepo, Repo
from polyaxon.db.models.external import URL_LENGTH


class RepoSerializer(serializers.ModelSerializer[Repo]):
    project = serializers.CharField(source="project.name", read_only=True)

    class Meta:
        model = Repo
        fields = ("project", "created_at", "updated_at", "is_public")
        read_only_fields = ("created_at", "updated_at")


class ExternalRepoSerializer(serializers.ModelSerializer[ExternalRepo]):
    project = serializers.CharField(source="project.name", read_only=True)

    class Meta:
        model = ExternalRepo
        fields = ("project", "created_at", "updated_at", "is_public", "git_url")
        read_only_fields = ("created_at", "updated_at")


class NewExternalRepoSerializer(serializers.Serializer[Any]):
    git_url = serializers.CharField(max_length=URL_LENGTH)
    is_public = serializers.BooleanField(required=False, allow_null=True, default=True)

    def validate_is_public(self, value: bool | None) -> bool:
        return True if value is None else value


class CISerializer(serializers.ModelSerializer[CI]):
    config = JSONObjectField(required=False, allow_null=True)

    class Meta:
        model = CI
        fields = ("config", "created_at", "updated_at")
        read_only_fields = ("created_at", "updated_at")


class UploadOptionsSerializer(serializers.Serializer[Any]):
    """The part `json` of an upload. `delay` is accepted; the commit is made before the answer in any case."""

    delay = serializers.BooleanField(required=False, default=False)
    sync = serializers.BooleanField(required=False, default=False)
