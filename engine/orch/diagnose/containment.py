"""Which containment can be had? Really tried, in a child that ends with the answer."""

from __future__ import annotations

import json
import os
import sys

from orch.diagnose.check import Check
from orch.local.contain import Containment, contain

_MEANING = {
    "pidns": "a pid namespace: killing the engine ends every process of a run",
    "subreaper": "a subreaper: killing the engine or its guardian ends every process of a run, killing both does not",
    "none": "none: a killed engine leaves its steps behind",
}


# of the kernel: the setting, the value that keeps namespaces from ordinary users, one that does not
_SETTINGS = (
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user/max_user_namespaces", "0", "10000"),
    ("user/max_pid_namespaces", "0", "10000"),
)


def check_containment() -> Check:
    """What a run on this machine gets."""
    kind, reason = _tried()
    if kind is None:
        return Check("containment", "fail", f"could not be tried: {reason}", "see docs/platforms.md")
    why = f" ({reason})" if reason else ""
    if kind == "pidns":
        return Check("containment", "ok", _MEANING[kind])
    return Check("containment", "warn", _MEANING[kind] + why, what_allows("/proc/sys"))


def what_allows(settings: str) -> str:
    """What to do for a pid namespace. `settings` is the folder of the kernel's settings."""
    for name, forbids, allows in _SETTINGS:
        try:
            with open(os.path.join(settings, name), encoding="utf-8") as file:
                value = file.read().strip()
        except OSError:
            continue
        if value == forbids:
            return f"sudo sysctl -w {name.replace('/', '.')}={allows}"
    return (
        "orch runs without it. No setting of the kernel forbids user namespaces, so a container or a service does: "
        "docker run --security-opt seccomp=unconfined; in a unit of systemd RestrictNamespaces=no"
    )


def _tried() -> tuple[str | None, str | None]:
    """The kind and why it is not a better one. `contain` changes the process that calls it: so a child does."""
    sys.stdout.flush()
    sys.stderr.flush()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read)
            code = contain(lambda got: _tell(write, got))
        except BaseException as error:
            os.write(write, json.dumps([None, str(error)]).encode())
        finally:
            os._exit(code)
    os.close(write)
    with open(read, "rb") as answer:
        data = answer.read()
    os.waitpid(child, 0)
    try:
        kind, reason = json.loads(data)
    except ValueError:
        return None, "the child said nothing"
    return kind, reason


def _tell(write: int, got: Containment) -> int:
    os.write(write, json.dumps([got.kind, got.reason]).encode())
    return 0
