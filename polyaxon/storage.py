"""The stores of this installation, at the roots that the configuration names."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from polyaxon.db.models import Project
from polyaxon.stores import ArchiveLimits, FilesystemOutputsStore, InternalRepo, LocalLogStore, Mirror
from polyaxon.stores.incoming import Incoming


def outputs() -> FilesystemOutputsStore:
    """Outputs of runs."""
    return FilesystemOutputsStore(settings.CONFIG.root(settings.CONFIG.stores.outputs_root))


def incoming() -> Incoming:
    """Artifacts that are being sent."""
    return Incoming(settings.CONFIG.root(settings.CONFIG.stores.outputs_root))


def logs() -> LocalLogStore:
    """Logs of runs."""
    return LocalLogStore(settings.CONFIG.root(settings.CONFIG.stores.logs_root))


def repository_path(project: Project) -> Path:
    """Folder of a project's git repository. From its uuid, so that no two projects ever share one."""
    return Path(settings.CONFIG.root(settings.CONFIG.stores.repos_root)) / f"{project.uuid.hex}.git"


def repository(project: Project) -> InternalRepo:
    return InternalRepo(repository_path(project))


def mirror(project: Project) -> Mirror:
    """The mirror of a project's external repository, in the place where uploads would be: no project has both."""
    return Mirror(repository_path(project))


def runs_root() -> Path:
    """Work trees and state of local runs."""
    return Path(settings.CONFIG.root(settings.CONFIG.stores.runs_root))


def upload_limits() -> ArchiveLimits:
    """What an uploaded archive may cost."""
    limits = settings.CONFIG.limits
    return ArchiveLimits(
        compressed_bytes=limits.upload_max_bytes,
        total_bytes=limits.upload_max_unpacked_bytes,
        file_bytes=limits.upload_max_file_bytes,
        members=limits.upload_max_members,
        ratio=limits.upload_max_ratio,
    )
