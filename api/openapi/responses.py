"""Answers that many operations share: errors, each described once and referred to."""

from __future__ import annotations

from typing import Any

DETAIL: dict[str, Any] = {
    "type": "object",
    "description": "One sentence for a person.",
    "properties": {"detail": {"type": "string"}},
    "required": ["detail"],
}
INVALID: dict[str, Any] = {
    "description": (
        "What is wrong: texts by field, where an item of a list or a nested field is a level of its own; a list of "
        "texts when it is the request as a whole; or `detail` when the body could not be read."
    ),
    "anyOf": [
        {"type": "object", "additionalProperties": {}},
        {"type": "array", "items": {"type": "string"}},
    ],
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "A field": {"value": {"name": ["Ensure this field has no more than 256 characters."]}},
    "The request": {"value": ["Name a file with `?path=`."]},
    "The body": {"value": {"detail": "The body is not valid JSON: Expecting value: line 1 column 1 (char 0)"}},
}

# Name of the component, what it means, and an example of its sentence.
ERRORS: dict[str, tuple[str, str, str]] = {
    "401": ("Unauthorized", "Nobody is logged in, or the token is wrong.", "The token is unknown or has expired."),
    "403": (
        "Forbidden",
        "The caller may look, but not do this; or it is the wrong time for it.",
        "You do not have permission to perform this action.",
    ),
    "404": ("NotFound", "There is no such thing, or the caller may not know of it.", "There is no such project."),
    "411": (
        "LengthRequired",
        "The body came in chunks of unknown number.",
        "Send the body with its Content-Length, not in chunks of unknown number.",
    ),
    "413": ("TooLarge", "The body is larger than this address takes.", "The request's body is too large."),
    "415": ("UnsupportedMediaType", "The body is of another type.", 'Unsupported media type "text/plain" in request.'),
    "416": ("OutOfRange", "There is nothing new after the asked byte; `Content-Range` has the size.", ""),
    "426": ("UpgradeRequired", "The server that answered cannot stream.", "This address streams."),
    "429": ("TooMany", "Too many requests; `Retry-After` has the seconds to wait.", "Request was throttled."),
}


def components() -> dict[str, dict[str, Any]]:
    """What stands under `components` beside the schemas of serializers."""
    shared = {name: _response(code, text, example) for code, (name, text, example) in ERRORS.items()}
    return {
        "schemas": {"Detail": DETAIL, "Invalid": INVALID},
        "responses": {"Invalid": _content("The request is wrong.", "Invalid", {"examples": _EXAMPLES}), **shared},
    }


def reference(code: str) -> dict[str, str]:
    """The answer with that code."""
    name = "Invalid" if code == "400" else ERRORS[code][0]
    return {"$ref": f"#/components/responses/{name}"}


def _response(code: str, text: str, example: str) -> dict[str, Any]:
    if not example:
        return {"description": text}
    answer = _content(text, "Detail", {"example": {"detail": example}})
    if code == "429":
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return answer


def _content(text: str, schema: str, more: dict[str, Any]) -> dict[str, Any]:
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, **more}
    return {"description": text, "content": {"application/json": media}}
