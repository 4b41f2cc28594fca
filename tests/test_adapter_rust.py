"""The adapter `rust` on small crates, with cargo and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Desk
from stacks import applied, findings, needs, without_network, without_tools, write

CARGO = '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = 'version = 3\n\n[[package]]\nname = "other"\nversion = "0.1.0"\n'
PASSING = """\
/// ```
/// assert_eq!(small::one( ), 1);
/// ```
pub fn one( ) -> u8 { 1 }
#[test]
fn is_one() { assert_eq!(one(), 1); }
#[test]
#[ignore]
fn is_later() {}
"""
FAILING = "#[test]\nfn is_right() {\n    assert_eq!(1, 2);\n}\n#[test]\nfn is_there() {}\n"
GOOD, FAILS, EMPTY, BROKEN, SLOPPY, STALE = "the crate", "space", "empty", "broken", "sloppy", "stale"
FOLDERS = (GOOD, FAILS, EMPTY, BROKEN, SLOPPY, STALE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk.at(tmp_path_factory.mktemp("rust"))
    write(desk, GOOD, {"Cargo.toml": CARGO, "src/lib.rs": PASSING})
    write(desk, FAILS, {"Cargo.toml": '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n'})
    for member in ("a", "b"):
        write(desk, f"{FAILS}/{member}", {"Cargo.toml": CARGO.replace("small", member), "src/lib.rs": ""})
    write(desk, f"{FAILS}/a", {"src/lib.rs": FAILING})
    write(desk, EMPTY, {"Cargo.toml": CARGO, "src/main.rs": "fn main() {}\n"})
    write(desk, BROKEN, {"Cargo.toml": CARGO, "src/lib.rs": "\npub fn one() -> Nothing { 1 }\n"})
    write(desk, SLOPPY, {"Cargo.toml": CARGO, "src/lib.rs": "pub fn one() -> u8 {\n    return 1;\n}\n"})
    write(desk, STALE, {"Cargo.toml": CARGO, "Cargo.lock": LOCK, "src/lib.rs": ""})
    commands = [("setup", "build", "check", "test", "format"), ("test",), ("test",), ("build", "test"), ("lint",)]
    return applied(desk, "rust", dict(zip(FOLDERS, [*commands, ("setup",)], strict=True)))


@needs("cargo", "cc")
def test_tests_of_a_crate_in_a_folder_with_a_space_are_counted_with_its_doc_tests(desk: Desk) -> None:
    for command in ("setup", "build", "check"):
        assert desk.node(f"main.{command}_0")["status"] == "succeeded"
    node = desk.node("main.test_0")
    assert node["status"] == "succeeded"
    assert node["tests"] == {"passed": 2, "failed": 0, "skipped": 1, "errors": 0}
    assert (desk.folder / GOOD / "target").is_dir()


@needs("cargo", "cc")
def test_a_failing_test_of_a_workspace_is_told_with_file_line_and_name(desk: Desk) -> None:
    assert desk.node("main.test_1")["reason"] == "command-failed"
    assert desk.node("main.test_1")["tests"] == {"passed": 1, "failed": 1, "skipped": 0, "errors": 0}
    (found,) = findings(desk, "main.test_1")
    assert (found["file"], found["line"], found["test"]) == ("space/a/src/lib.rs", 3, "is_right")
    assert found["message"].startswith("assertion `left == right` failed")


@needs("cargo", "cc")
def test_a_crate_without_tests_is_skipped_and_not_passed(desk: Desk) -> None:
    node = desk.node("main.test_2")
    assert (node["status"], node["reason"]) == ("skipped", "no-tests")


@needs("cargo", "cc")
@pytest.mark.parametrize("command", ["build", "test"])
def test_a_crate_that_cannot_be_built_is_told_with_file_and_line(desk: Desk, command: str) -> None:
    assert desk.node(f"main.{command}_3")["reason"] == "command-failed"
    (found,) = findings(desk, f"main.{command}_3")
    assert (found["file"], found["line"]) == ("broken/src/lib.rs", 2)
    assert found["message"].startswith("error[E0412]") or found["message"].startswith("error[E0425]")


@needs("cargo", "cargo-clippy")
def test_what_clippy_warns_of_fails_with_file_and_line(desk: Desk) -> None:
    (found,) = findings(desk, "main.lint_4")
    assert (found["file"], found["line"]) == ("sloppy/src/lib.rs", 2)
    assert "return" in found["message"]


@needs("cargo", "cargo-fmt")
def test_format_rewrites_files(desk: Desk) -> None:
    assert desk.node("main.format_0")["status"] == "succeeded"
    assert "pub fn one() -> u8 {" in (desk.folder / GOOD / "src/lib.rs").read_text()


@needs("cargo")
def test_a_lock_file_that_does_not_fit_is_left_alone_and_the_cause_told(desk: Desk) -> None:
    assert "Cargo.lock does not fit Cargo.toml" in desk.node("main.setup_5")["sentence"]
    assert (desk.folder / STALE / "Cargo.lock").read_text() == LOCK


@needs("cargo")
def test_without_a_network_the_cause_is_told(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", "env: { pass: [CARGO_NET_RETRY] }\n")
    desk.env["CARGO_NET_RETRY"] = "0"
    desk.write("Cargo.toml", f'{CARGO}[dependencies]\nfnv = "1"\n')
    desk.write("src/lib.rs", "")
    assert "the registry of crates cannot be reached" in without_network(desk, "rust")


@pytest.mark.parametrize("command", ["setup", "test"])
def test_without_cargo_nothing_starts_and_the_command_that_installs_it_is_told(tmp_path: Path, command: str) -> None:
    desk = Desk.at(tmp_path)
    desk.write("Cargo.toml", CARGO)
    assert "apt-get install cargo" in without_tools(desk, "rust", command)
