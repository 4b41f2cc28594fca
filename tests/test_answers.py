"""Who asks something of the owner of a run waits for its answer: it is accepted, refused, late, or never comes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import BIN, PROJECT, Desk

from orch.app.answers import LIMIT_SECONDS, Answers, await_answer
from orch.model.events import Closed, Event, Requested
from orch.ports import Request
from orch.problems.problem import OrchError
from orch.store.journal import FileJournal
from orch.store.lock import Lock
from orch.store.owner import Owner
from orch.store.requests import Inbox, ask
from orch.store.rundir import RunDir, find, load_plan

GATED = (
    "  one:\n    gates: { ok: { approval: { subject: [orch.yaml], require: { editor: 1 } } } }\n"
    "    nodes: { a: { run: echo } }\n"
)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk.at(tmp_path)
    made.write("orch.yaml", PROJECT)
    made.pipeline(GATED)
    made.orch("apply", code=4)
    return made


def run_of(desk: Desk) -> RunDir:
    return find(str(desk.folder / ".runs"), "@last")


class OwnerPlayed:
    """The owner of a run, played by the test."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.lock = Lock.acquire(run)
        self.journal, self.events, _ = FileJournal.open(run.journal, load_plan(run).digest, durability="none")

    def write(self, event: Event) -> None:
        self.journal.append([event])

    def is_asked(self) -> Request:
        """The next request, once there is one."""
        inbox = Inbox(self.run)
        while not (asked := inbox.drain()):
            time.sleep(0.01)
        return asked[-1]

    def answer(self, outcome: str, detail: str = "") -> None:
        asked = self.is_asked()
        self.write(Requested(self.events[-1].at, asked.id, asked.verb, asked.actor, outcome, detail))


@contextmanager
def orch(desk: Desk, *words: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [str(BIN / "orch"), *words]
    with subprocess.Popen(
        command, cwd=desk.folder, env=desk.environment(), stdout=pipe, stderr=pipe, text=True
    ) as process:
        yield process


class Clock:
    """Time that passes only by waiting; `during` says what happens in the n-th wait."""

    def __init__(self, during: dict[int, Callable[[], None]] | None = None) -> None:
        self.now, self.waits, self.during = 0.0, 0, during or {}

    def steady(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.waits += 1
        self.now += seconds
        self.during.get(self.waits, lambda: None)()


class Told:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    def waiting(self, run_id: str, owner: Owner | None, seconds: float) -> None:
        self.seconds.append(seconds)

    def answered(self, run_id: str, answer: Requested) -> None:
        raise AssertionError("it is who waits that is told")


def asked(run: RunDir) -> str:
    return ask(run, "cancel", "writer", {}, now_ms=1, random=os.urandom)


def test_an_answer_is_waited_for_until_the_journal_holds_it(desk: Desk) -> None:
    run = run_of(desk)
    owner = OwnerPlayed(run)
    identity = asked(run)
    clock = Clock({3: lambda: owner.answer("accepted")})
    answer = await_answer(run, Answers(run, identity), Told(), steady=clock.steady, pause=clock.pause)
    assert answer is not None
    assert (answer.id, answer.outcome, clock.waits) == (identity, "accepted", 3)


def test_the_answer_to_somebody_else_is_not_taken_for_ones_own(desk: Desk) -> None:
    run = run_of(desk)
    owner = OwnerPlayed(run)
    asked(run)
    owner.answer("accepted")
    identity = asked(run)
    clock = Clock({2: owner.lock.release})
    assert await_answer(run, Answers(run, identity), Told(), steady=clock.steady, pause=clock.pause) is None


def test_an_owner_that_answers_closes_and_is_gone_has_answered(desk: Desk) -> None:
    run = run_of(desk)
    owner = OwnerPlayed(run)
    identity = asked(run)

    def ends() -> None:
        owner.answer("accepted")
        owner.write(Closed(owner.events[-1].at, "cancelled", "cancelled", {}, ""))
        owner.lock.release()

    clock = Clock({1: ends})
    answer = await_answer(run, Answers(run, identity), Told(), steady=clock.steady, pause=clock.pause)
    assert answer is not None


def test_an_owner_that_does_not_answer_is_waited_for_half_a_minute_and_said_to_be_waited_for(desk: Desk) -> None:
    run = run_of(desk)
    owner = OwnerPlayed(run)
    clock, told = Clock(), Told()
    with pytest.raises(OrchError) as refused:
        await_answer(run, Answers(run, asked(run)), told, steady=clock.steady, pause=clock.pause)
    owner.lock.release()
    assert [problem.code for problem in refused.value.problems] == ["O625"]
    assert refused.value.exit == 6
    assert clock.now == pytest.approx(LIMIT_SECONDS, abs=0.1)
    assert [round(seconds) for seconds in told.seconds] == [5, 10, 15, 20, 25]


@pytest.mark.parametrize(("outcome", "code"), [("accepted", 0), ("refused", 6)])
def test_a_cancel_ends_with_what_the_owner_said(desk: Desk, outcome: str, code: int) -> None:
    owner = OwnerPlayed(run_of(desk))
    with orch(desk, "cancel", "@last") as process:
        owner.answer(outcome, "it is too late" if outcome == "refused" else "")
        said = process.communicate()
    assert process.returncode == code
    if code:
        assert "it is too late" in said[1]
        assert f"orch poll {owner.run.run_id}" in said[1]
    else:
        assert "accepted" in said[1]
    owner.lock.release()


def test_with_json_the_answer_is_one_record_on_stdout(desk: Desk) -> None:
    owner = OwnerPlayed(run_of(desk))
    with orch(desk, "cancel", "@last", "--json") as process:
        owner.answer("accepted")
        out, _ = process.communicate()
    assert '"type": "requested"' in out
    assert '"outcome": "accepted"' in out
    owner.lock.release()


def test_when_the_owner_dies_before_it_answers_who_asked_takes_over(desk: Desk) -> None:
    owner = OwnerPlayed(run_of(desk))
    with orch(desk, "cancel", "@last") as process:
        owner.is_asked()
        owner.lock.release()
        out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert "cancelled" in desk.orch("runs").out


def test_ctrl_c_ends_the_waiting_and_what_was_asked_stays(desk: Desk) -> None:
    owner = OwnerPlayed(run_of(desk))
    with orch(desk, "cancel", "@last") as process:
        first = owner.is_asked()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    owner.lock.release()
    desk.orch("resume", "@last", code=1)
    assert f'"id":"{first.id}"' in (desk.run_dir() / "journal.ndjson").read_text()
