"""The build section: how the image of a run is made."""
# ruff: noqa: TRY004  the validator turns ValueError into a problem, TypeError it lets through

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BeforeValidator, Field, ModelWrapValidatorHandler, model_validator

from polyaxon_schemas.environment import FiniteEnvironment
from polyaxon_schemas.fields import Digits, Flag, Section, Text, TextList, with_check
from polyaxon_schemas.forms import REFERENCE, TEMPLATE, TEXT, Form, any_of
from polyaxon_schemas.io import InputOutput
from polyaxon_schemas.logging_section import Logging
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


def _check_one_source(data: Any) -> None:
    given = [key for key in _SOURCES if isinstance(data, dict) and data.get(key) not in (None, "")]
    if isinstance(data, dict) and len(given) != 1:
        raise ValueError(f"expected exactly one of image, dockerfile and ref, found {', '.join(given) or 'none'}")


_IMAGE = Form("image", any_of({"type": "string", "pattern": r"^\S*$"}, {"type": "number"}, TEMPLATE))
_PAIR = Form("`[NAME, value]`", {"type": "array", "items": TEXT.schema, "minItems": 2, "maxItems": 2})


class BuildKeys(Section):
    """The keys that say how an image is made: exactly one of `image`, `dockerfile` and `ref`."""

    image: Annotated[Optional[Text], BeforeValidator(_image), _IMAGE] = Field(
        None, description="The image to start from, such as `python:3.11` or `host:5000/name:tag`."
    )
    dockerfile: Optional[str] = Field(None, description="Path of a Dockerfile in the repository; used as it is.")
    ref: Annotated[Optional[Union[int, str]], BeforeValidator(_ref), REFERENCE] = Field(
        None, description="Another build."
    )
    context: Optional[str] = Field(None, description="Folder of the repository that the build sees.")
    build_steps: TextList = Field(None, description="Commands, a layer each (with `image`).")
    env_vars: Optional[list[Annotated[list[Text], BeforeValidator(_pair), _PAIR]]] = Field(
        None, description="Variables in the image (with `image`). Those of a run are in `environment.env_vars`."
    )
    lang_env: Optional[str] = Field(None, description="Locale of the image, such as `en_US.UTF-8`.")
    nocache: Optional[Flag] = Field(None, description="Build anew, even when there is a build like it.")
    commit: Optional[Digits] = Field(None, description="The commit to use; else the latest one.")
    branch: Optional[Digits] = Field(None, description="The branch whose latest commit is used.")

    @model_validator(mode="wrap")
    @classmethod
    def _one_source(cls, data: Any, handler: ModelWrapValidatorHandler["BuildKeys"]) -> "BuildKeys":
        found: BuildKeys = with_check(data, handler, _check_one_source)
        return found

    @property
    def image_tag(self) -> Optional[str]:
        """The tag of ``image``; ``latest`` when it names none."""
        if not self.image:
            return None
        name, _, tag = self.image.rpartition(":")
        return tag if name and "/" not in tag else "latest"


class Build(BuildKeys):
    """A build inside another kind's file."""

    kind: Optional[Literal["build"]] = Field(None, description="If given, `build`.")
    version: Optional[int] = Field(None, description="If given, 1.")
    name: Optional[str] = Field(None, description="Not used.")
    description: Optional[str] = Field(None, description="Not used.")
    tags: TextList = Field(None, description="Not used.")
    logging: Optional[Logging] = Field(None, description="Not used.")
    inputs: Optional[list[InputOutput]] = Field(None, description="Not used.")
    outputs: Optional[list[InputOutput]] = Field(None, description="Not used.")
    params: Optional[dict[str, Any]] = Field(None, description="Not used.")
    backend: Optional[Literal["native", "kaniko", "other"]] = Field(None, description="What builds the image.")
    environment: Optional[FiniteEnvironment] = Field(None, description="What the build itself asks for.")
