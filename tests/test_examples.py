"""`orch init --example`: a project for a stack, whose pipeline sets up, lints, tests and builds what is there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from command import PATH, Desk
from wheels import install_from

from orch.app.bundled import examples

ROOT = Path(__file__).resolve().parents[1]
TOOLS = {
    "go": ("go",),
    "monorepo": ("make",),
    "node": ("node", "npm"),
    "python": ("python3",),
    "rust": ("cargo", "cargo-clippy"),
}
"""What an example needs to run."""
SOURCES = {
    "go": "go.mod",
    "monorepo": "libs/one/Cargo.toml",
    "node": "package.json",
    "python": "setup.py",
    "rust": "Cargo.toml",
}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path)


def counted(desk: Desk) -> int:
    """How many tests of the newest run passed."""
    (number,) = re.findall(r"^tests +(\d+) passed$", desk.orch("runs", "show", "@last").out, re.M)
    return int(number)


def test_there_is_an_example_of_each_stack_and_one_of_several() -> None:
    assert examples() == ["go", "monorepo", "node", "python", "rust"]


@pytest.mark.parametrize("name", examples())
def test_an_example_in_an_empty_folder_is_valid_and_its_plan_has_no_warning(desk: Desk, name: str) -> None:
    said = desk.orch("init", "--example", name)
    assert "wrote pipelines/ci.yaml" in said.out
    assert not (desk.folder / "pipelines" / "hello.yaml").exists()
    desk.orch("validate")
    planned = desk.orch("plan", "pipelines/ci.yaml")
    assert {"setup.setup", "check.test"} <= set(re.findall(r"^  \+ ([\w.]+)", planned.out, re.M))
    assert not re.findall(r"warning\[(?!O407)", planned.err)


@pytest.mark.parametrize("name", examples())
def test_the_pipeline_of_an_example_is_short(name: str) -> None:
    text = (ROOT / "pipelines" / "examples" / name / "pipelines" / "ci.yaml").read_text()
    assert len(text.splitlines()) <= 25
    assert "adapter: auto" in text


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", examples())
def test_an_example_runs_without_a_network_and_its_tests_are_counted(desk: Desk, name: str) -> None:
    offline = {"GOPROXY": "off", "CARGO_NET_OFFLINE": "true", "npm_config_offline": "true"}
    install_from(desk, *(["hatchling", "editables"] if name == "python" else []))
    path = f"{PATH}:{Path.home()}/.cargo/bin"
    if missing := [tool for tool in TOOLS[name] if shutil.which(tool, path=path) is None]:
        pytest.skip(f"{' and '.join(missing)} not installed")
    desk.env |= {"PATH": path, **offline}
    if name == "rust":
        desk.env["RUSTUP_HOME"] = f"{Path.home()}/.rustup"
    desk.write("orch.yaml", f"env: {{ pass: [RUSTUP_HOME, {', '.join(offline)}] }}\n")
    desk.orch("init", "--example", name)
    desk.orch("apply", "pipelines/ci.yaml", seconds=500)
    assert counted(desk) == 1
    desk.orch("verify", "@last")


@pytest.mark.parametrize("name", examples())
def test_in_a_folder_with_sources_an_example_adds_the_pipeline_and_no_sources(desk: Desk, name: str) -> None:
    desk.write(SOURCES[name], "")
    before = desk.files()
    desk.orch("init", "--example", name)
    added = {Path(path).relative_to(desk.folder) for path in desk.files().keys() - before.keys()}
    assert {path.parts[0] for path in added} == {"orch.yaml", "pipelines", "schemas"}
    assert before.items() <= desk.files().items()
    desk.orch("validate")


def test_a_file_that_an_example_would_write_is_kept_as_it_is(desk: Desk) -> None:
    desk.write("pipelines/ci.yaml", "mine\n")
    desk.write("hello.js", "mine\n")
    said = desk.orch("init", "--example", "node")
    assert "kept  pipelines/ci.yaml" in said.out
    assert "orch apply pipelines/ci.yaml" in said.out
    assert (desk.folder / "pipelines" / "ci.yaml").read_text() == (desk.folder / "hello.js").read_text() == "mine\n"


def test_a_project_that_is_made_a_second_time_is_told_the_name_of_a_pipeline(desk: Desk) -> None:
    for path in ("pipelines/hello.yaml", "pipelines/zz.yaml"):
        said = desk.orch("init")
        assert "orch plan pipelines/hello.yaml\n" in said.out
        desk.orch("plan", "pipelines/hello.yaml")
        desk.write(path, (desk.folder / "pipelines/hello.yaml").read_text())


def test_the_pipeline_of_several_packages_names_those_that_are_there(desk: Desk) -> None:
    for path in ("libs/one/go.mod", "libs/two/Cargo.toml", "libs/two/sub/Cargo.toml", "site/Makefile", "notes/a.txt"):
        desk.write(path, "")
    desk.orch("init", "--example", "monorepo")
    planned = desk.orch("plan", "pipelines/ci.yaml").out
    assert set(re.findall(r"setup\.setup\[(.*?)\]", planned)) == {"one", "two", "site"}


def test_packages_whose_folders_have_one_name_are_told_apart_by_their_paths(desk: Desk) -> None:
    desk.write("go/api/go.mod", "")
    desk.write("rust/api/Cargo.toml", "")
    desk.orch("init", "--example", "monorepo")
    assert {"go-api", "rust-api"} <= set(re.findall(r"\[(.*?)\]", desk.orch("plan", "pipelines/ci.yaml").out))


def test_the_only_package_of_a_folder_may_be_the_folder_itself(desk: Desk) -> None:
    desk.write("go.mod", "")
    desk.orch("init", "--example", "monorepo")
    assert "setup.setup[root]" in desk.orch("plan", "pipelines/ci.yaml").out


def test_an_unknown_example_is_wrong_usage_and_all_are_named(desk: Desk) -> None:
    said = desk.orch("init", "--example", "cobol", code=2)
    assert all(f"'{name}'" in said.err for name in examples())
    assert not list(desk.folder.iterdir())
