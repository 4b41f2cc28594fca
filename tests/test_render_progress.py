"""What is said while a run goes on and at its end: lines, a bounded live area, failures again, next commands."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from effort import calls
from plans import compiled, one_phase

from orch.model.compiled import Compiled
from orch.model.events import Closed, Event, Finished, Observed, Opened, Settled, Skipped, Started
from orch.model.fold import apply
from orch.model.state import RunState
from orch.problems.problem import Exit
from orch.render.events_json import JsonReporter
from orch.render.live import LiveArea
from orch.render.progress import Area, LineReporter
from orch.render.style import Style

PATH = ".runs/-/cli/20261122T190512Z-c41e00"


@dataclass
class Info:
    run_id: str = "20261122T190512Z-c41e00"
    task: str = "0042"
    path: str = PATH
    pipeline: str = "p"
    containment: str = "pidns"
    head: str = "ab" * 32


@dataclass
class Show:
    """A reporter on text streams, with a clock that the test sets; events go through the fold first."""

    plan: Compiled
    root: str = "/nowhere"
    style: Style = field(default_factory=Style)
    verbose: bool = False
    area: Area | None = None
    clock: float = 0.0

    def __post_init__(self) -> None:
        self.talk, self.data = io.StringIO(), io.StringIO()
        self.state = RunState.new(self.plan)
        area = self.area
        self.reporter = LineReporter(
            self.talk,
            self.data,
            self.style,
            self.style,
            root=self.root,
            cwd=self.root,
            steady=lambda: self.clock,
            now_ms=lambda: int(self.clock * 1000),
            verbose=self.verbose,
            live=None if area is None else lambda: area,
        )
        apply(self.plan, self.state, Opened(0, 1, {"run_id": "r"}, self.plan.digest, "pidns", {}))
        self.reporter.opened(Info(), self.plan, self.state)

    def tell(self, *events: Event) -> None:
        for event in events:
            apply(self.plan, self.state, event)
        self.reporter.happened(events, self.state)

    def ran(self, address: str, status: str = "succeeded", reason: str = "ok", **more: Any) -> None:
        self.tell(Started(0, address, 1), Finished(1200, address, 1, True, status, reason, **more))

    def end(self, status: str, code: Exit = Exit.OK) -> str:
        self.tell(Closed(2000, status, "ok", {}, ""))
        self.reporter.ended(Info(), self.state, code)
        return self.data.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.talk.getvalue().splitlines()


class Recorded:
    """A live area that keeps what it was shown."""

    columns = 40

    def __init__(self) -> None:
        self.shown: list[Sequence[str]] = []
        self.cleared = 0

    def show(self, lines: list[str]) -> None:
        self.shown.append(lines)

    def clear(self) -> None:
        self.cleared += 1


def test_a_step_that_ends_is_one_line_with_its_time() -> None:
    show = Show(compiled(one_phase(a={}, b={}, c={"needs": ["b"]})))
    show.ran("build.a")
    show.ran("build.b", "failed", "command-failed", exit_code=3, error={"summary": "exit code 3"})
    show.tell(Skipped(1300, "build.c", "upstream-failed"))
    assert show.lines[1:] == [
        "  ✓ build.a  1.2s",
        "  ✗ build.b  1.2s  failed  exit code 3",
        "  - build.c  skipped  upstream-failed",
    ]


def test_an_attempt_that_is_tried_again_says_so() -> None:
    show = Show(compiled(one_phase(a={"retry": {"limit": 1}})))
    failed = Finished(1000, "build.a", 1, False, "failed", "timed-out", error={"summary": "stopped at its time limit"})
    show.tell(Started(0, "build.a", 1), failed)
    assert show.lines[1] == "  ✗ build.a  1.0s  failed  stopped at its time limit, will be tried again"


def test_a_gate_that_waits_is_said_as_it_happens_and_its_sentence_at_the_end() -> None:
    show = Show(compiled({"build": {"gates": {"agreed": "approval"}, "nodes": {"a": {}}}}))
    look = Observed(0, "build.agreed", "waiting", "needs-decision", "needs 1 more: editor", {})
    show.tell(look)
    show.tell(look)
    show.tell(look._replace(sentence="needs 1 more: editor or writer"))
    show.tell(look)
    show.tell(look._replace(reason="rejected", sentence="rejected by lena"))
    show.tell(look)
    assert [line for line in show.lines if "agreed" in line] == [
        "  ⏸ build.agreed  gate waiting",
        "  ! build.agreed  gate rejected",
        "  ⏸ build.agreed  gate waiting",
    ]
    said = show.end("waiting", Exit.WAITING)
    assert "build.agreed  waiting: needs 1 more: editor" in said
    assert "next  orch resume 20261122T190512Z-c41e00" in said
    assert "1 gate waiting" in said


def test_success_is_quiet_one_summary_the_folder_and_the_head() -> None:
    show = Show(compiled(one_phase(a={})))
    show.ran("build.a")
    show.clock = 1.5
    assert show.end("succeeded").splitlines() == [
        "✓ succeeded: 1 succeeded, in 1.5s",
        f"  run   {PATH}",
        f"  head  sha256:{'ab' * 32}",
    ]


def test_each_failure_is_told_again_with_the_end_of_its_log_and_the_next_command(tmp_path: Path) -> None:
    folder = tmp_path / PATH / "errors"
    folder.mkdir(parents=True)
    tail = "".join(f"line {i}\n" for i in range(30)) + "\x1b[31mred\n" + "w" * 500 + "\n"
    for number, summary in ((1, "old"), (12, "exit code 3")):
        artifact = {"address": "build.b", "summary": summary, "details": {"stderr_tail": tail}}
        (folder / f"{number:02d}-build-b.json").write_text(json.dumps(artifact))
    show = Show(compiled(one_phase(a={}, b={})), root=str(tmp_path))
    show.ran("build.a")
    show.ran("build.b", "failed", "command-failed")
    said = show.end("failed", Exit.FAILED).splitlines()
    assert said[0] == "──── build.b: exit code 3"
    assert said[1] == "  line 24"
    assert "  \\x1b[31mred" in said
    assert max(map(len, said)) < 220
    assert f"  error {PATH}/errors/12-build-b.json" in said
    assert "  log   orch runs logs 20261122T190512Z-c41e00 build.b" in said
    assert "  next  orch retry 20261122T190512Z-c41e00 --failed" in said


def test_of_many_failures_the_first_are_told_and_the_rest_counted() -> None:
    plan = compiled(one_phase(**{f"n{i}": {} for i in range(30)}))
    show = Show(plan)
    for address in plan.addresses:
        show.ran(address, "failed", "command-failed")
    said = show.end("failed", Exit.FAILED)
    assert said.count("────") == 10
    assert "and 20 more failures: orch runs errors 20261122T190512Z-c41e00" in said


def test_an_interrupted_run_says_how_to_go_on_and_that_nothing_of_it_runs() -> None:
    show = Show(compiled(one_phase(a={})))
    show.tell(Started(0, "build.a", 1))
    show.reporter.ended(Info(), show.state, Exit.INTERRUPTED)
    assert "interrupted: 1 queued" in show.data.getvalue()
    assert "next  orch resume" in show.data.getvalue()


def test_a_step_in_doubt_is_asked_about() -> None:
    show = Show(compiled(one_phase(a={"effect": {"once": "k"}})))
    show.tell(Started(0, "build.a", 1), Finished(10, "build.a", 1, False, "waiting", "in-doubt"))
    said = show.end("waiting", Exit.WAITING)
    assert "orch settle 20261122T190512Z-c41e00 build.a --done (or --not-done)" in said
    assert "orch resume" not in said


def test_the_end_of_a_run_has_the_hint_of_what_could_not_be_started(tmp_path: Path) -> None:
    folder = tmp_path / PATH / "errors"
    folder.mkdir(parents=True)
    retry = "orch retry 20261122T190512Z-c41e00 --failed"
    for number, (name, hint) in enumerate({"a": "install it: apt-get install x", "b": retry}.items(), 1):
        artifact = {"address": f"build.{name}", "summary": "failed", "details": {"suggestion": hint}}
        (folder / f"{number:02d}-build-{name}.json").write_text(json.dumps(artifact))
    show = Show(compiled(one_phase(a={}, b={})), root=str(tmp_path))
    show.ran("build.a", "failed", "start-failed")
    show.ran("build.b", "failed", "command-failed")
    said = show.end("failed", Exit.FAILED).splitlines()
    assert said[1:3] == [f"  error {PATH}/errors/01-build-a.json", "  help  install it: apt-get install x"]
    assert [line for line in said if retry in line] == [f"  next  {retry}"]


def test_without_a_terminal_what_runs_is_said_every_30_seconds() -> None:
    show = Show(compiled(one_phase(**{f"n{i}": {} for i in range(6)})))
    show.tell(*(Started(0, f"build.n{i}", 1) for i in range(6)))
    for show.clock in (10.0, 29.0, 30.0, 31.0, 59.0, 60.5):
        show.reporter.tick(show.state)
    beats = [line for line in show.lines if "done" in line]
    assert len(beats) == 2
    assert beats[0] == (
        "  0 of 6 done; running build.n0 (30.0s), build.n1 (30.0s), build.n2 (30.0s), build.n3 (30.0s) and 2 more"
    )


def many(**settings: Any) -> Show:
    return Show(compiled(one_phase(**{f"n{i}": {} for i in range(300)})), **settings)


def test_of_many_steps_only_what_went_wrong_is_a_line() -> None:
    show = many()
    show.ran("build.n0")
    show.ran("build.n1", "failed", "command-failed")
    show.clock = 6
    show.reporter.tick(show.state)
    assert [line.split("  ")[1] for line in show.lines[1:]] == ["✗ build.n1", "2 of 300 done"]


def test_verbose_shows_every_step() -> None:
    show = many(verbose=True)
    show.ran("build.n0")
    assert "  ✓ build.n0  1.2s" in show.lines


@pytest.mark.parametrize("verbose", [False, True])
def test_an_event_of_a_large_run_costs_a_few_calls(verbose: bool) -> None:
    plan = compiled(one_phase(**{f"n{i}": {} for i in range(10_000)}))
    show = Show(plan, verbose=verbose)
    pairs = [(Started(0, a, 1), Finished(9, a, 1, True, "succeeded", "ok", 0)) for a in plan.addresses]

    def tell() -> None:
        for pair in pairs:
            show.reporter.happened(pair, show.state)

    assert calls(tell) < 20 * 2 * len(pairs)


def test_the_live_area_comes_after_half_a_second_and_goes_before_a_line() -> None:
    area = Recorded()
    show = Show(compiled(one_phase(a={}, b={})), area=area)
    show.tell(Started(0, "build.a", 1))
    show.clock = 0.4
    show.reporter.tick(show.state)
    assert area.shown == []
    show.clock = 0.6
    show.reporter.tick(show.state)
    assert area.shown == [["  ▸ build.a  0.60s", "  0 of 2 done  0.60s"]]
    show.tell(Finished(700, "build.a", 1, True, "succeeded", "ok"))
    assert area.cleared == 1
    show.reporter.close()
    show.reporter.tick(show.state)
    assert len(area.shown) == 1


def test_the_live_area_is_bounded_and_writes_over_itself() -> None:
    stream = io.StringIO()
    area = LiveArea(stream, lambda: os.terminal_size((80, 10)), lambda: True)
    assert area.columns == 79
    area.show([f"step {i}" for i in range(40)] + ["40 running"])
    assert stream.getvalue().splitlines() == ["step 0", "step 1", "step 2", "  and 37 more", "40 running"]
    stream.truncate(0)
    area.show(["one", "two"])
    assert "\x1b[5A\r\x1b[J" in stream.getvalue()
    area.clear()
    assert stream.getvalue().endswith("\x1b[2A\r\x1b[J")
    before = stream.getvalue()
    area.clear()
    assert stream.getvalue() == before


def test_ascii_says_the_same_without_signs() -> None:
    show = Show(compiled(one_phase(a={}, b={})), style=Style(unicode=False))
    show.ran("build.a")
    show.ran("build.b", "failed", "command-failed")
    said = show.talk.getvalue() + show.end("failed", Exit.FAILED)
    assert said.isascii()
    assert "x build.b" in said


def test_a_resume_with_nothing_to_do_says_so() -> None:
    plan = compiled(one_phase(a={}))
    first = Show(plan)
    first.ran("build.a")
    first.end("succeeded")
    first.reporter.opened(Info(), plan, first.state)
    first.data.truncate(0)
    first.data.seek(0)
    first.reporter.ended(Info(), first.state, Exit.OK)
    assert "nothing to do" in first.data.getvalue()


def test_where_attempts_ran_or_a_doubt_was_settled_something_was_done() -> None:
    plan = compiled(one_phase(a={"effect": {"once": "k"}}))
    show = Show(plan)
    show.tell(Started(0, "build.a", 1), Finished(10, "build.a", 1, False, "waiting", "in-doubt"))
    assert "nothing to do" not in show.end("waiting", Exit.WAITING)
    later = Show(plan)
    later.state = show.state
    later.tell(Opened(3000, 2, {}, plan.digest, "pidns", {}), Settled(3000, "build.a", "lena", "done"))
    assert "nothing to do" not in later.end("waiting", Exit.WAITING)


def test_a_step_that_is_settled_is_a_line_that_says_by_whom() -> None:
    doubt = {"effect": {"once": "k", "probe": "true"}}
    show = Show(compiled(one_phase(a=doubt, b=doubt, c=doubt, d=doubt, e={})))
    for node in "abc":
        show.tell(Started(0, f"build.{node}", 1), Finished(9, f"build.{node}", 1, False, "waiting", "in-doubt"))
    late = Finished(9, "build.d", 1, False, "waiting", "in-doubt", error={"summary": "late", "reason": "timed-out"})
    show.tell(Started(0, "build.d", 1), late)
    before = len(show.lines)
    show.tell(Settled(10, "build.a", "probe", "done"))
    show.tell(Settled(10, "build.b", "probe", "not-done"), Settled(10, "build.c", "probe", "in-doubt"))
    show.tell(Settled(10, "build.c", "lena", "done"), Settled(10, "build.d", "probe", "not-done"))
    assert show.lines[before:] == [
        "  ✓ build.a  settled  done, says its probe",
        "  · build.b  settled  not done, says its probe",
        "  ⏸ build.c  in doubt  its probe cannot tell whether it was done",
        "  ✓ build.c  settled  done, says lena",
        "  ✗ build.d  settled  not done, says its probe",
    ]
    show.tell(Started(10, "build.e", 1))
    show.clock = 40
    show.reporter.tick(show.state)
    assert show.lines[-1].startswith("  3 of 5 done")


def test_after_a_failed_check_a_new_run_is_proposed_since_a_retry_would_decide_the_same() -> None:
    phases = {
        "build": {"gates": {"enough": {"check": "inputs.no"}}, "nodes": {"a": {}}},
        "more": {"needs": [], "nodes": {"b": {}}},
    }
    show = Show(compiled(phases, task="0042", inputs={"no": False, "os": ["a b"]}))
    show.tell(
        Finished(10, "build.enough", 0, True, "failed", "check-failed", error={"summary": "`inputs.no` is false"})
    )
    show.tell(Skipped(10, "build.a", "phase-not-reached"))
    show.ran("more.b")
    said = show.end("failed", Exit.FAILED)
    assert "retry" not in said
    command = """orch apply pipelines/p.yaml --input no=false --input 'os=["a b"]' --task 0042"""
    assert f"  next  {command}\n" in said
    assert "failed: 1 succeeded, 1 skipped, 1 gate failed" in said
    both = Show(compiled(phases))
    both.tell(Finished(10, "build.enough", 0, True, "failed", "check-failed"))
    both.ran("more.b", "failed", "command-failed")
    assert "next  orch retry" in both.end("failed", Exit.FAILED)


def test_after_a_retry_what_is_decided_again_is_not_counted_as_done() -> None:
    show = Show(compiled(one_phase(a={}, b={})))
    show.ran("build.a")
    show.ran("build.b", "failed", "command-failed")
    show.end("failed", Exit.FAILED)
    show.reporter.opened(Info(), show.plan, show.state)
    show.tell(Opened(3000, 2, {}, show.plan.digest, "pidns", {}, 0, ("build.b",)))
    show.tell(Started(3000, "build.b", 2))
    show.clock = 40
    show.reporter.tick(show.state)
    assert show.lines[-1] == "  1 of 2 done; running build.b (37.0s)"


def test_as_json_each_event_is_a_line_as_the_journal_has_it() -> None:
    plan = compiled(one_phase(a={}))
    data = io.StringIO()
    reporter = JsonReporter(data, io.StringIO())
    state = RunState.new(plan)
    reporter.opened(Info(), plan, state)
    reporter.happened([Started(0, "build.a", 1), Finished(1, "build.a", 1, True, "succeeded", "ok", 0)], state)
    reporter.tick(state)
    reporter.ended(Info(), state, Exit.INTERRUPTED)
    reporter.close()
    lines = [json.loads(line) for line in data.getvalue().splitlines()]
    assert next(iter(lines[0])) == "format_version"
    assert lines[1] == {"type": "started", "at": "1970-01-01T00:00:00.000Z", "address": "build.a", "attempt": 1}
    assert lines[2]["exit_code"] == 0
    assert lines[3] == {"type": "end", "status": "interrupted", "exit_code": 130, "head": "sha256:" + "ab" * 32}
