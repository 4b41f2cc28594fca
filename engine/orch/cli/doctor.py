"""orch doctor"""

from __future__ import annotations

from orch.cli.options import json_flag, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("doctor")
@json_flag
def command(session: Session, as_json: bool) -> int:
    """Check what this machine has: Python, git, containment, locks, disk, clock. Exit 1 where something is missing."""
    from orch.app.root import find_root
    from orch.diagnose.machine import examine
    from orch.render.checks_text import checks_json, checks_text

    checks = examine(find_root(session.context.cwd), session.context.env)
    put(checks_json(checks) if as_json else checks_text(checks, session.out))
    return Exit.FAILED if any(check.status == "fail" for check in checks) else Exit.OK
