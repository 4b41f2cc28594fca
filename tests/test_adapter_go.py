"""The adapter `go` on small modules, with go and without a network."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from command import Desk
from stacks import applied, findings, needs, without_network, without_tools, write

MODULE = "module example.org/small\n\ngo 1.18\n"
ONE = "package small\n\nfunc One( ) int { return 1 }\n"
PASSING = """\
package small

import "testing"

func TestOne(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			if One() != 1 {
				t.Fatal("not one")
			}
		})
	}
}

func TestLater(t *testing.T) { t.Skip("later") }
"""
FAILING = PASSING.replace("One() != 1", "One() != 2")
GOOD, FAILS, EMPTY, BROKEN, SLOPPY, NEW = "the module", "space", "empty", "broken", "sloppy", "new"
VETTED = 'package small\n\nimport "fmt"\n\nfunc One() { fmt.Printf("%d", "one") }\n'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk.at(tmp_path_factory.mktemp("go"))
    go = shutil.which("go")
    if go is not None:  # what go has built once, it finds again
        desk.env["GOCACHE"] = subprocess.check_output([go, "env", "GOCACHE"], text=True).strip()
        desk.write("orch.yaml", "env: { pass: [GOCACHE] }\n")
    write(desk, GOOD, {"go.mod": MODULE, "one.go": ONE, "one_test.go": PASSING})
    write(desk, GOOD, {"cmd/main.go": "package main\n\nfunc main() {}\n"})
    write(desk, FAILS, {"go.work": 'go 1.18\n\nuse ./a\n\nuse "./the b"\n'})
    write(desk, f"{FAILS}/a", {"go.mod": MODULE.replace("small", "a"), "one.go": ONE, "one_test.go": PASSING})
    write(desk, f"{FAILS}/the b", {"go.mod": MODULE, "one.go": ONE, "one_test.go": FAILING})
    write(desk, EMPTY, {"go.mod": MODULE, "one.go": ONE})
    write(desk, BROKEN, {"go.mod": MODULE, "one.go": ONE, "one_test.go": PASSING.replace("One()", "Two()")})
    write(desk, SLOPPY, {"go.mod": MODULE, "one.go": VETTED})
    write(desk, NEW, {"go.mod": MODULE.replace("1.18", "1.999.0"), "one.go": "package small\n\nvar x = y\n"})
    everything = ("setup", "build", "lint", "check", "test", "format")
    commands = [everything, everything, ("test",), ("test",), ("lint",), ("build",)]
    return applied(desk, "go", dict(zip((GOOD, FAILS, EMPTY, BROKEN, SLOPPY, NEW), commands, strict=True)))


@needs("go")
def test_tests_of_a_module_in_a_folder_with_a_space_are_counted_with_their_parts(desk: Desk) -> None:
    for command in ("setup", "build", "lint", "check", "test"):
        assert desk.node(f"main.{command}_0")["status"] == "succeeded"
    assert desk.node("main.test_0")["tests"] == {"passed": 3, "failed": 0, "skipped": 1, "errors": 0}


@needs("go")
def test_every_module_of_a_workspace_is_built_and_tested(desk: Desk) -> None:
    for command in ("setup", "build", "lint", "check"):
        assert desk.node(f"main.{command}_1")["status"] == "succeeded"
    assert desk.node("main.test_1")["tests"] == {"passed": 3, "failed": 3, "skipped": 2, "errors": 0}


@needs("go")
def test_a_failing_test_is_told_with_file_line_and_name(desk: Desk) -> None:
    assert desk.node("main.test_1")["reason"] == "command-failed"
    found = findings(desk, "main.test_1")
    assert [one["test"] for one in found] == ["TestOne/a", "TestOne/b"]
    assert {one["line"] for one in found} == {9}
    assert all(one["message"].endswith("one_test.go:9: not one") for one in found)
    assert {one["file"] for one in found} <= {"one_test.go", "space/the b/one_test.go"}  # the folder since Go 1.21


@needs("go")
def test_a_module_without_tests_is_skipped_and_not_passed(desk: Desk) -> None:
    node = desk.node("main.test_2")
    assert (node["status"], node["reason"]) == ("skipped", "no-tests")


@needs("go")
def test_tests_that_cannot_be_built_are_told_with_file_and_line(desk: Desk) -> None:
    assert desk.node("main.test_3")["reason"] == "command-failed"
    (found,) = findings(desk, "main.test_3")
    assert (found["file"], found["line"], found["message"]) == ("broken/one_test.go", 8, "undefined: Two")


@needs("go")
def test_what_vet_finds_fails_the_linter(desk: Desk) -> None:
    assert desk.node("main.lint_4")["reason"] == "command-failed"


@needs("go", "gofmt")
def test_format_rewrites_the_files_of_every_module(desk: Desk) -> None:
    for file in (f"{GOOD}/one.go", f"{FAILS}/a/one.go", f"{FAILS}/the b/one.go"):
        assert "func One() int" in (desk.folder / file).read_text()


@needs("go")
def test_a_module_for_a_later_go_has_its_cause_told_and_no_toolchain_is_downloaded(desk: Desk) -> None:
    assert "this go is older than the module needs" in desk.node("main.build_5")["sentence"]


@needs("go")
def test_without_a_network_the_cause_is_told(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("go.mod", f"{MODULE}\nrequire example.com/other v1.0.0\n")
    assert "the module proxy cannot be reached" in without_network(desk, "go")


@pytest.mark.parametrize("command", ["setup", "test"])
def test_without_go_nothing_starts_and_the_command_that_installs_it_is_told(tmp_path: Path, command: str) -> None:
    desk = Desk.at(tmp_path)
    desk.write("go.mod", MODULE)
    assert "apt-get install golang-go" in without_tools(desk, "go", command)
