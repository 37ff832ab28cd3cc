"""What an option is, and which values it takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from polyaxon.errors import InvalidInput

YES = frozenset({"1", "true", "t", "yes", "y", "on"})
NO = frozenset({"0", "false", "f", "no", "n", "off"})
PAIR = 2


class OptionStore(StrEnum):
    """Where values live: in the database, or in the settings of the process, where the API only reads them."""

    DATABASE = "db_option"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Option:
    """One key. `typing` is the type of a value, or of its items when `is_list`.

    Types: `str`, `int`, `float`, `bool`, `dict`, `list` (of texts), `auth` (user and password).
    """

    key: str
    typing: str
    description: str
    default: Any = None
    is_list: bool = False
    is_secret: bool = False
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    length: int | None = None
    item_length: int | None = None
    # Seconds for which a process may go on with a value that another one has changed.
    cache_seconds: int = 10
    # Whether an owner may have a value of its own. Such options concern the owner's runs and grant nothing.
    per_owner: bool = False
    store: OptionStore = OptionStore.DATABASE

    def parse(self, given: Any) -> Any:
        """`given` as a value of this option. Raises `InvalidInput` that names the key."""
        try:
            return self._list(given) if self.is_list else self._single(given)
        except ValueError as error:
            raise InvalidInput(f"{error} Found {_shown(given, self)}.", field=self.key) from None

    def _list(self, given: Any) -> list[Any]:
        items = _from_json(given, "a JSON list") if isinstance(given, str) else given
        if isinstance(items, dict) and self.typing == "dict":
            items = [items]  # a single webhook
        if not isinstance(items, list):
            raise ValueError(f"{self.key} takes a list of {self.typing} values.")  # noqa: TRY004 - one kind for all
        if self.length is not None and len(items) != self.length:
            raise ValueError(f"{self.key} takes a list of {self.length} values.")
        return [self._single(item) for item in items]

    def _single(self, given: Any) -> Any:
        found = _PARSERS[self.typing](given)
        if found is _WRONG:
            raise ValueError(f"{self.key} takes {_EXPECTED[self.typing]}.")
        if self.choices and found not in self.choices:
            raise ValueError(f"{self.key} is one of {', '.join(self.choices)}.")
        if self.item_length is not None and len(found) != self.item_length:
            raise ValueError(f"{self.key} takes lists of {self.item_length}.")
        if self.minimum is not None and found < self.minimum:
            raise ValueError(f"{self.key} is at least {self.minimum}.")
        return found


_WRONG = object()
_EXPECTED = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "dict": "a JSON object",
    "list": "a list of texts, or texts separated by commas",
    "auth": "`user:password`",
}


def _shown(given: Any, option: Option) -> str:
    text = repr(given)
    return "something else" if option.is_secret else text[:80] + "…" * (len(text) > 80)  # noqa: PLR2004 - a line


def _from_json(text: str, expected: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"The text is not {expected}.") from None


def _text(given: Any) -> Any:
    return given if isinstance(given, str) and "\x00" not in given else _WRONG


def _integer(given: Any) -> Any:
    if isinstance(given, str):
        try:
            given = int(given)
        except ValueError:
            return _WRONG
    whole = isinstance(given, int) and not isinstance(given, bool)
    return given if whole and abs(given) < 2**53 else _WRONG


def _number(given: Any) -> Any:
    if isinstance(given, str):
        try:
            given = float(given)
        except ValueError:
            return _WRONG
    finite = isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < float("inf")
    return float(given) if finite else _WRONG


def _boolean(given: Any) -> Any:
    if isinstance(given, str):
        word = given.strip().lower()
        return word in YES if word in YES | NO else _WRONG
    return given if isinstance(given, bool) else _WRONG


def _mapping(given: Any) -> Any:
    found = _from_json(given, "a JSON object") if isinstance(given, str) else given
    return found if isinstance(found, dict) else _WRONG


def _texts(given: Any) -> Any:
    if isinstance(given, str):
        return [part.strip() for part in given.split(",") if part.strip()]
    return given if isinstance(given, list) and all(isinstance(part, str) for part in given) else _WRONG


def _credentials(given: Any) -> Any:
    pair = given.split(":", 1) if isinstance(given, str) else given
    if not isinstance(pair, list) or len(pair) != PAIR or not all(isinstance(part, str) and part for part in pair):
        return _WRONG
    return pair


_PARSERS = {
    "str": _text,
    "int": _integer,
    "float": _number,
    "bool": _boolean,
    "dict": _mapping,
    "list": _texts,
    "auth": _credentials,
}
