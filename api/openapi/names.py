"""Names of operations, told by method and address alone: they stay the same whatever happens to the code behind.

`POST {owner}/{project}/experiments/{id}/stop` becomes `stop_project_experiment`, "Stop project experiment".
"""

from __future__ import annotations

PREFIX = "/api/v1/"
VERBS = {"POST": "create", "PUT": "update", "PATCH": "change", "DELETE": "delete"}
# Last words of addresses that say what is done, with the word for it.
_VERBS_IN_ADDRESSES = (
    *("archive", "bookmark", "copy", "delete", "download", "follow", "invalidate", "refresh", "restart", "restore"),
    *("resume", "start", "stop", "stream", "sync", "unbookmark", "upload"),
)
ACTIONS = {**{verb: verb for verb in _VERBS_IN_ADDRESSES}, "_heartbeat": "beat", "_reconcile": "report"}
SPECIAL = {
    "POST users/token": "log_in",
    "GET users/logout": "log_out",
    "GET users": "get_current_user",
    "POST users/password": "change_password",
    "POST users/activate/{username}": "activate_user",
    "DELETE users/delete/{username}": "delete_user",
    "POST superusers/grant/{username}": "grant_superuser",
    "POST superusers/revoke/{username}": "revoke_superuser",
    "GET experiments": "list_all_experiments",
    "GET {owner}": "list_owner_projects",
    "GET {owner}/projects/name": "list_owner_project_name",
    "GET {owner}/projects/names": "list_owner_project_names",
    "POST options": "set_options",
    "POST {owner}/options": "set_owner_options",
    "GET activitylogs": "list_activity",
    "GET activitylogs/{owner}/{project}": "list_project_activity",
    "GET historylogs": "list_history",
    "POST {owner}/{project}/experiments/{id}/metrics": "log_project_experiment_metrics",
    # What is current, beside what an id names.
    "POST {owner}/{project}/notebook/stop": "stop_project_current_notebook",
    "POST {owner}/{project}/tensorboard/stop": "stop_project_current_tensorboard",
}
# Words before a name that is no part of what is named.
_ADJECTIVES = {"archives": "archived", "bookmarks": "bookmarked"}


def operation_id(method: str, path: str, *, is_list: bool) -> str:
    """A name that no other operation has."""
    address = path.removeprefix(PREFIX)
    if f"{method} {address}" in SPECIAL:
        return SPECIAL[f"{method} {address}"]
    words = _words(address)
    if words[-1] in ACTIONS:
        return "_".join([ACTIONS[words[-1]], *words[:-1]])
    if method == "POST" and words[-1] != "logs":
        words[-1] = singular(words[-1])
    verb = ("list" if is_list else "get") if method == "GET" else VERBS[method]
    return "_".join([verb, *words])


def summary(name: str) -> str:
    """The name as a person reads it."""
    return name.replace("_", " ").capitalize()


def singular(word: str) -> str:
    """One of `word`."""
    if word.endswith("ies") and word != "series":
        return f"{word[:-3]}y"
    if word.endswith(("statuses", "searches")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "series", "status")) else word


def _words(address: str) -> list[str]:
    """The fixed words; in the singular where a parameter picks one of them."""
    parts = address.split("/")
    if parts[0] == "searches":  # {owner}/{project}/{kind}[/{id}]
        return [singular(parts[3]), "search" if len(parts) > 4 else "searches"]  # noqa: PLR2004 - with an id
    if parts[:2] == ["{owner}", "{project}"]:
        parts[:2] = ["project"]
    if parts[0] == "{owner}":
        parts[0] = "owner"
    return [
        _ADJECTIVES.get(part) or (singular(part) if after.startswith("{") else part)
        for part, after in zip(parts, [*parts[1:], ""], strict=True)
        if not part.startswith("{")
    ]
