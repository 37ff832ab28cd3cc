"""What is stored outside the database: code, logs and outputs; and the checks on paths and archives from
outside.

These modules know no database and no settings: they take paths, limits and streams as arguments. The series
of metrics live in `polyaxon.stores.series`, which does know the database and is imported by its own name.
"""

from polyaxon.stores.archives import ArchiveLimits, ArchiveReport, extract_archive
from polyaxon.stores.errors import ArchiveRefused, OutputsNotFound, PathRefused, RepoError
from polyaxon.stores.logs import LocalLogStore, LogStore, format_line
from polyaxon.stores.mirrors import Credentials, Mirror, check_url
from polyaxon.stores.outputs import FilesystemOutputsStore, OutputsStore, Tree
from polyaxon.stores.packing import pack
from polyaxon.stores.paths import contained
from polyaxon.stores.repos import Commit, InternalRepo

__all__ = [
    "ArchiveLimits",
    "ArchiveRefused",
    "ArchiveReport",
    "Commit",
    "Credentials",
    "FilesystemOutputsStore",
    "InternalRepo",
    "LocalLogStore",
    "LogStore",
    "Mirror",
    "OutputsNotFound",
    "OutputsStore",
    "PathRefused",
    "RepoError",
    "Tree",
    "check_url",
    "contained",
    "extract_archive",
    "format_line",
    "pack",
]
