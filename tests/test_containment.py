"""The orphan matrix: however an attempt, its engine or the relay ends, nothing of it is left."""

from __future__ import annotations

import functools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Desk

from orch.local.contain import KINDS, Kind

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="containment is Linux's")

# how each runaway is started; M is `sleep 600` with an argument by which it is found from outside
RUNAWAYS = {
    "background": "M &",
    "setsid": "setsid M &",
    "double_fork": "(setsid M &) & wait $!",
    "pipe_holder": "M | M &",
    "sigterm_ignorer": "(trap '' TERM HUP INT; exec setsid M) &",
    "stopped": 'setsid M & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; kill -STOP $!',
    "environment_clearer": "(env -i setsid M &) & wait $!",
    "vanisher": "(env -i setsid M </dev/null >/dev/null 2>&1 &) & wait $!",
    "multi_threaded": f"{sys.executable} -c 'import subprocess,sys,threading; threading.Thread(target=lambda: "
    'subprocess.run(["setsid", *sys.argv[1:]])).start()\' M &',
}
ENDINGS = ("exit", "timeout", "cancel", "engine_killed", "relay_killed")
# what shows no sign of whose it was ends with the run, not with the attempt
ENDS_WITH_RUN = {"vanisher"}
GRACE = 0.2

ENGINE = """
import json, os, select, sys, time
from orch.local.contain import contain
from orch.local.executor import LocalExecutor
from orch.model.attempt import Attempt

kind, folder, script, grace = sys.argv[1:]
ahead = 0.0

def say(**what):
    print(json.dumps(what), flush=True)

def main(containment):
    global ahead
    executor = LocalExecutor(folder, grace_seconds=float(grace), monotonic=lambda: time.monotonic() + ahead)
    say(kind=containment.kind, pid=containment.outer_pid)
    executor.watch(0)
    running = executor.begin(
        Attempt("build.run", 1, ("sh", "-c", script), dict(os.environ), folder, 3600, "build.run.1")
    )
    while True:
        for ended in executor.wait(None):
            say(stopped=executor.collect(ended).stopped)
        if select.select([0], [], [], 0)[0]:
            word = os.read(0, 1)
            if word == b"c":
                executor.stop(running, "cancel")
            elif word == b"t":
                ahead = 3601.0
            else:
                executor.kill_all()
                return 0

sys.exit(contain(main, (kind,)))
"""


@functools.cache
def unavailable(kind: Kind) -> str:
    """Why this machine does not have it; empty where it does."""
    code = f"import sys; from orch.local.contain import contain; sys.exit(contain(lambda c: 0, ({kind!r},)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def need(kind: Kind) -> None:
    if reason := unavailable(kind):
        pytest.skip(reason)


def alive(markers: dict[str, str]) -> dict[str, list[int]]:
    """By name, the processes that have the marker among their arguments; a zombie has no arguments left."""
    found: dict[str, list[int]] = {}
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        for name, marker in markers.items():
            if marker.encode() in words:
                found.setdefault(name, []).append(int(entry))
    return found


def soon(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@functools.cache
def left_over(kind: Kind, ending: str, folder: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The runaways that are alive a second (and the grace) after the attempt's end, and those after the run's end."""
    folder.mkdir()
    markers = {name: f"0.{random.randrange(10**11, 10**12)}" for name in RUNAWAYS}
    lines = [text.replace("M", f"sleep 600 {markers[name]}") for name, text in RUNAWAYS.items()]
    lines.append("until [ -e go ]; do sleep 0.01; done; exit 0")
    relay = subprocess.Popen(
        [sys.executable, "-c", ENGINE, kind, str(folder), "\n".join(lines), str(GRACE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert relay.stdin is not None
    assert relay.stdout is not None

    def all_up() -> bool:
        found = alive(markers)
        return len(found) == len(markers) and all(len(found[name]) == 2 for name in ("pipe_holder", "multi_threaded"))

    def left(expected: set[str]) -> frozenset[str]:
        soon(lambda: alive(markers).keys() <= expected, 1.0)
        return frozenset(alive(markers))

    with relay, relay.stdin, relay.stdout:
        hello = json.loads(relay.stdout.readline())
        assert hello["kind"] == kind
        assert soon(all_up, 20), f"only {sorted(alive(markers))} came up"
        if ending == "engine_killed":
            os.kill(hello["pid"], signal.SIGKILL)
        elif ending == "relay_killed":
            relay.kill()
        else:
            if ending == "exit":
                (folder / "go").touch()
            else:
                relay.stdin.write(ending[0])
                relay.stdin.flush()
            stopped = json.loads(relay.stdout.readline())["stopped"]
            assert stopped == (None if ending == "exit" else ending)
        after_attempt = left(set() if ending.endswith("_killed") else ENDS_WITH_RUN)
        if not ending.endswith("_killed"):
            relay.stdin.write("q")
            relay.stdin.flush()
        code = relay.wait(10)
        assert code == {"engine_killed": 128 + signal.SIGKILL, "relay_killed": -signal.SIGKILL}.get(ending, 0)
        after_run = left(set())
    for pids in alive(markers).values():  # a failing test leaves nothing, either
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    return after_attempt, after_run


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("runaway", RUNAWAYS)
def test_nothing_is_left_a_second_after(
    kind: Kind, ending: str, runaway: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need(kind)
    base = tmp_path_factory.getbasetemp() / f"{kind}-{ending}"
    after_attempt, after_run = left_over(kind, ending, base)
    assert runaway not in after_run
    if runaway not in ENDS_WITH_RUN or ending.endswith("_killed"):
        assert runaway not in after_attempt


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_what_hides_every_sign_is_what_the_pages_say_ends_with_the_run(
    kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need(kind)
    after_attempt, _ = left_over(kind, "exit", tmp_path_factory.getbasetemp() / f"{kind}-exit")
    assert after_attempt == ENDS_WITH_RUN


def run(code: str, *kinds: str) -> subprocess.CompletedProcess[str]:
    """`code` is the body of main(c); the exit code is the relay's."""
    body = "\n".join(f"    {line}" for line in code.splitlines())
    text = f"import os, signal, sys, time\nfrom orch.local.contain import contain\ndef main(c):\n{body}\n"
    text += f"print('before')\nsys.exit(contain(main, {kinds or KINDS!r}))\n"
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("kind", KINDS)
def test_the_exit_code_is_the_engines_and_output_comes_once(kind: Kind) -> None:
    need(kind)
    done = run("print('inside', c.kind)\nreturn 5", kind)
    assert (done.returncode, done.stdout, done.stderr) == (5, f"before\ninside {kind}\n", "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_caller_that_ignores_its_children_loses_no_exit_code(kind: Kind) -> None:
    need(kind)
    code = f"""\
import signal, subprocess, sys
from orch.local.contain import contain
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
sys.exit(contain(lambda c: subprocess.call(["sh", "-c", "exit 6"]), ({kind!r},)))
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 6


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_an_engine_ended_by_a_signal_gives_128_and_the_signal(kind: Kind) -> None:
    need(kind)
    done = run("import ctypes\nctypes.string_at(0)", kind)
    assert (done.returncode, done.stdout) == (128 + signal.SIGSEGV, "before\n")


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_an_exception_in_the_engine_is_a_bug_with_its_traceback(kind: Kind) -> None:
    need(kind)
    done = run("raise ValueError('odd')", kind)
    assert done.returncode == 70
    assert "ValueError: odd" in done.stderr
    assert done.stderr.count("Traceback") == 1


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_to_the_relay_reaches_the_engine(kind: Kind, number: signal.Signals) -> None:
    need(kind)
    code = f"""\
signal.signal({int(number)}, lambda *_: os._exit(42))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [{int(number)}])
print(c.outer_pid, flush=True)
while True: time.sleep(1)
"""
    text = "import os, signal, sys, time\nfrom orch.local.contain import contain\ndef main(c):\n"
    text += "\n".join(f"    {line}" for line in code.splitlines()) + f"\nsys.exit(contain(main, ({kind!r},)))\n"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        assert int(relay.stdout.readline()) != relay.pid
        relay.send_signal(number)
        assert relay.wait(10) == 42


def is_pending(pid: str, number: signal.Signals) -> bool:
    fields = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    return bool((int(fields["ShdPnd"], 16) | int(fields["SigPnd"], 16)) >> (number - 1) & 1)


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_a_signal_that_comes_before_the_engine_has_handlers_is_not_lost(kind: Kind) -> None:
    need(kind)
    code = f"""\
import os, signal, sys
from orch.local.contain import contain
def main(c):
    sys.stdin.readline()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(42))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    os._exit(1)
print("up", flush=True)
sys.exit(contain(main, ({kind!r},)))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as relay:
        assert relay.stdout is not None
        assert relay.stdin is not None
        relay.stdout.readline()
        tasks = Path(f"/proc/{relay.pid}/task/{relay.pid}/children")
        while not (engine := tasks.read_text().split()):
            assert relay.poll() is None
        relay.send_signal(signal.SIGTERM)
        while not is_pending(engine[0], signal.SIGTERM):
            assert relay.poll() is None
        relay.stdin.write("go\n")
        relay.stdin.flush()
        assert relay.wait(10) == 42


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_ctrl_c_at_a_terminal_reaches_the_engine_once_and_leaves_no_traceback(kind: Kind) -> None:
    need(kind)
    code = f"""\
import os, select, signal, sys, time
from orch.local.contain import contain
def main(c):
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write)  # a byte for each, where a handler may be called once for two
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    print("up", flush=True)
    got = os.read(read, 1)
    if select.select([read], [], [], 0.3)[0]: got += os.read(read, 9)
    print("got", len(got), flush=True)
    return 130
sys.exit(contain(main, ({kind!r},)))
"""
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])
    text = b""
    while b"up" not in text:
        text += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    try:
        while block := os.read(terminal, 1024):
            text += block
    except OSError:  # the terminal's other side is closed
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"got 1" in text
    assert b"Traceback" not in text


HEEDS = """\
import os, select, subprocess, sys
from orch.app.signals import Interruption
from orch.local.contain import contain
def main(c):
    heeds = Interruption(c.heard)
    subprocess.run(["sh", "-c", "for n in INT TERM HUP QUIT; do kill -$n $PPID; done"], check=True)
    print("told", heeds(), flush=True)
    while heeds() is None: select.select([heeds.fd], [], [])
    print("heeded", heeds(), flush=True)
    return 0
sys.exit(contain(main, ({kind!r},)))
"""


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_a_signal_that_a_step_sends_to_the_engine_does_nothing_and_one_from_outside_is_heeded(kind: Kind) -> None:
    need(kind)
    command = [sys.executable, "-c", HEEDS.format(kind=kind)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as relay:
        assert relay.stdout is not None
        assert relay.stdout.readline() == "told None\n"
        relay.send_signal(signal.SIGTERM)
        assert relay.stdout.readline() == f"heeded {int(signal.SIGTERM)}\n"
    assert relay.returncode == 0


def test_without_a_relay_every_signal_is_heeded() -> None:
    done = run(
        "from orch.app.signals import Interruption\nheeds = Interruption(c.heard)\n"
        "os.kill(os.getpid(), signal.SIGHUP)\nreturn heeds()",
        "none",
    )
    assert done.returncode == signal.SIGHUP


@pytest.mark.parametrize("kind", ["pidns", "subreaper"])
def test_ctrl_c_at_a_terminal_is_heeded(kind: Kind) -> None:
    need(kind)
    pid, terminal = os.forkpty()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", HEEDS.format(kind=kind)])
    text = b""
    while b"told None" not in text:
        text += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    while b"\n" not in text.partition(b"heeded")[2]:
        text += os.read(terminal, 1024)
    assert f"heeded {int(signal.SIGINT)}".encode() in text
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def test_in_a_pid_namespace_the_engine_is_the_first_process_and_sees_its_own_proc() -> None:
    need("pidns")
    done = run(
        "print(os.getpid(), os.readlink('/proc/self'), sorted(n for n in os.listdir('/proc') if n.isdecimal()))\n"
        "return c.outer_pid == 1",
        "pidns",
    )
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "1 1 ['1']")


def test_the_callers_proc_stays_as_it_was() -> None:
    need("pidns")
    before = Path("/proc/self/mountinfo").read_text()
    assert run("return 0", "pidns").returncode == 0
    assert Path("/proc/self/mountinfo").read_text() == before


def test_without_the_first_kind_the_next_is_taken_and_the_reason_is_kept() -> None:
    code = """\
import sys
from orch.local import contain, namespace
def refuse():
    raise OSError(1, "not allowed here")
namespace.prepare = refuse
sys.exit(contain.contain(lambda c: print(c.kind, c.reason) or 0))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "subreaper pidns: not allowed here\n"


def test_where_no_kind_can_be_had_it_is_refused() -> None:
    code = """\
from orch.local import contain, linux, namespace
def refuse(*_):
    raise OSError(1, "not allowed here")
namespace.prepare = linux.adopt_orphans = refuse
try:
    contain.contain(print, ("pidns", "subreaper"))
except OSError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "pidns: not allowed here; subreaper: not allowed here\n"


def test_an_ordinary_user_gets_a_pid_namespace_or_a_reason() -> None:
    # the user may be unable to read the interpreter's own folder: what is imported late is imported before
    code = """\
import ctypes, os, sys
from orch.local.contain import contain
def main(c):
    print(c.kind, c.reason, os.getuid(), os.getgid())
    return 3
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after exec: /proc/self is his own
sys.exit(contain(main))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    kind, *reason, uid, gid = done.stdout.split()
    assert (kind == "pidns") == (reason == ["None"])
    user = (os.getuid(), os.getgid()) if os.getuid() else (65534, 65534)
    assert (int(uid), int(gid)) == user


# `orch` as an ordinary user, who may be unable to read the interpreter's own folder: so all is imported before
AS_USER = """
import ctypes, encodings.ascii, importlib, os, pkgutil, sys
import orch
for module in pkgutil.walk_packages(orch.__path__, "orch."):
    if module.name != "orch.__main__":
        importlib.import_module(module.name)
if os.getuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # as after exec: /proc/self is his own
from orch.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
# the kernel gives no user namespace to a process whose root is not that of its mount namespace
WITHOUT_USER_NAMESPACES = [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'PATH=$PATH:/usr/sbin; mount --rbind / "$0" && exec chroot "$0" "$@"',
]


@pytest.fixture
def of_user() -> Iterator[Desk]:
    """A project and a home that belong to an ordinary user, below a folder that he can enter."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o711)
        desk = Desk.at(Path(place))
        desk.write("root/.keep", "").unlink()
        desk.pipeline("""
  main:
    nodes:
      one: { run: echo one >> log }
      two: { needs: [one], run: 'echo two >> log; setsid sleep 600 & until test -e go; do sleep 0.02; done' }
""")
        if os.getuid() == 0:
            for path in (desk.folder, desk.home, *desk.folder.rglob("*")):
                os.chown(path, 65534, 65534)
        yield desk


def as_user(desk: Desk, *words: str, refused: bool) -> list[str]:
    before = [*WITHOUT_USER_NAMESPACES, str(desk.folder / "root")] if refused else []
    return [*before, "env", f"--chdir={desk.folder}", sys.executable, "-B", "-c", AS_USER, *words]


def has_user_namespaces(desk: Desk) -> bool:
    """Does another program get for an ordinary user what orch asks for?"""
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] if os.getuid() == 0 else []
    return desk.run([*user, "unshare", "--user", "--pid", "--fork", "--mount-proc", "true"], code=None).code == 0


@pytest.mark.parametrize("refused", [False, True])
def test_an_ordinary_users_run_is_killed_and_resumed_in_the_containment_that_it_names(
    of_user: Desk, refused: bool
) -> None:
    desk = of_user
    if refused and desk.run(as_user(desk, "--version", refused=True), code=None).code:
        pytest.skip("a root of its own cannot be had here, which would refuse a user namespace")
    doctor = json.loads(desk.run(as_user(desk, "doctor", "--json", refused=refused), code=None).out)
    (check,) = [check for check in doctor["checks"] if check["name"] == "containment"]
    assert refused <= (check["status"] == "warn")
    assert (check["status"] == "ok") == ("pidns:" not in check["found"]), "where it is not had, it is said why"
    if refused:
        assert "(pidns: unshare: Operation not permitted)" in check["found"]
    else:
        assert (check["status"] == "ok") == has_user_namespaces(desk), check["found"]

    around = {"cwd": desk.folder, "env": desk.environment(), "stderr": subprocess.DEVNULL}
    with subprocess.Popen(as_user(desk, "apply", refused=refused), stdout=subprocess.DEVNULL, **around) as relay:
        while desk.lines("log") < 2:
            assert relay.poll() is None
        owner = json.loads((desk.run_dir() / "owner.json").read_text())
        assert os.stat(f"/proc/{owner['pid']}").st_uid == os.stat(desk.home).st_uid
        os.kill(owner["pid"], signal.SIGKILL)
    assert soon(lambda: not list(desk.processes()), 5)
    manifest = json.loads((desk.run_dir() / "manifest.json").read_text())
    assert manifest["containment"] == ("pidns" if check["status"] == "ok" else "subreaper")

    desk.write("go", "")
    desk.run(as_user(desk, "resume", "@last", refused=refused))
    assert (desk.folder / "log").read_text() == "one\ntwo\ntwo\n"
    assert soon(lambda: not list(desk.processes()), 5)
    desk.run(as_user(desk, "verify", "@last", refused=refused))
