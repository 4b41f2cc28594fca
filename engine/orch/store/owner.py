"""Who owns a run, written down for those who find it locked."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from orch.store.atomic import read_file, write_file
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
