"""Which containment can be had? Really tried, in a child that ends with the answer."""

from __future__ import annotations

import json
import os
import sys

from orch.diagnose.check import Check
from orch.local.contain import Containment, contain

_MEANING = {
    "pidns": "a pid namespace: killing the engine ends every process of a run",
    "subreaper": "a subreaper: killing the engine ends every process of a run, killing its guardian at once does not",
    "none": "none: a killed engine leaves its steps behind",
}


def check_containment() -> Check:
    """What a run on this machine gets."""
    kind, reason = _tried()
    if kind is None:
        return Check("containment", "fail", f"could not be tried: {reason}", "see docs/platforms.md")
    why = f" ({reason})" if reason else ""
    if kind == "pidns":
        return Check("containment", "ok", _MEANING[kind])
    help_ = (
        "allow user namespaces (on Debian and Ubuntu: sysctl kernel.unprivileged_userns_clone), or run in a container"
    )
    return Check("containment", "warn", _MEANING[kind] + why, help_)


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
