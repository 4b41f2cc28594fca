"""Sweep the engine: a fault at every call (or some of them) by which a run changes something.

    python evaluation/sweep/sweep.py --faults kill                        every call
    python evaluation/sweep/sweep.py --faults torn,eio --sample 20 --seed 7   twenty calls of each
    python evaluation/sweep/sweep.py --faults kill --slice 0/2            every second call
    python evaluation/sweep/sweep.py --project merges --faults kill       a run with trees of its own

`power` kills like `kill`, on a disk of its own that forgets what was not synced; it needs root and loop devices, and is
left out with its reason where there are none.

Prints one line for each trial that broke a rule, and a summary; exits 1 where there was one,
2 where nothing can be said: without a fault a rule is broken, or no fault hit, and 77 where all was left out."""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice

import power
import sessions
from inject import FAULTS, Fault, bites
from merges import MERGES
from trial import Ground, Outcome
from workload import WHOLE

_FAR = 10_000
POWER = "power"
_LEFT_OUT = 77
_PROJECTS = {"whole": WHOLE, "merges": MERGES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--faults", default=",".join((*FAULTS, POWER)), help=f"of {', '.join((*FAULTS, POWER))}")
    parser.add_argument("--project", default="whole", choices=_PROJECTS, help="which of the projects is swept")
    parser.add_argument("--match", default="", help="only calls whose operation and path this pattern is found in")
    parser.add_argument("--sample", type=int, help="how many calls for each fault; all unless given")
    parser.add_argument("--twice", action="store_true", help="kill the first resume, too, somewhere")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn: the same seed, the same calls")
    parser.add_argument("--slice", default="0/1", help="K/N: every N-th call from the K-th on")
    parser.add_argument("--first", action="store_true", help="stop at the first broken rule")
    given = parser.parse_args()
    kinds = given.faults.split(",")
    reason = None
    if POWER in kinds:
        reason = power.why_not()
    if reason is not None:
        print(f"power is left out: {reason}", flush=True)
        kinds.remove(POWER)
    if not kinds:
        return _LEFT_OUT
    given.faults = kinds
    sessions.warm()
    ground = Ground(_PROJECTS[given.project])
    try:
        return _sweep(ground, given)
    finally:
        ground.close()


def _sweep(ground: Ground, given: argparse.Namespace) -> int:
    dice = random.Random(given.seed)
    trials = hits = wrong = 0
    clean = ground.trial(None)
    if clean.broken:
        print(f"without a fault: {clean}")
        return 2
    for outcome in _trials(ground, given, dice, clean):
        trials += 1
        hits += outcome.hit is not None
        wrong += bool(outcome.broken)
        if outcome.broken:
            print(outcome, flush=True)
            if given.first:
                break
    print(f"seed {given.seed}, slice {given.slice}: {trials} trials, {hits} faults, {wrong} broke a rule", flush=True)
    if not hits:
        return 2
    return 1 if wrong else 0


def _trials(ground: Ground, given: argparse.Namespace, dice: random.Random, clean: Outcome) -> Iterator[Outcome]:
    place, count = map(int, given.slice.split("/"))
    for word in given.faults:
        kind = "kill" if word == POWER else word
        found = sum(1 for call in clean.calls if bites(kind, call) and re.search(given.match, call))
        if given.sample is None:
            chosen: Iterable[int] = range(1, _FAR)
        else:
            chosen = _spread(min(given.sample, found), found, dice)
        for at in islice(chosen, place, None, count):
            outcome = ground.trial(
                Fault(kind, at, given.match), _second(dice) if given.twice else None, power=word == POWER
            )
            yield outcome
            # the steps' timing makes runs differ by a few calls: the end is where none is left to be hit
            if at > found and outcome.hit is None:
                break


def _spread(size: int, found: int, dice: random.Random) -> list[int]:
    """One call of each `size`-th part: what a seed draws hardly moves when a run makes a few calls more or less."""
    return [1 + int((part + dice.random()) * found / size) for part in range(size)]


def _second(dice: random.Random) -> Fault:
    return Fault(dice.choice(("kill", "torn")), dice.randrange(1, 60))


if __name__ == "__main__":
    sys.exit(main())
