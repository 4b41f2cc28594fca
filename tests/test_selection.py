"""One grammar for what a command is about: what is written means what a naive reading of it says."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from plans import compiled

from orch.model.compiled import Compiled
from orch.model.names import phase_name, step_name
from orch.plan.selectable import IN_A_PLAN, IN_A_RUN, field_of
from orch.problems.problem import Exit, OrchError
from orch.selection.meaning import Field, check_known, meaning
from orch.selection.parse import Methods, parse
from orch.selection.tree import Atom, Selection

ANY: Methods = {"phase": None, "tag": None, "kind": None, "status": None}
WORDS = some.text("abcz_.-[]0*", min_size=1, max_size=6)
ATOMS = some.builds(Atom, some.sampled_from(["", *ANY]), WORDS, some.booleans(), some.booleans())
SELECTIONS = some.builds(
    Selection, some.lists(some.lists(ATOMS, min_size=1, max_size=3).map(tuple), min_size=1).map(tuple)
)


@given(SELECTIONS)
def test_a_selection_reads_back_as_it_was_written(selection: Selection) -> None:
    assert parse([selection.text], ANY) == selection
    assert parse(selection.text.split(), ANY) == selection


NAMES = ("a", "b", "ab", "c")


@some.composite
def plans(draw: some.DrawFn) -> Compiled:
    """Phases, with child pipelines in some of their nodes."""
    return compiled(draw(some_phases(depth=2)), {"last": {}})


@some.composite
def some_phases(draw: some.DrawFn, depth: int) -> dict[str, Any]:
    """Up to three phases that need any of those before, each with gates, nodes and matrices that need each other."""
    phases: dict[str, Any] = {}
    for phase in ("one", "two", "twofold")[: draw(some.integers(1, 3))]:
        nodes: dict[str, Any] = {}
        for name in NAMES[: draw(some.integers(1, 4))]:
            spec: dict[str, Any] = {"tags": draw(some.lists(some.sampled_from(["x", "y"]), unique=True))}
            spec["needs"] = draw(some.lists(some.sampled_from(sorted(nodes)), unique=True)) if nodes else []
            if depth and not draw(some.integers(0, 3)):
                final = {"last": {}} if draw(some.booleans()) else {}
                spec["pipeline"] = {"phases": draw(some_phases(depth - 1)), "final": final}
            elif draw(some.booleans()):
                spec["matrix"] = draw(some.lists(some.sampled_from(["k", "l", "kl"]), unique=True, min_size=1))
            nodes[f"{phase}_{name}"] = spec
        gates = {f"{phase}_g{n}": "approval" for n in range(draw(some.integers(0, 2)))}
        needs = draw(some.lists(some.sampled_from(sorted(phases)), unique=True)) if phases else []
        phases[phase] = {"needs": needs, "gates": gates, "nodes": nodes}
    return phases


def naive_after(plan: Compiled, step: int) -> set[int]:
    """What directly comes after a step."""
    phase = plan.phase_of[step]
    if phase < 0:
        return set()
    found = set(plan.phase_nodes[phase]) if step in plan.phase_gates[phase] else set()
    found |= {one for opened in plan.bodies.get(step, ()) for one in members(plan, opened)}
    group = plan.group_of[step]
    found |= {then for then in plan.dependants[step] if not plan.is_group(then)}
    found |= set(plan.dependants[group]) if group >= 0 else set()
    for then in plan.phase_dependants[phase]:
        found |= members(plan, then)
    owner = plan.phase_owner[phase]
    if owner >= 0:
        inside = {one for opened in plan.bodies[owner] for one in members(plan, opened)}
        found |= naive_after(plan, owner) - inside
        if not plan.phase_final[phase]:
            found |= {one for opened in plan.bodies[owner] if plan.phase_final[opened] for one in members(plan, opened)}
    return found


def members(plan: Compiled, phase: int) -> set[int]:
    return {*plan.phase_gates[phase], *plan.phase_nodes[phase]}


def naive(plan: Compiled, selection: Selection, status: dict[str, str]) -> set[int]:
    """The meaning, step by step: every step is asked whether it is meant."""
    every = plan.steps
    later = {step: naive_after(plan, step) for step in every}
    for _ in every:
        later = {step: found.union(*(later[then] for then in found)) for step, found in later.items()}

    def has(atom: Atom, step: int) -> bool:
        address = plan.addresses[step]
        phase, rest = phase_name(address), step_name(address)
        row = plan.action(step).step
        words = {
            "": [
                address,
                address.partition(".")[2],
                rest,
                *([f"{phase}.{rest.partition('[')[0]}", rest.partition("[")[0]]),
            ],
            "phase": [phase],
            "tag": row.get("tags", []),
            "kind": ["gate", "approval"] if "gate" in row else ["pipeline" if "pipeline" in row else "run"],
            "status": [status.get(plan.addresses[step], "")],
        }[atom.method]
        shape = atom.value.replace("[", "[[]")
        return any(fnmatchcase(word, shape) for word in words)

    def means(atom: Atom, step: int) -> bool:
        return (
            has(atom, step)
            or (atom.before and any(has(atom, then) for then in later[step]))
            or (atom.after and any(has(atom, other) and step in later[other] for other in every))
        )

    return {step for step in every if any(all(means(atom, step) for atom in term) for term in selection.terms)}


@given(plans(), some.data())
def test_a_selection_means_what_each_step_for_itself_would_say(plan: Compiled, data: some.DataObject) -> None:
    parts = sorted({part for address in plan.addresses for part in (address, phase_name(address), step_name(address))})
    values = {
        "": some.sampled_from([*parts, "*", "one.*", "*_a", "*[k]", "*[*l]", "*.two_*"]),
        "phase": some.sampled_from(["one", "two*", "*", "finally", "none"]),
        "tag": some.sampled_from(["x", "y", "*", "z"]),
        "kind": some.sampled_from(["run", "gate", "approval", "pipeline"]),
        "status": some.sampled_from(["failed", "skipped"]),
    }
    atoms = some.sampled_from(sorted(values)).flatmap(
        lambda method: some.builds(Atom, some.just(method), values[method], some.booleans(), some.booleans())
    )
    terms = some.lists(some.lists(atoms, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple)
    selection = Selection(data.draw(terms))
    words = data.draw(
        some.lists(
            some.sampled_from(["failed", "skipped", "queued"]), min_size=len(plan.steps), max_size=len(plan.steps)
        )
    )
    status = dict(zip((plan.addresses[step] for step in plan.steps), words, strict=True))
    assert meaning(selection, field_of(plan, status)) == naive(plan, selection, status)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("+", "names nothing"),
        ("a,", "names nothing"),
        (",a", "names nothing"),
        ("a , b", "names nothing"),
        ("a++b", "names nothing"),
        ("tag:", "names nothing"),
        ("", "empty"),
        ("tga:x", "did you mean `tag:`"),
        ("owner:x", "phase:, tag:, kind:, status:, state:"),
        ("kind:gat", "did you mean `gate`"),
        ("status:faild", "did you mean `failed`"),
        ("state:old", "one of modified"),
    ],
)
def test_what_means_nothing_is_refused_with_what_was_meant(text: str, said: str) -> None:
    with pytest.raises(OrchError) as refused:
        parse([text], IN_A_PLAN)
    assert refused.value.exit == Exit.USAGE
    assert all(problem.code == "O280" for problem in refused.value.problems)
    assert said in " ".join(f"{problem.message} {problem.hint}" for problem in refused.value.problems)


@pytest.mark.parametrize("text", ["+a", "a,b", "a b", "a+", "+tag:x+", "kind:gate", "status:failed", "state:modified"])
def test_what_means_something_is_taken(text: str) -> None:
    assert parse([text], IN_A_PLAN).text == text


def test_a_run_is_compared_with_no_other() -> None:
    with pytest.raises(OrchError, match="state"):
        parse(["state:modified"], IN_A_RUN)


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("tets", "test"),
        ("tag:slwo", "tag:slow"),
        ("phase:biuld", "phase:build"),
        ("zzz", "the list"),
        ("zz*", "the list"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(text: str, near: str) -> None:
    field = Field(1, {"": {"test": [0]}, "tag": {"slow": [0]}, "phase": {"build": [0]}})
    with pytest.raises(OrchError) as refused:
        check_known(parse([text], ANY), field, ANY, hint="the list")
    assert near in str(refused.value.problems[0].hint)
    check_known(parse(["test t*st tag:slow phase:*"], ANY), field, ANY, hint="the list")
