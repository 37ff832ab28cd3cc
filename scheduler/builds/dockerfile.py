"""The Dockerfile of a build section. Pure.

What changes seldom comes first: packages that a project asks for are installed again only when their list changes,
not with every change of its code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from polyaxon.errors import InvalidInput

CODE_PATH = "/code"
USER_NAME = "polyaxon"
# Of each line the first one that is there is copied before the steps.
REQUIREMENTS = ("polyaxon_requirements.txt", "requirements.txt")
CONDA = ("polyaxon_conda_env.yaml", "polyaxon_conda_env.yml", "conda_env.yaml", "conda_env.yml")
SETUP = ("polyaxon_setup.sh", "setup.sh")
KNOWN_FILES = (*REQUIREMENTS, *CONDA, *SETUP)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an image is made of."""

    image: str
    build_steps: Sequence[str] = ()
    env_vars: Sequence[tuple[str, str]] = ()
    lang_env: str | None = None
    files: Sequence[str] = field(default=())  # those of `KNOWN_FILES` that are in the context
    user: tuple[int, int] | None = None  # user and group id that runs have; the code is theirs
    nvidia_bin: str | None = None


def dockerfile(recipe: Recipe) -> str:
    """Its text. Raises `InvalidInput` for values that no Dockerfile can hold."""
    return "\n".join(_lines(recipe)) + "\n"


def _lines(recipe: Recipe) -> Iterator[str]:
    yield f"FROM {_word('image', recipe.image)}"
    if recipe.lang_env:
        yield from (_variable(name, recipe.lang_env) for name in ("LC_ALL", "LANG", "LANGUAGE"))
    yield "ENV SHELL=/bin/bash"
    if recipe.user:
        yield _account(*recipe.user)
    if recipe.nvidia_bin:
        folder = _quoted("PATH", recipe.nvidia_bin)
        yield f'ENV PATH="${{PATH}}:{folder}"'
    yield from (_variable(name, value) for name, value in recipe.env_vars)
    yield f"WORKDIR {CODE_PATH}"
    for names in (REQUIREMENTS, CONDA, SETUP):
        if found := next((name for name in names if name in recipe.files), None):
            yield f"COPY {_owner(recipe)}{found} {CODE_PATH}/{found}"
            if names is SETUP:
                yield f"RUN chmod +x {CODE_PATH}/{found}"
    yield from (_run(step) for step in recipe.build_steps if step.strip())
    yield f"COPY {_owner(recipe)}. {CODE_PATH}"


def _owner(recipe: Recipe) -> str:
    return f"--chown={recipe.user[0]}:{recipe.user[1]} " if recipe.user else ""


def _account(user: int, group: int) -> str:
    """Runs have these ids whatever the image says; some programs want them to have names, too. The code is theirs.

    Images differ in what makes accounts, so the files are written as they are.
    """
    return (
        f"RUN (grep -q '^[^:]*:[^:]*:{group}:' /etc/group || echo '{USER_NAME}:x:{group}:' >> /etc/group) && "
        f"(grep -q '^[^:]*:[^:]*:{user}:' /etc/passwd || "
        f"echo '{USER_NAME}:x:{user}:{group}::{CODE_PATH}:/bin/bash' >> /etc/passwd) && "
        f"mkdir -p {CODE_PATH} && chown {user}:{group} {CODE_PATH}"
    )


def _variable(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"build.env_vars: {name!r} is no name of a variable.")
    return f'ENV {name}="{_quoted(f"build.env_vars: {name}", value)}"'


def _quoted(what: str, value: str) -> str:
    """For between double quotes. A `$` stays what it is: values may build on each other."""
    if any(char in value for char in "\n\r\0"):
        raise InvalidInput(f"{what}: a value in an image has no line breaks.")
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _word(what: str, value: str) -> str:
    if not value or any(char.isspace() for char in value):
        raise InvalidInput(f"build.{what}: {value!r} is no name of an image.")
    return value


def _run(step: str) -> str:
    """One step is one layer. Of several lines it is a script that ends at the first failure."""
    text = step.strip()
    if "\n" not in text and not text.endswith("\\"):
        return f"RUN {text}"
    return f"RUN {json.dumps(['/bin/sh', '-ec', text])}"
