"""Outputs that a schema describes, in a real run: who checks them, and who does not wait for that."""

from __future__ import annotations

import json
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest
from command import BIN, Desk

SLOW = {"properties": {"s": {"pattern": "^(a+)+$"}}}
BAD = "a" * 40 + "!"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path)


def records(desk: Desk, kind: str) -> list[dict[str, str]]:
    lines = (desk.run_dir() / "journal.ndjson").read_text().splitlines()
    return [record for line in lines if (record := json.loads(line))["type"] == kind]


def test_a_slow_check_delays_neither_a_time_limit_nor_the_end_of_the_others(desk: Desk) -> None:
    desk.write("slow.json", json.dumps(SLOW))
    desk.pipeline(f"""
  main:
    nodes:
      checked: {{ run: "echo '{{\\"s\\":\\"{BAD}\\"}}' > $ORCH_OUTPUT", outputs: {{ schema: slow.json }} }}
      limited: {{ run: sleep 60, timeout: 1s }}
""")
    desk.orch("apply", "--fail-fast", "-j", "2", code=1)
    ended = {record["address"]: record["reason"] for record in records(desk, "finished")}
    assert list(ended.items()) == [("main.limited", "timed-out"), ("main.checked", "output-missing")]
    assert "in 5 s" in str(records(desk, "finished")[1]["error"])
    desk.orch("verify", "@last")


def test_a_schema_decides_whether_a_step_succeeds(desk: Desk) -> None:
    desk.write("plain.json", json.dumps({"properties": {"n": {"minimum": 2}}}))
    step = '{{ run: "echo \'{{\\"n\\":{0}}}\' > $ORCH_OUTPUT", outputs: {{ schema: plain.json }} }}'
    desk.pipeline(f"\n  main:\n    nodes:\n      good: {step.format(2)}\n      bad: {step.format(1)}\n")
    desk.orch("apply", code=1)
    assert desk.node("main.good")["outputs"] == {"n": 2}
    assert desk.node("main.bad")["reason"] == "output-missing"
    assert "at n: 1 is less than" in json.dumps([path.read_text() for path in desk.run_dir().glob("errors/*")])
    desk.orch("verify", "@last")


def test_a_step_whose_check_was_cut_short_runs_again(desk: Desk) -> None:
    desk.write("slow.json", json.dumps(SLOW))
    desk.pipeline(f"""
  main:
    nodes:
      checked:
        run: |
          text={BAD}; test $ORCH_ATTEMPT = 1 || text=a
          printf '{{"s":"%s"}}' $text > $ORCH_OUTPUT
        outputs: {{ schema: slow.json }}
""")
    command = [BIN / "orch", "apply"]
    with subprocess.Popen(command, cwd=desk.folder, env=desk.environment(), stderr=subprocess.DEVNULL) as engine:
        while not list(desk.folder.glob(".runs/*/cli/*/outputs/*.check")):
            select.select([], [], [], 0.01)
        engine.send_signal(signal.SIGINT)
        assert engine.wait() == 130
    assert list(desk.processes()) == []
    desk.orch("resume", "@last")
    assert (desk.node("main.checked")["attempt"], desk.node("main.checked")["outputs"]) == (2, {"s": "a"})
    desk.orch("verify", "@last")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent.json", None, "absent.json cannot be read: No such file"),
        ("text.json", "{", "text.json is not a JSON Schema: "),
        ("odd.json", '{"type": "strnig"}', "odd.json is not a JSON Schema: 'strnig'"),
        ("deep.json", "[" * 100_000, "deep.json is not a JSON Schema: "),
        ("half.json", '{"title": "\\ud800"}', "half.json is not a JSON Schema: \\ud800 is half of a character"),
        ("nan.json", '{"enum": [NaN]}', "nan.json is not a JSON Schema: NaN is not JSON"),
        ("huge.json", '{"maximum": 1e999}', "huge.json is not a JSON Schema: the number 1e999 is too large"),
    ],
)
def test_a_schema_that_cannot_be_used_is_told_with_its_place(
    desk: Desk, name: str, text: str | None, said: str
) -> None:
    if text is not None:
        desk.write(name, text)
    node = f"      a: {{ run: 'true', outputs: {{ schema: {name} }} }}\n"
    desk.pipeline(f"\n  main:\n    nodes:\n{node}finally:\n  b: {{ run: 'true', outputs: {{ schema: none.json }} }}\n")
    told = desk.orch("plan", code=3).text
    assert said in told
    assert "none.json cannot be read" in told
    assert re.search(r"pipelines/main.yaml:8:\d+", told)
    assert re.search(r"pipelines/main.yaml:10:\d+", told)


def test_an_output_nested_deep_fails_its_step_and_leaves_a_run_that_all_can_read(desk: Desk) -> None:
    desk.pipeline("\n  main:\n    nodes:\n      a: { run: cp deep.json $ORCH_OUTPUT, outputs: { v: list } }\n")
    for count, code, reason in ((960, 1, "output-missing"), (63, 0, "ok")):
        desk.write("deep.json", '{"v":' + "[" * count + "]" * count + "}")
        desk.orch("apply", code=code)
        assert desk.node("main.a")["reason"] == reason
        assert not (desk.run_dir() / "outputs").exists()
        for words in (["poll", "@last", "--json"], ["verify", "@last"], ["runs", "show", "@last"], ["resume", "@last"]):
            desk.orch(*words, code=code if words[0] == "resume" else None if words[0] == "poll" else 0)
