"""Takes in what an attempt made: its outputs, checked against their declaration, and its artifacts, by digest."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from orch.model.names import file_stem
from orch.store.atomic import BESIDE
from orch.store.cas import Cas, NotKeepable

MAX_OUTPUT_BYTES = 256 * 1024
MAX_CHECK_SECONDS = 5.0

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


class DirHarvest:
    """The harvest of one run."""

    def __init__(self, run_dir: str, cas: Cas) -> None:
        self._run_dir = run_dir
        self._cas = cas

    def output_path(self, stem: str) -> str:
        """A path for `$ORCH_OUTPUT` at which nothing is."""
        folder = f"{self._run_dir}/outputs"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        path = f"{folder}/{stem}.json"
        _remove(path)
        return path

    def outputs(self, stem: str, declared: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        """The attempt's JSON object, or the sentence that says what is wrong with it; the file is removed."""
        path = f"{self._run_dir}/outputs/{stem}.json"
        try:
            data = _read_regular(path, MAX_OUTPUT_BYTES)
        except FileNotFoundError:
            return None, "nothing was written to $ORCH_OUTPUT"
        except ValueError as error:
            return None, f"$ORCH_OUTPUT: {error}"
        except OSError as error:
            return None, f"$ORCH_OUTPUT cannot be read: {error.strerror}"
        finally:
            _remove(path)
        try:
            value = json.loads(data, parse_constant=_no_constant)
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start].encode("unicode_escape").decode()
            return None, f"$ORCH_OUTPUT holds {half}, half of a character, which no text can hold"
        except (ValueError, RecursionError) as error:
            return None, f"$ORCH_OUTPUT is not JSON: {error}"
        if not isinstance(value, dict):
            return None, "$ORCH_OUTPUT is not one JSON object"
        wrong = (
            _check_schema(value, declared["schema"])
            if isinstance(declared.get("schema"), dict)
            else _check(value, declared)
        )
        return (None, wrong) if wrong else (value, None)

    def artifacts(
        self, address: str, cwd: str, paths: Mapping[str, str]
    ) -> tuple[tuple[dict[str, Any], ...], str | None]:
        """Store each declared file, and put a read-only copy where dependants look for it."""
        kept: list[dict[str, Any]] = []
        for name, path in paths.items():
            source = os.path.join(cwd, path)
            try:
                sha256, size = self._cas.put_file(source)
            except NotKeepable as error:
                return (), f"artifact `{name}`: `{path}` {error}"
            kept.append({"name": name, "path": path, "sha256": sha256, "bytes": size})
        self._place_copies(address, kept)
        return tuple(kept), None

    def restore(self, address: str, artifacts: Sequence[Mapping[str, Any]]) -> None:
        """Put back the copies of an ended step that are missing or not as they were: they are not synced."""
        folder = f"{self._run_dir}/artifacts/{file_stem(address)}"
        self._place_copies(address, [one for one in artifacts if not _holds(f"{folder}/{one['name']}", one["sha256"])])

    def _place_copies(self, address: str, artifacts: Sequence[Mapping[str, Any]]) -> None:
        from shutil import copyfile

        folder = f"{self._run_dir}/artifacts/{file_stem(address)}"
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for artifact in artifacts:
            target = f"{folder}/{artifact['name']}"
            copyfile(self._cas.path_of(artifact["sha256"]), target + BESIDE)
            os.chmod(target + BESIDE, 0o444)
            os.replace(target + BESIDE, target)


def _remove(path: str) -> None:
    """Whatever a command has put there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        from shutil import rmtree

        rmtree(path)


def _holds(path: str, sha256: str) -> bool:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False


def _read_regular(path: str, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"over {limit // 1024} KiB")
    return data


def _check(value: dict[str, Any], declared: Mapping[str, str]) -> str | None:
    missing = [name for name in declared if name not in value]
    if missing:
        return f"output `{missing[0]}` is missing from $ORCH_OUTPUT"
    extra = [name for name in value if name not in declared]
    if extra:
        return f"$ORCH_OUTPUT holds `{extra[0]}`, which `outputs` does not declare"
    wrong = [name for name, kind in declared.items() if not _TYPES[kind](value[name])]
    return f"output `{wrong[0]}` is not of type {declared[wrong[0]]}" if wrong else None


@contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """A pattern in a schema can take for ever on a text that a command chose: TimeoutError after this long. For the
    main thread; regular expressions look for signals while they search."""

    def over(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    former = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


def _check_schema(value: dict[str, Any], schema: Mapping[str, Any]) -> str | None:
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    check = jsonschema.Draft202012Validator(schema, registry=Registry())  # an empty one: nothing is fetched
    try:
        with _bounded(MAX_CHECK_SECONDS):
            error = next(iter(check.iter_errors(value)), None)
    except TimeoutError:
        return f"$ORCH_OUTPUT could not be checked against its schema in {MAX_CHECK_SECONDS:.0f} s"
    except (Unresolvable, RecursionError, re.error) as failure:
        return f"the schema of $ORCH_OUTPUT cannot be used: {str(failure)[:300]}"
    if error is None:
        return None
    where = "/".join(str(part) for part in error.absolute_path)
    return f"$ORCH_OUTPUT is not as its schema says{f' at {where}' if where else ''}: {error.message[:300]}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
