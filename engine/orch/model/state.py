"""The state of a run: what the events so far amount to. Owned by the loop, changed by `fold.apply` alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orch.model.compiled import Compiled
from orch.model.status import BEHIND_OTHERS, Status


@dataclass(slots=True, repr=False)  # nobody reads a text of all this
class RunState:
    """Per step (and group, for the counters) one list entry, by index; the queues hold what the last events made
    decidable. The first block is what happened; the second is derived from it and can be rebuilt. `plan` is the plan
    with what the events have added to it: whoever has a state asks this one. `starts` counts the attempts of nodes, and
    `worked_ms` the time of the owners before the present one, both since the last retry. `busy` counts the jobs that
    what runs takes. Of each matrix, `active` have a place of it and `held` wait for one; `aside` have given theirs up,
    each with what inside of it is ready for one. `apart` counts the children of a matrix that are not over, where the
    run has trees, and `to_merge` is the heap of what can be merged, by address.

    `made_in` names the run, `<task>/<id>`, that outputs and artifacts are from where the cache gave them.

    `begun` are the steps that have opened a body; of a loop that is tried again, `since` counts the iterations that it
    had before. `traces` keeps of the nodes of loops what tells two iterations apart, `trees` the content of the loop's
    own tree at the end of each iteration, by its phase. `anew` are those whose own tree is made once more."""

    plan: Compiled = field(compare=False)
    status: list[Status]
    reason: list[str | None]
    attempt: list[int]
    failures: list[int]
    outputs: dict[int, dict[str, Any]] = field(default_factory=dict)
    artifacts: dict[int, tuple[dict[str, Any], ...]] = field(default_factory=dict)
    made_in: dict[int, str] = field(default_factory=dict)
    exit_code: dict[int, int] = field(default_factory=dict)
    sentence: dict[int, str] = field(default_factory=dict)
    due: dict[int, int] = field(default_factory=dict)
    doubt: dict[int, str] = field(default_factory=dict)
    unsettled: dict[int, None] = field(default_factory=dict)
    begun: dict[int, None] = field(default_factory=dict)
    since: dict[int, int] = field(default_factory=dict)
    traces: dict[int, dict[str, Any]] = field(default_factory=dict)
    trees: dict[int, str] = field(default_factory=dict)
    unmerged: dict[int, str] = field(default_factory=dict)
    anew: dict[int, None] = field(default_factory=dict)
    beside: dict[int, tuple[str, ...]] = field(default_factory=dict)
    epoch: int = 0
    cancelling: bool = False
    cutting_finally: bool = False
    failing_fast: bool = False
    overspent: bool = False
    starts: int = 0
    worked_ms: int = 0
    opened_ms: int = 0
    closed: str | None = None
    latest_ms: int = 0
    run_id: str = ""
    terminal_events: int = 0
    probes: dict[int, int] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)

    unmet: list[int] = field(default_factory=list)
    met_success: list[int] = field(default_factory=list)
    met_failure: list[int] = field(default_factory=list)
    phase_unmet: list[int] = field(default_factory=list)
    phase_open: list[int] = field(default_factory=list)
    phase_bad: list[bool] = field(default_factory=list)
    gates_shut: list[int] = field(default_factory=list)
    entered: list[bool] = field(default_factory=list)
    doomed: list[bool] = field(default_factory=list)
    ready: dict[int, None] = field(default_factory=dict)
    to_skip: dict[int, str] = field(default_factory=dict)
    to_cancel: dict[int, None] = field(default_factory=dict)
    to_look: dict[int, None] = field(default_factory=dict)
    to_probe: dict[int, None] = field(default_factory=dict)
    to_judge: dict[int, None] = field(default_factory=dict)
    inner_open: dict[int, int] = field(default_factory=dict)
    inner_final: dict[int, int] = field(default_factory=dict)
    running: dict[int, None] = field(default_factory=dict)
    busy: int = 0
    held: dict[int, dict[int, None]] = field(default_factory=dict)
    active: dict[int, dict[int, None]] = field(default_factory=dict)
    aside: dict[int, dict[int, None]] = field(default_factory=dict)
    due_heap: list[tuple[int, int]] = field(default_factory=list)
    apart: dict[int, int] = field(default_factory=dict)
    to_merge: list[tuple[str, int]] = field(default_factory=list)
    waiting_gates: dict[int, int] = field(default_factory=dict)
    body_open: int = 0
    finally_open: int = 0
    failed: int = 0
    finally_failed: int = 0

    @classmethod
    def new(cls, plan: Compiled) -> RunState:
        """The state before the first event."""
        plan, size = plan.own(), plan.size
        return cls(
            plan=plan, status=[Status.QUEUED] * size, reason=[None] * size, attempt=[0] * size, failures=[0] * size
        )


def left_behind(state: RunState, step: int) -> bool:
    """Was it skipped because of another that failed or was cancelled?"""
    return state.status[step] is Status.SKIPPED and state.reason[step] in BEHIND_OTHERS
