"""orch report"""

from __future__ import annotations

import click

from orch.cli.completing import files
from orch.cli.options import run_argument, verb
from orch.cli.session import Session, say
from orch.problems.problem import Exit


@verb("report")
@run_argument
@click.option(
    "-o", "--out", metavar="FILE", required=True, shell_complete=files, help="Where to: NAME.md or NAME.html."
)
def command(session: Session, run: str, out: str) -> int:
    """Write a report of a run: its verdict, gates, graph, steps, logs of failures, timeline and record.

    A file ending in .html is one page without scripts that loads nothing else; .md is Markdown. A run that is still
    going on is reported as it stands. What lies at FILE is replaced.
    """
    if not out.endswith((".md", ".html")):
        raise click.UsageError(f"`{out}` ends neither in .md nor in .html: the ending says which form is wanted")
    from orch.app.report import make_report
    from orch.cli.writing import write_out

    told = make_report(session.context, run)
    if out.endswith(".html"):
        from orch.render.report_html import report_html

        data = report_html(told)
    else:
        from orch.render.report_md import report_md

        data = report_md(told)
    write_out(session.context.cwd, out, data.encode())
    say(f"Wrote {out}: {told.past.run.run_id} {told.status}")
    return Exit.OK
