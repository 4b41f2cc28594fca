"""The key of a step's result: a digest over what the step reads, by name; and how two of them differ. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from orch.model.encoding import encoder

FORMAT = 1
"""Of what a key is made of: a change makes every kept result one that is not found."""
ABSENT = "absent"
FILE, FILES, ARTIFACTS, LISTED = "file ", "files ", "artifacts", 32
"""An input is one file or artifact, or where a glob matches more than so many, or more artifacts are read, the digest
of their list, which `expanded` opens."""

_canonical = encoder(compact=True, in_order=True)


def digest_of(value: Any) -> str:
    """The sha256 (hex) of plain data."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """Plain data as the bytes that are digested; those of a list of files are kept, and are found by their digest."""
    return _canonical(value).encode()


def key_of(step: str, inputs: Mapping[str, str]) -> str:
    """The key (hex) of a step, `<pipeline>/<address>`, that reads this: name → digest."""
    return digest_of([FORMAT, step, inputs])


def laid_out(matches: Mapping[str, Mapping[str, str]]) -> tuple[dict[str, str], dict[str, bytes]]:
    """The inputs that globs stand for, given the digests of the files that each matches; and the lists among them, by
    their digest."""
    inputs: dict[str, str] = {}
    lists: dict[str, bytes] = {}
    for glob, files in matches.items():
        if len(files) <= LISTED:
            for path, digest in files.items():
                inputs[FILE + path] = digest
        else:
            data = canonical(files)
            sha256 = inputs[FILES + glob] = hashlib.sha256(data).hexdigest()
            lists[sha256] = data
    return inputs, lists


def given(artifacts: Mapping[str, str]) -> tuple[dict[str, str], dict[str, bytes]]:
    """Likewise of the artifacts that a step reads, by name."""
    if len(artifacts) <= LISTED:
        return dict(artifacts), {}
    data = canonical(artifacts)
    sha256 = hashlib.sha256(data).hexdigest()
    return {ARTIFACTS: sha256}, {sha256: data}


def expanded(inputs: Mapping[str, str], listing: Callable[[str], bytes | None]) -> dict[str, str]:
    """The same with each list opened, where `listing` knows its bytes by their digest."""
    found: dict[str, str] = {}
    for name, digest in inputs.items():
        prefix = FILE if name.startswith(FILES) else "" if name == ARTIFACTS else None
        data = None if prefix is None else listing(digest)
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            found[name] = digest
        else:
            found.update((f"{prefix}{part}", one) for part, one in json.loads(data).items())
    return found


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What is different between two lists of inputs, each in a few words: what people wrote first, files last."""
    told = [f"{_shown(name)} changed" for name, digest in new.items() if old.get(name, digest) != digest]
    told += [f"{_shown(name)} added" for name in new if name not in old]
    told += [f"{_shown(name)} removed" for name in old if name not in new]
    return told


def because(told: list[str]) -> str:
    """Why a result cannot be used, in one line."""
    if not told:
        return "what it reads changed"
    return told[0] if len(told) == 1 else f"{told[0]}, and {len(told) - 1:,} more"


def _shown(name: str) -> str:
    return name.removeprefix(FILE)
