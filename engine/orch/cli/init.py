"""orch init"""

from __future__ import annotations

from orch.cli.options import verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("init")
def command(session: Session) -> int:
    """Make the working folder a project that passes `orch validate` and runs.

    Writes orch.yaml with an id of its own, a first pipeline where there is none, and schemas for editors. A file that
    is there already is left as it is.
    """
    from orch.app.initialise import initialise
    from orch.render.init_text import init_text

    put(init_text(initialise(session.context), session.out))
    return Exit.OK
