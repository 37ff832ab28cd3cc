"""External git repositories: set, fetched, changed, removed."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction

from polyaxon import options, storage
from polyaxon.db.models import CodeReference, ExternalRepo, Project, Repo, User
from polyaxon.errors import InvalidInput, Refused
from polyaxon.events import emit
from polyaxon.stores import Credentials, RepoError, check_url
from polyaxon.stores.mirrors import is_branch

LOGIN = "polyaxon"  # of every token


def set_external(project: Project, user: User, git_url: str, *, is_public: bool = True) -> tuple[ExternalRepo, bool]:
    """Have the project's code come from `git_url`, and fetch it. The same address again fetches only if files are gone.

    Returns the row and whether it is new. Raises `Refused` when the project has code of its own, `InvalidInput` when it
    has another address or the fetch fails.
    """
    if Repo.objects.filter(project=project).exists():
        raise Refused("The project has uploaded code. Delete that repository before you set an external one.")
    present = ExternalRepo.objects.filter(project=project).first()
    if present is not None:
        present.project = project
        if present.git_url != git_url:
            raise InvalidInput(f"The project's code comes from {present.git_url} already.", field="git_url")
        fetch_if_gone(present)
        return present, False
    repo = ExternalRepo(project=project, git_url=_checked(git_url), is_public=is_public)
    fetch(repo)
    return _store(repo, user), True


def _store(repo: ExternalRepo, user: User) -> ExternalRepo:
    try:
        with transaction.atomic():
            repo.save()
            reference = _reference(repo, None)
            emit("created", repo, actor=user, context={"commit": reference.commit if reference else None})
    except IntegrityError as error:
        raise InvalidInput("An external repository was set at the same moment. Try again.") from error
    return repo


def _checked(git_url: str) -> str:
    return check_url(git_url, allow_file=settings.CONFIG.code.repos_allow_file)


def fetch(repo: ExternalRepo) -> None:
    """Bring the mirror up to date. Raises `InvalidInput` with what git said."""
    config = settings.CONFIG
    mirror = storage.mirror(repo.project)
    existed = mirror.path.exists()
    try:
        mirror.fetch(
            _checked(repo.git_url),
            credentials=None if repo.is_public else credentials(repo),
            timeout=config.code.repos_fetch_timeout,
            max_bytes=config.limits.upload_max_unpacked_bytes,
        )
    except RepoError as error:
        if not existed:
            mirror.delete()
        raise InvalidInput(f"{repo.git_url} could not be fetched: {error.what}", field="git_url") from error


def fetch_if_gone(repo: ExternalRepo) -> None:
    """Fetch a repository whose files are not there."""
    if not storage.mirror(repo.project).path.is_dir():
        fetch(repo)


def credentials(repo: ExternalRepo) -> Credentials:
    """Those that the options name for private repositories. Raises `InvalidInput`.

    Only for servers that the administrator lists: whoever may set an address could have them sent to a server of his
    own otherwise.
    """
    parts = urlsplit(repo.git_url)
    if parts.scheme != "https":
        raise InvalidInput("A private repository is fetched over https only. Give its https address.", field="git_url")
    if parts.netloc.lower() not in settings.CONFIG.code.repos_credentials_hosts:
        raise InvalidInput(
            f"The server sends its credentials to {parts.netloc} only when POLYAXON_REPOS_CREDENTIALS_HOSTS lists it.",
            field="git_url",
        )
    owner = repo.project.owner
    token = options.value("REPOS:ACCESS_TOKEN", owner=owner)
    login = [LOGIN, token] if token else options.value("REPOS:CREDENTIALS", owner=owner)
    if not login:
        raise InvalidInput(
            "The server has no credentials for private repositories. Its administrator sets the option "
            "REPOS:ACCESS_TOKEN or REPOS:CREDENTIALS.",
            field="is_public",
        )
    return Credentials(*login)


def pin(repo: ExternalRepo, commit: str | None = None, branch: str | None = None) -> CodeReference | None:
    """Reference to `commit`, or to the newest one of `branch`, fetched now. None while the repository is empty.

    A commit that the mirror has is not fetched again. Raises `InvalidInput`.
    """
    mirror = storage.mirror(repo.project)
    if not commit or not mirror.contains(commit):
        fetch(repo)
    if commit and not mirror.contains(commit):
        raise InvalidInput(f"{repo.git_url} has no commit {commit}. Give all 40 digits of one that a branch holds.")
    return _commit_reference(repo, commit, branch) if commit else _reference(repo, branch)


def _reference(repo: ExternalRepo, branch: str | None) -> CodeReference | None:
    """Reference to the newest commit that is here."""
    mirror = storage.mirror(repo.project)
    # 0.6 wrote `master` everywhere, so it means the default branch where there is none of that name.
    wanted = None if branch == "master" else branch
    found = mirror.branch(wanted) if wanted is None or is_branch(wanted) else None
    if found is not None:
        return _commit_reference(repo, found[1], found[0])
    if mirror.is_empty and wanted is None:
        return None
    named = f"branch {branch}" if wanted else "branch master or main; name the one that you want"
    raise InvalidInput(f"{repo.git_url} has no {named}.")


def _commit_reference(repo: ExternalRepo, sha: str, branch: str | None) -> CodeReference:
    storage.mirror(repo.project).keep(sha)
    defaults = {"head": sha, "branch": branch or "master", "git_url": repo.git_url}
    reference, _ = CodeReference.objects.get_or_create(external_repo=repo, commit=sha, defaults=defaults)
    return reference


def update_external(repo: ExternalRepo, user: User, *, git_url: str | None, is_public: bool | None) -> ExternalRepo:
    """Change the address, which is then fetched, or how it is fetched."""
    moved = git_url is not None and git_url != repo.git_url
    if git_url is not None:
        repo.git_url = _checked(git_url)
    if is_public is not None:
        repo.is_public = is_public
    if moved:
        fetch(repo)
    with transaction.atomic():
        repo.save()
        emit("updated", repo, actor=user)
    return repo


def delete_external(repo: ExternalRepo, user: User) -> None:
    """Remove the mirror. Runs keep the numbers of their commits."""
    mirror = storage.mirror(repo.project)
    with transaction.atomic():
        emit("deleted", repo, actor=user)
        repo.delete()
    mirror.delete()
