"""What an attempt hands over: outputs as declared, artifacts as they are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orch.local.executor import LocalExecutor
from orch.model.attempt import Attempt, StartError
from orch.model.events import Finished
from orch.ports import Fault
from orch.store.cas import FEW, Cas
from orch.store.copies import copies, put_back
from orch.store.harvest import MAX_OUTPUT_BYTES, DirHarvest


@pytest.fixture
def harvest(tmp_path: Path) -> DirHarvest:
    return DirHarvest(str(tmp_path), Cas(str(tmp_path), durable=False), {"ENGINES": "own"})


ENDED = Attempt("build.a", 1, ("sh",), {"PYTHONPATH": "of-the-step", "PYTHONHOME": "/nowhere"}, "/", None, "build.a.1")


def made_in(folder: Path, address: str = "a.b", root: Path | None = None) -> Attempt:
    return ENDED._replace(address=address, cwd=str(folder), root=os.path.realpath(root or folder))


def hand_over(harvest: DirHarvest, text: str, **declared: object) -> tuple[dict[str, object] | None, str | None]:
    path = harvest.output_path("0.1")
    Path(path).write_text(text)
    outputs, wrong = harvest.outputs("0.1", declared)
    assert not os.path.exists(path)
    check = harvest.check(ENDED, declared, outputs) if outputs is not None else None
    if check is None:
        return outputs, wrong.sentence if wrong is not None else None
    executor = LocalExecutor(os.path.dirname(os.path.dirname(path)))
    running = executor.begin(check)
    while running not in executor.wait(10):
        pass
    wrong = harvest.verdict(check, executor.collect(running))
    executor.close()
    assert os.listdir(os.path.dirname(path)) == []
    return (None, wrong.sentence) if wrong else (outputs, None)


def test_outputs_of_every_declared_type_are_taken(harvest: DirHarvest) -> None:
    given = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": [1], "f": {"g": None}}
    types = {"a": "string", "b": "integer", "c": "number", "d": "boolean", "e": "list", "f": "object"}
    assert hand_over(harvest, json.dumps(given), **types) == (given, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "not one JSON object"),
        ('{"n": NaN}', "NaN is not JSON"),
        ("{}", "output `n` is missing"),
        ('{"n": "1"}', "not of type integer"),
        ('{"n": true}', "not of type integer"),
        ('{"n": 1, "m": 2}', "`m`, which `outputs` does not declare"),
        ('{"n": ' + "1" * MAX_OUTPUT_BYTES + "}", "over 256 KiB"),
        ('{"n": ' + "[" * 100_000, "nested more than 64 deep"),
        ('{"n": ' + "[" * 960 + "]" * 960 + "}", "nested more than 64 deep"),
        ('{"n": 1, "n": 2}', 'the key "n" stands there twice'),
        ('{"n": 18446744073709551616}', "more than 64 bits"),
        ('{"n": -9223372036854775809}', "more than 64 bits"),
        ('{"n": ' + "1" * 5000 + "}", "more than 64 bits"),
    ],
)
def test_outputs_that_are_not_as_declared_are_refused_with_the_reason(
    harvest: DirHarvest, text: str, said: str
) -> None:
    outputs, wrong = hand_over(harvest, text, n="integer")
    assert outputs is None
    assert wrong is not None
    assert said in wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r'{"v": "a\ud800"}', r"holds \ud800, half of a character"),
        (r'{"v": {"deep": ["\udfff\ud800"]}}', r"holds \udfff"),
        (r'{"v": {"\ud800": 1}}', r"holds \ud800"),
        ('{"v": 1e400}', "not JSON"),
        (r'{"v": "\ud83d\ude00"}', None),
    ],
)
def test_an_output_that_no_record_could_hold_is_refused(harvest: DirHarvest, text: str, said: str | None) -> None:
    schema = {"schema": {"type": "object"}}
    outputs, wrong = hand_over(harvest, text, **schema)
    assert (outputs is None) == (said is not None)
    assert (said or "") in (wrong or "")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ('{"v": ' + "[" * 63 + "]" * 63 + "}", True),
        ('{"v": ' + "[" * 64 + "]" * 64 + "}", False),
        ('{"v": 18446744073709551615, "w": -9223372036854775808, "x": {"v": 1}}', True),
    ],
)
def test_outputs_are_64_deep_and_whole_numbers_have_64_bits_at_most(
    harvest: DirHarvest, text: str, taken: bool
) -> None:
    outputs, wrong = hand_over(harvest, text, schema={})
    assert (outputs == json.loads(text)) == (wrong is None) == taken


def test_nothing_written_is_said(harvest: DirHarvest) -> None:
    harvest.output_path("0.1")
    assert harvest.outputs("0.1", {"n": "integer"}) == (None, Fault("nothing was written to $ORCH_OUTPUT"))


def test_a_link_in_place_of_the_output_is_not_followed(harvest: DirHarvest, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"n": 1}')
    os.symlink(tmp_path / "other.json", harvest.output_path("0.1"))
    outputs, wrong = harvest.outputs("0.1", {"n": "integer"})
    assert outputs is None
    assert wrong is not None


def test_a_folder_in_place_of_the_output_is_refused_and_removed(harvest: DirHarvest) -> None:
    path = Path(harvest.output_path("0.1"))
    (path / "deep").mkdir(parents=True)
    assert harvest.outputs("0.1", {"n": "integer"}) == (None, Fault("$ORCH_OUTPUT: not a regular file"))
    assert not path.exists()


def test_a_schema_decides_where_one_is_declared(harvest: DirHarvest) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"minimum": 2}}}
    assert hand_over(harvest, '{"n": 2, "more": 1}', schema=schema) == ({"n": 2, "more": 1}, None)
    assert "at n: 1 is less than" in str(hand_over(harvest, '{"n": 1}', schema=schema)[1])


@pytest.mark.parametrize(
    ("schema", "text", "said"),
    [
        ({"properties": {"s": {"pattern": "^(a+)+$"}}}, json.dumps({"s": "a" * 40 + "!"}), "could not be checked"),
        ({"$ref": "http://localhost:9/schema.json"}, "{}", "cannot be used"),
        ({"properties": {"n": {"$ref": "#/properties/n"}}}, '{"n": 1}', "cannot be used"),
        ({"properties": {"n": {"multipleOf": 1e-320}}}, '{"n": 18446744073709551615}', "$ORCH_OUTPUT"),
        ({"additionalProperties": False}, json.dumps({"k" * 100_000: 1}), "is not as its schema says"),
        ({"properties": {"s": {"const": "\ud800"}}}, '{"s": "ü"}', "is not as its schema says at s"),
    ],
)
def test_a_check_against_any_schema_ends_in_a_sentence(
    harvest: DirHarvest, monkeypatch: pytest.MonkeyPatch, schema: object, text: str, said: str
) -> None:
    monkeypatch.setattr("orch.store.harvest.MAX_CHECK_SECONDS", 1.0)
    assert said in str(hand_over(harvest, text, schema=schema)[1])


def test_a_check_runs_with_the_engines_modules_and_environment_and_not_with_the_steps(harvest: DirHarvest) -> None:
    harvest.output_path("0.1")
    check = harvest.check(ENDED, {"schema": {}}, {})
    assert check is not None
    assert check.argv[:3] == (sys.executable, "-I", "-S")
    assert (check.env, check.cwd == ENDED.cwd, check.stem) == ({"ENGINES": "own"}, False, "build.a.1.check")
    assert harvest.check(ENDED, {"schema": "string"}, {"schema": "x"}) is None


def test_a_check_that_cannot_start_or_is_killed_is_no_success(harvest: DirHarvest, tmp_path: Path) -> None:
    harvest.output_path("0.1")
    check = harvest.check(ENDED, {"schema": {}}, {})
    assert check is not None
    assert "no process is free" in str(harvest.verdict(check, StartError("no process is free", "")))
    for script, said in (("kill -9 $$", "signal 9"), ("echo broken >&2; exit 1", "exit code 1; see logs/")):
        executor = LocalExecutor(str(tmp_path))
        running = executor.begin(check._replace(argv=("/bin/sh", "-c", script)))
        while running not in executor.wait(10):
            pass
        assert said in str(harvest.verdict(check, executor.collect(running)))
        executor.close()


def test_an_artifact_is_kept_by_digest_and_copied_for_dependants(harvest: DirHarvest, tmp_path: Path) -> None:
    (tmp_path / "made.txt").write_text("made")
    kept, wrong = harvest.artifacts(made_in(tmp_path, "build.pkg"), {"out": "made.txt"})
    assert wrong is None
    assert kept[0]["bytes"] == 4
    copy = tmp_path / "artifacts/build.pkg/out"
    assert copy.read_text() == "made"
    assert copy.stat().st_mode & 0o777 == 0o444


def test_an_artifact_that_was_not_made_or_is_a_link_fails_with_the_reason(harvest: DirHarvest, tmp_path: Path) -> None:
    assert "does not exist" in str(harvest.artifacts(made_in(tmp_path), {"out": "none"})[1])
    os.symlink("/etc/hostname", tmp_path / "link")
    assert "symbolic link" in str(harvest.artifacts(made_in(tmp_path), {"out": "link"})[1])


def test_an_artifact_does_not_leave_the_project_through_a_folder_that_is_a_link(
    harvest: DirHarvest, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "inside/deep").mkdir(parents=True)
    (project / "inside/file").write_text("inside")
    (tmp_path / "project-2").mkdir()
    (tmp_path / "project-2/file").write_text("outside")
    (project / "absolute").symlink_to(tmp_path / "project-2")
    (project / "relative").symlink_to("../project-2")
    for name in ("absolute", "relative"):
        kept, wrong = harvest.artifacts(made_in(project), {"out": f"{name}/file"})
        there = f"{os.path.realpath(tmp_path)}/project-2/file"
        assert (kept, wrong) == ((), Fault(f"artifact `out`: `{name}/file` leads out of the project, to {there}"))
    (project / "there").symlink_to(project / "inside")
    (project / "back").symlink_to("../project/inside")
    (tmp_path / "alias").symlink_to(project)
    for folder, name in (
        (project, "there"),
        (project, "back"),
        (tmp_path / "alias", "there"),
        (project, "inside/../there"),
    ):
        kept, wrong = harvest.artifacts(made_in(folder, root=project), {"out": f"{name}/file"})
        assert (len(kept), wrong) == (1, None)


@pytest.mark.parametrize("number", [1, FEW, FEW + 1])
@pytest.mark.parametrize("durable", [True, False])
def test_bytes_that_are_kept_together_are_all_there_each_once_and_nothing_beside(
    tmp_path: Path, number: int, durable: bool
) -> None:
    cas, wanted = Cas(str(tmp_path), durable=durable), [b"%d" % one for one in range(number)]
    kept = cas.put_together([*wanted, *wanted])
    assert [Path(cas.path_of(sha256)).read_bytes() for sha256 in kept] == [*wanted, *wanted]
    assert cas.put_together([*wanted]) == kept[:number]
    files = [path for path in (tmp_path / "cas").rglob("*") if path.is_file()]
    assert (len(files), {path.stat().st_mode & 0o777 for path in files}) == (number, {0o444})
    assert cas.put_together([]) == []


def test_nothing_is_kept_of_bytes_that_cannot_all_be_read(tmp_path: Path) -> None:
    def several() -> Iterator[bytes]:
        yield b"one"
        raise Unread

    class Unread(Exception):
        pass

    with pytest.raises(Unread):
        Cas(str(tmp_path), durable=True).put_together(several())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_copies_that_are_gone_or_changed_are_put_back(harvest: DirHarvest, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    kept, _ = harvest.artifacts(made_in(tmp_path), {name: name for name in ("one", "two", "three")})
    folder = tmp_path / "artifacts/a.b"
    (folder / "one").unlink()
    (folder / "two").chmod(0o644)
    (folder / "two").write_text("")
    before = (folder / "three").stat().st_ino
    ended = Finished(0, "a.b", 1, True, "succeeded", "ok", 0, artifacts=kept)
    assert put_back(str(tmp_path), copies([ended])) == ["artifacts/a.b/one", "artifacts/a.b/two"]
    assert [(folder / name).read_text() for name in ("one", "two", "three")] == ["one", "two", "three"]
    assert (folder / "three").stat().st_ino == before
