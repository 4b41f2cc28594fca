"""What users write, once it is right: units, models, inputs, matrices; and what loading costs."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from effort import calls
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from orch.problems.problem import Exit, OrchError, Problem
from orch.source.read import parse
from orch.spec.graph import cycles
from orch.spec.inputs import bind
from orch.spec.load import load_pipeline, load_project
from orch.spec.matrix import combinations, expand
from orch.spec.node import Node, Once
from orch.spec.not_yet import NOT_YET, VALUES
from orch.spec.pipeline import Pipeline
from orch.spec.places import PIPELINE, PROJECT, keys
from orch.spec.units import seconds

HEAD = "apiVersion: orch/v1\nkind: Pipeline\nname: demo\n"


def pipeline(body: str) -> Pipeline:
    return load_pipeline(parse(HEAD + body, "demo.yaml"))


def node(text: str) -> Node:
    return pipeline(f"phases: {{ build: {{ nodes: {{ test: {text} }} }} }}\n").phases["build"].nodes["test"]


def problems(body: str) -> list[Problem]:
    with pytest.raises(OrchError) as caught:
        pipeline(body)
    assert caught.value.exit is Exit.INVALID
    return caught.value.problems


def codes(body: str) -> list[str]:
    return [problem.code for problem in problems(body)]


# Units


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500ms", 0.5), ("20m", 1200), ("1h30m", 5400), ("30d", 2592000), ("1.5s", 1.5), ("1w", 604800), ("0s", 0)],
)
def test_a_duration_is_read_as_seconds(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("10", "`10` has no unit: write `10s`"),
        (10, "`10` has no unit: write `10s`"),
        (1.5, "`1.5` has no unit: write `1.5s`"),
        ("10 s", "is not a duration"),
        ("-5s", "is not a duration"),
        ("5S", "is not a duration"),
        ("5s5s", "each unit stands once"),
        ("5s5m", "the largest first"),
        ("", "is not a duration"),
        ("９s", "is not a duration"),
        ("9" * 50 + "s", "is not a duration"),
        ("99999999d", "longer than 100 years"),
        (True, "a duration is written like"),
        (None, "a duration is written like"),
        ([], "a duration is written like"),
    ],
)
def test_what_is_not_a_duration_is_refused_with_a_sentence(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"duration|unit|years") as caught:
        seconds(value)
    assert message in str(caught.value)


def test_ages_without_a_unit_are_proposed_in_days() -> None:
    with pytest.raises(ValueError, match="`30` has no unit: write `30d`"):
        seconds(30, unit="d")


# Models


def test_a_node_has_the_defaults_that_the_language_promises() -> None:
    made = node('{ run: "true", retry: { limit: 2 } }')
    assert (made.needs, made.trigger_rule, made.effect, made.allow_failure) == ((), "all_success", "idempotent", False)
    assert made.timeout is None
    assert made.matrix is None
    assert made.retry is not None
    assert (made.retry.delay, made.retry.backoff, made.retry.max_delay, made.retry.jitter) == (1, 2, 300, 0)
    assert made.retry.on == ("command-failed", "timed-out")


def test_a_model_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        node("{ run: make }").cwd = "src"  # type: ignore[misc]


def test_env_values_are_kept_as_the_text_that_was_written() -> None:
    made = node("{ run: make, env: { A: 3, B: 3.10, C: 3.11, D: true, E: 010, F: '', G: 2026-11-20, H: 1.50 } }")
    assert made.env == {
        "A": "3",
        "B": "3.10",
        "C": "3.11",
        "D": "true",
        "E": "010",
        "F": "",
        "G": "2026-11-20",
        "H": "1.50",
    }


def test_a_run_is_a_script_or_the_arguments_of_a_command() -> None:
    assert node('{ run: "make test" }').run == "make test"
    assert node("{ run: [make, test] }").run == ("make", "test")


def test_an_effect_that_happens_once_may_have_a_probe_of_either_form() -> None:
    for written, expected in (("'gh view'", "gh view"), ("[gh, view]", ("gh", "view"))):
        effect = node(f"{{ run: make, effect: {{ once: release, probe: {written} }} }}").effect
        assert isinstance(effect, Once)
        assert effect.probe == expected


def test_a_pipeline_may_keep_fragments_below_x_keys() -> None:
    made = pipeline(
        "x-env: { base: &base { LANG: C } }\nx-note: hello\n"
        "phases: { build: { nodes: { test: { run: make, env: *base } } } }\n"
    )
    assert made.phases["build"].nodes["test"].env == {"LANG": "C"}


def test_phases_keep_their_order_and_tell_no_needs_from_an_empty_list() -> None:
    made = pipeline("phases: { b: {}, a: { needs: [] }, c: { needs: [b, a] } }\n")
    assert list(made.phases) == ["b", "a", "c"]
    assert [phase.needs for phase in made.phases.values()] == [None, (), ("b", "a")]


def test_every_key_that_comes_later_is_none_that_there_is() -> None:
    for place in {*PIPELINE.values(), *PROJECT.values()}:
        assert not set(keys(place)) & set(NOT_YET.get(place.table, {})), place.table


def test_every_key_and_value_that_comes_later_is_refused_with_its_name() -> None:
    bodies = {
        "pipeline": "{key}: 1\nphases: {{ build: {{}} }}\n",
        "defaults": "defaults: {{ {key}: 1 }}\nphases: {{ build: {{}} }}\n",
        "phase": "phases: {{ build: {{ {key}: 1 }} }}\n",
        "gate": "phases: {{ build: {{ gates: {{ ok: {{ {key}: 1 }} }} }} }}\n",
        "approval": "phases: {{ build: {{ gates: {{ ok: {{ approval: "
        "{{ subject: [a], require: {{ lead: 1 }}, {key}: 1 }} }} }} }} }}\n",
        "check": "phases: {{ build: {{ gates: {{ ok: {{ check: {{ {key}: 1 }} }} }} }} }}\n",
        "node": "phases: {{ build: {{ nodes: {{ test: {{ {key}: 1 }} }} }} }}\n",
    }
    for table, body in bodies.items():
        for key in NOT_YET[table]:
            found = problems(body.format(key=key))
            if table == "node" and found[0].code == "O105":  # no kind key, and this key is no kind
                found = problems(f"phases: {{ build: {{ nodes: {{ test: {{ run: a, {key}: 1 }} }} }} }}\n")
            assert [problem.code for problem in found if problem.code != "O105"] == ["O110"], (table, key)
            assert found[0].at is not None
            assert found[0].at.source_line[found[0].at.column - 1 :].startswith(key)
    for (table, _), values in VALUES.items():
        assert values
        assert table in {place.table for place in (*PIPELINE.values(), *PROJECT.values())}


@pytest.mark.parametrize(
    "text",
    [
        "{ run: x, max_parallel: 0, matrix: { a: [1] } }",
        "{ run: ' ' }",
        "{ run: [' '] }",
        "{ run: x, retry: { limit: -1 } }",
        "{ run: x, retry: { limit: 1, backoff: 0.5 } }",
        "{ run: x, retry: { limit: 1, jitter: 7 } }",
        "{ run: [] }",
    ],
)
def test_a_value_out_of_bounds_is_told_what_to_write(text: str) -> None:
    (problem,) = problems(f"phases: {{ build: {{ nodes: {{ test: {text} }} }} }}\n")
    assert problem.code == "O104"
    assert problem.hint is not None


def test_a_large_circle_is_one_problem_with_its_way_round() -> None:
    count = 3000
    nodes = "".join(f"      n{i}: {{ run: a, needs: [n{(i + 1) % count}] }}\n" for i in range(count))
    (problem,) = problems("phases:\n  build:\n    nodes:\n" + nodes)
    assert problem.code == "O203"
    assert "n0 (line 7) → n1 (line 8)" in problem.message
    assert problem.message.endswith("→ … → n0")


@given(st.dictionaries(st.integers(0, 7).map(str), st.lists(st.integers(0, 7).map(str), max_size=3), max_size=8))
def test_every_reported_circle_is_one_and_none_is_missed(edges: dict[str, list[str]]) -> None:
    found = cycles(edges)
    for path in found:
        assert path[0] == path[-1]
        assert all(after in edges[before] for before, after in itertools.pairwise(path))
    waiting = {name: {need for need in needs if need in edges} for name, needs in edges.items()}
    while ready := [name for name, needs in waiting.items() if not needs]:
        for name in ready:
            del waiting[name]
        waiting = {name: needs - set(ready) for name, needs in waiting.items()}
    assert bool(found) == bool(waiting)


# References

READER = """\
phases:
  one:
    nodes:
      a: {{ run: make, outputs: {{ n: number }}{a} }}
      b: {{ run: make, needs: [a], outputs: {{ n: number }}{b} }}
  two:
    nodes:
      c: {{ run: [echo, "${{{{ nodes.b.outputs.n }}}}"] }}
"""


@pytest.mark.parametrize(
    ("a", "b", "sure"),
    [
        ("", "", True),
        (", if: task == '1'", "", False),
        (", if: task == '1'", ", trigger_rule: none_failed", True),
        (", if: task == '1'", ", trigger_rule: all_done", True),
        (", if: task == '1'", ", trigger_rule: one_success", False),
        ("", ", if: task == '1'", False),
        ("", ", allow_failure: true", False),
        (", allow_failure: true", "", True),
    ],
)
def test_an_output_needs_a_default_exactly_where_its_node_may_have_none(a: str, b: str, sure: bool) -> None:
    body = READER.format(a=a, b=b)
    if sure:
        pipeline(body)
    else:
        assert codes(body) == ["O209"]
        pipeline(body.replace("outputs.n }}", "outputs.n | default(0) }}"))


UNTIL = """
phases:
  one:
    nodes:
      green: {{ loop: {{ until: {until}, max_iterations: 3, nodes: {{ test: {{ run: make{test} }} }} }} }}
"""


def test_an_exit_code_that_may_be_missing_is_refused_with_the_status_that_never_is() -> None:
    [problem] = problems(UNTIL.format(until="nodes.test.exit_code == 0", test=", allow_failure: true"))
    assert problem.code == "O209"
    assert "stopped before its command ended" in problem.message
    assert "`nodes.test.status == 'succeeded'`" in str(problem.hint)
    assert "`nodes.test.exit_code | default(1)`" in str(problem.hint)


@pytest.mark.parametrize(
    ("until", "test"),
    [
        ("nodes.test.exit_code == 0", ""),
        ("nodes.test.exit_code | default(1) == 0", ", allow_failure: true"),
        ("nodes.test.status == 'succeeded'", ", allow_failure: true"),
    ],
)
def test_the_ways_that_ask_for_a_tests_end_are_taken(until: str, test: str) -> None:
    pipeline(UNTIL.format(until=until, test=test))


def test_status_and_reason_need_no_default() -> None:
    pipeline(
        "phases: { one: { nodes: { a: { run: make, if: task == '1' }, "
        "b: { run: make, needs: [a], trigger_rule: all_done, if: nodes.a.status == 'skipped' or "
        "nodes.a.reason == 'if-false' } } } }\n"
    )


def test_one_of_several_needs_that_may_be_skipped_leaves_one_success_to_run() -> None:
    body = (
        "phases: { one: { nodes: { a: { run: make, if: task == '1' }, b: { run: make }, "
        "c: { run: make, needs: [a, b], trigger_rule: one_success, outputs: { n: number } } } }, "
        "two: { nodes: { d: { run: [echo, '${{ nodes.c.outputs.n }}'] } } } }\n"
    )
    pipeline(body)


def test_the_outputs_of_a_matrix_are_a_list_of_its_children() -> None:
    body = (
        "phases: { one: { nodes: { m: { run: make, matrix: { x: [1, 2] }, outputs: { n: number } }, "
        "r: { run: make, needs: [m], if: \"nodes.m.outputs[0].outputs.n > 1 and nodes.m.outputs[0].key == '1' "
        "and nodes.m.status == 'succeeded'\" } } } }\n"
    )
    pipeline(body)
    assert codes(body.replace("nodes.m.outputs[0].outputs.n > 1", "nodes.m.outputs.n > 1")) == ["O256"]
    assert codes(body.replace("nodes.m.status == 'succeeded'", "nodes.m.exit_code == 1")) == ["O256"]


def test_what_a_schema_file_describes_is_not_guessed_at() -> None:
    pipeline(
        "phases: { one: { nodes: { a: { run: make, outputs: { schema: s.json } }, "
        "b: { run: make, needs: [a], if: \"nodes.a.outputs.deep.down[3] == 'x'\" } } } }\n"
    )


def test_an_output_may_be_called_schema_or_items() -> None:
    pipeline(
        "phases: { one: { nodes: { a: { run: make, outputs: { schema: string, items: list } }, "
        "b: { run: make, needs: [a], if: nodes.a.outputs.schema == 'x' and nodes.a.outputs.items | length > 0 } } } }\n"
    )


def test_a_hint_to_add_a_need_is_not_given_where_it_would_make_a_circle() -> None:
    (problem,) = problems(
        "phases: { one: { nodes: "
        "{ a: { run: make, if: nodes.b.status == 'failed' }, b: { run: make, needs: [a] } } } }\n"
    )
    assert problem.code == "O208"
    assert problem.hint is not None
    assert "needs: [b]" not in problem.hint


def test_all_problems_of_references_are_reported_at_once_in_the_order_of_the_text() -> None:
    found = problems(
        "phases:\n  build:\n    nodes:\n"
        "      a: { run: make, needs: [x], env: { A: '${{ inputs.no }}', B: '${{ nodes.no.status }}' } }\n"
        "      b: { run: 'make ${{ task }}', cwd: /tmp }\n"
    )
    assert [problem.code for problem in found] == ["O201", "O256", "O207", "O210", "O214"]


def test_a_name_that_stands_twice_makes_no_other_problems() -> None:
    found = codes(
        "phases: { one: { nodes: { a: { run: make }, t: { run: make, needs: [a], if: nodes.a.status == 'failed' } } }, "
        "two: { nodes: { b: { run: make }, t: { run: make, needs: [b], if: nodes.b.status == 'failed' } } } }\n"
    )
    assert found == ["O206"]


# Matrices


def test_include_and_exclude_work_as_in_github_actions() -> None:
    rows = combinations(
        {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]},
        [
            {"color": "green"},
            {"color": "pink", "animal": "cat"},
            {"fruit": "apple", "shape": "circle"},
            {"fruit": "banana"},
            {"fruit": "banana", "animal": "cat"},
        ],
        [],
    )
    assert rows == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


def test_exclude_takes_out_what_matches_in_part_before_include_adds() -> None:
    axes: dict[str, list[Any]] = {
        "os": ["linux", "mac"],
        "version": [12, 14, 16],
        "environment": ["staging", "production"],
    }
    rows = combinations(
        axes,
        [{"os": "mac", "version": 12, "environment": "production"}],
        [{"os": "mac", "version": 12, "environment": "production"}, {"version": 16}],
    )
    assert len(rows) == 12 - 1 - 4 + 1
    assert rows[-1] == {"os": "mac", "version": 12, "environment": "production"}


def test_a_matrix_of_includes_alone_is_those() -> None:
    assert expand({"include": [{"site": "prod"}, {"site": "staging"}]}, None, {}) == [
        ("prod", {"site": "prod"}),
        ("staging", {"site": "staging"}),
    ]


def test_an_empty_axis_has_no_children() -> None:
    assert expand({"x": [], "y": [1]}, None, {}) == []


def test_the_default_key_joins_the_values_in_the_order_written() -> None:
    made = expand({"os": ["linux"], "py": ["3.10", 3.11], "fast": [True]}, None, {})
    assert [key for key, _ in made] == ["linux-3.10-true", "linux-3.11-true"]


def test_an_axis_that_is_an_input_is_evaluated() -> None:
    made = expand({"lang": "${{ inputs.langs }}"}, "${{ matrix.lang }}!", {"inputs": {"langs": ["a"]}, "task": "-"})
    assert made == [("a-" + made[0][0][2:], {"lang": "a"})]


@pytest.mark.parametrize("value", ["a b", "ü", "x" * 65, "", "a/b"])
def test_a_key_that_cannot_stand_in_an_address_is_shortened_and_gets_a_digest(value: str) -> None:
    ((key, _),) = expand({"x": [value]}, None, {})
    assert len(key) <= 57
    assert key[-9] == "-"
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in key)


def test_keys_that_differ_only_in_case_each_get_a_digest() -> None:
    first, second, third = (key for key, _ in expand({"x": ["Ab", "aB", "c"]}, None, {}))
    assert first.lower() != second.lower()
    assert first.startswith("Ab-")
    assert second.startswith("aB-")
    assert third == "c"


def test_true_and_one_are_different_values() -> None:
    assert combinations({"x": [True, 1]}, [], [{"x": 1}]) == [{"x": True}]


@pytest.mark.parametrize(
    ("matrix", "key", "code"),
    [
        ({"x": [1, 1]}, None, "O223"),
        ({"x": [{"id": 1}]}, None, "O222"),
        ({"x": [{"id": 1}]}, "${{ matrix.x }}", "O222"),
        ({"x": [1]}, "${{ matrix.y }}", "O222"),
        ({"x": "${{ inputs.no }}"}, None, "O220"),
        ({"x": "${{ inputs.text }}"}, None, "O220"),
        ({"x": list(range(101)), "y": list(range(100))}, None, "O220"),
    ],
)
def test_a_matrix_that_cannot_be_expanded_is_refused(matrix: Mapping[str, Any], key: str | None, code: str) -> None:
    with pytest.raises(OrchError) as caught:
        expand(matrix, key, {"inputs": {"text": "a"}})
    assert [problem.code for problem in caught.value.problems] == [code]


_VALUES = st.sampled_from(["a", "b", 1, 2])
_ROWS = st.lists(st.dictionaries(st.sampled_from("xyz"), _VALUES, min_size=1, max_size=3), max_size=3)


@given(st.dictionaries(st.sampled_from("xy"), st.lists(_VALUES, max_size=3, unique=True), max_size=2), _ROWS, _ROWS)
def test_no_combination_loses_a_value_of_its_axes(
    axes: dict[str, list[Any]], include: list[dict[str, Any]], exclude: list[dict[str, Any]]
) -> None:
    rows = combinations(axes, include, exclude)
    plain = combinations(axes, [], exclude)
    for before, after in zip(plain, rows, strict=False):
        assert {name: after[name] for name in before} == before
    assert len(rows) <= len(plain) + len(include)
    for entry in include:
        assert any(entry.keys() <= row.keys() for row in rows)


# Inputs

INPUTS = """\
inputs:
  task: { type: string, pattern: "[0-9]{4}" }
  count: { type: integer, default: 3 }
  share: { type: number, default: 0.5 }
  dry: { type: boolean, default: false }
  langs: { type: list, default: [python, node] }
  sizes: { type: list, items: integer, default: [] }
  risk: { type: enum, values: [low, high], default: low }
phases: { build: {} }
"""


def refused(given_inputs: dict[str, str]) -> list[Problem]:
    with pytest.raises(OrchError) as caught:
        bind(pipeline(INPUTS), given_inputs)
    assert caught.value.exit is Exit.USAGE
    return caught.value.problems


def test_inputs_are_bound_in_the_order_declared_with_their_types() -> None:
    given_inputs = {"sizes": "[1, 2]", "task": "0012", "count": "-4", "share": "2", "dry": "true", "risk": "high"}
    assert list(bind(pipeline(INPUTS), given_inputs).items()) == [
        ("task", "0012"),
        ("count", -4),
        ("share", 2),
        ("dry", True),
        ("langs", ["python", "node"]),
        ("sizes", [1, 2]),
        ("risk", "high"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("task", "12"),
        ("task", "0012\n"),
        ("count", "3.0"),
        ("count", " 3"),
        ("count", "0x3"),
        ("count", "１"),
        ("share", "1e9"),
        ("share", "nan"),
        ("dry", "yes"),
        ("dry", "True"),
        ("langs", "python"),
        ("langs", '{"a": 1}'),
        ("langs", "[1]"),
        ("langs", '["\\ud800"]'),
        ("langs", "[" * 100_000),
        ("sizes", "[true]"),
        ("sizes", "[NaN]"),
        ("risk", "hihg"),
    ],
)
def test_a_value_that_an_input_does_not_take_is_refused_with_the_flag_to_pass(name: str, text: str) -> None:
    (problem,) = refused({"task": "0001", name: text})
    assert problem.code == "O112"
    assert f"`{name}`" in problem.message
    assert problem.hint is not None
    assert "--input" in problem.hint or "did you mean `high`" in problem.hint


def test_everything_wrong_with_the_inputs_is_said_at_once() -> None:
    found = refused({"tsk": "1", "count": "x"})
    assert [problem.code for problem in found] == ["O114", "O113", "O112"]
    assert found[0].hint == "did you mean --input task=…?"
    assert found[1].hint == "pass --input task=…"


def test_a_pattern_that_a_later_python_reads_differently_is_refused() -> None:
    assert codes("inputs: { a: { type: string, pattern: '[[a]' } }\nphases: { build: {} }\n") == ["O111"]


# Projects


def test_an_empty_project_has_the_defaults_that_the_page_promises() -> None:
    made = load_project(parse("kind: Project\n", "orch.yaml"))
    assert (made.jobs, made.durability, made.policy.trust, made.env.pass_) == ("auto", "full", "file", ())


def test_a_project_holds_people_and_roles() -> None:
    text = "people: { m-lee: { emails: [m.lee@example.com] } }\nroles: { product: [m-lee], design: [] }\njobs: 4\n"
    made = load_project(parse(text, "orch.yaml"))
    assert made.roles == {"product": ("m-lee",), "design": ()}
    assert made.people["m-lee"].emails == ("m.lee@example.com",)
    assert made.jobs == 4


# Robustness and cost

_SCALARS = st.none() | st.booleans() | st.integers(-3, 10**19) | st.floats(allow_nan=False) | st.text(max_size=6)
_KEYS = st.sampled_from(
    sorted(
        {key for place in (*PIPELINE.values(), *PROJECT.values()) for key in keys(place)}
        | {"include", "agent", "mcp", "a"}
    )
) | st.text(max_size=4)
_DATA = st.recursive(
    _SCALARS | st.sampled_from(["orch/v1", "Pipeline", "${{ x", "${{ nodes.a.outputs }}", "artifact:a.b", "output:a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(phases=_DATA, inputs=_DATA, rest=_DATA, work=_DATA)
def test_no_document_ends_in_a_traceback(phases: Any, inputs: Any, rest: Any, work: Any) -> None:
    whole = {"apiVersion": "orch/v1", "kind": "Pipeline", "name": "demo"}
    without_place: list[object] = []
    for data in (
        {**whole, "phases": phases, "inputs": inputs, "finally": rest},
        {**whole, "phases": {"p": {"nodes": {"a": work, "b": {"run": "x", "matrix": rest, "key": "k"}}}}},
        {**whole, "phases": {"p": {"nodes": {"a": {"run": "x", "env": inputs, "outputs": rest, "effect": work}}}}},
        {**whole, "phases": {"p": {"gates": {"g": phases, "h": {"approval": work}}}}, "defaults": rest},
    ):
        text = yaml.safe_dump(data, allow_unicode=False, sort_keys=False)
        for load in (load_pipeline, load_project):
            try:
                load(parse(text, "x.yaml"))
            except OrchError as error:
                without_place += [problem for problem in error.problems if not problem.at]
                without_place += [] if error.problems else [error]
    assert without_place == []


def wide(count: int) -> str:
    nodes = "".join(f'      n{i}: {{ run: "true", needs: [n{i // 2}, n{i // 3}] }}\n' for i in range(7, count))
    first = "".join(f'      n{i}: {{ run: "true" }}\n' for i in range(7))
    return f"{HEAD}phases:\n  build:\n    nodes:\n{first}{nodes}"


def test_loading_takes_fewer_calls_than_reading_the_yaml_and_both_grow_with_the_text() -> None:
    def cost(count: int) -> tuple[int, int]:
        text = wide(count)
        document = parse(text, "wide.yaml", max_bytes=1 << 28)
        reading = calls(lambda: parse(text, "wide.yaml", max_bytes=1 << 28))
        return reading, calls(lambda: load_pipeline(document))

    cost(100)  # what is imported on the first use
    small_reading, small_loading = cost(2_000)
    large_reading, large_loading = cost(10_000)
    assert small_loading < small_reading < 40 * 2_000
    assert large_loading < large_reading
    assert large_reading < 5.5 * small_reading
    assert large_loading < 5.5 * small_loading


def test_pydantic_is_imported_only_when_a_document_is_loaded() -> None:
    program = (
        "import sys; import orch.spec.load, orch.spec.units, orch.spec.not_yet, orch.spec.expressions.parse;"
        "print([name for name in ('pydantic', 'jinja2', 'networkx') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_page_of_what_is_not_there_yet_names_all_that_is_refused_as_such() -> None:
    from orch.spec.codes import CODES
    from orch.spec.not_yet import NOT_YET, VALUES

    page = CODES["O110"].text
    tables = (*NOT_YET.values(), *VALUES.values())
    assert [words for table in tables for words in table.values() if words not in page] == []
    assert "{" not in page.replace("{ ", "")
