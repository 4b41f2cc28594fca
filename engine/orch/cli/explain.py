"""orch explain"""

from __future__ import annotations

import difflib

import click

from orch.cli.options import verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit


@verb("explain")
@click.argument("code", required=False)
def command(session: Session, code: str | None) -> int:
    """Say what an error code means, why it is refused, and what to write instead.

    Without CODE all codes are listed.
    """
    from orch.problems.catalogue import CODES
    from orch.render.codes_text import code_list, code_page

    if code is None:
        put(code_list(CODES, session.out))
        return Exit.OK
    name = code.upper().removeprefix("ERROR").strip("[]")
    if name not in CODES:
        near = difflib.get_close_matches(name, CODES, 3, 0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise click.UsageError(f"there is no error code `{code}`{hint}; orch explain lists all")
    put(code_page(name, CODES[name], session.out))
    return Exit.OK
