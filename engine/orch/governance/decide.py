"""Write what a person decided about a gate, after asking whether they may: approve, reject, revoke."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from orch.gates import dates, words
from orch.gates.facts import ApprovalFacts, Trouble, inputs_of
from orch.gates.standing import trust_of
from orch.governance.decision_files import write_decision
from orch.governance.decision_names import About, path_of
from orch.governance.decisions import LIMIT_BYTES, Decision, parse_decision
from orch.governance.git import Git, GitTrouble, identity
from orch.governance.inside import Refused, read_inside
from orch.governance.seen import Seen, check_seen
from orch.governance.where import Where
from orch.problems.problem import Exit, OrchError, Problem

Kind = Literal["approved", "rejected", "revoked"]


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks to have written down. `by` None: whoever orch.yaml says has the git identity's address.
    `seen` None: what lies there now is meant, whatever it is."""

    decision: Kind
    role: str
    by: str | None = None
    reason: str = ""
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The file, relative to the project, and what it says. `next` is the command that commits it where the gate trusts
    only what is committed; `shuts`: it counts before, since it can only shut the gate."""

    path: str
    decision: Decision
    next: str | None = None
    shuts: bool = False


def decide(
    request: Request, gate: Mapping[str, Any], facts: ApprovalFacts, where: Where, at: float, inside_run: str | None
) -> Written:
    """Bind the decision to the subject of `facts` and write it. `inside_run` is the run whose node asks
    (`ORCH_RUN_ID`), None outside. Raises `OrchError` where the person may not decide, there is nothing to decide
    about, or it is not what the person looked at."""
    if inside_run is not None:
        hint = "a person decides, outside of runs"
        raise _refusal("O310", f"this is a node of the run {inside_run}, and nodes do not decide about gates", hint)
    if where.project is None:
        raise OrchError(Problem("O311", "orch.yaml gives this project no id, so that decisions would count anywhere",
                                hint="orch init"), Exit.INVALID)  # fmt: skip
    by = request.by or _person(where)
    _may(request, by, gate, facts, where)
    if request.decision == "revoked":
        standing = _standing(request, by, gate, where)
        decision = replace(standing, decision="revoked", date=dates.day(at), commit=_head(where), reason=request.reason)
        shuts = standing.decision != "rejected"  # a rejection in HEAD holds until its withdrawal is there, too
    else:
        decision = _made(request, by, gate, facts, where, at)
        shuts = request.decision == "rejected"
    path = write_decision(where.root, decision)
    return Written(path, decision, _commit(path) if trust_of(gate, facts) != "file" else None, shuts)


def _person(where: Where) -> str:
    address = identity(where.root, where.environment)
    handles = where.handles_of(address) if address else []
    if len(handles) == 1:
        return handles[0]
    whose = f"the git identity {address} is {'that of several people' if handles else 'nobody'} in orch.yaml"
    hint = "say who decides: --by HANDLE, or map the address below `people` in orch.yaml"
    raise OrchError(Problem("O312", whose if address else "git has no user.email", hint=hint), Exit.USAGE)


def _may(request: Request, by: str, gate: Mapping[str, Any], facts: ApprovalFacts, where: Where) -> None:
    role = request.role
    if request.decision == "approved" and role not in gate["require"]:
        asked = ", ".join(sorted(gate["require"]))
        message = f"the gate {gate['name']} does not ask for the role {role}"
        raise OrchError(Problem("O313", message, hint=f"it asks for: {asked}"), Exit.USAGE)
    if not where.knows(by):
        known = ", ".join(sorted({*where.people, *(h for holders in where.today.values() for h in holders)}))
        hint = f"people of this project: {known or 'none'}"
        raise OrchError(Problem("O312", f"orch.yaml knows no person {by}", hint=hint), Exit.USAGE)
    if request.decision != "revoked" and by not in where.today.get(role, ()):
        holders = ", ".join(sorted(where.today.get(role, ()))) or "nobody"
        raise _refusal("O313", f"orch.yaml does not give {by} the role {role}", f"it is given to: {holders}")
    if request.decision == "approved" and by not in where.pinned.get(role, ()):
        hint = "start a new run to plan with today's roles"
        raise _refusal("O313", f"{by} did not have the role {role} when this run was planned", hint)
    if request.decision == "approved" and by in facts.get("authors", {"handles": []})["handles"]:
        raise _refusal("O314", f"{by} is an author of the subject, which this gate excludes", "ask somebody else")


def _made(
    request: Request, by: str, gate: Mapping[str, Any], facts: ApprovalFacts, where: Where, at: float
) -> Decision:
    digest = facts["subject"]["digest"]
    if digest is None:
        why = "; ".join(words.trouble(problem) for problem in facts["subject"]["problems"])
        gone = next((one["about"] for one in facts["subject"]["problems"] if one["kind"] == "no-branch"), None)
        hint = f"orch verify {gone.partition('/')[2]} says how to bring it back" if gone else "decide when it is there"
        raise _refusal("O315", f"there is nothing to decide about: {why}", hint)
    if request.seen is not None:
        check_seen(request.seen, gate, digest, facts["subject"]["files"], where)
    return Decision(
        decision=request.decision,
        gate=gate["name"],
        pipeline=where.pipeline,
        task=where.task,
        project=where.project or "",
        role=request.role,
        by=by,
        date=dates.day(at),
        subject=digest,
        inputs=inputs_of(gate),
        commit=_head(where),
        reason=request.reason,
    )


def _standing(request: Request, by: str, gate: Mapping[str, Any], where: Where) -> Decision:
    """What this person withdraws; it goes on saying what it was about. Where nothing of theirs is left about this very
    gate, it is a rejection for all inputs of a child, which shuts the gate just as well."""
    about = where.about(gate)
    own = _kept(where, about, request.role, by)
    if about.inputs and not (isinstance(own, Decision) and own.decision != "revoked"):
        for_all = _kept(where, about._replace(inputs=""), request.role, by)
        if isinstance(for_all, Decision) and for_all.decision == "rejected":
            return for_all
    if isinstance(own, Decision):
        return own
    why = f"there is no decision of {by} as {request.role} to revoke: {words.trouble(own)}"
    raise OrchError(Problem("O316", why, hint="`orch gate show` lists the decisions"), Exit.USAGE)


def _kept(where: Where, about: About, role: str, by: str) -> Decision | Trouble:
    path = path_of(about, role, by)
    try:
        return parse_decision(read_inside(where.root, path, LIMIT_BYTES), path)
    except Refused as refused:
        return refused.trouble


def _head(where: Where) -> str:
    try:
        return Git(where.root, where.environment).head()
    except GitTrouble:
        return ""


def _commit(path: str) -> str:
    return f"git add -- {shlex.quote(path)} && git commit -m {shlex.quote('Record ' + path)} -- {shlex.quote(path)}"


def _refusal(code: str, message: str, hint: str) -> OrchError:
    return OrchError(Problem(code, message, hint=hint), Exit.REFUSED)
