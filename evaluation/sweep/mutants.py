"""Promises taken out of a copy of the engine: the sweep must notice each. A mutant is a patch and where it shows."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """`old` stands once in `file` (below engine/orch) and becomes `new`; the fault, among the calls that match, under
    which it breaks a rule, and a piece of the sentence that says so."""

    name: str
    file: str
    old: str
    new: str
    fault: str
    match: str
    says: str
    project: str = "whole"


_JOURNAL = r"^write .*/journal\.ndjson$"
_PIECE = r"^write .*/nodes/check\.piece"
_TIP = r"^unlink .*/refs/orch/.*/tip\.lock$"
_SYNC = r"^fdatasync .*/journal\.ndjson$"

MUTANTS = (
    Mutant(
        "a torn last line is not cut off",
        "store/journal.py",
        "os.ftruncate(fd, len(data) - found.torn_bytes)",
        "pass",
        "torn",
        _JOURNAL,
        "corrupt",
    ),
    Mutant(
        "what a crash left half done is not removed",
        "store/expected.py",
        '        remove(f"{run.path}/{folder}")\n',
        "",
        "kill",
        r"^rename .*/nodes/",
        "is left over",
    ),
    Mutant(
        "a once step that was interrupted runs again without asking",
        "model/becomes.py",
        "    if is_once(plan.action(step).step):\n        state.status[step], state.reason",
        "    if False:\n        state.status[step], state.reason",
        "kill",
        _JOURNAL,
        "runs once, and ran 2 times",
    ),
    Mutant(
        "a failed write of the journal is passed over",
        "store/journal.py",
        "            written = self._write(self._fd, data)\n        except OSError as error:\n"
        "            raise self._poisoned(error.errno, error.strerror) from error",
        "            written = self._write(self._fd, data)\n        except OSError as error:\n"
        "            written = len(data)",
        "enospc",
        _JOURNAL,
        "this record does not belong to this plan.json",
    ),
    Mutant(
        "a short write of the journal is passed over",
        "store/journal.py",
        "if written != len(data):",
        "if written > len(data):",
        "short",
        _JOURNAL,
        "this record is not a record",
    ),
    Mutant(
        "a failed write of a derived file is passed over",
        "store/projector.py",
        '        path = f"{self._run.path}/{name}"\n        try:\n            write_file(path, data)\n'
        "        except FileNotFoundError:",
        '        path = f"{self._run.path}/{name}"\n        try:\n            write_file(path, data)\n'
        "        except OSError as error:\n            if error.errno != 2:\n                return",
        "enospc",
        r"^write .*/nodes/",
        "is missing",
    ),
    Mutant(
        "a step starts before its start is recorded",
        "run/loop.py",
        "        events = self._unwritten\n        if events:\n            self._unwritten = []\n",
        "        events = self._unwritten\n        begun, self._to_begin = self._to_begin, []\n"
        "        for step, prepared in begun:\n"
        "            self._live[step] = self._begin(prepared.attempt, partial(self._ended, step, prepared))\n"
        "        if begun:\n            __import__('time').sleep(0.01)\n"
        "        if events:\n            self._unwritten = []\n",
        "kill",
        _JOURNAL,
        "was started and is not in the journal",
    ),
    Mutant(
        "an end is shown before it is recorded",
        "run/loop.py",
        "            self._world.journal.append(events)\n            if self._needs_sync(events):\n"
        "                self._world.journal.sync()\n",
        "            early = not {'Opened', 'Closed'} & {type(event).__name__ for event in events}\n"
        "            if early:\n                self._world.recorder.record(events, self._state)\n"
        "            self._world.journal.append(events)\n            self._world.journal.sync()\n"
        "            events = [] if early else events\n",
        "kill",
        _JOURNAL,
        "the journal does not",
    ),
    Mutant(
        "derived files are written in place",
        "store/atomic.py",
        " if unique else path + BESIDE\n",
        " if unique else path\n",
        "kill",
        r"^write .*/(nodes|errors|manifest\.json)",
        "is not whole",
    ),
    Mutant(
        "a derived file that is there is believed",
        "store/expected.py",
        'return read_file(f"{run.path}/{name}") == data',
        'return read_file(f"{run.path}/{name}") is not None',
        "kill",
        r"^open .*/nodes/ship\.approved\.json\.new$|^rename .*/manifest\.json$",
        "manifest.json is not what the journal says",
    ),
    Mutant(
        "a step that ran when the owner died counts as done",
        "model/becomes.py",
        "    else:\n        state.status[step] = Status.QUEUED\n",
        "    else:\n        state.status[step], state.reason[step] = Status.SUCCEEDED, 'ok'\n",
        "kill",
        _JOURNAL,
        "without a fault it ends with 1",
    ),
    Mutant(
        "what was open when the owner died is not opened again",
        "model/fold.py",
        "        elif status is Status.RUNNING:\n",
        "        elif status is Status.RUNNING and step not in state.begun:\n",
        "kill",
        _JOURNAL,
        "it ends as a bug",
    ),
    Mutant(
        "the journal is not synced",
        "run/loop.py",
        "                self._world.journal.sync()\n",
        "                pass\n",
        "power",
        r"^open .*/nodes/",
        "was started and is not in the journal",
    ),
    Mutant(
        "what a child pipeline has opened is not opened again",
        "model/derive.py",
        "        state.phase_unmet[phase] -= 1\n    _advance(plan, state, [phase for",
        "        state.phase_unmet[phase] -= state.epoch == 1\n    _advance(plan, state, [phase for",
        "kill",
        _PIECE,
        "check.piece/paint.coat",
    ),
    Mutant(
        "what a child pipeline has lost of its finally does not run again",
        "model/derive.py",
        "        inner[owner] = inner.get(owner, 0) + len(plan.phase_gates[phase]) + len(plan.phase_nodes[phase])\n",
        "        left = 0 if state.epoch > 1 and plan.phase_final[phase] else len(plan.phase_nodes[phase])\n"
        "        inner[owner] = inner.get(owner, 0) + len(plan.phase_gates[phase]) + left\n",
        "kill",
        _PIECE,
        "check.piece/finally.tidy",
    ),
    Mutant(
        "whether a patch is merged is not looked for",
        "local/trees.py",
        'return self._known.get(f"merged {commit}") or None',
        "return None",
        "kill",
        _TIP,
        "on the branch is build.first, build.goal[a], build.goal[a]",
        "merges",
    ),
    Mutant(
        "what git writes is not synced",
        "local/git.py",
        "core.fsync=objects,reference",
        "core.fsync=none",
        "power",
        _TIP,
        "O643 the",
        "merges",
    ),
    # A merge that was half done has its mutant in tests/test_mutants.py.
    # An error artifact that a power cut emptied and that stays so is no mutant for here: nobody syncs that file, so
    # what a cut leaves of it is up to the kernel (any `sync` saves it). tests/test_mutants.py has it, without a disk.
)
