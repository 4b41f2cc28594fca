"""What orch costs where it can be counted: modules, files, renames, syncs, bytes, turns. No time is measured here."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import PROJECT, Desk

COUNTED = Path(__file__).with_name("counted.py")
FEW, MANY = 10, 30
FOR_A_RUN = 20  # syncs: a run with a single node
HEAVY = {"asyncio", "jinja2", "jsonschema", "multiprocessing", "networkx", "unittest", "xml"}
GATED = """
  main:
    gates:
      agreed: { approval: { subject: [rules.md], require: { editor: 1 } } }
    nodes:
      build: { run: "true" }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path, cold=True)
    desk.write("orch.yaml", PROJECT)
    return desk


def counted(desk: Desk, *words: str, code: int = 0) -> dict[str, Any]:
    said = desk.run([sys.executable, "-B", str(COUNTED), *words])
    told: dict[str, Any] = json.loads(said.out)
    assert told["code"] == code, said.err
    return told


def many(desk: Desk, number: int, run: str = '["true"]') -> None:
    nodes = "".join(f"      n{i:03}: {{ run: {run} }}\n" for i in range(number))
    desk.pipeline(f"  main:\n    nodes:\n{nodes}")


def per_node(tmp_path: Path, *words: str, run: str = '["true"]', project: str = "") -> dict[str, float]:
    """What each further node costs: the difference of two runs that differ in their number of nodes alone."""
    costs = []
    for number in (FEW, MANY):
        desk = Desk.at(tmp_path, f"with_{number}")
        desk.write("orch.yaml", PROJECT + project)
        many(desk, number, run)
        told = counted(desk, "apply", *words)
        told |= {
            "files": len(list(desk.run_dir().rglob("*"))),
            "bytes": (desk.run_dir() / "journal.ndjson").stat().st_size,
        }
        costs.append(told)
    return {key: (costs[1][key] - costs[0][key]) / (MANY - FEW) for key in costs[0] if key != "modules"}


# --- modules


def imported(desk: Desk, *words: str, code: int = 0) -> set[str]:
    return set(counted(desk, *words, code=code)["modules"])


def test_help_imports_next_to_nothing(desk: Desk) -> None:
    modules = imported(desk, "--help")
    assert len(modules) <= 10
    assert not modules & (HEAVY | {"click", "pydantic", "yaml", "json", "subprocess", "dataclasses"})


@pytest.mark.parametrize("words", [["runs"], ["poll", "@last"], ["poll", "@last", "--format", "json"]])
def test_looking_at_runs_imports_nothing_that_reads_yaml(desk: Desk, words: list[str]) -> None:
    many(desk, 1)
    counted(desk, "apply")
    modules = imported(desk, *words)
    assert len(modules) <= 140
    assert not modules & (HEAVY | {"pydantic", "yaml", "subprocess"})


def test_validate_imports_no_engine(desk: Desk) -> None:
    many(desk, 1)
    modules = imported(desk, "validate")
    assert len(modules) <= 300
    assert not modules & (HEAVY | {"subprocess"})
    assert not {name for name in modules if name.startswith(("orch.run", "orch.store", "orch.local", "orch.plan"))}


def test_a_plan_imports_the_reader_of_yaml_once_and_then_takes_the_compiled_one(desk: Desk) -> None:
    many(desk, 1)
    first, second = imported(desk, "plan"), imported(desk, "plan")
    assert len(first) <= 330
    assert not first & HEAVY
    assert len(second) <= 120
    assert not second & (HEAVY | {"pydantic", "yaml", "subprocess"})


def test_a_plan_with_past_runs_imports_no_graphs_and_reads_no_more_runs_than_it_needs(desk: Desk) -> None:
    many(desk, 1)
    for _ in range(3):
        counted(desk, "apply")
    modules = imported(desk, "plan")
    assert len(modules) <= 120
    assert not modules & (HEAVY | {"pydantic", "yaml", "subprocess"})
    told = counted(desk, "plan")
    assert told["journals"] == 2  # the two ends of the newest, then what it says of the one step


@pytest.mark.parametrize("words", [["gate", "list"], ["gate", "show", "agreed"], ["plan"]])
def test_looking_at_a_gate_imports_no_executor(desk: Desk, words: list[str]) -> None:
    desk.write("rules.md", "All text is in English.\n")
    desk.pipeline(GATED)
    modules = imported(desk, *words, *([] if words == ["plan"] else ["--pipeline", "pipelines/main.yaml"]))
    assert len(modules) <= 370
    assert not modules & HEAVY
    assert {name for name in modules if name.startswith("orch.local.")} <= {"orch.local.git"}


def test_a_run_without_adapters_imports_nothing_that_looks_at_a_repository_or_reads_reports(desk: Desk) -> None:
    many(desk, 1, '["false"]')
    said = desk.run([sys.executable, "-B", "-X", "importtime", "-m", "orch", "apply"], code=1)
    modules = {line.rpartition("|")[2].strip() for line in said.err.splitlines() if line.startswith("import time:")}
    assert "orch.run.loop" in modules  # the engine's process tells, too
    only_for_adapters = (
        "orch.app.checkout",
        "orch.app.tools",
        "orch.plan.advice",
        "orch.store.reading",
        "orch.store.read_",
        "orch.store.reports",
    )
    assert not {name for name in modules if name.startswith(only_for_adapters)}


def loaded(desk: Desk, *words: str) -> set[str]:
    """What all processes of a command import, the engine's own included."""
    said = desk.run([sys.executable, "-B", "-X", "importtime", "-m", "orch", *words])
    return {line.rpartition("|")[2].strip() for line in said.err.splitlines() if line.startswith("import time:")}


def test_a_run_without_secrets_imports_nothing_that_reads_or_masks_them(desk: Desk) -> None:
    many(desk, 1)
    modules = loaded(desk, "apply")
    assert "orch.run.loop" in modules
    assert not modules & {"orch.app.secrets", "orch.local.masked", "orch.model.masking", "orch.model.secret_forms"}


# --- files, renames, syncs, bytes, turns


def test_a_quiet_node_costs_one_file_one_rename_and_one_sync(tmp_path: Path) -> None:
    cost = per_node(tmp_path, "--jobs", "1")
    assert (cost["files"], cost["creates"], cost["renames"], cost["folders"]) == (1, 1, 1, 0)
    assert cost["syncs"] == 1


def test_without_durability_a_node_costs_no_sync(tmp_path: Path) -> None:
    assert per_node(tmp_path, "--jobs", "1", project="durability: none\n")["syncs"] == 0


def test_a_node_that_says_something_costs_one_file_more(tmp_path: Path) -> None:
    cost = per_node(tmp_path, "--jobs", "1", run="echo said")
    assert cost["files"] == 2


def test_a_quiet_node_costs_at_most_512_bytes_of_journal(tmp_path: Path) -> None:
    assert per_node(tmp_path, "--jobs", "1")["bytes"] <= 512


def test_a_node_costs_at_most_two_turns_and_two_writes(tmp_path: Path) -> None:
    cost = per_node(tmp_path, "--jobs", "1")
    assert cost["turns"] - cost["idle"] <= 2
    assert cost["writes"] == 2  # its end with the start of the next one, and its manifest


def test_nodes_that_end_together_share_their_sync(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path, cold=True)
    desk.write("orch.yaml", PROJECT)
    many(desk, MANY)
    told = counted(desk, "apply", "--jobs", str(MANY))
    assert told["syncs"] <= told["turns"] + FOR_A_RUN


def test_a_run_costs_a_fixed_number_of_files_folders_and_syncs_besides_its_nodes(desk: Desk) -> None:
    many(desk, 1)
    told = counted(desk, "apply", "--jobs", "1")
    names = {path.relative_to(desk.run_dir()).as_posix() for path in desk.run_dir().rglob("*") if path.is_file()}
    fixed = {"plan.json", "journal.ndjson", "manifest.json", "lock", "owner.json", "beat", "resume-token"}
    assert {name for name in names if not name.startswith("cas/")} == {*fixed, "nodes/main.n000.json"}
    assert len([name for name in names if name.startswith("cas/")]) == 2  # the pipeline and orch.yaml
    assert told["folders"] <= 15
    assert told["syncs"] <= FOR_A_RUN


def test_a_gate_that_opens_on_many_files_syncs_them_together(desk: Desk) -> None:
    desk.pipeline(GATED.replace("rules.md", '"doc/*"').replace('"true"', "test -e ok"))
    costs = []
    for number in (40, 80):
        for name in range(number):
            desk.write(f"doc/{name}", f"{name}\n")
        desk.orch("apply", code=4)
        desk.orch("approve", "agreed", "--role", "editor", "--by", "reader", "--run", "@last")
        costs.append(counted(desk, "resume", "@last", code=1)["syncs"])
    assert costs[0] == costs[1] <= FOR_A_RUN


def test_a_finished_run_that_is_resumed_writes_no_record_and_no_derived_file(desk: Desk) -> None:
    many(desk, FEW)
    counted(desk, "apply")
    before = {path: path.stat().st_mtime_ns for path in desk.run_dir().rglob("*") if path.is_file()}
    told = counted(desk, "resume", "@last")
    assert {path: path.stat().st_mtime_ns for path in desk.run_dir().rglob("*") if path.is_file()} == before
    assert told["syncs"] == 0


def age(desk: Desk, folder: str) -> None:
    """Their digests are kept already: of a file younger than two seconds none is, and then the counts would hang on
    how long the first run takes."""
    index = desk.folder / ".runs" / ".cache"
    index.mkdir(parents=True, exist_ok=True)
    found = {}
    for path in filter(Path.is_file, (desk.folder / folder).rglob("*")):
        status = path.stat()
        name = path.relative_to(desk.folder).as_posix()
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        found[name] = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, sha256]
    (index / "files.json").write_text(json.dumps({"format_version": 1, "files": found}))


def cached_again(tmp_path: Path, number: int) -> dict[str, Any]:
    """A second run of so many nodes that share what they read."""
    desk = Desk.at(tmp_path, f"with_{number}")
    desk.write("orch.yaml", PROJECT)
    desk.write("src/in.txt", "in")
    nodes = "".join(f"      n{i:03}: {{ run: 'true', cache: {{ paths: [src] }} }}\n" for i in range(number))
    desk.pipeline(f"  main:\n    nodes:\n{nodes}")
    age(desk, "src")
    counted(desk, "apply")
    told = counted(desk, "apply", "--jobs", "1")
    assert {desk.node(f"main.n{i:03}")["reason"] for i in range(number)} == {"cached"}
    assert not list((desk.run_dir() / "logs").iterdir())
    return told


def test_a_cached_node_costs_one_file_one_rename_one_write_and_looks_at_nothing_of_its_own(tmp_path: Path) -> None:
    few, many_more = cached_again(tmp_path, FEW), cached_again(tmp_path, MANY)
    cost = {key: (many_more[key] - few[key]) / (MANY - FEW) for key in few if key != "modules"}
    assert (cost["creates"], cost["renames"], cost["writes"], cost["syncs"], cost["turns"]) == (1, 1, 1, 0, 0)
    assert cost["looks"] <= 3  # its manifest is opened and closed


def reading_files_of_their_own(tmp_path: Path, number: int) -> dict[str, Any]:
    """A second run of so many nodes, each of which reads one file that no other reads."""
    desk = Desk.at(tmp_path, f"own_{number}")
    desk.write("orch.yaml", PROJECT)
    nodes = ""
    for i in range(number):
        desk.write(f"src/{i}.txt", "in")
        nodes += f"      n{i:03}: {{ run: 'true', cache: {{ paths: [src/{i}.txt] }} }}\n"
    desk.pipeline(f"  main:\n    nodes:\n{nodes}")
    age(desk, "src")
    counted(desk, "apply")
    told = counted(desk, "apply", "--jobs", "1")
    assert {desk.node(f"main.n{i:03}")["reason"] for i in range(number)} == {"cached"}
    return told


def test_a_file_that_cached_nodes_read_costs_one_look_and_is_not_opened(tmp_path: Path) -> None:
    few, many_more = reading_files_of_their_own(tmp_path, FEW), reading_files_of_their_own(tmp_path, MANY)
    cost = {key: (many_more[key] - few[key]) / (MANY - FEW) for key in few if key != "modules"}
    assert (cost["creates"], cost["renames"], cost["writes"], cost["syncs"], cost["turns"]) == (1, 1, 1, 0, 0)
    assert round(cost["looks"]) == 3  # one, beside its manifest, which is opened and closed


def reading_the_same_folders(tmp_path: Path, folders: int) -> int:
    """What a first run of twelve children looks at that all read so many folders."""
    desk = Desk.at(tmp_path, f"folders_{folders}")
    desk.write("orch.yaml", PROJECT)
    for i in range(folders):
        desk.write(f"src/{i}/in.txt", "in")
    keys = list(range(12))
    node = f"{{ matrix: {{ k: {keys} }}, run: [echo, '${{{{ matrix.k }}}}'], cache: {{ paths: ['src/**'] }} }}"
    desk.pipeline(f"  main: {{ nodes: {{ n: {node} }} }}\n")
    age(desk, "src")
    looks: int = counted(desk, "apply", "--jobs", "1")["looks"]
    kept = (desk.folder / ".runs" / ".cache" / "results.ndjson").read_text()
    assert sum('"step"' in line for line in kept.splitlines()) == len(keys)
    return looks


def test_children_that_read_the_same_files_share_the_walks_through_them(tmp_path: Path) -> None:
    few, many_more = reading_the_same_folders(tmp_path, FEW), reading_the_same_folders(tmp_path, MANY)
    assert (many_more - few) / (MANY - FEW) <= 4  # a walk before the first, one after the last, and one in a while


def test_a_pipeline_without_a_cache_imports_nothing_that_looks_at_files_and_makes_no_folder_for_it(desk: Desk) -> None:
    many(desk, 1)
    modules = loaded(desk, "apply")
    assert not {name for name in modules if name.startswith(("orch.app.memory", "orch.run.reads", "orch.store.kept"))}
    assert not (desk.folder / ".runs" / ".cache").exists()


# --- lists of runs


def looks(tmp_path: Path, *words: str, same_plan: bool = True) -> float:
    """The system calls that each further run costs a list."""
    costs = []
    numbers = (FEW, MANY) if same_plan else (2, 4)
    for number in numbers:
        desk = Desk.at(tmp_path, f"with_{number}")
        desk.pipeline('  main:\n    nodes:\n      one: { run: "true" }\n', "inputs: { n: { type: string } }\n")
        for n in range(1 if same_plan else number):
            counted(desk, "apply", "--input", f"n={n}")
        (first, *_) = (desk.folder / ".runs/-/cli").iterdir()
        for n in range(number if same_plan else 0):
            shutil.copytree(first, first.with_name(f"20260101T000000Z-{n:06x}"))
        costs.append(counted(desk, "runs", "list", *words)["looks"])
    return (costs[1] - costs[0]) / (numbers[1] - numbers[0])


def test_a_run_in_a_list_costs_four_system_calls_and_three_more_for_a_plan_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    assert looks(tmp_path, "--limit", "all") == 4  # is there a plan; the journal's opening, ends and closing
    assert looks(tmp_path / "own", "--limit", "all", same_plan=False) == 7


def test_a_run_that_is_older_than_the_list_costs_no_system_call(tmp_path: Path) -> None:
    assert looks(tmp_path, "--limit", "1") == 0


# --- the end


def test_a_command_ends_without_taking_apart_what_it_has_made(desk: Desk) -> None:
    script = "import atexit, sys; from orch.__main__ import main; atexit.register(print, 'taken apart'); main()"
    said = desk.run([sys.executable, "-B", "-c", script, "--help"])
    assert said.out.startswith("Usage: orch")
    assert "taken apart" not in said.out


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_ends_well_though_its_streams_were_closed(desk: Desk, closed: str) -> None:
    said = desk.run(["/bin/sh", "-c", f'"$0" -B -m orch --version {closed}', sys.executable])
    assert said.err == ""


def test_the_values_that_travel_and_the_models_are_made_without_compiling_their_annotations() -> None:
    script = (
        "import sys, typing, orch.ports, orch.model.decisions, orch.spec.pipeline, orch.spec.project\n"
        "kinds = [vars(one) for name, module in [*sys.modules.items()] if name.startswith('orch.')\n"
        "         for one in vars(module).values() if isinstance(one, type) and one.__module__ == name]\n"
        "hints = [hint for kind in kinds for hint in kind.get('__annotations__', {}).values()]\n"
        "print(len(hints), sum(isinstance(hint, typing.ForwardRef) for hint in hints))"
    )
    said = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True, check=True)
    hints, compiled = map(int, said.stdout.split())
    assert hints > 300
    assert compiled <= 2  # those whose module is loaded only where a node has secrets
