"""orch explain"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from orch.cli.completing import runs
from orch.cli.options import json_flag, verb
from orch.cli.session import Session, put
from orch.problems.problem import Exit

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _codes_and_runs(context: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    from click.shell_completion import CompletionItem

    from orch.spec.codes import CODES

    codes = [CompletionItem(code, help=CODES[code].title) for code in sorted(CODES) if code.startswith(incomplete)]
    return [*runs(context, param, incomplete), *(codes if incomplete else [])]


@verb("explain")
@click.argument("what", metavar="[CODE | RUN ADDRESS]", required=False, shell_complete=_codes_and_runs)
@click.argument("address", metavar="", required=False)
@json_flag
def command(session: Session, what: str | None, address: str | None, as_json: bool) -> int:
    """Say why a step of a run ran, did not run, failed or waits, and what would change that.

    With an error CODE: what it means, why it is refused, and what to write instead. Without anything all codes are
    listed.
    """
    if what is not None and address is not None:
        return _step(session, what, address, as_json=as_json)
    if what is not None and (what.startswith("@") or what[:1].isdecimal()):
        raise click.UsageError(f"which step of it? orch explain {what} ADDRESS; orch runs show {what} lists them")
    return _code(session, what, as_json=as_json)


def _step(session: Session, run: str, address: str, *, as_json: bool) -> int:
    from orch.app.explaining import explain_step
    from orch.render.explain_text import explanation_json, explanation_text

    run_id, told = explain_step(session.context, run, address)
    put(explanation_json(run_id, told) if as_json else explanation_text(told, session.out))
    return Exit.OK


def _code(session: Session, code: str | None, *, as_json: bool) -> int:
    from orch.render.codes_text import code_list, code_page, codes_json
    from orch.spec.codes import CODES

    if code is None:
        put(codes_json(CODES) if as_json else code_list(CODES, session.out))
        return Exit.OK
    name = code.upper().removeprefix("ERROR").strip("[]")
    if name not in CODES:
        near = difflib.get_close_matches(name, CODES, 3, 0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise click.UsageError(f"there is no error code `{code}`{hint}; orch explain lists all")
    put(codes_json({name: CODES[name]}) if as_json else code_page(name, CODES[name], session.out))
    return Exit.OK
