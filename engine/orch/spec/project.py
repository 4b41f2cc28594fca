"""What users write in orch.yaml: people, roles, the policy that holds for all pipelines."""

from typing import Annotated, Literal

from pydantic import Field

from orch.spec.shapes import UUID_PATTERN, Email, EnvName, Handle, Id, Maybe, Shape, Text, Texts


class Person(Shape):
    """Somebody who decides or commits."""

    emails: Texts[Email] = Field(default=(), description="The addresses that this person commits with.")


class Policy(Shape):
    """The least that every pipeline must keep to; a pipeline may ask for more, never for less."""

    trust: Literal["file", "committed"] = Field(
        default="file", description="The least trust that a decision must have."
    )


class Env(Shape):
    """What commands see of the caller's environment."""

    pass_: Texts[EnvName] = Field(
        default=(), alias="pass", description="Names of variables that every command gets as they are."
    )


class Project(Shape):
    """A project: everything is optional, and holds for all pipelines below this folder."""

    apiVersion: Literal["orch/v1"] = Field(default="orch/v1", description="The version of this format: `orch/v1`.")  # noqa: N815
    kind: Literal["Project"] = Field(default="Project", description="What this document is: `Project`.")
    name: Maybe[Text] = Field(default=None, description="The project's name.")
    id: Maybe[Annotated[str, Field(pattern=UUID_PATTERN)]] = Field(
        default=None, description="A UUID that decisions are bound to; `orch init` writes it."
    )
    library: Text = Field(
        default=".", description="The folder with adapters/: `.`, or `.orch` where the names are taken."
    )
    overrides: Texts[Text] = Field(
        default=(), description="What of orch's own this project replaces: `adapters/python`."
    )
    people: dict[Handle, Person] = Field(default_factory=dict, description="Who there is, by handle.")
    roles: dict[Id, Texts[str]] = Field(default_factory=dict, description="The people of each role, by handle.")
    policy: Policy = Field(default=Policy(), description="The least that every pipeline must keep to.")
    env: Env = Field(default=Env(), description="What commands see of the caller's environment.")
    jobs: Annotated[int, Field(ge=1, le=10_000)] | Literal["auto"] = Field(
        default="auto", union_mode="left_to_right", description="How many commands run at once; `auto` is one a core."
    )
    notify: Maybe[Annotated[Texts[Text], Field(min_length=1)]] = Field(
        default=None,
        description="A command (an argv) that is started when a run waits, has failed or is done, with one JSON object "
        "on stdin.",
    )
    durability: Literal["full", "none"] = Field(
        default="full", description="`full`: what is shown survives a power cut. `none`: only the end of the process."
    )
