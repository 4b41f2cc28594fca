"""Where each step of a run with a branch works, and what becomes of what it leaves there. Git is behind the port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeGuard

from orch.gates.facts import DIFFERENCE
from orch.model.compiled import Compiled
from orch.model.decisions import Conclude
from orch.model.events import Event, Finished, Merged, Opened, Settled, Skipped, Started
from orch.model.names import file_stem, phases_of
from orch.model.state import RunState
from orch.model.status import Status
from orch.ports import Change, GateWatch, Look, SecretLeft, Trees, TreeTrouble
from orch.run.results import NOTHING_LEFT, Left, concluded
from orch.run.writes import Rules, violations

VIOLATION, CONFLICT, TROUBLE = "path-policy-violation", "merge-conflict", "internal-error"
SECRET = "secret-in-output"
_NAMED = 10


class Spaces:
    """The trees of one run, for its loop. `loose` are the steps that have worked in the run's own tree since it was
    last looked at: what is found there is theirs, one does not know whose. `shown` takes secrets out of texts."""

    def __init__(self, plan: Compiled, trees: Trees, shown: Callable[[str], str] = str) -> None:
        self._plan, self._trees, self._shown = plan, trees, shown
        self._loose: dict[int, None] = {}
        self._unstarted: dict[int, None] = {}
        self._shut: str | None = None
        self._protected = {phase["name"]: tuple(phase.get("protected", ())) for phase in plan.head["phases"]}

    @property
    def home(self) -> str:
        """The project's root in the run's own tree."""
        return self._trees.root("")

    @property
    def is_settled(self) -> bool:
        """Is what the run's own tree holds known to be nobody's who works for the run?"""
        return not self._loose

    def shut(self, why: str) -> None:
        """The trees are not to be used by this owner: what would work in one does not start, and nothing is merged."""
        self._shut = why

    def remember(self, events: Iterable[Event]) -> None:
        """What has happened in the run before: who was left loose when an owner died."""
        running: dict[int, None] = {}
        for event in events:
            if isinstance(event, Opened):
                running.clear()
            if not isinstance(event, Started | Finished | Skipped | Settled):
                continue
            step = self._plan.index_of.get(event.address, -1)
            if step < 0 or self._is_apart(step):
                continue
            if isinstance(event, Started):
                running[step] = self._loose[step] = None
            elif step in self._loose and _is_end(event):
                running.pop(step, None)
                if not running:
                    self._loose.clear()

    def root(self, step: int) -> str:
        """The project's root for a step."""
        return self._trees.root(self._name(step))

    def begin(self, step: int) -> None:
        """The step is about to start: its own tree is made. Raises TreeTrouble."""
        self._refuse_shut()
        home = self._plan.tree_of(step)
        if home == step:
            try:
                self._trees.make(self._name(step))
            except TreeTrouble as error:
                raise TreeTrouble(self._shown(str(error))) from error
        elif home < 0 and step not in self._loose:
            self._loose[step] = self._unstarted[step] = None

    def not_begun(self, step: int) -> None:
        """It could not start: of what is found in the run's tree nothing is its."""
        if step in self._unstarted:
            self._unstarted.pop(step)
            self._loose.pop(step, None)

    def open(self, step: int, *, fresh: bool) -> None:
        """The step is about to open what works in its own tree, for the first time or once more. Raises TreeTrouble."""
        try:
            if fresh:
                self._trees.make(self._name(step))
            else:
                self._trees.changes(self._name(step))
        except TreeTrouble as error:
            why = self._shown(str(error))
            lost = f"its tree cannot be used, and what was done in it is lost: a retry makes it anew ({why})"
            raise TreeTrouble(why if fresh else lost) from error

    def end(self, step: int, running: Collection[int], at: int, *, kept: bool) -> Left:
        """The step has ended; these run, itself included. What it did in a tree of its own is `kept`, beside the
        branch, where it went well. What is in the run's own tree is committed, whatever the end, once nobody works
        there any more, in the name of all who have; or put back as it was, where one of them was not allowed to:
        then the patch is kept."""
        self._unstarted.pop(step, None)
        try:
            home = self._plan.tree_of(step)
            if home == step:
                return self._keep(step, [step], at) if kept else self._unmoved(step)
            if home >= 0:
                counts = step in self._plan.loop_of and "unchanged" in (self._plan.body(home) or ())
                return Left(tree=self._trees.changes(self._name(step)).content) if counts else NOTHING_LEFT
            if any(other != step and not self._is_apart(other) for other in running):
                return NOTHING_LEFT
            return self._settle(step, at)
        except TreeTrouble as error:
            return Left(TROUBLE, self._shown(str(error)))

    def over(self, event: Event, running: Collection[int]) -> Event:
        """An event, or what takes its place: where a step that an owner has left in the run's tree is over without
        another attempt, what is found there is settled first, as at the end of an attempt."""
        step = self._plan.index_of.get(event.address, -1) if _is_end(event) else -1
        if step not in self._loose or step in running or self._shut is not None:
            return event
        left = self.end(step, running, event.at, kept=False)
        if left.reason is None:
            return event
        return concluded(self._plan, Conclude(step, "failed", left.reason, left.sentence), at=event.at, left=left)

    def look(self, gates: GateWatch, state: RunState, step: int, at: int) -> Look:
        """A gate on what the branch holds is not open while something of what was done is elsewhere."""
        on_branch = self._shut is None and DIFFERENCE in self._plan.action(step).step["gate"].get("subject", ())
        why = self._short_of(state.running, at) if on_branch else ""
        look = gates.look(state, step, at)
        return look._replace(status="waiting", reason="stale", sentence=why) if why else look

    def _short_of(self, running: Collection[int], at: int) -> str:
        """Why the branch does not hold what was done in the run's tree; empty where it does, or does now."""
        left = [step for step in self._loose if step not in running]
        if any(not self._is_apart(step) for step in running):
            others = _listed([self._plan.addresses[step] for step in left])
            return f"what {others} did is not on the branch while others work in the run's tree" if left else ""
        try:
            change = self._found(left)
            if change.files or change.moved or change.ahead or change.hidden:
                wrong = self._judged(change, left)
                if wrong.reason is not None:
                    return f"what was left in the run's tree is not on the branch: it {wrong.sentence}"
                self._commit(change, at)
        except TreeTrouble as error:
            return f"what was left in the run's tree is not on the branch: {self._shown(str(error))}"
        self._loose.clear()
        return ""

    def end_body(self, step: int, at: int) -> Left:
        """All is over of what the step has opened in its own tree: what they have done there is kept, beside the
        branch."""
        try:
            return self._keep(step, self._inside(step), at)
        except TreeTrouble as error:
            return Left(TROUBLE, self._shown(str(error)))

    def _refuse_shut(self) -> None:
        if self._shut is not None:
            raise TreeTrouble(self._shut)

    def _inside(self, step: int) -> list[int]:
        """The steps without a body that a step has opened, of all iterations."""
        found: list[int] = []
        for phase in self._plan.bodies.get(step, ()):
            for one in self._plan.phase_nodes[phase]:
                found += self._inside(one) if one in self._plan.bodies else [one]
        return found

    def merge(self, step: int, commit: str, at: int) -> Merged:
        """Put what was kept onto the branch."""
        address = self._plan.addresses[step]
        try:
            self._refuse_shut()
            left = self._settle(step, at)
            if left.reason is not None:
                return Merged(at, address, None, TROUBLE, {"summary": f"the run's tree was left so: {left.sentence}"})
            merged = self._trees.merge(commit, address, at)
        except TreeTrouble as error:
            return Merged(at, address, None, TROUBLE, {"summary": self._shown(str(error))})
        if merged.commit is not None:
            return Merged(at, address, merged.commit)
        findings = [{**finding, "file": self._shown(finding["file"])} for finding in merged.conflicts]
        files = dict.fromkeys(str(finding["file"]) for finding in findings)
        summary = f"others have changed the same places: {_listed(list(files))}"
        told = {"summary": summary, "findings": findings, "found": len(findings)}
        return Merged(at, address, None, CONFLICT, told)

    def _keep(self, step: int, workers: list[int], at: int) -> Left:
        name = self._name(step)
        change = self._trees.changes(name)
        if self._loose:
            change = change._replace(moved=None)  # those who work in the run's tree may commit there
        if change.moved:
            self._trees.make("")
        left = self._judged(change, workers)
        stays = left.reason is not None or self._plan.body(step) is not None  # a retry of what has one may go on there
        if stays and not change.files:
            return left
        try:
            commit, patch = self._trees.commit(name, change, self._plan.addresses[step], at, stays=stays)
        except SecretLeft as error:
            return Left(SECRET, str(error))
        return left._replace(patch=patch, commit=commit if patch is not None and left.reason is None else None)

    def _unmoved(self, step: int) -> Left:
        """Of what an attempt that failed has left in its own tree, only that counts which is elsewhere."""
        try:
            change = self._trees.changes(self._name(step))
        except TreeTrouble:  # the attempt has failed for a reason of its own
            return NOTHING_LEFT
        if not change.moved or self._loose:
            return NOTHING_LEFT
        self._trees.make("")
        return self._judged(change._replace(files=(), hidden=()), [step])

    def _settle(self, step: int, at: int) -> Left:
        """Commit what is in the run's own tree; `step` is the last one that has ended there."""
        others = tuple(self._plan.addresses[one] for one in self._loose if one != step)
        try:
            left = self._settled(step, at)
        except SecretLeft as error:
            left = Left(SECRET, str(error))
            self._trees.make("")
        self._loose.clear()
        return left._replace(others=others) if left.reason is not None else left

    def _found(self, steps: list[int]) -> Change:
        """What the run's own tree holds. Where none of those who worked there changes anything, a commit is none
        either: nobody looks at what it says, nor at what the next one takes back."""
        change, rules = self._trees.changes(""), self._rules_of(steps)
        idle = bool(rules) and all(writes == () for writes, _ in rules)
        return change._replace(moved=change.ahead) if change.ahead and idle else change

    def _settled(self, step: int, at: int) -> Left:
        change = self._found(list(self._loose))
        if not (change.files or change.moved or change.ahead or change.hidden):
            return NOTHING_LEFT
        left = self._judged(change, list(self._loose))
        if left.reason is None:
            self._commit(change, at)
            return left
        _, patch = self._trees.commit(file_stem(self._plan.addresses[step]), change, "Put back", at)
        if len(self._loose) > 1 and change.moved is None:
            self._commit(change, at, _wrong(change, self._rules_of(list(self._loose))))
        else:
            self._trees.make("")
        return left._replace(patch=patch)

    def _commit(self, change: Change, at: int, without: Collection[str] = ()) -> None:
        names = ", ".join(self._plan.addresses[step] for step in self._loose)
        self._trees.commit("", change, names or "Left by nobody who is known", at, without)

    def _judged(self, change: Change, steps: list[int]) -> Left:
        wrong = {self._shown(file): why for file, why in _wrong(change, self._rules_of(steps)).items()}
        if change.moved:
            why = "it was moved to where it had not been before"
            wrong[f"the branch {change.moved}"] = "a step that changes nothing has committed" if change.ahead else why
        if not wrong:
            return NOTHING_LEFT
        findings = tuple({"message": why, "file": file} for file, why in wrong.items())
        others = [self._plan.addresses[step] for step in steps]
        whose = f" (by one of {_listed(others)})" if len(others) > 1 else ""
        return Left(VIOLATION, f"changed what it may not{whose}: {_listed(list(wrong))}", findings)

    def _rules_of(self, steps: list[int]) -> list[Rules]:
        """The rules of steps that have worked in one tree. In one that they share with nobody else, those that do not
        say what they write have written nothing, if another one says it."""
        rules = list(dict.fromkeys(map(self._rules, steps)))
        if steps and self._is_apart(steps[0]) and any(writes is not None for writes, _ in rules):
            return [(writes or (), protected) for writes, protected in rules]
        return rules

    def _rules(self, step: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """What a step may change (None: anything), and what it may not."""
        document = self._plan.action(step).step
        phases = phases_of(self._plan.addresses[step])
        reads = document.get("workspace") == "readonly" or "cache" in document
        writes = () if reads else document.get("writes")
        return None if writes is None else tuple(writes), tuple(
            pattern for phase in phases for pattern in self._protected.get(phase, ())
        )

    def _is_apart(self, step: int) -> bool:
        return self._plan.tree_of(step) >= 0

    def _name(self, step: int) -> str:
        home = self._plan.tree_of(step)
        return file_stem(self._plan.addresses[home]) if home >= 0 else ""


def _wrong(change: Change, rules: list[Rules]) -> dict[str, str]:
    """The files that were not to be changed, each with why; of those that are hidden only what is protected counts."""
    return {**violations(change.files, rules), **violations(change.hidden, [(None, kept) for _, kept in rules])}


def passed(state: RunState, reset: Collection[str]) -> list[str]:
    """The gates on what the branch holds that nobody asks again, though something is still to start: they have opened,
    and all that was behind them in their phase has ended."""
    plan = state.plan
    again = {plan.index_of[address] for address in reset if address in plan.index_of}
    done = [state.status[step] >= Status.SUCCEEDED and step not in again for step in range(len(state.status))]
    if all(done[step] for step in plan.steps):
        return []
    return [
        plan.addresses[gate]
        for gates, nodes in zip(plan.phase_gates, plan.phase_nodes, strict=True)
        for gate in gates
        if DIFFERENCE in plan.action(gate).step["gate"].get("subject", ())
        and state.status[gate] is Status.SUCCEEDED
        and all(done[node] for node in nodes)
    ]


def _is_end(event: Event) -> TypeGuard[Finished | Skipped | Settled]:
    return isinstance(event, Finished | Skipped) or (isinstance(event, Settled) and event.how == "done")


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
