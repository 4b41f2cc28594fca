"""What users write for a gate: who must agree, what must be fresh, what must be true."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from orch.spec.not_yet import NOT_YET
from orch.spec.shapes import Age, Id, Maybe, Shape, Text, Texts

GATE_KINDS = ("approval", "freshness", "check")


class Approval(Shape):
    """People must agree to exactly these bytes."""

    subject: Texts[Text] = Field(
        min_length=1,
        description="What is approved: files and globs, `artifact:<node>.<name>`, `output:<node>`. "
        "A decision counts only for the bytes that it was made about.",
    )
    require: dict[Id, Annotated[int, Field(ge=1, le=100)]] = Field(
        min_length=1, description="How many people of each role must approve: `{product: 1, engineering: 2}`."
    )
    exclude: Texts[Literal["author"]] = Field(
        default=(), description="`[author]`: who wrote the subject cannot approve it."
    )
    evidence: Texts[Text] = Field(
        default=(), description="Nodes that must have succeeded; their manifests join the subject."
    )
    max_age: Maybe[Age] = Field(default=None, description="A decision older than this no longer counts: `30d`.")
    trust: Maybe[Literal["file", "committed"]] = Field(
        default=None,
        description="`file`: a decision's file is enough; `committed`: it must be the same in HEAD. "
        "`committed` where `exclude` is used, else `file`.",
    )


class Freshness(Shape):
    """A document must have been reviewed lately."""

    path: Text = Field(description="A Markdown file with front matter.")
    max_age: Age = Field(description="How old the review may be: `30d`.")
    field: Text = Field(default="last_review", description="The key of the front matter that holds the date.")


class Check(Shape):
    """Something must be true."""

    expr: Text = Field(
        description="An expression over outputs, without `${{ }}`: `nodes.test.outputs.coverage >= 0.8`."
    )


class Gate(Shape):
    """What must hold before any node of the phase starts: exactly one of `approval`, `freshness`, `check`."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [kind]} for kind in GATE_KINDS]})

    if_: Maybe[Text] = Field(
        default=None, alias="if", description="An expression, without `${{ }}`; where it is false the gate is skipped."
    )
    description: Maybe[str] = Field(default=None, description="For people: what this gate is for.")
    approval: Maybe[Approval] = Field(default=None, description="People must agree.")
    freshness: Maybe[Freshness] = Field(default=None, description="A document must have been reviewed lately.")
    check: Maybe[Check] = Field(default=None, description="An expression must be true.")

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, data: object) -> object:
        if isinstance(data, dict):
            kinds = [key for key in data if key in GATE_KINDS or key in NOT_YET["gate"]]
            unknown = any(key not in GATE_KINDS and key not in ("if", "description") for key in data)
            if len(kinds) > 1 or not (kinds or unknown):
                raise PydanticCustomError("kinds", "exactly one kind", {"kinds": kinds})
        return data
