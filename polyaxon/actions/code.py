"""Code: uploads become commits, runs are pinned to one."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

from django.db import transaction
from django.db.models import QuerySet

from polyaxon import options, storage
from polyaxon.actions import external_repos
from polyaxon.db.models import BuildJob, CodeReference, Experiment, ExternalRepo, Job, NotebookJob, Project, Repo, User
from polyaxon.db.prepared import Prepared
from polyaxon.errors import InvalidInput, Refused
from polyaxon.events import emit
from polyaxon.stores import extract_archive

BRANCH = "master"


_NOT_ASKED = ("description", "readme", "tags")  # may be long


def _build_code_of(project: int) -> QuerySet[Project]:
    return Project._base_manager.filter(pk=project).select_related("repo", "external_repo").defer(*_NOT_ASKED)


def _build_references(repo: int, commit: str) -> QuerySet[CodeReference]:
    return CodeReference.objects.filter(repo=repo, commit=commit).order_by("pk")


# What every run that is made asks for.
_code_of: Prepared[Project] = Prepared(_build_code_of, project=int)
_references: Prepared[CodeReference] = Prepared(_build_references, repo=int, commit=str)


def upload(project: Project, user: User, archive: IO[bytes]) -> CodeReference:
    """Commit the files of a tar archive as the whole content of the project's repository.

    Identical content makes no new commit. Raises `ArchiveRefused`, and then nothing has changed.
    """
    if ExternalRepo.objects.filter(project=project).exists():
        raise Refused("The project's code comes from an external repository. Push your changes there.")
    if options.value("NOTEBOOKS:MOUNT_CODE") and _notebook_runs(project):
        raise Refused("A notebook works on the project's code. Stop it, then upload.")
    root = storage.repository_path(project).parent
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".upload-", dir=root) as folder:
        files = Path(folder) / "files"
        extract_archive(archive, files, storage.upload_limits())
        commit = storage.repository(project).commit_tree(
            files,
            author=user.get_full_name() or user.username,
            email=user.email or f"{user.username}@localhost",
            message=f"Upload by {user.username}",
        )
    return _record(project, user, commit.sha, created=commit.created)


def _notebook_runs(project: Project) -> bool:
    notebooks = NotebookJob.objects.filter(project=project, deleted=False)
    return notebooks.filter(status__in=NotebookJob.LIFECYCLE.stoppable).exists()


@transaction.atomic
def _record(project: Project, user: User, sha: str, *, created: bool) -> CodeReference:
    repo, _ = Repo.objects.get_or_create(project=project)
    reference = _reference(repo, sha)
    if created:
        emit("new_commit", repo, actor=user, context={"commit": sha})
    return reference


def pin(project: Project, commit: str | None = None, branch: str | None = None) -> CodeReference | None:
    """Reference to `commit`, or to the newest one; None for a project without code.

    Uploaded code has one branch, so `branch` counts for external repositories only.
    """
    code = _code_of.first(project=project.pk)
    external: ExternalRepo | None = getattr(code, "external_repo", None)
    if external is not None:
        external.project = project
        return external_repos.pin(external, commit, branch)
    repo: Repo | None = getattr(code, "repo", None)
    if repo is None:
        if commit:
            raise InvalidInput(f"The project has no code, so there is no commit {commit}. Upload some first.")
        return None
    repository = storage.repository(project)
    if commit and not repository.contains(commit):
        raise InvalidInput(f"The project's repository has no commit {commit}. Give all 40 digits of one it has.")
    sha = commit or repository.head()
    return _reference(repo, sha) if sha else None


def has_code(project: Project) -> bool:
    """Whether the project has code, uploaded or external."""
    of_project = {"project": project}
    return Repo.objects.filter(**of_project).exists() or ExternalRepo.objects.filter(**of_project).exists()


def _reference(repo: Repo, sha: str) -> CodeReference:
    known = _references.first(repo=repo.pk, commit=sha)
    if known is not None:
        return known
    reference, _ = CodeReference.objects.get_or_create(repo=repo, commit=sha, defaults={"head": sha, "branch": BRANCH})
    return reference


@transaction.atomic
def attach(run: Experiment | Job | BuildJob, values: dict[str, Any]) -> CodeReference:
    """Have `run` stand on a commit that its client reported."""
    reference = CodeReference.objects.create(**values)
    run.code_reference = reference
    run.save(update_fields=["code_reference", "updated_at"])
    return reference


@transaction.atomic
def update_repo(repo: Repo, user: User, *, is_public: bool) -> Repo:
    """Change who may see a repository."""
    repo.is_public = is_public
    repo.save(update_fields=["is_public", "updated_at"])
    emit("updated", repo, actor=user)
    return repo


def delete_repo(repo: Repo, user: User) -> None:
    """Remove a project's code. Runs keep the numbers of their commits."""
    repository = storage.repository(repo.project)
    with transaction.atomic():
        emit("deleted", repo, actor=user)
        repo.delete()
    repository.delete()
