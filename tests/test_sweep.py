"""The real engine, hit by a fault at the calls by which it changes something, and taken up again: evaluation/sweep."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planting import plant
from seeds import SWEEP_SEED as SEED

ROOT = Path(__file__).parents[1]
SWEEP = ROOT / "evaluation" / "sweep"
SLICES = 6
LEFT_OUT = 77
MERGES = ("--project", "merges")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="faults are made in a pid namespace, which only Linux has"),
    pytest.mark.timeout(600),
]


def sweep(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SWEEP / "sweep.py"), *arguments]
    return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def assert_kept(*arguments: str, **env: str) -> None:
    done = sweep(*arguments, **env)
    print(done.stdout)
    if done.returncode == LEFT_OUT:
        pytest.skip(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def load(name: str):
    spec = importlib.util.spec_from_file_location(f"sweep_{name}", SWEEP / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


inject, mutants = load("inject"), load("mutants")
OTHERS = [fault for fault in inject.FAULTS if fault != "kill"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler for shim.c")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SWEEP / "shim.c"], check=True)
    return {"LD_PRELOAD": str(library), "SWEEP_BELOW": "1"}


@pytest.mark.parametrize("part", range(SLICES))
def test_a_run_that_is_killed_at_any_call_is_finished_by_resume_and_doubles_nothing(part):
    assert_kept("--faults", "kill", "--sample", "90", "--seed", str(SEED), "--slice", f"{part}/{SLICES}")


@pytest.mark.parametrize("fault", OTHERS)
def test_a_write_that_tears_or_fails_ends_in_74_or_in_the_truth_and_is_resumable(fault):
    assert_kept("--faults", fault, "--sample", "5", "--seed", str(SEED))


def test_a_run_whose_power_is_cut_at_any_call_is_finished_by_resume_and_doubles_and_loses_nothing():
    assert_kept("--faults", "power", "--sample", "20", "--seed", str(SEED))


def test_a_patch_is_on_the_branch_once_wherever_the_power_is_cut():
    assert_kept(*MERGES, "--faults", "power", "--sample", "6", "--seed", str(SEED))


def test_an_owner_may_be_killed_while_it_takes_up_a_killed_run():
    assert_kept("--faults", "kill", "--twice", "--sample", "10", "--seed", str(SEED))


@pytest.mark.parametrize("part", range(2))
def test_a_patch_is_on_the_branch_once_wherever_the_owner_is_killed(part):
    assert_kept(*MERGES, "--faults", "kill", "--sample", "10", "--seed", str(SEED), "--slice", f"{part}/2")


def test_a_write_that_tears_or_fails_beside_a_branch_merges_no_patch_twice():
    assert_kept(*MERGES, "--faults", "torn,eio,enospc", "--sample", "2", "--seed", str(SEED))


def test_a_heartbeat_that_is_written_in_part_is_a_failed_write():
    assert_kept("--faults", "short", "--match", "/beat$")


def test_faults_below_the_interpreter_find_no_call_that_the_doubles_miss(shim):
    assert_kept("--faults", "kill,torn,eio", "--sample", "3", "--seed", str(SEED), **shim)


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_the_sweep_notices_that_a_promise_was_taken_out(mutant, tmp_path):
    plant(tmp_path, mutant.file, mutant.old, mutant.new)
    tries = 3 if mutant.fault == "power" else 1  # a sync of anybody's hides what the engine did not sync
    for _ in range(tries):
        words = ("--project", mutant.project, "--faults", mutant.fault, "--match", mutant.match, "--first")
        done = sweep(*words, PYTHONPATH=str(tmp_path))
        if done.returncode:
            break
    if done.returncode == LEFT_OUT:
        pytest.skip(done.stdout)
    assert done.returncode == 1, done.stdout + done.stderr
    assert mutant.says, "the sentence that notices it is to be named"
    assert mutant.says in done.stdout


@pytest.mark.sweep
@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("fault", [*inject.FAULTS, "power"])
def test_every_fault_at_every_call(fault, part):
    assert_kept("--faults", fault, "--slice", f"{part}/{SLICES}")


@pytest.mark.sweep
@pytest.mark.parametrize("part", range(SLICES))
@pytest.mark.parametrize("fault", ["kill", "torn", "eio", "power"])
def test_every_fault_at_every_call_of_a_run_with_trees(fault, part):
    assert_kept(*MERGES, "--faults", fault, "--slice", f"{part}/{SLICES}")


@pytest.mark.sweep
@pytest.mark.parametrize("part", range(SLICES))
def test_every_call_killed_and_then_its_resume(part):
    assert_kept("--faults", "kill", "--twice", "--slice", f"{part}/{SLICES}", "--seed", str(SEED))


@pytest.mark.sweep
@pytest.mark.parametrize("fault", inject.FAULTS)
def test_every_fault_at_every_call_below_the_interpreter(fault, shim):
    assert_kept("--faults", fault, **shim)
