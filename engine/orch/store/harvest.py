"""Takes in what an attempt made: its outputs, checked against their declaration, and its artifacts, by digest."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orch.model.attempt import Attempt, Result, StartError
from orch.ports import Fault
from orch.spec.output_types import TYPES, schema_of
from orch.store.atomic import write_file
from orch.store.cas import Cas, HoldsSecret, NotKeepable
from orch.store.copies import artifact_copy, place
from orch.store.left import read_regular, remove

if TYPE_CHECKING:  # loaded only where a node has secrets
    from orch.model.masking import Mask

MAX_OUTPUT_BYTES = 256 * 1024
MAX_OUTPUT_DEPTH = 64
MAX_CHECK_SECONDS = 5.0
_MAX_SENTENCE_BYTES = 8192
_WHOLE = range(-(1 << 63), 1 << 64)


class DirHarvest:
    """The harvest of one run. `env` is the engine's own environment."""

    def __init__(self, run_dir: str, cas: Cas, env: Mapping[str, str]) -> None:
        self._run_dir = run_dir
        self._cas = cas
        self._env = env

    def output_path(self, stem: str) -> str:
        """A path for `$ORCH_OUTPUT` at which nothing is."""
        folder = f"{self._run_dir}/outputs"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = f"{folder}/{stem}.json"
        remove(path)
        return path

    def outputs(
        self, stem: str, declared: Mapping[str, Any], mask: Mask | None = None
    ) -> tuple[dict[str, Any] | None, Fault | None]:
        """The attempt's JSON object, or what is wrong with it; the file is removed."""
        path = f"{self._run_dir}/outputs/{stem}.json"
        try:
            data = read_regular(path, MAX_OUTPUT_BYTES)
        except FileNotFoundError:
            return None, Fault("nothing was written to $ORCH_OUTPUT")
        except ValueError as error:
            return None, Fault(f"$ORCH_OUTPUT: {error}")
        except OSError as error:
            return None, Fault(f"$ORCH_OUTPUT cannot be read: {error.strerror}")
        finally:
            remove(path)
        if mask is not None and (name := mask.named(data)):
            return None, _leak("$ORCH_OUTPUT", name)
        value, wrong = _parsed(data, declared)
        if mask is None:
            return value, Fault(wrong) if wrong else None
        # JSON can escape a text in more ways than one: what it says counts, and what is said of it
        if name := mask.named("\0".join(_texts(value)).encode()):
            return None, _leak("$ORCH_OUTPUT", name)
        return value, Fault(mask.text(wrong)) if wrong else None

    def check(self, attempt: Attempt, declared: Mapping[str, Any], outputs: Mapping[str, Any]) -> Attempt | None:
        """The process that holds the outputs of this attempt against their schema, where they have one."""
        schema = schema_of(declared)
        if schema is None:
            return None
        asked = f"{self._run_dir}/outputs/{attempt.stem}.check"
        write_file(asked, json.dumps({"schema": schema, "value": outputs}).encode())
        return attempt._replace(
            argv=isolated("orch.spec.output_schema", asked),
            env=self._env,
            cwd=self._run_dir,
            timeout_seconds=MAX_CHECK_SECONDS,
            stem=f"{attempt.stem}.check",
            secrets=None,
        )

    def verdict(self, check: Attempt, end: Result | StartError) -> Fault | None:
        """What the end of a check says of the outputs."""
        remove(check.argv[-1])
        wrong = self._said(check, end)
        return None if wrong is None else Fault(wrong)

    def _said(self, check: Attempt, end: Result | StartError) -> str | None:
        if isinstance(end, StartError):
            return f"$ORCH_OUTPUT could not be checked against its schema: {end.message}"
        if end.exit_code == 0:
            return None
        if end.stopped == "timeout":
            return f"$ORCH_OUTPUT could not be checked against its schema in {check.timeout_seconds:.0f} s"
        if end.exit_code == 1 and end.stdout is not None:
            with suppress(OSError, ValueError):  # its log, which others could have changed
                return read_regular(f"{self._run_dir}/{end.stdout.path}", _MAX_SENTENCE_BYTES).decode()
        how = f"exit code {end.exit_code}" if end.signal is None else f"signal {end.signal}"
        seen = f"; see {end.stderr.path}" if end.stderr is not None else ""
        return f"$ORCH_OUTPUT could not be checked against its schema: the check ended with {how}{seen}"

    def artifacts(self, attempt: Attempt, paths: Mapping[str, str]) -> tuple[tuple[dict[str, Any], ...], Fault | None]:
        """Store each declared file, and put a read-only copy where dependants look for it."""
        mask = attempt.secrets.mask if attempt.secrets is not None else None
        kept: list[dict[str, Any]] = []
        for name, path in paths.items():
            source = os.path.join(attempt.cwd, path)
            try:
                sha256, size = self._cas.put_file(source, attempt.root, mask)
            except HoldsSecret as error:
                return (), _leak(f"artifact `{name}`: `{path}`", error.secret)
            except NotKeepable as error:
                return (), Fault(f"artifact `{name}`: `{path}` {error}")
            kept.append({"name": name, "path": path, "sha256": sha256, "bytes": size})
        for one in kept:
            place(self._cas, one["sha256"], f"{self._run_dir}/{artifact_copy(attempt.address, one['name'])}")
        return tuple(kept), None


def isolated(module: str, *arguments: str) -> tuple[str, ...]:
    """The argv of a process that calls `main` of one of our modules, with the engine's own path: neither the folder nor
    the environment of a step says what is imported."""
    code = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); from {module} import main; main(*sys.argv[2:])"
    path = json.dumps([folder for folder in sys.path if os.path.isabs(folder)])
    return sys.executable, "-I", "-S", "-c", code, path, *arguments


def _leak(what: str, name: str) -> Fault:
    return Fault(f"{what} holds the secret {name}", "secret-in-output")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


def _parsed(data: bytes, declared: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
    try:
        value = json.loads(data, parse_constant=_no_constant, parse_int=_whole, object_pairs_hook=_unique)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start].encode("unicode_escape").decode()
        return None, f"$ORCH_OUTPUT holds {half}, half of a character, which no text can hold"
    except RecursionError:
        return None, _TOO_DEEP
    except ValueError as error:
        return None, f"$ORCH_OUTPUT is not JSON: {error}"
    if _is_deep(value):
        return None, _TOO_DEEP
    if not isinstance(value, dict):
        return None, "$ORCH_OUTPUT is not one JSON object"
    wrong = None if schema_of(declared) is not None else _check(value, declared)
    return (None, wrong) if wrong else (value, None)


def _check(value: dict[str, Any], declared: Mapping[str, str]) -> str | None:
    missing = [name for name in declared if name not in value]
    if missing:
        return f"output `{missing[0]}` is missing from $ORCH_OUTPUT"
    extra = [name for name in value if name not in declared]
    if extra:
        return f"$ORCH_OUTPUT holds `{extra[0]}`, which `outputs` does not declare"
    wrong = [name for name, kind in declared.items() if not TYPES[kind](value[name])]
    return f"output `{wrong[0]}` is not of type {declared[wrong[0]]}" if wrong else None


_TOO_DEEP = f"$ORCH_OUTPUT is nested more than {MAX_OUTPUT_DEPTH} deep"


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_OUTPUT_DEPTH):
        inner: list[Any] = []
        for one in level:
            inner += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        level = inner
    return any(isinstance(one, dict | list) for one in level)


def _whole(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in _WHOLE:
        raise ValueError(f"the number {digits[:12]}… has more than 64 bits")
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)} stands there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
