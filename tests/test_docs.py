"""The documentation is true: its links lead somewhere, its pipelines load, its commands run as shown."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
from command import ENGINE

from orch.model.names import file_stem
from orch.spec.matrix import expand

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "changelog.d/*.md", "evaluation/*/*.md", "fixtures/*/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in ("cli.md", "errors.md", "benchmarks.md")
)
TRANSCRIPTS = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("quickstart", "adapters", "testing"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
PROJECT = """apiVersion: orch/v1
kind: Project
id: 3f1c2a7e-9b54-4d1e-8a60-5c7d2e9f4b13
people: { mlee: { emails: [m.lee@example.com] } }
roles: { release_manager: [mlee], security: [mlee], editor: [mlee] }
"""
FILE = re.compile(r"# ([\w./-]+\.(?:yaml|md|sh|py))\n")


class Block(NamedTuple):
    """A fenced block: its language, its text and the line it starts on."""

    language: str
    text: str
    line: int


class Command(NamedTuple):
    """A line `$ command  # exit N`, and the lines that it is said to print (`…` stands for anything)."""

    text: str
    code: int
    prints: list[str]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [Block(m[1], m[2], text.count("\n", 0, m.start()) + 2) for m in FENCE.finditer(text)]


def documents() -> list[object]:
    """Every whole document shown: a YAML block with an apiVersion at the start of a line."""
    return [
        pytest.param(page, block.text, id=f"{page.relative_to(ROOT)}:{block.line}")
        for page in PAGES
        for block in blocks(page)
        if block.language == "yaml" and re.search(r"^apiVersion:", block.text, re.M)
    ]


def commands(text: str) -> list[Command]:
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            command, _, code = line[2:].partition("  # exit ")
            found.append(Command(command, int(code or 0), []))
        elif line.strip() not in ("", "…"):
            found[-1].prints.append(line.strip())
    return found


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as a user with a fresh account and a bare git would."""
    home = cwd.parent / "home"
    home.mkdir(exist_ok=True)
    env = {
        **ENGINE,
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    argv = ["/bin/sh", "-c", command]
    return subprocess.run(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to work in; the account's home lies beside it."""
    made = tmp_path / "project"
    made.mkdir()
    return made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_within_a_page_names_one_of_its_headings(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    headings = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    private = r"(?:(?<![\w.])/(?:root|home|tmp|work|Users)/|pypi\.org|npmjs|pythonhosted)\S*"
    assert not re.findall(private, page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("page", "text"), documents())
def test_every_document_shown_is_valid_beside_those_that_its_page_gives_a_name(
    page: Path, text: str, folder: Path
) -> None:
    name = "orch.yaml" if "kind: Project" in text else "pipelines/shown.yaml"
    (folder / "pipelines").mkdir()
    (folder / "orch.yaml").write_text(PROJECT)
    for block in blocks(page):
        if (named := FILE.match(block.text)) and named[1].startswith("pipelines/"):
            (folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / named[1]).write_text(block.text[named.end() :])
    (folder / name).write_text(text)
    done = run(f"orch validate {name}", folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", TRANSCRIPTS, ids=lambda page: page.name)
def test_what_a_page_says_to_type_does_what_it_says(page: Path, folder: Path) -> None:
    ran = 0
    for block in blocks(page):
        if named := FILE.match(block.text):
            path = folder / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text[named.end() :])
        if block.language != "console":
            continue
        for command in commands(block.text):
            ran += 1
            done = run(command.text, folder)
            said = done.stdout + done.stderr
            assert done.returncode == command.code, f"{page.name}:{block.line}: {command.text}\n{said}"
            for line in command.prints:
                pattern = ".*".join(re.escape(piece) for piece in re.sub(r"\s+", " ", line).split("…"))
                assert re.search(pattern, re.sub(r"[ \t]+", " ", said)), f"{command.text}: no {line!r} in\n{said}"
    assert ran


def test_every_command_that_a_page_names_exists(folder: Path) -> None:
    told = {
        verb
        for page in PAGES
        for verb in re.findall(r"(?:`|\$ |^ *)orch ([a-z]+)", page.read_text(encoding="utf-8"), re.M)
    }
    listed = run("orch --help", folder).stdout
    assert told
    assert not {verb for verb in told if not re.search(rf"^ +{verb}\b", listed, re.M)}


def test_every_error_code_that_a_page_names_has_a_page_of_its_own() -> None:
    from orch.problems.catalogue import CODES

    told = {code for page in PAGES for code in re.findall(r"\bO[0-7]\d\d\b", page.read_text(encoding="utf-8"))}
    assert told
    assert told <= set(CODES)


def test_every_key_of_an_adapter_and_of_a_case_is_on_its_page() -> None:
    from orch.spec.places import ADAPTER, CASE, keys

    page = (ROOT / "docs" / "adapters.md").read_text(encoding="utf-8")
    told = set(re.findall(r"(\w+)(?:`|:\s)", page))
    assert not {key for place in (*ADAPTER.values(), *CASE.values()) for key in keys(place)} - told


def test_every_key_of_stubs_and_cases_is_on_the_page_of_testing() -> None:
    from orch.spec.places import STUBS, TEST, keys

    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)` \|", page, re.M))
    assert not {key for place in (*STUBS.values(), *TEST.values()) for key in keys(place)} - told


def test_every_key_of_a_node_and_of_a_project_is_on_the_page_of_the_language() -> None:
    from orch.spec.places import PIPELINE, PROJECT, keys

    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    told = set(re.findall(r"(\w+)(?:`|:\s)", page))
    places = [PIPELINE["phases", "*", "nodes", "*"], *PROJECT.values()]
    assert not {key for place in places for key in keys(place)} - told


def test_every_key_of_a_pipeline_and_of_a_project_stands_in_an_example() -> None:
    from orch.spec.places import PIPELINE, PROJECT, keys

    pages = [ROOT / "docs" / f"{name}.md" for name in ("language", "gates", "adapters")]
    shown = "\n".join(block.text for page in pages for block in blocks(page) if block.language == "yaml")
    every = {key for place in (*PIPELINE.values(), *PROJECT.values()) for key in keys(place)}
    assert [key for key in sorted(every) if not re.search(rf"(?<![\w-]){key}\s*:", shown)] == []


def test_the_keys_and_file_names_that_the_page_of_the_language_shows_are_those_that_a_run_has() -> None:
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([^`]+)`(?:, beside `([^`]+)`)? \| (?:`([^`]+)`|the same) \| `nodes/(.+)\.json` \|$", text, re.M
    )
    assert len(rows) == 4
    for written, beside, address, stem in rows:
        if address:
            (key, _), *_ = expand({"unit": [written, *filter(None, [beside])]}, None, {})
            assert f"test.unit[{key}]" == address
        assert file_stem(address or written) == stem


def test_every_exit_code_is_in_the_readme() -> None:
    from orch.problems.problem import Exit

    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## Exit codes")[1].split("##")[0]
    told = {int(code) for cells in re.findall(r"^\| ([\d, ]+) \|", table, re.M) for code in cells.split(",")}
    assert told == {int(code) for code in Exit}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    told = re.findall(r"`([\w./-]+(?:\.py|/))`", FENCE.sub("", page.read_text(encoding="utf-8")))
    code = [name for name in told if name.endswith(".py") or page.name == "architecture.md"]
    tops = (ROOT, ROOT / "engine" / "orch", page.parent)
    assert not [name for name in code if not any((top / name).exists() for top in tops)]


def test_the_layers_on_the_page_about_the_architecture_are_those_of_the_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    layers = [{name.strip() for name in layer.split("|")} for layer in contract["layers"]]
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("## Modules")[1].split("##")[0]
    rows = [re.findall(r"`(\w+)(?:/|\.py)`", row) for row in re.findall(r"^\| (`[^|]+) \|", text, re.M)]
    assert [set(row) for row in rows] == layers


def test_every_make_target_that_a_page_names_exists() -> None:
    told = {t for page in PAGES for t in re.findall(r"(?:`|^)make ([a-z-]+)\b", page.read_text(encoding="utf-8"), re.M)}
    prose = {"dist", "test", "lint", "integration", "benchmarks"}  # those of the pipelines shown
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert told - prose <= targets


def test_the_first_pipeline_of_a_new_project_is_the_one_that_ships(folder: Path) -> None:
    run("orch init", folder)
    written = (folder / "pipelines" / "hello.yaml").read_text(encoding="utf-8")
    assert written == (ROOT / "pipelines" / "hello.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["cli", "errors"])
def test_a_generated_page_is_fresh(name: str) -> None:
    argv = [sys.executable, "-m", "orch.cli.reference", name]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout == (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8"), "run make docs"


@pytest.mark.parametrize("verb", ["poll", "apply", "runs", "runs show", "gate list", "completion"])
def test_the_page_of_commands_has_what_the_help_of_a_command_prints(verb: str, folder: Path) -> None:
    printed = run(f"COLUMNS=200 orch {verb} --help", folder).stdout
    assert "-h, --help" in printed
    assert f"## orch {verb}\n\n```text\n{printed}```" in (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
