"""A plan for people: every step in DAG order, what would happen to it and why, then one summary line."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from orch.gates import words
from orch.model.chain import Critical
from orch.model.compiled import Action, Compiled
from orch.model.plan import AdapterDoc, StepDoc
from orch.render.lengths import counted, duration
from orch.render.plan_order import added_phases, before_whom, dag_order
from orch.render.problems_text import visible
from orch.render.style import Style
from orch.run.forecast import Prospect
from orch.spec.units import duration as written

_WORDS = {
    "run": "to run",
    "rerun": "to run again",
    "cached": "cached",
    "open": "open",
    "wait": "waiting",
    "blocked": "blocked",
    "fail": "failing",
    "later": "later",
    "skip": "skipped",
}
_PLACE = re.compile(r"\$\{\{ adapter\.(env|files|reports) \}\}")
_PLAIN = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)
_WIDEST_ADDRESS = 40
_CHAIN = 8
_BESIDE = 15  # cells of a line beside the address and the last column


def plan_text(
    plan: Compiled,
    prospects: Sequence[Prospect],
    style: Style,
    critical: Critical | None = None,
    *,
    dry_run: bool,
    stubs: str | None = None,
) -> str:
    """The whole text, without a newline at its end. `stubs` is the file that a dry run went by."""
    order = dag_order(plan)
    lines = [_title(plan, style), *_inputs(plan, style), *_limits(plan)]
    if dry_run:
        told = "every gate is assumed open, every node is assumed to succeed"
        if stubs is not None:
            told = f"as {visible(stubs)} says; every other gate is assumed open, every other node to succeed"
        lines.append(f"dry run: {told}")
    lines += _workspace(plan)
    lines.append("")
    lines += _steps(plan, prospects, order, style)
    lines += ["", style.paint(_summary([prospects[step] for step in order]), "bold"), *_critical(critical)]
    lines += [*_uses(plan), *_secrets(plan), *_footer(plan)]
    return style.ascii("\n".join(lines))


def summary_counts(prospects: Iterable[Prospect]) -> dict[str, int]:
    """How many steps have which word, in the order of the summary line."""
    found = Counter(prospect.word for prospect in prospects)
    return {word: found[word] for word in _WORDS if found[word]}


def what(step: StepDoc) -> str:
    """What a step does, in one line: a command, or what a gate asks for."""
    if "gate" in step:
        return gate_words(step["gate"])
    adapter = step.get("adapter")
    if adapter is not None:
        return _adapter_words(step, adapter)
    if "expand" in step:
        axes = ", ".join(f"{name} in {_given(values)}" for name, values in step["expand"]["matrix"].items())
        return f"for each {axes}: {what(step['expand']['child'])}"
    if "loop" in step:
        loop = step["loop"]
        return f"until {loop['until']}, at most {counted(loop['max_iterations'], 'time')}"
    if "pipeline" in step:
        return f"pipeline {step['pipeline']['path']}"
    run = step["run"]
    if isinstance(run, list):
        return shlex.join(run)
    lines = [line.strip() for line in run.split("\n") if line.strip()]
    return (lines[0] if lines else "") + (" …" if len(lines) > 1 else "")


def reads_values(action: Action) -> bool:
    """Can steps of this action be shown in different words? For others, what fills values in is not even imported."""
    return action.body is not None or not all(isinstance(word, str) for word in action.argv)


def step_of(plan: Compiled, step: int) -> StepDoc:
    """What a step does, its command with the values that are known when the plan is made."""
    action = plan.action(step)
    if not reads_values(action):
        return action.step
    from orch.render.known import known

    return known(plan, step)


def body_of(plan: Compiled, step: int) -> list[tuple[str, StepDoc]] | None:
    """The nodes of a loop, by their ids; of a matrix that goes round, those of each child. None for others."""
    if plan.body(step) is None:
        return None
    from orch.render.known import known_body

    return known_body(plan, step)


def _adapter_words(step: StepDoc, adapter: AdapterDoc) -> str:
    """`python test: .orch/venv/bin/python -m pytest`, with the places of a run in words."""
    words = f"{adapter['name']} {adapter['command']}"
    if "one_of" in step:
        return f"{words}, one of {', '.join(step['one_of'])}"
    if "skip" in adapter:
        return words
    places = {"env": adapter.get("environment", {}).get("path", ""), "files": "{files}", "reports": "{reports}"}
    run = [_PLACE.sub(lambda hole: places[hole[1]], word) for word in step["run"]]
    return f"{words}: {' '.join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in run)}"


def gate_words(gate: dict[str, Any]) -> str:
    """What a gate asks for."""
    if gate["kind"] == "check":
        return f"check: {gate['expr']}"
    if gate["kind"] == "freshness":
        return f"freshness: {gate['path']} at most {duration(gate['max_age_seconds'] * 1000)} old"
    needs = ", ".join(f"{count} × {role}" for role, count in gate["require"].items())
    return f"approval: {needs} for {', '.join(gate['subject'])}"


def _title(plan: Compiled, style: Style) -> str:
    head = plan.head
    task = f"  task {plan.task}" if plan.task != "-" else ""
    phases = f" in {counted(len(plan.phase_names) - len(added_phases(plan)), 'phase')}" if plan.phase_names else ""
    name = style.paint(head["pipeline"]["name"], "bold")
    return f"Pipeline {name}{task}  {counted(len(plan.steps), 'step')}{phases}, jobs {plan.max_in_flight}"


def _inputs(plan: Compiled, style: Style) -> list[str]:
    if not plan.inputs:
        return []
    return [
        style.cut("inputs  " + visible("  ".join(f"{name}={_given(value)}" for name, value in plan.inputs.items())))
    ]


def _limits(plan: Compiled) -> list[str]:
    """What holds for the run as a whole, where something does."""
    lines = []
    if budget := plan.head.get("budget"):
        told = [f"{written(budget['wall_seconds'])} of work"] if "wall_seconds" in budget else []
        told += [counted(budget["nodes"], "attempt")] if "nodes" in budget else []
        lines.append(f"budget  {', '.join(told)}")
    if concurrency := plan.head.get("concurrency"):
        lines.append(
            f'concurrency  {counted(concurrency["limit"], "run")} at a time of "{visible(concurrency["group"])}"'
        )
    if notify := plan.head.get("notify"):
        lines.append(f"notify  {visible(shlex.join(notify))}")
    return lines


def _workspace(plan: Compiled) -> list[str]:
    if "workspace" not in plan.head:
        return []
    along = "" if "start" not in plan.head else ", and what no commit holds"
    return [f"branch  orch/<run-id>, in a tree of its own, from {plan.head['base'][:12]}{along}"]


def _given(value: Any) -> str:
    """As `--input` takes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _steps(plan: Compiled, prospects: Sequence[Prospect], order: list[int], style: Style) -> list[str]:
    width = min(max(map(len, plan.addresses), default=0), _WIDEST_ADDRESS)
    icons = {word: style.icon(word) for word in _WORDS}
    words = {word: style.status(word, f"{word:8}") for word in _WORDS}
    told: dict[tuple[int, str, str], tuple[str, list[str]]] = {}  # many steps do the same, for the same reason
    lines = []
    empty = before_whom(map(plan.addresses.__getitem__, plan.empty_matrices()), map(plan.addresses.__getitem__, order))
    for step in order:
        lines += [_empty(name, width, style) for name in empty.get(plan.addresses[step], ())]
        word, why = prospects[step]
        same = told.get(key := (plan.actions[step], word, why))
        if same is None:
            said = _said(step_of(plan, step), word, why, plan.max_in_flight)
            body = [
                style.cut(f"    {'  ' + name:{width}}  {'':8} {visible(what(node))}")
                for name, node in body_of(plan, step) or ()
            ]
            same = said if " orch " in said else style.cut(said, width + _BESIDE), body
            if not reads_values(plan.action(step)):
                told[key] = same
        lines.append(f"  {icons[word]} {plan.addresses[step]:{width}}  {words[word]} {same[0]}")
        if same[1] and step not in plan.bodies:
            lines += same[1]
    return lines + [_empty(name, width, style) for name in empty.get("", ())]


def _empty(name: str, width: int, style: Style) -> str:
    return f"  {style.icon('skip')} {name:{width}}  {'':8} an empty matrix: no step"


def _said(step: StepDoc, word: str, why: str, jobs: int) -> str:
    """The last column: a command, a reason, or both. A reason that ends in a command to paste is never cut."""
    if not why:
        return _detail(step, jobs)
    if word in ("rerun", "cached") or why == "no result is kept":
        return f"({visible(why)})" + (f"  {_detail(step, jobs)}" if word != "cached" else "")
    return visible(why) if word != "run" or "gate" in step else f"{_detail(step, jobs)}  ({visible(why)})"


def _detail(step: StepDoc, jobs: int) -> str:
    tags = "".join(f"  [{tag}]" for tag in (*filter(None, [step.get("workspace")]), *step.get("tags", ())))
    setup = f"  (first: {_setup(step['setup'])})" if "setup" in step else ""
    requires = f"  (requires {', '.join(step['requires'])})" if "requires" in step else ""
    return visible(what(step) + _because(step)) + _slots(step, jobs) + requires + visible(setup) + tags


def _setup(setup: dict[str, Any]) -> str:
    """What sets the step's own tree up."""
    return f"{setup['adapter']['name']} setup: {shlex.join(setup['run'])}"


def _slots(step: StepDoc, jobs: int) -> str:
    """How many jobs a step takes, where it is not one."""
    if "slots" not in step:
        return ""
    slots = step["slots"]
    return (
        f"  (takes {counted(slots, 'job')})"
        if slots <= jobs
        else f"  (takes all jobs: it asks for {slots:,} of {jobs:,})"
    )


def _because(step: StepDoc) -> str:
    """What an adapter has found in the repository."""
    adapter = step.get("adapter")
    if adapter is None:
        return ""
    found = [f"found {adapter['because']}"] if "because" in adapter else []
    found += [f"{name} {value}" for name, value in adapter.get("variables", {}).items()]
    return f"  ({'; '.join(found)})" if found else ""


def _summary(prospects: Sequence[Prospect]) -> str:
    return f"Plan: {', '.join(f'{count:,} {_WORDS[word]}' for word, count in summary_counts(prospects).items())}."


def _critical(critical: Critical | None) -> list[str]:
    if critical is None:
        return []
    steps = [f"{address} ({'?' if took is None else duration(took)})" for address, took in critical.steps]
    if len(steps) > _CHAIN:
        steps = [*steps[: _CHAIN // 2], f"… {len(steps) - _CHAIN} more …", *steps[-_CHAIN // 2 :]]
    return [f"Critical path, by past runs: {duration(critical.total_ms)}: {' → '.join(steps)}"]


def _uses(plan: Compiled) -> list[str]:
    return [
        f"{'Uses:' if number == 0 else '     '} {resource['kind']} {visible(resource['path'])} "
        f"({resource.get('origin', 'project')}) sha256:{resource['sha256'][:12]}"
        for number, resource in enumerate(plan.head["resources"])
    ]


def _secrets(plan: Compiled) -> list[str]:
    """Where they come from, and who gets them."""
    references = plan.head.get("secrets", {}).items()
    getting: dict[str, list[str]] = {}
    for step, address in enumerate(plan.addresses if references else ()):
        for name in plan.action(step).step.get("secrets", ()):
            getting.setdefault(name, []).append(address)
    told = [f"{name} from {visible(reference)} for {_some(getting.get(name, []))}" for name, reference in references]
    return [f"{'        ' if number else 'Secrets:'} {line}" for number, line in enumerate(told)]


def _some(addresses: list[str]) -> str:
    more = f" and {len(addresses) - _CHAIN} more" if len(addresses) > _CHAIN else ""
    return f"{', '.join(addresses[:_CHAIN])}{more}" if addresses else "no node"


def _footer(plan: Compiled) -> list[str]:
    nodes = len(plan.steps) - sum(map(len, plan.phase_gates))
    told = [f"All {nodes:,} nodes are" if nodes > 1 else "The node is"]
    return [f"{told[0]} unsandboxed: your own commands, with your permissions.", *_trust(plan)]


def _trust(plan: Compiled) -> list[str]:
    """Where the unsandboxed could open a gate for themselves."""
    gates = [
        plan.addresses[step]
        for steps in plan.phase_gates
        for step in steps
        if plan.action(step).step["gate"].get("trust") == "file" and plan.is_behind_nodes(step)
    ]
    return [f"Trust of {words.listed(gates)}: {words.FILE_TRUST}."] if gates else []
