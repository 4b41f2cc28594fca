"""Tells people how a run goes: a line for each step that ends, now and then what is running, a report at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from orch.model.compiled import GATE, Compiled
from orch.model.events import Closed, Event, Expanded, Finished, Merged, Observed, Opened, Settled, Skipped, Started
from orch.model.fold import interrupt
from orch.model.state import RunState
from orch.model.status import Status
from orch.problems.problem import Exit
from orch.render.ending import Ending, ending_text
from orch.render.findings_text import counts_text
from orch.render.lengths import counted, duration, minute
from orch.render.problems_text import visible
from orch.render.style import Style
from orch.store.logs import cut_bytes

if TYPE_CHECKING:  # loaded only where a run has a group
    from orch.store.groups import Queued

MANY_STEPS = 200
LIVE_AFTER_SECONDS = 0.5
BEAT_SECONDS = 30.0  # between two lines about what is running, where no terminal shows it
MANY_BEAT_SECONDS = 5.0
_NAMED = 4


def verdict(run: Run, state: RunState) -> str:
    """How the run ended, in one line, for whoever does not get the report."""
    return f"run {run.run_id} {state.closed or 'interrupted'}: orch runs show {run.run_id}"


class Run(Protocol):
    """What is known of the run: its id, its task, its directory from the project's root on."""

    @property
    def run_id(self) -> str: ...
    @property
    def task(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def pipeline(self) -> str: ...
    @property
    def containment(self) -> str: ...
    @property
    def head(self) -> str: ...


class Area(Protocol):
    """The part of a terminal that is written over."""

    @property
    def columns(self) -> int: ...
    def show(self, lines: list[str]) -> None: ...
    def clear(self) -> None: ...


class LineReporter:
    """The reporter of a run as text. Lines go to `talk`, the report at the end to `data`. `root` is the project's and
    `cwd` the user's folder; `steady` is a clock in seconds, `now_ms` the time of day. With `live` a terminal's last
    lines show what is running: it makes the area, once the run has taken half a second. `action` names the verb."""

    def __init__(
        self,
        talk: TextIO,
        data: TextIO,
        style: Style,
        data_style: Style,
        *,
        root: str,
        cwd: str,
        steady: Callable[[], float],
        now_ms: Callable[[], int],
        verbose: bool = False,
        live: Callable[[], Area] | None = None,
        action: str = "run",
    ) -> None:
        self._talk, self._data, self._style, self._data_style = talk, data, style, data_style
        self._root, self._cwd, self._steady, self._verbose = root, cwd, steady, verbose
        self._now_ms = now_ms
        self._live = live
        self._area: Area | None = None
        self._action = action
        self._began = self._beat_at = steady()
        self._started: dict[str, int] = {}
        self._shut: dict[str, str] = {}
        self._shortened: dict[str, None] = {}
        self.verdict = ""
        self._quiet = False
        self._waits = ""
        self._done = 0
        self._shown_at = 0.0

    def opened(self, run: Run, plan: Compiled, state: RunState) -> None:
        """Which run this is."""
        self._plan = plan
        self._quiet = len(plan.steps) > MANY_STEPS and not self._verbose
        self._beat_every = MANY_BEAT_SECONDS if self._quiet else BEAT_SECONDS
        self._done, self._idle = _over(state), True
        task = f"  task {run.task}" if run.task != "-" else ""
        jobs = counted(plan.max_in_flight, "job")
        self._write(
            [
                f"{self._action} {self._style.paint(run.run_id, 'bold')}  {visible(run.pipeline)}{task}  "
                f"{counted(len(plan.steps), 'step')}, {jobs}"
            ]
        )

    def queued(self, waits: Queued) -> None:
        """For whom the run waits: when that changes, and now and then. The time until it begins is not the run's."""
        self._began = self._steady()
        told = queued_text(waits)
        if told != self._waits or self._began - self._beat_at >= BEAT_SECONDS:
            self._waits = told
            self._write([f"  {self._style.icon('waiting')} {visible(told)}"])

    def happened(self, events: Sequence[Event], state: RunState) -> None:
        """Lines for what ended; where there are many steps, only for what went wrong or waits."""
        lines: list[str] = []
        for event in events:
            self._idle = self._idle and isinstance(event, Opened | Closed)
            if isinstance(event, Started):
                self._started[event.address] = event.at
            elif isinstance(event, Finished):
                self._finished(event, lines)
            elif isinstance(event, Expanded):
                self._expanded(event, lines)
            elif isinstance(event, Skipped):
                self._done += 1
                if not self._quiet:
                    lines.append(
                        self._line("skipped", event.address, f"skipped  {visible(event.sentence or event.reason)}")
                    )
            elif isinstance(event, Observed):
                self._observed(event, lines)
            elif isinstance(event, Merged):
                self._merged(event, lines)
            elif isinstance(event, Settled):
                self._settled(event, state, lines)
            elif isinstance(event, Opened):  # a retry has opened again what was over
                self._done = _over(state)
        if lines:
            self._write(lines)

    def tick(self, state: RunState) -> None:
        """Time goes by."""
        now = self._steady()
        if self._live is not None:
            if self._area is None and now - self._began >= LIVE_AFTER_SECONDS:
                self._area = self._live()
            if self._area is not None and now - self._shown_at >= 0.1:
                self._shown_at = now
                self._area.show(self._running_lines(self._area, state))
        elif now - self._beat_at >= self._beat_every:
            self._beat_at = now
            self._write([self._progress(state)])

    def ended(self, run: Run, state: RunState, code: Exit) -> None:
        """The report."""
        self.close()
        if state.closed is None:
            interrupt(self._plan, state)
        self.verdict = verdict(run, state)
        told = (code, run.run_id, run.task, run.path, run.head, tuple(self._shortened))
        ending = Ending(self._root, self._cwd, self._plan, state, *told)
        elapsed = self._steady() - self._began
        nothing_new = self._idle and state.closed is not None
        self._talk.flush()
        self._data.write(ending_text(ending, self._data_style, elapsed * 1000, unchanged=nothing_new))
        self._data.flush()

    def noted(self, trouble: str) -> None:
        """A line behind the report."""
        self._write([f"warning: {visible(trouble)}"])

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._area is not None:
            self._area.clear()
        self._live = self._area = None

    def _finished(self, event: Finished, lines: list[str]) -> None:
        started = self._started.pop(event.address, None)
        if cut_bytes(event.logs):
            self._shortened[event.address] = None
        if event.final:
            self._done += 1
        if event.status == "succeeded":
            if not self._quiet:
                gate = self._plan.kinds[self._plan.index_of[event.address]] == GATE
                took = "gate open" if gate else "" if started is None else duration(event.at - started)
                told = took if event.cache is None else f"cached {event.cache['because']}"
                told = "  ".join(part for part in (told, counts_text(event.tests)) if part)
                lines.append(self._line("succeeded", event.address, told))
            return
        if event.patch is not None:
            return  # what becomes of it is told when it is merged
        took = "" if started is None else f"{duration(event.at - started)}  "
        lines.append(self._line(event.status, event.address, f"{took}{self._why(event)}"))

    def _expanded(self, event: Expanded, lines: list[str]) -> None:
        self._started.setdefault(event.address, event.at)
        if event.rows and not self._quiet:
            named = ", ".join(event.keys[:_NAMED]) + (", …" if len(event.keys) > _NAMED else "")
            count = "1 child" if len(event.keys) == 1 else f"{len(event.keys):,} children"
            lines.append(self._line("queued", event.address, f"{count}: {named}"))

    def _why(self, event: Finished) -> str:
        error = event.error or {}
        told = error.get("summary") or event.reason
        if not event.final:
            told += ", in doubt" if event.reason == "in-doubt" else ", will be tried again"
        return f"{event.status}  {visible(str(told))}" + (f" (attempt {event.attempt})" if event.attempt > 1 else "")

    def _observed(self, event: Observed, lines: list[str]) -> None:
        if event.status == "succeeded":
            self._done += 1
            if not self._quiet:
                lines.append(self._line("open", event.gate, "gate open"))
            return
        word = "rejected" if event.reason == "rejected" else "waiting"
        if self._shut.get(event.gate) != word:
            self._shut[event.gate] = word
            lines.append(self._line(word, event.gate, f"gate {word}"))

    def _merged(self, event: Merged, lines: list[str]) -> None:
        self._done += 1
        if event.commit is None:
            told = (event.error or {}).get("summary") or event.reason
            lines.append(self._line("failed", event.address, f"failed  {visible(str(told))}"))
        elif not self._quiet:
            lines.append(self._line("succeeded", event.address, f"merged as {event.commit[:12]}"))

    def _settled(self, event: Settled, state: RunState, lines: list[str]) -> None:
        if cut_bytes(event.logs):
            self._shortened[event.address] = None
        status = state.status[self._plan.index_of[event.address]]
        if status >= Status.SUCCEEDED:
            self._done += 1
        if event.how == "in-doubt":
            told = event.sentence or "its probe cannot tell whether it was done"
            lines.append(self._line("waiting", event.address, f"in doubt  {visible(told)}"))
            return
        says = "its probe" if event.by == "probe" else visible(event.by)
        told = "settled  done" if event.how == "done" else "settled  not done"
        word = "succeeded" if event.how == "done" else "failed" if status is Status.FAILED else "queued"
        lines.append(self._line(word, event.address, f"{told}, says {says}"))

    def _line(self, word: str, address: str, rest: str) -> str:
        return f"  {self._style.icon(word)} {address}  {rest}".rstrip()

    def _write(self, lines: list[str]) -> None:
        text = self._style.ascii("\n".join(lines) + "\n")
        self._beat_at = self._steady()
        if self._area is not None:
            self._area.clear()
        self._talk.write(text)
        self._talk.flush()

    def _progress(self, state: RunState) -> str:
        return f"  {self._done:,} of {len(self._plan.steps):,} done{self._running(state)}"

    def _running(self, state: RunState) -> str:
        if not state.running:
            return ""
        oldest = list(state.running)[:_NAMED]
        named = ", ".join(self._one_running(step) for step in oldest)
        more = len(state.running) - len(oldest)
        return f"; running {named}" + (f" and {more} more" if more else "")

    def _one_running(self, step: int) -> str:
        address = self._plan.addresses[step]
        return f"{address} ({self._age(address)})"

    def _age(self, address: str) -> str:
        started = self._started.get(address)
        return "?" if started is None else duration(max(0, self._now_ms() - started))

    def _running_lines(self, area: Area, state: RunState) -> list[str]:
        style = self._style._replace(width=area.columns)
        icon = style.icon("running")
        names = [self._plan.addresses[step] for step in state.running]
        lines = [f"  {icon} {style.cut(f'{name}  {self._age(name)}', 4)}" for name in names]
        failed = f", {state.failed} failed" if state.failed else ""
        waiting = f", {len(state.waiting_gates)} waiting" if state.waiting_gates else ""
        took = duration((self._steady() - self._began) * 1000)
        lines.append(style.cut(f"  {self._done:,} of {len(self._plan.steps):,} done{failed}{waiting}  {took}"))
        return lines


def queued_text(waits: Queued) -> str:
    """What a run waits for before it begins, in one line."""
    holders = [
        f"run {holder.run_id} (pid {holder.pid}) since {minute(holder.since)} UTC" for holder in waits.holders[:_NAMED]
    ]
    more = len(waits.holders) - len(holders)
    held = f": held by {', '.join(holders)}" if holders else ""
    held += f" and {more} more" if more else ""
    ahead = f"; {counted(waits.ahead, 'run')} before this one" if waits.ahead else ""
    return f'waiting for a place in "{waits.group}"{held}{ahead}'


def left_out(lines: int, style: Style) -> str:
    """The line in the place of others, which a reader that had stopped reading came too late for."""
    return style.ascii(f"  … {counted(lines, 'line')} not shown\n")


def _over(state: RunState) -> int:
    return sum(status >= Status.SUCCEEDED for status in state.status)
