"""The declarations of inputs: their keys go together, and a default is one of the values that may be given."""

from __future__ import annotations

import re
import warnings

from orch.spec.pipeline import Input, Pipeline
from orch.spec.report import Report
from orch.spec.values import mismatch


def check_inputs(pipeline: Pipeline, report: Report) -> None:
    """Report inputs that contradict themselves."""
    for name, declared in pipeline.inputs.items():
        route = ("inputs", name)
        sound = True
        for key, value, kind in (
            ("items", declared.items, "list"),
            ("values", declared.values, "enum"),
            ("pattern", declared.pattern, "string"),
        ):
            if value and declared.type != kind:
                message = f"`{key}` is for inputs of type `{kind}`, and `{name}` is of type `{declared.type}`"
                report.add("O111", message, (*route, key), f"remove it, or write `type: {kind}`", key=True)
                sound = False
        if declared.type == "enum" and not declared.values:
            report.add("O111", f"the enum `{name}` has no values", route, "write `values: [low, high]`", key=True)
            sound = False
        if len(set(declared.values)) < len(declared.values):
            report.add("O111", f"the enum `{name}` has a value twice", (*route, "values"), "remove one", key=True)
        if declared.pattern is not None and (why := _unreadable(declared.pattern)):
            message = f"the pattern of `{name}` is not a regular expression: {why}"
            report.add("O111", message, (*route, "pattern"), "quote it in single quotes: '^[0-9]{4}$'")
            sound = False
        _check_default(name, declared, report, sound)


def _check_default(name: str, declared: Input, report: Report, sound: bool) -> None:
    route = ("inputs", name)
    if declared.default is None:
        if declared.required is False:
            hint = "write a `default`; an input without one must be given"
            report.add("O111", f"`{name}` is not required and has no default", (*route, "required"), hint)
    elif declared.required:
        hint = "a default makes it optional: remove one of the two"
        report.add("O111", f"`{name}` is required and has a default", (*route, "required"), hint)
    elif sound and (wrong := mismatch(declared, declared.default)):
        shown = f" `{declared.default}`" if isinstance(declared.default, str) else ""
        advice = wrong[1]
        if declared.type == "string" and isinstance(declared.default, int | float):
            advice = "quote it"
        report.add("O111", f"the default{shown} of `{name}` {wrong[0]}", (*route, "default"), advice)


def _unreadable(pattern: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what a later Python will read differently is refused today
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        return str(error)
    return None
