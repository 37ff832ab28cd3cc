"""The resources that operations are grouped by."""

from __future__ import annotations

from api.openapi.names import PREFIX

TAGS = {
    "projects": "Projects, their settings and their owners.",
    "repos": "The code of a project: uploads, an external repository, and runs of new commits.",
    "experiments": "Experiments: starting, changing, stopping and starting them again, and what they put out.",
    "experiment jobs": "Replicas of experiments.",
    "metrics": "Metrics that runs log, and what runs take of the machine.",
    "groups": "Searches over parameters, and selections of experiments.",
    "jobs": "Jobs.",
    "builds": "Builds of images.",
    "notebooks": "Notebooks.",
    "tensorboards": "Tensorboards of projects, groups and experiments.",
    "streams": "Logs and events as they are written.",
    "webhooks": "Who is told of what happens in a project.",
    "bookmarks": "What the caller has marked.",
    "archives": "What was archived and may be restored.",
    "searches": "Saved queries.",
    "activity": "What people did.",
    "users": "Accounts, logging in, and tokens.",
    "organizations": "Organizations, their teams, and the roles of teams on projects.",
    "catalogs": "What the installation offers to runs: stores, secrets, registries.",
    "options": "Settings that are changed while the platform runs.",
    "cluster": "The cluster, its nodes and their GPUs.",
    "platform": "Health, versions, and this description.",
}
# By the first fixed word of an address, where that is not the tag itself.
_BY_WORD = {
    "archive": "projects",
    "restore": "projects",
    "repo": "repos",
    "ci": "repos",
    "selections": "groups",
    "notebook": "notebooks",
    "tensorboard": "tensorboards",
    "bookmark": "bookmarks",
    "unbookmark": "bookmarks",
    "activitylogs": "activity",
    "historylogs": "activity",
    "superusers": "users",
    "orgs": "organizations",
    "nodes": "cluster",
    "events": "streams",
}
_BY_LATER_WORD = {
    "metrics": "metrics",
    "resources": "metrics",
    "stream": "streams",
    "follow": "streams",
    "tensorboard": "tensorboards",
    "bookmark": "bookmarks",
    "unbookmark": "bookmarks",
}


def tag(path: str) -> str:
    """The resource that an address belongs to."""
    words = [part for part in path.removeprefix(PREFIX).split("/") if not part.startswith("{")] or ["projects"]
    for word in words[1:]:
        if word in _BY_LATER_WORD:
            return _BY_LATER_WORD[word]
    if words[:2] == ["experiments", "jobs"]:
        return "experiment jobs"
    named = _BY_WORD.get(words[0], words[0])
    return named if named in TAGS else "platform"


def described() -> list[dict[str, str]]:
    """For the settings of the description."""
    return [{"name": name, "description": text} for name, text in TAGS.items()]
