"""A seeded world in which a run is decided, performed, killed at any point and resumed, and everything is checked.

`python tests/simulation.py SEED` replays one seed and prints its journal; `… FROM TO` runs many.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable
from random import Random

from oracle import is_bad
from places import Places
from play import RESULTS, START_MS
from promises import UNREACHED, Promises, over
from random_plans import Behaviour, random_case
from shape import Shape, pattern
from world import World

from orch.model.attempt import Log
from orch.model.codec import decode, digest, encode
from orch.model.decisions import (
    Close,
    Conclude,
    Decision,
    Dismiss,
    Expand,
    Merge,
    Observe,
    Probe,
    Recall,
    Schedule,
    Skip,
    Start,
    Stop,
)
from orch.model.events import Closed, Event, Expanded, Finished, Observed, Opened, Requested, Settled, Skipped, Started
from orch.model.fold import apply, fold
from orch.model.plan import seal
from orch.model.state import RunState
from orch.plan.compile import compile_plan
from orch.ports import Look, Recollection, Request, TreeTrouble
from orch.run.decide import decide
from orch.run.requests import answer
from orch.run.results import NOTHING_LEFT, concluded, finished, not_started, recalled

DAY_MS = 86_400_000
MOST_EPOCHS = 80
NONE = {"none": {"exit": 5, "means": "no tests were found"}}


class Crash(Exception):
    """The engine is killed here."""


class Simulation(Promises):
    """One run from its plan to its end, with crashes, requests and retries on the way."""

    crashed = Crash

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        case = random_case(rng)
        super().__init__(case.doc)
        self.facts = case.facts
        self.plan = self.base = compile_plan(seal(case.doc))
        self.world = World(rng, case.behaviours, case.facts.gates)
        self.journal: list[bytes] = []
        self.clock = START_MS
        self.alive_ms = 0
        self.paranoid = seed % 8 == 0
        self.crashes = rng.choice((0, 0, 1, 2, 5))
        self.cancels = rng.choice((0, 0, 0, 0, 0, 1, 2))
        self.retries = rng.choice((0, 1, 2))
        self.requests = 0
        self.unwritten: list[Event] = []
        self.places = None if case.facts.work is None else Places(self, case.facts.work)

    # Owners come and go

    def run(self) -> None:
        """Raises AssertionError with the sentence that does not hold."""
        reset: tuple[str, ...] = ()
        for _ in range(MOST_EPOCHS):
            try:
                self.own(reset)
            except Crash:
                for step in self.in_flight:
                    self.kill(step)
                reset = () if self.journal else reset
                continue
            reset = ()
            self.check_journal()
            if self.state.closed == "waiting":
                if not self.help():
                    break
                continue
            self.compare()
            reset = self.choose() if self.retries else ()
            if not reset:
                return
            self.retries -= 1
        else:
            raise AssertionError("the run does not end")
        self.compare()

    def own(self, reset: tuple[str, ...]) -> None:
        self.state = RunState.new(self.base)
        self.plan = self.state.plan
        self.take(Shape(self.doc))
        self.grown = []
        self.unclear = set()
        self.cancelled, self.cut = set(), False
        self.spent_ms = self.since_ms = self.spent_starts = 0
        self.open_gates = set()
        events = self.events()
        for event in events:
            self.apply(event)
        self.unwritten = []
        self.effects = []
        self.in_flight = {}
        self.probing: dict[int, None] = {}
        self.dismissed: set[int] = set()
        self.stopping: set[int] = set()
        self.open_gates.clear()
        self.wake_at: int | None = None
        opened = Opened(
            self.clock, self.state.epoch + 1, {"run_id": "r", "trees": "/trees"}, self.plan.digest, "none", {}, 0, reset
        )
        if self.state.epoch and self.state.closed is None:  # the owner before has died
            opened = opened._replace(beat_ms=self.alive_ms)
        if self.places is not None:
            self.places.own([*events, opened])
        self.happened(opened)
        self.write(killable=not reset)
        if self.paranoid:
            self.check_journal()
        if self.cancels and self.rng.random() < 0.1:
            self.request("cancel")
        for number in range(10_000):
            assert number < 200 + 40 * self.plan.size, "the owner does not come to an end"
            self.turn()
            if self.state.closed is not None:
                return

    def turn(self) -> None:
        rng = self.rng
        self.alive_ms = max(self.alive_ms, self.clock)
        self.clock += rng.randint(0, 2000)
        if rng.random() < 0.05:
            self.clock += rng.choice((-DAY_MS, DAY_MS, -3000))
        if self.cancels and rng.random() < (0.4 if self.body_is_over() else 0.05):
            self.request("cancel")
        if self.state.doubt and rng.random() < 0.05:
            self.settle_one()
        if self.state.running and rng.random() < 0.2:
            self.beat()
        self.decide()
        self.write()
        if self.paranoid and rng.random() < 0.3:
            self.check_journal()
        self.act()
        if self.state.closed is None:
            self.wait()

    def decide(self) -> None:
        self.wake_at = None
        for number in range(10_000):
            assert number < 100 + 10 * self.plan.size, "decide goes on for ever"
            if self.state.closed is not None:
                return
            before = copy.deepcopy(self.state) if self.paranoid else None
            decisions = decide(self.plan, self.state, self.clock, self.probing)
            if before is not None:
                assert decide(self.plan, self.state, self.clock, self.probing) == decisions, (
                    "decide gives something else when asked again"
                )
                assert self.state == before, "decide changes the state"
                assert self.plan == before.plan, "decide changes the plan"
            progress = [self.carry_out(decision) for decision in decisions]
            if not any(progress):
                assert decisions or self.in_flight or self.effects or self.probing, (
                    "nothing is decided and nothing is under way"
                )
                return

    def happened(self, event: Event) -> None:
        if self.places is not None:
            event = self.places.spaces.over(event, self.state.running)
        self.apply(event)
        if self.places is not None:
            self.places.happened(event)

    def apply(self, event: Event) -> None:
        before = self.state.latest_ms
        apply(self.plan, self.state, event)
        self.unwritten.append(event)
        match event:
            case Started():
                if self.shape.is_once(event.address):
                    self.unclear.add(event.address)
                self.spent_starts += not self.shape.is_final(event.address)
            case Settled(how="not-done"):
                self.unclear.discard(event.address)
            case Expanded():
                if event.keys or "pipeline" in self.steps[event.address]:
                    self.grown.append((event.address, event.keys))
                    self.shape.grow(event.address, event.keys)
            case Requested(verb="cancel", outcome="accepted"):
                final = self.body_is_over() or (bool(self.cancelled) and self.only_finals())
                self.cancelled.add("finally" if final else "body")
                self.cut = self.cut or final
            case Opened():
                self.spent_ms += max(before, event.beat_ms) - self.since_ms if event.epoch > 1 else 0
                self.since_ms = max(before, event.at)
                if event.reset:
                    self.cancelled, self.cut = set(), False
                    self.spent_ms = self.spent_starts = 0
                    assert not self.state.overspent, "a retry begins without a budget"
                failed = (a for a in self.steps if self.shape.is_final(a) and self.end(a)[0] == "queued")
                again = {*event.reset, *(failed if event.reset else ())}
                self.unclear -= {a for a in again if self.plan.index_of[a] not in self.state.doubt}
            case Observed(status="succeeded") | Finished(status="succeeded"):
                self.open_gates.add(event[1])

    def write(self, *, killable: bool = True) -> None:
        lines = []
        seq, prev = len(self.journal), digest(self.journal[-1]) if self.journal else self.plan.digest
        for event in self.unwritten:
            lines.append(encode(event, seq, prev))
            seq, prev = seq + 1, digest(lines[-1])
        self.unwritten = []
        if killable and self.crash(0.04):
            self.journal += lines[: self.rng.randint(0, len(lines))]
            raise Crash
        self.journal += lines

    def crash(self, chance: float) -> bool:
        if self.crashes and self.rng.random() < chance:
            self.crashes -= 1
            return True
        return False

    def act(self) -> None:
        effects, self.effects = self.effects, []
        for step, attempt in effects:
            if self.crash(0.03):
                raise Crash
            address = self.plan.addresses[step]
            if self.world.behaviours[address].kind == "start-failed":
                self.happened(not_started(self.plan, self.state, step, "no such command", "", at=self.clock))
                continue
            assert step not in self.in_flight, f"{address} starts while it runs"
            assert not (self.shape.is_once(address) and address in self.world.done), f"{address} is done twice"
            self.in_flight[step] = attempt
            if self.places is not None:
                self.places.starts(step)
            self.check_slots()
            self.check_limit(address)

    def wait(self) -> None:
        rng = self.rng
        ended = [step for step in self.in_flight if rng.random() < 0.5]
        probed = [step for step in self.probing if rng.random() < 0.6]
        if not ended and not probed and not self.unwritten and self.wake_at is not None:
            self.clock = max(self.clock, self.wake_at) + rng.choice((0, 0, 1, 5000))
        for step in ended:
            address = self.plan.addresses[step]
            del self.in_flight[step]
            if step in self.stopping and rng.random() < 0.7:
                self.stopping.discard(step)
                self.kill(step)
                how = "cancelled"
            else:
                how = self.world.ends(address)
                if self.places is not None:
                    self.places.works(step)
            self.finish(step, how)
        for step in probed:
            del self.probing[step]
            if step in self.dismissed:
                self.dismissed.discard(step)
                continue
            address = self.plan.addresses[step]
            self.happened(Settled(self.clock, address, "probe", self.world.probe(address)))
        if self.crash(0.03):
            raise Crash

    def kill(self, step: int) -> None:
        self.world.killed(self.plan.addresses[step])
        if self.places is not None:
            self.places.killed(step)

    def finish(self, step: int, how: str) -> None:
        address = self.plan.addresses[step]
        printed = self.facts.printed[address]
        result = RESULTS[how]._replace(stdout=Log(f"logs/{step}", printed, 1, 1))
        keys = self.facts.lists.get(address.rpartition("/")[2].partition(".")[2])
        outputs = {"keys": keys} if how == "ok" and keys is not None else None
        none = NONE if how == "no-tests" else None
        left = NOTHING_LEFT if self.places is None else self.places.end(step, result)
        at = self.clock
        self.happened(finished(self.plan, self.state, step, result, at=at, outputs=outputs, adapter=none, left=left))

    # Decisions are carried out

    def carry_out(self, decision: Decision) -> bool:
        names = self.plan.addresses
        match decision:
            case Start(step, attempt):
                self.check_start(names[step], attempt)
                if self.places is not None:
                    try:
                        self.places.begin(step)
                    except TreeTrouble:
                        self.conclude(step, "failed", "start-failed")
                        return True
                if self.world.behaviours[names[step]].kind == "unrenderable":
                    self.conclude(step, "failed", "expression-error")
                else:
                    self.happened(Started(self.clock, names[step], attempt))
                    self.effects.append((step, attempt))
            case Recall(step, attempt):
                self.check_start(names[step], attempt)
                assert "cache" in self.steps[names[step]], f"{names[step]} is looked up, and has no cache"
                hit = self.world.behaviours[names[step]].kind == "cached"
                keys = self.facts.lists.get(names[step].rpartition("/")[2].partition(".")[2])
                outputs = {"n": 1} if keys is None else {"keys": keys}
                why = "since run 1" if hit else "no result is kept"
                found = Recollection({"hit": hit, "because": why}, hit, outputs)
                if not hit:
                    return self.carry_out(Start(step, attempt))
                self.happened(recalled(self.plan, step, found, at=self.clock))
            case Skip(step, reason, sentence):
                assert step not in self.in_flight, f"{names[step]} is skipped while it runs"
                self.happened(Skipped(self.clock, names[step], reason, sentence))
            case Expand(step, keys, rows):
                self.check_expand(names[step])
                if self.places is not None and self.plan.tree_of(step) == step:
                    try:
                        self.places.spaces.open(step, fresh=step not in self.state.begun or step in self.state.anew)
                    except TreeTrouble:
                        self.conclude(step, "failed", "start-failed")
                        return True
                self.happened(Expanded(self.clock, names[step], keys, rows))
            case Conclude(step, status, reason):
                self.conclude(step, status, reason)
            case Observe(step):
                if self.places is not None and self.unwritten:
                    self.write()
                self.happened(Observed(self.clock, names[step], *self.look(step)))
            case Merge(step):
                assert self.places is not None, "a patch is merged, and there is no branch"
                if self.unwritten:
                    self.write()
                self.happened(self.places.merge(step))
            case Probe(step):
                assert "probe" in self.steps[names[step]]["effect"], f"{names[step]} has no probe"
                assert step not in self.probing, f"{names[step]} is probed twice at a time"
                late = self.is_time_spent() and not self.shape.is_final(names[step]) and not self.body_is_over()
                asked = self.state.doubt.get(step) == "budget-exceeded"
                assert not late or asked, f"{names[step]} is probed, and no time is left"
                self.probing[step] = None
                self.check_slots()
                return False
            case Dismiss(step):
                waited_for = self.end(names[step])[0] == "waiting" and step in self.state.doubt
                stopped = self.state.doubt.get(step) == "budget-exceeded" or self.shape.is_final(names[step])
                assert not waited_for or (self.is_time_spent() and not stopped), "an answer was waited for"
                self.dismissed.add(step)
                return False
            case Stop(step, _):
                ends = not self.shape.is_final(names[step]) or self.cut
                assert ends, f"{names[step]} is stopped, and nobody cancelled when the body was over"
                self.stopping.add(step)
                return False
            case Schedule(at):
                assert at > self.clock, "a time that is past is waited for"
                self.wake_at = at
                return False
            case Close(status, reason):
                self.check_close(status, reason)
                self.happened(Closed(self.clock, status, reason, {}, ""))
        return True

    def conclude(self, step: int, status: str, reason: str) -> None:
        assert step not in self.in_flight, "a running step is concluded"
        left = NOTHING_LEFT if self.places is None else self.places.conclude(step, status)
        self.happened(concluded(self.plan, Conclude(step, status, reason, ""), at=self.clock, left=left))

    def look(self, step: int) -> Look:
        if self.places is not None:
            return self.places.spaces.look(self.places, self.state, step, self.clock)
        return Look(*self.world.look(self.plan.addresses[step]), "", {})

    # People

    def request(self, verb: str, **detail: str) -> None:
        self.requests += 1
        if verb == "cancel":
            self.cancels -= 1
        request = Request(str(self.requests), verb, "ada", detail)
        for event in answer(self.plan, self.state, request, self.clock):
            self.happened(event)
        assert not answer(self.plan, self.state, request, self.clock), "a request is answered twice"

    def body_is_over(self) -> bool:
        return all(over(self.end(address)) for address in self.steps if not address.startswith("finally."))

    def only_finals(self) -> bool:
        """Is all that is open a `finally`, or waits for the `finally` of a child pipeline?"""
        return all(
            over(self.end(address)) or self.shape.is_final(address) or address in dict(self.grown)
            for address in self.steps
        )

    def settle_one(self) -> None:
        """A person looks whether the effect is there; two stale words of the same do no harm."""
        address = self.plan.addresses[min(self.state.doubt)]
        self.request("settle", address=address, how="done" if address in self.world.done else "not-done")

    def beat(self) -> None:
        for gate in list(self.state.waiting_gates):
            self.happened(Observed(self.clock, self.plan.addresses[gate], *self.look(gate)))

    def help(self) -> bool:
        """The run waits: approve what will be approved, settle a doubt. False where nobody can help."""
        gates = [self.plan.addresses[gate] for gate in self.state.waiting_gates]
        approved = [gate for gate in map(pattern, gates) if self.facts.gates[gate][0] == "succeeded"]
        for gate in approved:
            self.world.shut_looks[gate] = 0
        if self.state.doubt and (not approved or self.rng.random() < 0.5):
            opened = Opened(
                self.clock, self.state.epoch + 1, {"run_id": "r", "trees": "/trees"}, self.plan.digest, "none", {}
            )
            if self.places is not None:
                self.places.own([*self.events(), opened])
            self.happened(opened)
            self.settle_one()
            self.happened(Closed(self.clock, "waiting", "in-doubt", {}, ""))
            self.write(killable=False)
            return True
        return bool(approved)

    def choose(self) -> tuple[str, ...]:
        """`orch retry`: some bad nodes, and what was skipped because of them; some of them will succeed now."""
        self.disturbed, self.retried = False, True
        ends = self.ends()
        bad = [
            address
            for address, end in ends.items()
            if is_bad(end, self.steps[address])
            and not self.shape.is_gate(address)
            and not self.shape.is_final(address)
            and self.may_be_tried(address)
            and not (self.shape.is_once(address) and address in self.world.done)  # it has done what it may not
        ]
        once = [address for address in ends if self.shape.is_final(address) and self.shape.is_once(address)]
        again = (address for address in once if ends[address][0] != "succeeded")
        if not bad or any(address in self.world.done for address in again):
            return ()  # a retry runs `finally` again: the person looks whether that would be done twice
        chosen = set(self.rng.sample(bad, self.rng.randint(1, len(bad))))
        chosen |= {address for address in bad if chosen.intersection(self.shape.owners(address))}
        for address in sorted(chosen):
            if self.rng.random() < 0.5:
                self.world.behaviours[address] = Behaviour("ok")
                if self.facts.work is not None:
                    self.facts.work.mended.add(address)
        spoilt = {address for address in chosen if self.is_spoilt(address)}
        chosen |= {
            address
            for address, end in ends.items()
            if not spoilt.isdisjoint(self.shape.owners(address))
            and over(end)
            and end[1] != "not-selected"
            and not self.shape.in_loop(address)
        }
        skipped = [a for a, end in ends.items() if end[0] == "skipped" and end[1] in UNREACHED]
        apart = Random(len(self.journal))
        whole = apart.random() < 0.8  # else some of what was skipped because of them stays so
        chosen.update(a for a in skipped if self.may_be_tried(a) and (whole or apart.random() < 0.5))
        opened = {None, *(owner for address in chosen for owner in self.shape.owners(address))}
        opened |= {address for address in chosen if self.shape.opens(address)}
        begun = {self.shape.phase[address] for address in (chosen | opened) - {None} if not self.shape.is_gate(address)}
        finals = [a for a in self.steps if self.shape.is_final(a) and self.shape.owner[self.shape.phase[a]] in opened]
        reset = {
            address
            for address in self.steps
            if address in chosen | opened
            or (address in finals and not (address in once and ends[address][0] == "succeeded"))
            or (self.shape.is_gate(address) and self.shape.phase[address] in begun)
        }
        fixed = {a: end for a, end in ends.items() if a not in reset}
        self.facts = self.facts._replace(fixed=fixed, grown=tuple(self.grown))
        if self.places is not None:
            owners = {a for a, _ in self.grown if a not in spoilt and self.shape.tree_of(a) == a}
            self.facts = self.facts._replace(branch=dict(self.places.trees.files()), kept=self.places.kept(owners))
        return tuple(sorted(chosen))

    def is_spoilt(self, address: str) -> bool:
        """Has what the step opened worked in a tree that can come to nothing?"""
        wrong = ("merge-conflict", "path-policy-violation", "start-failed")
        own = self.shape.opens(address) and self.shape.tree_of(address) == address
        return own and self.end(address)[1] in wrong

    def may_be_tried(self, address: str) -> bool:
        """What has failed inside of a loop, or of a step that succeeded or may fail, is over."""
        if self.shape.in_loop(address):
            return False
        ends = ((self.steps[owner], self.end(owner)) for owner in self.shape.owners(address))
        return all(is_bad(end, step) or (end[0] == "skipped" and end[1] in UNREACHED) for step, end in ends)

    def check_journal(self) -> None:
        again = fold(self.base, self.events())
        assert again == self.state, "folding the journal gives another state"
        assert again.plan == self.state.plan, "folding the journal gives another plan"
        assert list(again.ready) == list(self.state.ready), "folding the journal gives another order"

    def events(self) -> list[Event]:
        """The journal read from its bytes, the chain checked."""
        events, prev = [], self.plan.digest
        for number, line in enumerate(self.journal):
            seq, before, event = decode(line)
            assert (seq, before) == (number, prev), "the chain is broken"
            prev = digest(line)
            events.append(event)
        return events


def simulate(seed: int, kind: type[Simulation] = Simulation) -> Simulation:
    """Run one seed to its end. An AssertionError names the seed and shows the plan and the journal."""
    simulation = kind(seed)
    try:
        simulation.run()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}\n{told(simulation)}") from error
    return simulation


def told(simulation: Simulation) -> str:
    """The plan's steps and the journal, a line each."""
    plan = seal(simulation.doc).data.decode()
    unwritten = [str(event) for event in getattr(simulation, "unwritten", [])]
    return "\n".join(
        [plan, str(simulation.world.behaviours), *(line.decode()[:-1] for line in simulation.journal), *unwritten]
    )


def story(seeds: Iterable[int]) -> str:
    """One digest over the journals of these seeds."""
    return digest(b"".join(b"".join(simulate(seed).journal) for seed in seeds))


if __name__ == "__main__":
    first, last = int(sys.argv[1]), int(sys.argv[-1])
    for number in range(first, last + 1):
        done = simulate(number)
        if first == last:
            print(told(done))
