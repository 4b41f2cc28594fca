"""The adapter for Node.js, on small packages that are really run: `node --test` needs nothing that is not here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from command import Desk

node_is_here = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not installed"
)
PASSES = "require('node:test').test('one', () => {});\n"
MIXED = """const { test, describe, it } = require('node:test');
test('passes', () => {});
test('fails', () => {
  throw new Error('two is not three');
});
test('is left out', { skip: true }, () => {});
describe('a suite', () => {
  it('is counted', () => { console.log('not ok 9 - noise'); });
});
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path, "a project")
    desk.write("orch.yaml", "name: bricks\n")
    return desk


def package(desk: Desk, folder: str = ".", **fields: object) -> None:
    desk.write(f"{folder}/package.json", json.dumps({"name": "brick", "version": "1.0.0", **fields}))


def run(desk: Desk, command: str = "test", *, code: int = 0, more: str = "") -> dict[str, Any]:
    """Run one command of the adapter that `auto` finds; its manifest."""
    desk.pipeline(f"  p:\n    nodes:\n      it: {{ adapter: auto, command: {command}{more} }}\n")
    desk.orch("apply", "pipelines/main.yaml", code=code)
    return desk.node("p.it")


def counts(passed: int, failed: int = 0, skipped: int = 0, errors: int = 0) -> dict[str, int]:
    return {"passed": passed, "failed": failed, "skipped": skipped, "errors": errors}


def findings(desk: Desk) -> list[dict[str, Any]]:
    error: dict[str, Any] = json.loads((desk.run_dir() / "errors" / "01-p-it.json").read_text())
    found: list[dict[str, Any]] = error["details"]["findings"]
    return found


def test_the_cases_of_the_adapter_hold(desk: Desk) -> None:
    assert ", 0 wrong" in desk.orch("adapters", "test", "node").err


@node_is_here
@pytest.mark.parametrize(
    "scripts",
    [
        {"test": "node --test"},
        {"test": "node --test test/"},
        {"test": "node test/wall.test.js"},
        {"test": "npm run test:unit && node -e 0", "test:unit": "node --test"},
    ],
)
def test_tests_of_node_are_counted_and_the_failed_one_has_its_place(desk: Desk, scripts: dict[str, str]) -> None:
    package(desk, scripts=scripts)
    desk.write("test/wall.test.js", MIXED)
    manifest = run(desk, code=1)
    assert manifest["tests"] == counts(passed=2, failed=1, skipped=1)
    (found,) = findings(desk)
    assert (found["file"], found["line"], found["test"]) == ("test/wall.test.js", 4, "fails")
    assert "two is not three" in found["message"]


@node_is_here
def test_passed_tests_of_node_are_counted(desk: Desk) -> None:
    package(desk, scripts={"test": "node --test"})
    desk.write("one.test.js", PASSES)
    desk.write("two.test.js", PASSES)
    manifest = run(desk)
    assert (manifest["status"], manifest["tests"]) == ("succeeded", counts(passed=2))


@node_is_here
def test_a_run_that_found_no_test_is_neither_passed_nor_failed(desk: Desk) -> None:
    package(desk, scripts={"test": "node --test"})
    manifest = run(desk)
    assert (manifest["status"], manifest["reason"]) == ("skipped", "no-tests")


@node_is_here
@pytest.mark.parametrize(
    "scripts", [{}, {"test": ""}, {"test": 'echo "Error: no test specified" && exit 1'}], ids=["none", "empty", "init"]
)
def test_without_a_test_script_the_node_is_skipped(desk: Desk, scripts: dict[str, str]) -> None:
    package(desk, scripts=scripts)
    manifest = run(desk)
    assert (manifest["status"], manifest["reason"]) == ("skipped", "not-configured")


@node_is_here
@pytest.mark.parametrize(("word", "code", "status"), [("true", 0, "succeeded"), ("false", 1, "failed")])
def test_of_a_script_that_is_not_known_the_exit_code_speaks(desk: Desk, word: str, code: int, status: str) -> None:
    package(desk, scripts={"test": f"echo ok 1 of nothing && {word}"})
    manifest = run(desk, code=code)
    assert (manifest["status"], manifest.get("tests")) == (status, None)


@node_is_here
def test_a_script_that_chooses_its_reporter_is_left_as_it_is(desk: Desk) -> None:
    package(desk, scripts={"test": "node --test --test-reporter=dot"})
    desk.write("one.test.js", PASSES)
    manifest = run(desk)
    assert (manifest["status"], manifest.get("tests")) == ("succeeded", None)


def test_a_script_with_many_options_is_understood_in_no_time(desk: Desk) -> None:
    package(desk, scripts={"test": f"node{' --x' * 60} a.js | cat"})
    assert "npm run test" in desk.orch("adapters", "show", "node", seconds=10).out


@node_is_here
def test_a_root_without_tests_runs_those_of_its_workspaces(desk: Desk) -> None:
    package(desk, workspaces=["packages/*"])
    package(desk, "packages/a b", name="ab", scripts={"test": "node -e \"require('fs').writeFileSync('ran', '')\""})
    package(desk, "packages/c", name="c")
    assert run(desk)["status"] == "succeeded"
    assert (desk.folder / "packages/a b/ran").exists()


@node_is_here
def test_one_package_of_several_is_tested_in_its_folder(desk: Desk) -> None:
    package(desk, workspaces=["packages/*"])
    package(desk, "packages/a b", name="ab", scripts={"test": "node --test"})
    desk.write("packages/a b/wall.test.js", MIXED)
    manifest = run(desk, code=1, more=", cwd: packages/a b")
    assert manifest["tests"] == counts(passed=2, failed=1, skipped=1)
    assert findings(desk)[0]["file"] == "packages/a b/wall.test.js"


@node_is_here
def test_setup_of_a_package_without_a_lock_file_leaves_none_behind(desk: Desk) -> None:
    package(desk)
    assert run(desk, "setup")["status"] == "succeeded"
    assert not (desk.folder / "package-lock.json").exists()


@node_is_here
@pytest.mark.parametrize("locked", [True, False])
def test_a_lock_file_that_is_out_of_date_is_told_as_the_cause(desk: Desk, *, locked: bool) -> None:
    package(desk, "stone", name="stone")
    package(desk, dependencies={"stone": "file:stone"})
    root: dict[str, Any] = {"name": "brick", "version": "1.0.0"}
    packages: dict[str, Any] = {"": root}
    if locked:
        packages[""] = {**root, "dependencies": {"stone": "file:stone"}}
        packages |= {"node_modules/stone": {"resolved": "stone", "link": True}, "stone": {"version": "1.0.0"}}
    desk.write("package-lock.json", json.dumps({**root, "lockfileVersion": 3, "requires": True, "packages": packages}))
    manifest = run(desk, "setup", code=0 if locked else 1)
    assert ("the lock file does not fit package.json" in manifest.get("sentence", "")) != locked


@node_is_here
def test_a_registry_that_cannot_be_reached_is_told_as_the_cause(desk: Desk) -> None:
    package(desk, dependencies={"brick-of-nobody": "1.0.0"})
    desk.write(".npmrc", "registry=http://127.0.0.1:9/\n")
    manifest = run(desk, "setup", code=1, more=', env: { npm_config_fetch_retries: "0" }')
    assert manifest["sentence"].endswith("the package registry cannot be reached (is there a network?)")


@node_is_here
@pytest.mark.parametrize(("module", "known"), [("brick-of-nobody", True), ("./brick-of-nobody", False)])
def test_a_module_that_is_not_installed_is_told_as_the_cause(desk: Desk, module: str, *, known: bool) -> None:
    package(desk, scripts={"test": "node wall.js"})
    desk.write("wall.js", f"require('{module}')")
    assert ("`setup` installs what package.json names" in run(desk, code=1)["sentence"]) == known


@node_is_here
def test_a_node_that_the_package_refuses_is_told_as_the_cause(desk: Desk) -> None:
    package(desk, engines={"node": "<1"})
    desk.write(".npmrc", "engine-strict=true\n")
    assert "is too old or too new" in run(desk, "setup", code=1)["sentence"]


@node_is_here
@pytest.mark.parametrize(
    ("command", "script"), [("build", "build"), ("lint", "lint"), ("format", "format"), ("check", "typecheck")]
)
def test_a_script_of_the_command_is_run_and_a_package_without_it_is_skipped(
    desk: Desk, command: str, script: str
) -> None:
    package(desk, scripts={script: "node -e \"require('fs').writeFileSync('ran', '')\""})
    assert run(desk, command)["status"] == "succeeded"
    assert (desk.folder / "ran").exists()
    package(desk)
    assert run(desk, command)["reason"] == "not-configured"
