"""Gates for people: a list, one with everything that it sees, and a decision that was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from orch.gates import words
from orch.gates.facts import ApprovalFacts, inputs_of
from orch.gates.standing import trust_of
from orch.render.lengths import duration
from orch.render.plan_text import gate_words
from orch.render.problems_text import visible
from orch.render.style import Style

_SHOWN_PATHS = 12


class Gate(Protocol):
    """A gate as it stands; `facts` are those of `orch.gates.facts`, and None for a check. `behind_nodes`: nodes of the
    run may be at work while it is shut."""

    @property
    def address(self) -> str: ...
    @property
    def gate(self) -> Mapping[str, Any]: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any] | None: ...
    @property
    def behind_nodes(self) -> bool: ...


class Written(Protocol):
    """A decision's file, and the command that commits it where the gate asks for that; what `shuts` counts before."""

    @property
    def path(self) -> str: ...
    @property
    def decision(self) -> Any: ...
    @property
    def next(self) -> str | None: ...
    @property
    def shuts(self) -> bool: ...


def gate_state(gate: Gate) -> str:
    """open, waiting, rejected, skipped, …: the word that is shown."""
    return "open" if gate.status == "succeeded" else "rejected" if gate.reason == "rejected" else gate.status


def gates_text(gates: Sequence[Gate], style: Style) -> str:
    """One line a gate."""
    if not gates:
        return "There is no gate."
    width = max(len(gate.address) for gate in gates)
    lines = []
    for gate in gates:
        word = gate_state(gate)
        told = visible(gate.sentence)
        lines.append(f"{style.icon(word)} {gate.address:{width}}  {style.status(word, f'{word:8}')}  {told}".rstrip())
    return style.ascii("\n".join(lines))


def gate_text(gate: Gate, style: Style) -> str:
    """One gate: what it asks for, what is there, and why it is open or shut."""
    word = gate_state(gate)
    rows = [("gate", f"{style.paint(gate.address, 'bold')}  {style.status(word)}")]
    if description := gate.gate.get("description"):
        rows.append(("", description))
    rows.append(("asks for", visible(gate_words(dict(gate.gate)))))
    if gate.gate["kind"] == "approval":
        rows += _approval_rows(gate)
    elif gate.facts is not None:
        rows.append(("field", f"{gate.gate['field']}: {visible(str(gate.facts.get('value') or 'missing'))}"))
    rows.append(("state", visible(gate.sentence) or word))
    return style.ascii("\n".join(f"{name:10}{text}".rstrip() for name, text in rows))


def written_text(written: Written, style: Style) -> str:
    """Where a decision was written, about what, and what comes next."""
    decision = written.decision
    lines = [
        f"{style.icon('ok')} {decision.decision} as {decision.role} by {decision.by}: {decision.gate} of "
        f"{decision.pipeline}",
        f"  subject {decision.subject}",
        f"  file    {written.path}",
    ]
    if written.next:
        counts = "once it is committed"
        counts = f"at once here, and in other checkouts {counts}" if written.shuts else counts
        lines += [f"  It counts {counts}:", f"  next    {written.next}"]
    return style.ascii(visible_lines(lines))


def visible_lines(lines: Sequence[str]) -> str:
    """Lines without anything that a terminal would obey."""
    return "\n".join(map(visible, lines))


def _approval_rows(gate: Gate) -> list[tuple[str, str]]:
    asked, facts = gate.gate, gate.facts or {}
    rows = []
    if asked.get("exclude"):
        found = facts.get("authors", {})
        authors = "not known" if found.get("problems") else ", ".join(found.get("handles", ())) or "nobody yet"
        rows.append(("excludes", visible(f"{', '.join(asked['exclude'])} ({authors})")))
    trust = trust_of(asked, cast("ApprovalFacts", facts))
    rows.append(("trust", words.FILE_TRUST if trust == "file" and gate.behind_nodes else trust))
    if asked.get("max_age_seconds"):
        rows.append(("max age", duration(asked["max_age_seconds"] * 1000)))
    if inputs := inputs_of(asked):
        rows.append(("inputs", inputs))
    subject = facts.get("subject") or {}
    rows.append(("subject", str(subject.get("digest") or "not there")))
    files = subject.get("files") or []
    rows += [("", visible(f"{sha[:12]}  {path}")) for _, sha, path in files[:_SHOWN_PATHS]]
    if len(files) > _SHOWN_PATHS:
        rows.append(("", f"and {len(files) - _SHOWN_PATHS} more"))
    rows += [("", "problem: " + visible(words.trouble(trouble))) for trouble in subject.get("problems", ())]
    for number, decision in enumerate(facts.get("decisions", ())):
        rows.append(("decisions" if number == 0 else "", visible(_decision(decision, subject.get("digest")))))
    if not facts.get("decisions"):
        rows.append(("decisions", "none"))
    return rows


def _decision(decision: Mapping[str, Any], digest: str | None) -> str:
    if "problem" in decision:
        return f"{decision['file']}: {words.trouble(decision['problem'])}"
    same = "this subject" if decision["subject"] == digest else "another subject"
    committed = "" if decision["committed"] else ", not committed"
    text = f"{decision['decision']} {decision['date']} by {decision['by']} as {decision['role']}, {same}{committed}"
    changed = decision.get("changed")
    if changed and changed.get("paths"):
        text += f"; changed since: {', '.join(changed['paths'][:4])}"
    return text
