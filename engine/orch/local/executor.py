"""The attempts that are running here: begin them, wait for their leaders, stop them, collect what came of them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from orch.local import kill, linux
from orch.local.identity import stat_fields
from orch.local.logs import LogFiles, Stream
from orch.local.spawn import Spawner
from orch.model.attempt import LOG_CAP_BYTES, LOG_HEAD_BYTES, Attempt, Result, StartError

if TYPE_CHECKING:  # loaded only where an attempt has secrets
    from orch.local.masked import MaskedPipe
    from orch.model.masking import Secrets

_TICK_SECONDS = 0.2
_BUSY_TICK_SECONDS = 0.05  # while a log is over half its cap
_LINGER_TICK_SECONDS = 0.02  # while a stopped attempt's leader is gone and others use up the grace
_NEVER = float("inf")


class Running:
    """An attempt between `begin` and `collect`. `pid` is its leader, `stopped` why the executor ends it, if it does.
    With secrets it writes to `pipes`, else to its logs."""

    __slots__ = (
        *("attempt", "deadline", "exited", "kill_at", "marks", "pid", "pidfd", "pipes"),
        *("stderr", "stdout", "stopped"),
    )

    def __init__(self, attempt: Attempt, marks: tuple[bytes, bytes], stdout: Stream, stderr: Stream) -> None:
        self.attempt = attempt
        self.marks = marks
        self.stdout = stdout
        self.stderr = stderr
        self.pipes: tuple[MaskedPipe, ...] = ()
        self.pid = self.pidfd = -1
        self.stopped: str | None = None
        self.exited = False
        self.deadline = self.kill_at = _NEVER

    def outlets(self) -> tuple[tuple[int, int], ...]:
        """Device and inode of what its processes hold open to write to."""
        pipes = self.pipes
        return tuple(pipe.identity for pipe in pipes) or (self.stdout.identity(), self.stderr.identity())


class LocalExecutor:
    """Runs attempts as processes of this machine. Made after the last fork of its process, and used by that process's
    first thread only: the attempts are its children.

    Children of this process that are not leaders are taken for orphans: another child of the caller's must have been
    reaped before `collect`. The clock is in seconds and never goes back."""

    def __init__(
        self,
        run_dir: str,
        *,
        log_cap_bytes: int = LOG_CAP_BYTES,
        log_head_bytes: int = LOG_HEAD_BYTES,
        grace_seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logs = LogFiles(run_dir, log_cap_bytes, log_head_bytes)
        self._spawner = Spawner()
        self._grace = grace_seconds
        self._now = monotonic
        self._epoll = select.epoll()
        self._running: dict[int, Running] = {}  # by pidfd
        self._pipes: dict[int, MaskedPipe] = {}  # by their reading end: those that may have more to give
        self._leaders: set[int] = set()
        self._next_duty = _NEVER
        self._adopting = linux.adopts_orphans()
        own = os.getpid()
        try:
            self._children_fd = os.open(f"/proc/{own}/task/{own}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._children_fd = -1

    def watch(self, fd: int) -> None:
        """Let `wait` return early, too, whenever this descriptor can be read."""
        self._epoll.register(fd, select.EPOLLIN)

    def begin(self, attempt: Attempt) -> Running:
        """Start the attempt. Raises StartError where it cannot be started, OSError where no log can be opened."""
        marks = (
            b"ORCH_ADDRESS=" + os.fsencode(attempt.address),
            b"ORCH_ATTEMPT=%d" % attempt.number,
        )
        stdout, stderr = self._logs.open_pair()
        running = Running(attempt, marks, stdout, stderr)
        try:
            if attempt.secrets is not None:
                running.pipes = self._masked(attempt.secrets, stdout, stderr)
            outlets = [pipe.writer for pipe in running.pipes] or [stdout.fd, stderr.fd]
            running.pid = self._spawner.spawn(attempt, marks, *outlets)
            for pipe in running.pipes:
                pipe.started()
            self._adopt(running)
        except StartError:
            for pipe in running.pipes:
                self._forget(pipe)
                pipe.close()
            self._logs.discard(stdout)
            self._logs.discard(stderr)
            raise
        now = self._now()
        if attempt.timeout_seconds is not None:
            running.deadline = now + attempt.timeout_seconds
        self._next_duty = min(self._next_duty, now + _TICK_SECONDS, running.deadline)
        return running

    def wait(self, timeout_seconds: float | None) -> list[Running]:
        """The attempts that are over and can be collected; each is named once. Returns an empty list when the time is
        up or a watched descriptor can be read. Meanwhile it enforces timeouts, graces and log caps."""
        until = _NEVER if timeout_seconds is None else self._now() + timeout_seconds
        ready: list[Running] = []
        while True:
            now = self._now()
            if now >= self._next_duty:
                self._duties(now, ready)
            due = min(until, self._next_duty)
            delay = 0.0 if ready else -1.0 if due == _NEVER else max(due - now, 0.0)
            woken = False
            for fd, _ in self._epoll.poll(delay):
                running = self._running.get(fd)
                if running is None:
                    pipe = self._pipes.get(fd)
                    if pipe is None:
                        woken = True
                    elif not pipe.pass_on():
                        self._forget(pipe)
                    continue
                running.exited = True
                if running.kill_at == _NEVER or self._is_over(running):
                    ready.append(running)
                else:
                    self._next_duty = now
            if ready or woken or now >= until:
                return ready

    def stop(self, running: Running, why: str) -> None:
        """SIGTERM to all processes of the attempt now, SIGKILL to those left after the grace. `wait` then names it when
        the last one is gone or the grace is over. Nothing happens to an attempt that has ended or is being stopped."""
        if running.stopped is not None or running.exited:
            return
        if os.waitid(os.P_PIDFD, running.pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        running.stopped = why
        running.deadline = _NEVER
        running.kill_at = self._now() + self._grace
        self._next_duty = min(self._next_duty, running.kill_at)
        processes = self._tree(running)
        kill.send(processes, signal.SIGTERM)
        kill.send(processes, signal.SIGCONT)

    def collect(self, running: Running) -> Result:
        """Reap the leader, kill every process left of the attempt, keep its logs. Waits for a leader that still runs.
        Raises OSError with the log's path when the disk refuses; the processes are gone by then."""
        if not self._adopting:
            self._signal_group(running)
        status = os.waitid(os.P_PIDFD, running.pidfd, os.WEXITED)
        assert status is not None
        del self._running[running.pidfd]
        self._leaders.discard(running.pid)
        os.close(running.pidfd)
        killed = self._end_orphans(running)
        stem = running.attempt.stem
        try:
            self._finish(running)
        except OSError:
            self._logs.leave(running.stdout, f"{stem}.out")
            self._logs.leave(running.stderr, f"{stem}.err")
            raise
        try:
            stdout = self._logs.keep(running.stdout, f"{stem}.out")
        except OSError:
            self._logs.leave(running.stderr, f"{stem}.err")
            raise
        stderr = self._logs.keep(running.stderr, f"{stem}.err")
        exited = status.si_code == os.CLD_EXITED
        return Result(
            exit_code=status.si_status if exited else None,
            signal=None if exited else status.si_status,
            stopped=running.stopped,
            stdout=stdout,
            stderr=stderr,
            killed=killed,
        )

    def kill_all(self) -> None:
        """Kill all attempts and every other descendant of this process, without grace. None can be collected after;
        what they wrote stays."""
        for running in self._running.values():
            self._signal_group(running)
        kill.end_descendants()
        for running in self._running.values():
            os.close(running.pidfd)
            with contextlib.suppress(OSError):  # told of by whoever asked for this, or by nobody
                self._finish(running)
            self._logs.leave(running.stdout, f"{running.attempt.stem}.out")
            self._logs.leave(running.stderr, f"{running.attempt.stem}.err")
        self._running.clear()
        self._leaders.clear()

    def close(self) -> None:
        """Kill what is left and give all descriptors back."""
        self.kill_all()
        self._logs.close()
        self._spawner.close()
        self._epoll.close()
        if self._children_fd >= 0:
            os.close(self._children_fd)

    def _adopt(self, running: Running) -> None:
        try:
            running.pidfd = os.pidfd_open(running.pid)
            self._epoll.register(running.pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        except OSError as error:
            self._signal_group(running)
            os.waitpid(running.pid, 0)
            raise _no_descriptor(error) from error
        self._running[running.pidfd] = running
        self._leaders.add(running.pid)

    def _masked(self, secrets: Secrets, stdout: Stream, stderr: Stream) -> tuple[MaskedPipe, ...]:
        from orch.local.masked import MaskedPipe

        if secrets.missing:
            raise StartError(secrets.missing, "set it where orch is started, then `orch retry @last`")
        pipes: list[MaskedPipe] = []
        try:
            for stream in (stdout, stderr):
                pipes.append(MaskedPipe(secrets.mask, stream))
                self._epoll.register(pipes[-1].fd, select.EPOLLIN)
                self._pipes[pipes[-1].fd] = pipes[-1]
        except OSError as error:
            for pipe in pipes:
                self._forget(pipe)
                pipe.close()
            raise _no_descriptor(error) from error
        return tuple(pipes)

    def _forget(self, pipe: MaskedPipe) -> None:
        """Look at this pipe no more."""
        if self._pipes.pop(pipe.fd, None) is not None:
            self._epoll.unregister(pipe.fd)

    def _finish(self, running: Running) -> None:
        """All that was written is in the logs. Raises OSError with a log's path where it is not."""
        for pipe in running.pipes:
            self._forget(pipe)
            pipe.finish()
        for pipe, end in zip(running.pipes, ("out", "err"), strict=False):
            if pipe.failed is not None:
                raise self._logs.refused(pipe.failed, f"{running.attempt.stem}.{end}")

    def _duties(self, now: float, ready: list[Running]) -> None:
        """Timeouts, graces, and logs that are to be seen and bounded; sets when to look again."""
        tick = _TICK_SECONDS
        due = _NEVER
        busy_bytes = self._logs.cap_bytes // 2
        for running in self._running.values():
            if now >= running.deadline:
                self.stop(running, "timeout")
            if running.exited:
                if running.kill_at == _NEVER:
                    continue
                if now >= running.kill_at or self._is_over(running):
                    running.kill_at = _NEVER
                    ready.append(running)
                else:
                    tick = _LINGER_TICK_SECONDS
            elif now >= running.kill_at:
                running.kill_at = _NEVER
                kill.send(self._tree(running), signal.SIGKILL)
            due = min(due, running.deadline, running.kill_at)
            stem = running.attempt.stem
            written = self._logs.tend(running.stdout, f"{stem}.out"), self._logs.tend(running.stderr, f"{stem}.err")
            if max(written) > busy_bytes:
                tick = min(tick, _BUSY_TICK_SECONDS)
        self._next_duty = min(due, now + tick) if self._running else _NEVER

    def _children(self) -> list[int]:
        """The children of this process; none when the leaders are all there are, which is seen without reading them."""
        text = os.pread(self._children_fd, 4096, 0) if self._children_fd >= 0 else b""
        if self._children_fd >= 0 and text.count(b" ") == len(self._leaders):
            return []
        # a longer list than one page comes in pieces, which only a fresh descriptor reads in order
        return [int(word) for word in text.split()] if 0 < len(text) < 4000 else kill.children(os.getpid())

    def _orphans_of(self, running: Running) -> tuple[list[int], bool]:
        """The adopted processes that are this attempt's, and whether it may have others, of which that cannot be seen
        at the moment."""
        strangers = kill.living(self._children, self._leaders)
        if not strangers:
            return strangers, False
        marks = kill.Marks(running.pid, running.marks, running.outlets())
        known = [(pid, kill.belongs(pid, marks)) for pid in strangers]
        return [pid for pid, is_ours in known if is_ours], any(is_ours is None for _, is_ours in known)

    def _is_over(self, running: Running) -> bool:
        """Has an attempt whose leader is gone no other process?"""
        return self._orphans_of(running) == ([], False)

    def _tree(self, running: Running) -> dict[int, int]:
        return kill.family([running.pid, *self._orphans_of(running)[0]])

    def _end_orphans(self, running: Running) -> int:
        """Kill in rounds until no adopted process is this attempt's; how many they were."""
        killed: set[int] = set()
        pause: kill.Pause | None = None
        while True:
            orphans, unsure = self._orphans_of(running)
            if not orphans and not unsure:
                return len(killed)
            processes = kill.family(orphans)
            killed.update(pid for pid in processes if not kill.is_exiting(stat_fields(pid)))
            kill.send(processes, signal.SIGKILL)
            pause = pause or kill.Pause()
            if not pause():
                return len(killed)

    def _signal_group(self, running: Running) -> None:
        try:
            os.killpg(running.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _no_descriptor(error: OSError) -> StartError:
    return StartError(
        f"no descriptor for the process: {error.strerror}", "raise `ulimit -n`, or run fewer jobs at once"
    )
