"""Artifacts as they are announced and shown."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from polyaxon.actions.artifacts import received_of
from polyaxon.db.models import Artifact
from polyaxon.db.models.artifacts import TYPES

MOST_AT_ONCE = 1000
METADATA_BYTES = 64 * 1024


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    """A file among the outputs and what it is. Content: `outputs/files?path=`."""

    stored = serializers.BooleanField(help_text="Whether its content is there.")
    received = serializers.SerializerMethodField(help_text="Bytes of the content that are there: send the rest.")

    class Meta:
        model = Artifact
        fields = (
            *("id", "path", "name", "type", "size", "sha256", "step", "metadata"),
            *("stored", "received", "created_at", "updated_at"),
        )
        read_only_fields = fields

    def get_received(self, artifact: Artifact) -> int:
        return received_of(artifact)


class AnnouncedArtifactSerializer(serializers.Serializer[Any]):
    """A file that a client has."""

    path = serializers.CharField(max_length=4096, trim_whitespace=False, help_text="Relative to the run's outputs.")
    name = serializers.CharField(max_length=255, required=False, help_text="By default the path.")
    type = serializers.ChoiceField(TYPES, default="file")
    size = serializers.IntegerField(min_value=0, max_value=2**62, help_text="Bytes.")
    sha256 = serializers.RegexField(r"\A[0-9a-f]{64}\Z", help_text="Checksum of the content in hex.")
    step = serializers.IntegerField(min_value=-(2**63), max_value=2**63 - 1, required=False, allow_null=True)
    metadata = serializers.DictField(required=False, allow_null=True, help_text="Whatever describes it, up to 64 KiB.")


class ManifestSerializer(serializers.Serializer[Any]):
    """Files that a client has."""

    artifacts = AnnouncedArtifactSerializer(
        many=True,
        allow_empty=False,
        max_length=MOST_AT_ONCE,  # type: ignore[call-arg] # of the list
    )


class AnnouncedSerializer(serializers.Serializer[Any]):
    """The same files as the server knows them now."""

    artifacts = ArtifactSerializer(many=True)


class MisplacedSerializer(serializers.Serializer[Any]):
    """A part does not begin where those before it end."""

    detail = serializers.CharField()
    received = serializers.IntegerField()
