"""orch cancel"""

from __future__ import annotations

from orch.cli.options import json_flag, run_argument, verb
from orch.cli.session import Session


@verb("cancel")
@run_argument
@json_flag
def command(session: Session, run: str, as_json: bool) -> int:
    """End a run: its steps are stopped, `finally` runs, and it closes as cancelled.

    The process that carries the run on is asked to, and its answer waited for; where there is none, it is done here.
    A cancel when only `finally` is left ends that too.
    """
    from orch.app.runs import cancel
    from orch.cli.owning import listening, telling

    reporter, guard = telling(session, as_json=as_json, action="cancel")
    return cancel(session.context, run, reporter, guard, listening(session, as_json=as_json))
