"""The build section: how the image of a run is made."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BeforeValidator, model_validator

from polyaxon_schemas.environment import Environment
from polyaxon_schemas.fields import Digits, Section, Text, TextList
from polyaxon_schemas.problems import describe

_SOURCES = ("image", "dockerfile", "ref")
_MAX_IMAGE_PARTS = 3


def _image(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = value.split(":")
    if any(char.isspace() for char in value):
        raise ValueError("an image name has no spaces")
    has_bad_port = len(parts) == _MAX_IMAGE_PARTS and not parts[1].find("/") > 0
    if len(parts) > _MAX_IMAGE_PARTS or (has_bad_port and "@" not in value):
        raise ValueError(f"expected an image such as host:5000/name:tag, found {describe(value)}")
    return value


def _pair(value: Any) -> Any:
    if not isinstance(value, list) or len(value) != 2:  # noqa: PLR2004 - a pair
        raise ValueError(f"expected [NAME, value], found {describe(value)}")
    return value


def _ref(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, str, type(None))):
        raise ValueError(f"expected an id or a name, found {describe(value)}")
    return value


class BuildKeys(Section):
    """The keys that say how an image is made."""

    image: Annotated[Optional[Text], BeforeValidator(_image)] = None
    dockerfile: Optional[str] = None
    ref: Annotated[Optional[Union[int, str]], BeforeValidator(_ref)] = None
    context: Optional[str] = None
    build_steps: TextList = None
    env_vars: Optional[list[Annotated[list[Text], BeforeValidator(_pair)]]] = None
    lang_env: Optional[str] = None
    nocache: Optional[bool] = None
    commit: Optional[Digits] = None
    branch: Optional[Digits] = None

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, data: Any) -> Any:
        given = [key for key in _SOURCES if isinstance(data, dict) and data.get(key) not in (None, "")]
        if isinstance(data, dict) and len(given) != 1:
            raise ValueError(f"expected exactly one of image, dockerfile and ref, found {', '.join(given) or 'none'}")
        return data

    @property
    def image_tag(self) -> Optional[str]:
        """The tag of ``image``; ``latest`` when it names none."""
        if not self.image:
            return None
        name, _, tag = self.image.rpartition(":")
        return tag if name and "/" not in tag else "latest"


class Build(BuildKeys):
    """A build inside another kind's file."""

    kind: Optional[Literal["build"]] = None
    version: Optional[int] = None
    name: Optional[str] = None
    description: Optional[str] = None
    tags: TextList = None
    logging: Optional[dict[str, Any]] = None
    inputs: Optional[list[dict[str, Any]]] = None
    outputs: Optional[list[dict[str, Any]]] = None
    params: Optional[dict[str, Any]] = None
    backend: Optional[Literal["native", "kaniko", "other"]] = None
    environment: Optional[Environment] = None
