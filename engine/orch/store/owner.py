"""Who owns a run, written down for those who find it locked."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple

from orch.model.events import Opened
from orch.store.atomic import read_file, write_file
from orch.store.beat import read_beat
from orch.store.rundir import RunDir

FORMAT_VERSION = 1


class Owner(NamedTuple):
    """A process is (boot id, pid, start time in clock ticks since the boot); `pid` is as seen from the host. `queued`
    is the group in which it waits for a place, before it begins."""

    run_id: str
    epoch: int
    pid: int
    start_time: int
    boot_id: str
    host: str
    queued: str = ""

    def record(self) -> dict[str, Any]:
        """The same as `opened{owner}` holds it: without the epoch, which lies beside it."""
        fields = self._asdict()
        del fields["epoch"], fields["queued"]
        return fields


def write_owner(run: RunDir, owner: Owner) -> None:
    """Say who owns the run; for the holder of the lock, before its `opened`."""
    write_file(f"{run.path}/owner.json", owner_bytes(owner))


def owner_bytes(owner: Owner) -> bytes:
    """owner.json."""
    fields = {name: value for name, value in owner._asdict().items() if name != "queued" or value}
    return json.dumps({"format_version": FORMAT_VERSION, **fields}).encode() + b"\n"


def last_beat_ms(run: RunDir, epoch: int) -> int:
    """When the owner of this epoch was last seen alive; 0 where nobody knows, since another has begun to beat after it.
    For the holder of the lock, before it says that it is the owner."""
    owner, pulse = read_owner(run), read_beat(run)
    its_own = owner is not None and (owner.epoch == epoch or owner.queued)
    return pulse.at if pulse is not None and its_own else 0


def owner_of(opened: Opened) -> Owner | None:
    """The owner that began with this record; None where the record does not say it all."""
    known = {name: opened.owner[name] for name in Owner._fields if name in opened.owner}
    return Owner(**{**known, "epoch": opened.epoch}) if len(known) == len(Owner._fields) - 2 else None


def put_back(run: RunDir, opened: Opened) -> None:
    """What a power cut has taken of the files of the last owner, whose run is over. For the holder of the lock."""
    owner = owner_of(opened)
    if owner is not None and read_owner(run) is None:
        write_owner(run, owner)
    if read_beat(run) is None:
        with suppress(FileNotFoundError):
            os.unlink(f"{run.path}/beat")


def read_owner(run: RunDir) -> Owner | None:
    """Who said last that it owns the run; None where nobody did, or the file is damaged."""
    try:
        fields = json.loads(read_file(f"{run.path}/owner.json"))
        names = (name for name in Owner._fields if name in fields or name not in Owner._field_defaults)
        owner = Owner(**{name: fields[name] for name in names})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    shape = (str, int, int, int, str, str, str)
    return owner if all(type(value) is kind for value, kind in zip(owner, shape, strict=True)) else None
