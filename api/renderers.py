"""JSON answers, valid whatever they hold."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import orjson
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.renderers import JSONRenderer as RestJSONRenderer
from rest_framework.utils.encoders import JSONEncoder

from api.kept_fields import Shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rest_framework.request import Request

_PLAIN = frozenset({str, int, bool, type(None)})
_CONTAINERS = (dict, list, tuple)
OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


class JSONRenderer(RestJSONRenderer):
    """orjson; numbers that are not finite become the strings `NaN`, `Infinity`, `-Infinity`."""

    # OpenAPI tools ask for this one.
    encoder_class = JSONEncoder

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        del accepted_media_type, renderer_context
        return b"" if data is None else dumps(data)


class JSONWhateverIsAccepted(DefaultContentNegotiation):
    """There is one format: an `Accept` header that asks for another gets it all the same."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        wanted = request.query_params.get(self.settings.URL_FORMAT_OVERRIDE or "format") or format_suffix
        chosen = list(self.filter_renderers(renderers, wanted) if wanted else renderers)
        return chosen[0], chosen[0].media_type or ""


def dumps(data: Any) -> bytes:
    """`data` as JSON."""
    finite = data if _is_finite([data]) else _finite(data)
    try:
        return orjson.dumps(finite, default=JSONEncoder().default, option=OPTIONS)
    except TypeError:
        # Integers beyond 64 bits, which clients may keep in their parameters.
        return json.dumps(finite, cls=JSONEncoder, ensure_ascii=True, allow_nan=False).encode()


def wire_number(value: float) -> float | str:
    """`value`, or its name when JSON has no number for it."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _is_finite(data: Any) -> bool:
    """Whether no number has to be written by its name, which is nearly always so."""
    if type(data) is Shown:
        values: Iterable[Any] = [data.get(name) for name in data.uncertain]
    else:
        values = data.values() if isinstance(data, dict) else data
    for value in values:
        # In the order of how often there are such.
        if type(value) in _PLAIN:
            continue
        if isinstance(value, float):
            if not math.isfinite(value):
                return False
        elif isinstance(value, _CONTAINERS) and not _is_finite(value):
            return False
    return True


def _finite(data: Any) -> Any:
    # Most of an answer is text, whole numbers and null: no call for these.
    if isinstance(data, dict):
        return {key: value if type(value) in _PLAIN else _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [item if type(item) in _PLAIN else _finite(item) for item in data]
    return wire_number(data) if isinstance(data, float) else data
