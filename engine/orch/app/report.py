"""A report of a run: its journal, plan and the ends of its logs, read by anybody at any time; no lock is taken."""

from __future__ import annotations

from collections.abc import Sequence

from orch.app.branches import is_branch_gone
from orch.app.context import Context
from orch.app.explaining import asked
from orch.app.records import past
from orch.model.pausing import pause
from orch.review.report import Report, report
from orch.review.why_failed import TAIL_LINES
from orch.store.errors import log_end, shown
from orch.store.ledger import Record


def make_report(context: Context, ref: str) -> Report:
    """The report of a run as it stands now. Raises OrchError for a run that is not there or is damaged."""
    told = past(context, ref)
    pause(told.plan, told.state)

    def tail(record: Record) -> Sequence[str]:
        lines: list[str] = []
        for name in ("stdout", "stderr"):
            if name in record.logs:
                data = log_end(f"{told.run.path}/{record.logs[name]['path']}")
                lines += [line.rstrip() for line in shown(data).splitlines() if line.strip()][-TAIL_LINES:]
        return lines

    made = report(told, asked(context, told), tail, context.clock.now_ms())
    return made._replace(branch_gone=is_branch_gone(context, told.run, told.plan))
