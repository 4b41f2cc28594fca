"""What users write for an adapter: how a stack is recognised, its commands, the tools and reports of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_before_validator_function

from orch.spec.shapes import CommandName, EnvName, Id, Maybe, Shape, Text, Texts

ReportFormat = Literal["junit", "tap", "gotest", "cargo", "cargo-json", "jest", "eslint", "ruff"]
PLACES = ("env", "files", "reports", "args")
"""What stands for a path, or for the node's `args`, in the texts of a command, beside the variables."""

ARGV_EXAMPLE = 'write `argv: ["{env}/bin/python", -m, pytest]`'
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")]
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]*$")]
AskForVersion = Annotated[str, Field(pattern=r"^-{0,2}[vV](ersion)?$")]
"""Tools are started when a plan is made, which runs nothing of the repository: they are asked this, and no more."""


class When(Shape):
    """What a repository must hold. All that is said must be true; paths count from the node's `cwd`."""

    file: Maybe[Text] = Field(default=None, description="There is a file of this path.")
    glob: Maybe[Text] = Field(default=None, description="There is a file that this pattern means: `tests/**/*.py`.")
    toml: Maybe[Text] = Field(default=None, description="A TOML file, for `has`.")
    json_: Maybe[Text] = Field(default=None, alias="json", description="A JSON file, for `has`.")
    ini: Maybe[Text] = Field(default=None, description="An INI file, for `has`: `section.key`, or a section.")
    has: Maybe[Text] = Field(default=None, description="A path in that file that must be there: `scripts.test`.")
    matches: Maybe[Text] = Field(
        default=None,
        description="A regular expression (Python's), searched in the value at `has`, or in the text of the files that "
        "`file` and `glob` mean; one hit is enough.",
    )
    variable: Maybe[Id] = Field(default=None, description="A variable that is declared before this one, for `is`.")
    is_: Maybe[str] = Field(default=None, alias="is", description="What that variable must be.")
    any: Maybe[Texts[When]] = Field(default=None, min_length=1, description="One of these must be true.")
    none: Maybe[Texts[When]] = Field(default=None, min_length=1, description="None of these may be true.")

    @model_validator(mode="after")
    def _whole(self) -> When:
        holders = [self.toml, self.json_, self.ini]
        if not self.model_fields_set - {"score"}:
            raise ValueError("a condition that says nothing: write `when: { file: Makefile }`, or leave `when` out")
        if (self.has is None) != (not any(holders)) or sum(map(bool, holders)) > 1:
            raise ValueError("`has` and one of `toml`, `json`, `ini` belong together: `{ toml: a.toml, has: a.b }`")
        if (self.variable is None) != (self.is_ is None):
            raise ValueError("`variable` and `is` belong together: `{ variable: runner, is: uv }`")
        if self.matches is not None and not (self.has or self.file or self.glob):
            raise ValueError("`matches` looks into a value or a file: `{ file: a.txt, matches: word }`")
        return self


class Detect(When):
    """A sign of this stack in a repository, and how strong it is."""

    score: int = Field(ge=1, le=100, description="The strongest sign that is found counts.")


class Choice(Shape):
    """A value of a variable, and when it is the one."""

    when: Maybe[When] = Field(default=None, description="Taken when this is true; without it, always.")
    value: str = Field(description="The value.")


class Tool(Shape):
    """A program that must be on PATH."""

    install: Text = Field(description="The command that installs it, told where it is missing.")
    min: Maybe[Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")]] = Field(
        default=None, description="The oldest version that will do, in quotes."
    )
    version: Texts[AskForVersion] = Field(
        default=("--version",), description="The arguments that print the version: `[version]`, `[-V]`."
    )


class Environment(Shape):
    """Where the stack keeps what it installs for this repository: never in the user's own places."""

    kind: Literal["venv", "folder"] = Field(description="`venv`: a Python environment. `folder`: any other.")
    path: Text = Field(description="The folder, below the node's `cwd`.")
    bin: Text = Field(default="bin", description="The folder in it whose programs come first on PATH.")


class ReportFile(Shape):
    """A report that a command leaves."""

    format: ReportFormat = Field(description="What it is written in.")
    path: Text = Field(description="`{reports}/junit.xml`, or `stdout`.")
    optional: bool = Field(default=False, description="It may be missing although the command succeeded.")


class NoTests(Shape):
    """How a command says that there was nothing to do: neither passed nor failed."""

    exit: Maybe[Annotated[int, Field(ge=0, le=255)]] = Field(
        default=None, description="The exit code for it. Exit 0 with a report of no test always means it."
    )
    means: Text = Field(description="The sentence: `no tests were collected`.")


class Cause(Shape):
    """A line of a failed command's log that tells the cause."""

    matches: Text = Field(description="A regular expression (Python's), searched in the end of the log.")
    means: Text = Field(description="The cause in a sentence.")


class Variant(Shape):
    """A way to carry a command out: an argv, or the reason why this repository has nothing to do here."""

    when: Maybe[When] = Field(default=None, description="Taken when this is true; without it, always.")
    argv: Maybe[Annotated[Texts[Text], Field(min_length=1)]] = Field(
        default=None, description="The command, without a shell. An argument that becomes empty is left out."
    )
    skip: Maybe[Text] = Field(
        default=None, description="Instead of `argv`: the node is skipped (`not-configured`), and this is the sentence."
    )
    tools: Texts[Text] = Field(default=(), description="The tools that it needs, by name.")
    env: dict[EnvName, str] = Field(default_factory=dict, description="Environment variables of this command.")
    needs: Texts[CommandName] = Field(default=(), description="The commands that must have run before.")
    reports: Texts[ReportFile] = Field(default=(), description="The reports that it leaves.")
    none: Maybe[NoTests] = Field(default=None, description="How it says that there was nothing to do.")

    @model_validator(mode="after")
    def _one(self) -> Variant:
        if (self.argv is None) == (self.skip is None):
            raise ValueError(f"a command has either `argv` or `skip`: {ARGV_EXAMPLE}")
        return self


class _OrSingle:
    """One variant or more: a list, or the only one as it is."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_variants, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], {**several, "minItems": 1}]}


def _variants(value: object) -> object:
    if value == []:
        raise ValueError(f"a command without any variant: {ARGV_EXAMPLE}")
    return [value] if isinstance(value, dict) else value


Command = Annotated[Texts[Variant], _OrSingle()]


class Adapter(Shape):
    """A stack: what to look for, which commands it has, which tools they need and which reports they leave."""

    apiVersion: Literal["orch/v1"] = Field(description="The version of this format: `orch/v1`.")  # noqa: N815
    kind: Literal["Adapter"] = Field(description="What this document is: `Adapter`.")
    name: Id = Field(description="The adapter's name, and its folder's.")
    description: Maybe[str] = Field(default=None, description="For people: which stack this is.")
    detect: Texts[Detect] = Field(min_length=1, description="The signs by which `adapter: auto` finds it.")
    variables: dict[Id, Annotated[Texts[Choice], Field(min_length=1)]] = Field(
        default_factory=dict, description="Values that follow from the repository; the first choice that fits is taken."
    )
    tools: dict[ToolName, Tool] = Field(default_factory=dict, description="Programs, and how to install each.")
    environment: Maybe[Environment] = Field(default=None, description="Where it keeps what it installs.")
    env: dict[EnvName, str] = Field(default_factory=dict, description="Environment variables of every command.")
    files: Texts[FileName] = Field(
        default=(), description="Files beside this one that commands use, as `{files}/NAME`. Pinned with the plan."
    )
    causes: Texts[Cause] = Field(default=(), description="What lines in the logs of failed commands mean.")
    commands: dict[CommandName, Command] = Field(
        min_length=1, description="What it can do; of several variants the first that fits is taken."
    )


class CaseCommand(Shape):
    """What a command must become."""

    argv: Maybe[Texts[Text]] = Field(
        default=None, description="The argv, with `{env}`, `{files}` and `{reports}` as they stand."
    )
    skip: Maybe[Text] = Field(default=None, description="Or the sentence with which it is skipped.")
    env: dict[EnvName, str] = Field(
        default_factory=dict, description="The variables that the adapter sets; compared where it is written."
    )

    @model_validator(mode="after")
    def _one(self) -> CaseCommand:
        if (self.argv is None) == (self.skip is None):
            raise ValueError("a command of a case has either `argv` or `skip`: write `argv: [make, test]`")
        return self


class Case(Shape):
    """A repository as a tree of files, and what an adapter must make of it. Nothing is run."""

    description: Text = Field(description="What this case shows.")
    tree: dict[Text, str] = Field(description="Paths of files, and their texts.")
    cwd: Text = Field(default=".", description="The node's working directory.")
    args: Texts[str] = Field(default=(), description="The node's arguments.")
    score: Maybe[int] = Field(default=None, description="The score of the strongest sign; 0 is none.")
    variables: dict[Id, str] = Field(default_factory=dict, description="The variables that are compared.")
    commands: dict[CommandName, CaseCommand] = Field(
        default_factory=dict, description="The commands that are compared."
    )

    @model_validator(mode="after")
    def _something(self) -> Case:
        if self.score is None and not self.variables and not self.commands:
            raise ValueError("a case that expects nothing: write `commands: { test: { argv: [make, test] } }`")
        return self


When.model_rebuild()
