"""The small types that the models of documents are built from, with their JSON Schemas."""

from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema

from orch.spec import units

T = TypeVar("T")


class _NotNull:
    """A key may be absent, but a key without a value is a mistake: null is refused where None means 'not given'."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        inner: CoreSchema = schema["schema"] if schema["type"] == "nullable" else schema
        return inner


Maybe = Annotated[T | None, _NotNull()]


class Shape(BaseModel):
    """A mapping with fixed keys. Nothing is converted: the words of the YAML are already typed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True)


def _env_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


ID_PATTERN = r"^[a-z][a-z0-9_]{0,47}$"
ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
OUTPUT_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
HANDLE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,38}$"
TAG_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
PROGRAM_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}$"
EMAIL_PATTERN = r"^[^@\s]+@[^@\s]+$"
UUID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"

CommandName = Literal["setup", "build", "lint", "format", "check", "test"]
"""The commands that every adapter has by the same names."""
Id = Annotated[str, Field(pattern=ID_PATTERN)]
EnvName = Annotated[str, Field(pattern=ENV_NAME_PATTERN)]
OutputName = Annotated[str, Field(pattern=OUTPUT_NAME_PATTERN)]
Handle = Annotated[str, Field(pattern=HANDLE_PATTERN)]
Tag = Annotated[str, Field(pattern=TAG_PATTERN)]
Program = Annotated[str, Field(pattern=PROGRAM_PATTERN)]
Email = Annotated[str, Field(pattern=EMAIL_PATTERN)]
Text = Annotated[str, Field(min_length=1)]

_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}
EnvText = Annotated[str, BeforeValidator(_env_text), WithJsonSchema(_SCALAR_SCHEMA)]

_DURATION_SCHEMA = {"type": "string", "pattern": units.DURATION_PATTERN, "examples": ["20m", "1h30m", "500ms"]}
Age = Annotated[float, BeforeValidator(partial(units.seconds, unit="d")), WithJsonSchema(_DURATION_SCHEMA)]
Seconds = Annotated[float, BeforeValidator(units.seconds), WithJsonSchema(_DURATION_SCHEMA)]

_COUNT_SCHEMA = {
    "anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": units.COUNT_PATTERN}],
    "examples": [100, "2k"],
}
Count = Annotated[int, Field(ge=1), BeforeValidator(units.count), WithJsonSchema(_COUNT_SCHEMA)]

Texts = Annotated[tuple[T, ...], Field(strict=False)]
"""A list. (Strictness would want a tuple, which YAML does not have; it still holds for the items.)"""
