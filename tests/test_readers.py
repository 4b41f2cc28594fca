"""Readers that stop reading: a run goes on, ends and heeds what it is asked; what it has to say waits within bounds."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command import BIN, Desk

from orch.cli.owning import _area
from orch.cli.pump import Pump
from orch.render.events_json import gap

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the size of a pipe is set as Linux does it")

WAITS = "echo > reached; read -r _ < go"


class Pipe:
    """A pipe of one page that is full from the start, and that nobody reads before `rest` does."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        size = fcntl.fcntl(self.write, fcntl.F_SETPIPE_SZ, 4096)
        self.filling = os.write(self.write, b"." * (size - 1) + b"\n")

    def rest(self) -> str:
        """What comes after the filling, up to the end."""
        with open(self.read, "rb", closefd=False) as file:
            return file.read()[self.filling :].decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.read)  # whoever still writes is told that nobody will read


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk.at(tmp_path)
    for name in ("reached", "go"):
        os.mkfifo(made.folder / name)
    return made


@pytest.fixture
def start(desk: Desk, pipe: Pipe) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `orch` with both of its streams into one pipe."""
    started = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [BIN / "orch", *words],
            cwd=desk.folder,
            env=desk.environment(),
            stdin=subprocess.DEVNULL,
            stdout=pipe.write,
            stderr=pipe.write,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def journal(desk: Desk) -> str:
    return (desk.run_dir() / "journal.ndjson").read_text()


@pytest.mark.parametrize("words", [["apply"], ["apply", "--json"]])
def test_a_time_limit_holds_though_nobody_reads_and_the_reader_is_told_when_it_reads_on(
    desk: Desk, pipe: Pipe, start: Callable[..., subprocess.Popen[bytes]], words: list[str]
) -> None:
    desk.pipeline(
        "  one:\n    nodes:\n      quick: { run: echo }\n"
        "      slow: { needs: [quick], run: sleep 600, timeout: 200ms, allow_failure: true }\n"
        f"      after: {{ needs: [slow], trigger_rule: all_done, run: '{WAITS}' }}\n"
    )
    process = start(*words)
    (desk.folder / "reached").read_text()
    assert '"reason":"timed-out"' in journal(desk)
    (desk.folder / "go").write_text("go\n")
    os.close(pipe.write)
    said = pipe.rest()
    assert process.wait() == 0
    assert "slow" in said
    if "--json" in words:
        lines = [json.loads(line) for line in said.splitlines()]
        assert [lines[0]["type"], lines[-1]["type"]] == ["run", "end"]
    else:
        assert said.splitlines()[-1].startswith("  head  sha256:")


def test_a_signal_ends_the_engine_though_nobody_reads(
    desk: Desk, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    desk.pipeline(f"  one:\n    nodes:\n      quick: {{ run: echo }}\n      slow: {{ run: '{WAITS}' }}\n")
    process = start("apply")
    (desk.folder / "reached").read_text()
    process.terminate()
    assert process.wait() == 143
    assert list(desk.processes()) == []
    assert '"type":"closed"' not in journal(desk)


def test_a_cancel_is_heeded_though_nobody_reads_and_the_exit_code_is_the_runs(
    desk: Desk, start: Callable[..., subprocess.Popen[bytes]]
) -> None:
    desk.pipeline(
        f"  one:\n    nodes:\n      quick: {{ run: echo }}\n      slow: {{ run: '{WAITS}' }}\n"
        "finally:\n  last: { run: echo > reached }\n"
    )
    process = start("apply")
    (desk.folder / "reached").read_text()
    desk.orch("cancel", "@last")
    (desk.folder / "reached").read_text()
    while '"type":"closed"' not in journal(desk):
        os.sched_yield()
    process.send_signal(signal.SIGTERM)  # it is over: all that is left is to wait for the reader
    assert process.wait() == 1
    assert json.loads((desk.run_dir() / "manifest.json").read_text())["status"] == "cancelled"


def test_a_file_that_takes_no_more_is_told_at_the_end_of_a_run_that_went_on(desk: Desk) -> None:
    desk.pipeline("  one:\n    nodes: { a: { run: echo }, b: { run: echo ran >> log } }\n")
    said = desk.run(["sh", "-c", "orch apply --json > /dev/full"], code=74)
    assert "error: stdout: No space left on device" in said.err
    assert desk.lines("log") == 1
    assert json.loads((desk.run_dir() / "manifest.json").read_text())["status"] == "succeeded"


@pytest.mark.parametrize("words", ["apply", "apply --json"])
@pytest.mark.parametrize(("line", "verdict"), [("echo ok", "succeeded"), ("exit 3", "failed")])
def test_where_stdout_takes_nothing_the_run_and_its_verdict_are_told_on_stderr(
    desk: Desk, words: str, line: str, verdict: str
) -> None:
    desk.pipeline(f"  one:\n    nodes: {{ a: {{ run: {line} }} }}\n")
    said = desk.run(["sh", "-c", f"orch {words} > /dev/full"], code=74)
    assert f"run {desk.run_dir().name} {verdict}: orch runs show {desk.run_dir().name}\n" in said.err
    assert "error: stdout: No space left on device" in said.err


@pytest.mark.parametrize("words", ["--help", "--version", "", "plan --help"])
@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_what_stdout_does_not_take_of_a_text_is_told_without_a_traceback(
    desk: Desk, words: str, env: dict[str, str]
) -> None:
    said = desk.run(["sh", "-c", f"orch {words} > /dev/full"], code=74, env={**desk.environment(), **env})
    assert said.err.startswith("error: No space left on device\n")
    assert "Traceback" not in said.err
    assert "ignored" not in said.err
    assert desk.run(["sh", "-c", f"orch {words} | :"], env={**desk.environment(), **env}).err == ""


# --- the queue


def never() -> bool:
    """No signal comes."""
    return False


def told(pipe: Pipe, most_bytes: int, lines: list[str]) -> Pump:
    """A pump that is given all of these lines while the pipe is full."""
    pump = Pump(most_bytes)
    with open(pipe.write, "w", closefd=False) as stream:
        given = pump.stream(stream, gap)
    for line in lines:
        given.write(line)
    pump.start()
    assert pump.finish(never, 0.1) is None
    assert not pump.idle()
    return pump


def test_of_more_than_is_held_the_oldest_is_left_out_and_its_place_says_how_much(pipe: Pipe) -> None:
    lines = [f'{{"number": {i}, "more": "{"x" * 100}"}}\n' for i in range(100)]
    pump = told(pipe, 2000, lines)
    seen = [json.loads(line) for line in drained(pipe, pump).splitlines()]
    assert seen[0] == {"type": "gap", "lines": 101 - len(seen)}
    assert [line["number"] for line in seen[1:]] == list(range(101 - len(seen), 100))
    assert len(seen) > 10


def test_of_as_much_as_is_held_nothing_is_left_out(pipe: Pipe) -> None:
    lines = [f'{{"number": {i}}}\n' for i in range(1000)]
    pump = told(pipe, sum(map(len, lines)), lines)
    assert drained(pipe, pump) == "".join(lines)


def drained(pipe: Pipe, pump: Pump) -> str:
    """All of it, for a reader that reads on."""
    with ThreadPoolExecutor(1) as reader:
        rest = reader.submit(pipe.rest)
        assert pump.finish(never, 1e9) is None
        os.close(pipe.write)
        return rest.result()


def test_a_pipe_is_never_left_with_half_a_line(pipe: Pipe) -> None:
    text = "".join(f'{{"number": {i}, "more": "{"x" * (i % 97)}"}}\n' for i in range(500))
    told(pipe, 1 << 20, [text])
    assert os.read(pipe.read, pipe.filling)[-1:] == b"\n"
    seen = os.read(pipe.read, 65536).decode()
    assert seen
    assert seen.endswith("\n")
    assert text.startswith(seen)


def test_after_a_signal_nobody_is_waited_for(pipe: Pipe) -> None:
    pump = told(pipe, 1000, ["never read\n"])
    assert pump.finish(lambda: True, 1e9) is None
    assert not pump.idle()


def test_while_a_terminal_takes_nothing_no_pictures_queue_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Terminal:
        def write(self, text: str) -> None:
            shown.append(text)

        def flush(self) -> None: ...

        def fileno(self) -> int:
            return 0

    monkeypatch.setattr(os, "get_terminal_size", lambda fd: os.terminal_size((80, 24)))
    ready = [True, False, True]
    area = _area(Terminal(), lambda: ready.pop(0))  # type: ignore[arg-type]
    for line in ("one", "two", "three"):
        area.show([line])
    assert [text.splitlines()[-1].removeprefix("\x1b[J") for text in shown] == ["one", "three"]
