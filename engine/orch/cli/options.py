"""Options and arguments that several verbs share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from orch.cli.completing import files, runs
from orch.cli.group import Verb

if TYPE_CHECKING:
    from orch.app.gates import Target

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def verb(name: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of the class that all verbs have. The function gets the Session first."""

    def make(function: Callable[..., Any]) -> click.Command:
        return click.command(name, cls=Verb, **settings)(click.pass_obj(function))

    return make


run_argument: _Decorator = click.argument("run", metavar="RUN", shell_complete=runs)
json_flag: _Decorator = click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")


def format_options(*forms: str) -> _Decorator:
    """`--format`, the first form where it is left out; and `--json`, which the other verbs have, for one of them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        json = click.option("--json", "form", flag_value="json", help="The same as --format json.")
        return click.option("--format", "form", type=click.Choice(forms), default=forms[0], show_default=True)(
            json(function)
        )

    return decorate


inputs: _Decorator = click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="Set an input; lists as JSON. Repeatable."
)
task: _Decorator = click.option("--task", metavar="ID", help="File the run under this task.")
select: _Decorator = click.option(
    "--select",
    multiple=True,
    metavar="STEPS",
    help="Only these: test, +test, test+, phase:build, tag:x, kind:gate, status:failed, state:modified; "
    "a comma is and, a space is or.",
)
exclude: _Decorator = click.option("--exclude", multiple=True, metavar="STEPS", help="Not these, whatever is selected.")


class _Count(click.ParamType[int]):
    """A number from 1 on."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        if not re.fullmatch("0*[1-9][0-9]{0,8}", str(value), re.ASCII):
            self.fail(f"`{value}` is no number from 1 on", param, ctx)
        return int(str(value))


jobs: _Decorator = click.option("--jobs", "-j", type=_Count(), metavar="N", help="At most N at a time.")
fail_fast: _Decorator = click.option("--fail-fast", is_flag=True, help="Cancel the rest after the first failure.")


def planning(function: Callable[..., Any]) -> Callable[..., Any]:
    """What `plan`, `apply` and `graph` take beside the pipeline."""
    for option in (fail_fast, jobs, task, exclude, select, inputs):
        function = option(function)
    return function


def target(function: Callable[..., Any]) -> Callable[..., Any]:
    """Whose gates are meant."""
    for option in (
        click.option("--task", metavar="ID", help="With --pipeline: the task."),
        click.option("--input", "inputs", multiple=True, metavar="NAME=VALUE", help="With --pipeline: an input."),
        click.option(
            "--pipeline",
            metavar="PIPELINE",
            shell_complete=files,
            help="The gate of a pipeline, as a new run would see it.",
        ),
        click.option(
            "--run",
            metavar="RUN",
            shell_complete=runs,
            help="The gate of this run; without it, of the newest that waits.",
        ),
    ):
        function = option(function)
    return function


def target_of(run: str | None, pipeline: str | None, inputs: tuple[str, ...], task: str | None) -> Target:
    """What `target` was given. A run has its pipeline, inputs and task already."""
    from orch.app.gates import Target

    if run is not None and (pipeline is not None or inputs or task is not None):
        extra = "--pipeline" if pipeline is not None else "--input" if inputs else "--task"
        raise click.UsageError(f"--run and {extra} exclude each other: a run has its own")
    if pipeline is None and (inputs or task is not None):
        raise click.UsageError("--input and --task belong to --pipeline")
    return Target(run, pipeline, inputs, task)
