"""A step with `cache` is not run while what it says it reads is unchanged, and plan and run say the same of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from command import PROJECT, Desk

ORCH = "apiVersion: orch/v1\nkind: Project\nname: shop\n"
NODES = """
  main:
    nodes:
      build:
        run: |
          echo build >> ran
          mkdir -p out
          cat src/* > out/all
          chmod 755 out/all
          printf '{"n": 3}' > "$ORCH_OUTPUT"
        outputs: { n: number }
        artifacts: { all: out/all }
        cache: { paths: [src/**] }
      test:
        needs: [build]
        if: nodes.build.outputs.n == 3
        run: [sh, -c, 'echo test >> ran; cat "$ORCH_ARTIFACTS/main.build/all" > seen']
        env: { LEVEL: low }
        cache: { paths: [tests], env: [CI], tools: [tool] }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", ORCH)
    desk.write("src/a.txt", "a\n")
    desk.write("src/b.txt", "b\n")
    desk.write("tests/test_cart.py", "assert True\n")
    desk.program("tool", "exit 0")
    desk.pipeline(NODES)
    return desk


def planned(desk: Desk) -> dict[str, str]:
    """What a plan says of each step: `cached (since run …)`."""
    steps = json.loads(desk.orch("plan", "--json").out)["steps"]
    return {step["address"]: f"{step['word']} ({step['why']})" for step in steps}


def did(desk: Desk) -> dict[str, str]:
    """What the newest run did: the reason of each step, and why it was run or not."""
    nodes = [json.loads(path.read_text()) for path in (desk.run_dir() / "nodes").iterdir()]
    return {node["address"]: f"{node['reason']} ({node.get('cache', {}).get('because')})" for node in nodes}


def kept(desk: Desk) -> Path:
    return desk.folder / ".runs" / ".cache" / "results.ndjson"


def test_a_step_is_cached_while_what_it_reads_is_unchanged_and_gives_what_it_gave(desk: Desk) -> None:
    assert planned(desk) == {
        "main.build": "run (no result is kept)",
        "main.test": "run (cached or not: known after main.build)",
    }
    desk.orch("apply")
    first = desk.run_dir()
    assert did(desk) == {"main.build": "ok (no result is kept)", "main.test": "ok (no result is kept)"}
    since = f"(since run {first.name})"
    assert planned(desk) == {"main.build": f"cached {since}", "main.test": f"cached {since}"}
    said = desk.orch("apply")
    assert did(desk) == {"main.build": f"cached {since}", "main.test": f"cached {since}"}
    assert desk.lines("ran") == 2
    assert f"main.build  cached since run {first.name}" in said.err
    assert "2 succeeded (2 cached)" in said.out
    assert desk.node("main.test")["inputs"] == json.loads((first / "nodes" / "main.test.json").read_text())["inputs"]
    build = desk.node("main.build")
    assert build["outputs"] == {"n": 3}
    assert build["artifacts"] == json.loads((first / "nodes" / "main.build.json").read_text())["artifacts"]
    assert (build["cache"]["hit"], build["exit_code"], "attempt" in build) == (True, 0, False)
    desk.orch("verify", "@last")


def test_a_third_run_says_since_when_the_result_is_there(desk: Desk) -> None:
    desk.orch("apply")
    since = desk.run_dir().name
    desk.orch("apply")
    desk.orch("apply")
    assert did(desk)["main.test"] == f"cached (since run {since})"


def change_a_file(desk: Desk) -> None:
    desk.write("tests/test_cart.py", "assert True or False\n")


def change_its_mode(desk: Desk) -> None:
    (desk.folder / "tests" / "test_cart.py").chmod(0o755)


def add_a_file(desk: Desk) -> None:
    desk.write("tests/more/test_new.py", "")


def remove_a_file(desk: Desk) -> None:
    desk.write("tests/other.py", "")
    (desk.folder / "tests" / "test_cart.py").unlink()


def set_a_variable(desk: Desk) -> None:
    desk.env["CI"] = "1"


def change_the_tool(desk: Desk) -> None:
    desk.program("tool", "exit 1")


def change_the_command(desk: Desk) -> None:
    desk.pipeline(NODES.replace("echo test", "echo  test"))


def change_its_environment(desk: Desk) -> None:
    desk.pipeline(NODES.replace("LEVEL: low", "LEVEL: high"))


def declare_more(desk: Desk) -> None:
    desk.pipeline(NODES.replace("env: { LEVEL", "artifacts: { seen: seen }\n        env: { LEVEL"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (change_a_file, "tests/test_cart.py changed"),
        (change_its_mode, "tests/test_cart.py changed"),
        (add_a_file, "tests/more/test_new.py added"),
        (remove_a_file, "tests/other.py added, and 1 more"),
        (set_a_variable, "env CI changed"),
        (change_the_tool, "tool tool changed"),
        (change_the_command, "command changed"),
        (change_its_environment, "env LEVEL changed"),
        (declare_more, "outputs and artifacts added"),
    ],
)
def test_what_changed_is_named_by_the_plan_and_by_the_run(desk: Desk, change: Callable[[Desk], None], why: str) -> None:
    desk.orch("apply")
    change(desk)
    since = desk.run_dir().name
    assert planned(desk) == {"main.build": f"cached (since run {since})", "main.test": f"rerun ({why})"}
    desk.orch("apply")
    assert did(desk) == {"main.build": f"cached (since run {since})", "main.test": f"ok ({why})"}
    assert desk.lines("ran") == 3
    assert planned(desk)["main.test"].startswith("cached")


def test_a_step_whose_need_gives_another_artifact_runs_again_and_one_that_gets_the_same_does_not(desk: Desk) -> None:
    desk.orch("apply")
    desk.write("src/a.txt", "aa\n")
    assert planned(desk) == {
        "main.build": "rerun (src/a.txt changed)",
        "main.test": "run (cached or not: known after main.build)",
    }
    desk.orch("apply")
    assert did(desk)["main.test"] == "ok (artifact main.build.all changed)"
    desk.write("src/b.txt", "")
    desk.write("src/a.txt", "aa\nb\n")
    desk.orch("apply")
    assert did(desk)["main.build"] == "ok (src/a.txt changed, and 1 more)"
    assert did(desk)["main.test"].startswith("cached")


def test_what_only_looks_different_makes_nothing_run_again(desk: Desk) -> None:
    desk.orch("apply")
    text = NODES.replace("        needs: [build]\n", "")
    text = text.replace("        env: { LEVEL: low }", "        env: { LEVEL: low } # how much\n        needs: [build]")
    more = "        description: Tests.\n        tags: [slow]\n        timeout: 5m\n        retry: { limit: 1 }\n"
    desk.pipeline(text + more)
    assert all(said.startswith("cached") for said in planned(desk).values())


def test_what_was_so_once_is_found_again(desk: Desk) -> None:
    desk.orch("apply")
    first = desk.run_dir().name
    change_a_file(desk)
    desk.orch("apply")
    desk.write("tests/test_cart.py", "assert True\n")
    assert planned(desk)["main.test"] == f"cached (since run {first})"


def test_an_artifact_is_put_back_where_the_step_would_have_put_it(desk: Desk) -> None:
    desk.orch("apply")
    shutil.rmtree(desk.folder / "out")
    desk.pipeline(NODES + "      use: { needs: [build], run: 'cat out/all $ORCH_ARTIFACTS/main.build/all' }\n")
    desk.orch("apply")
    assert did(desk)["main.build"].startswith("cached")
    assert (desk.folder / "out" / "all").read_text() == "a\nb\n"
    assert stat.S_IMODE((desk.folder / "out" / "all").stat().st_mode) == 0o755
    assert (desk.run_dir() / "logs" / "main.use.1.out").read_text() == "a\nb\na\nb\n"
    was = (desk.folder / "out" / "all").stat().st_mtime_ns
    desk.orch("apply")
    assert (desk.folder / "out" / "all").stat().st_mtime_ns == was, "what lies there already is left alone"


def test_an_artifact_is_not_put_through_a_link_that_leads_out_of_the_project(desk: Desk, tmp_path: Path) -> None:
    desk.orch("apply")
    shutil.rmtree(desk.folder / "out")
    (tmp_path / "elsewhere").mkdir()
    (desk.folder / "out").symlink_to(tmp_path / "elsewhere")
    desk.orch("apply", code=1)
    assert not list((tmp_path / "elsewhere").iterdir()) or desk.node("main.build")["reason"] == "output-missing"
    assert "cannot be put back" in desk.node("main.build")["cache"]["because"]


@pytest.mark.parametrize("harm", ["missing", "damaged"])
def test_a_result_whose_artifact_is_not_there_as_it_was_is_not_used(desk: Desk, harm: str) -> None:
    desk.orch("apply")
    run = desk.run_dir()
    sha256 = desk.node("main.build")["artifacts"][0]["sha256"]
    blob = run / "cas" / "sha256" / sha256[:2] / sha256
    blob.chmod(0o644)
    blob.unlink() if harm == "missing" else blob.write_text("x\nb\n")
    why = f"(artifact all of run {run.name} is missing or damaged)"
    assert planned(desk)["main.build"] == f"rerun {why}"
    desk.orch("apply")
    assert did(desk)["main.build"] == f"ok {why}"
    assert desk.lines("ran") == 3
    desk.orch("verify", "@last")


def test_a_result_whose_run_is_gone_is_not_used(desk: Desk) -> None:
    desk.orch("apply")
    run = desk.run_dir()
    shutil.rmtree(run)
    assert planned(desk)["main.build"] == f"rerun (run {run.name} is gone)"
    desk.orch("apply")
    assert did(desk)["main.build"] == f"ok (run {run.name} is gone)"


def test_a_damaged_result_is_not_used_and_a_torn_one_costs_no_other(desk: Desk) -> None:
    desk.orch("apply")
    whole = kept(desk).read_bytes()
    kept(desk).write_bytes(whole.replace(b'"outputs":{"n":3}', b'"outputs":{"n":4}'))
    assert planned(desk)["main.build"] == "rerun (what was kept of it is damaged)"
    kept(desk).write_bytes(whole[:-20])
    assert planned(desk)["main.build"].startswith("cached")
    assert planned(desk)["main.test"] == "rerun (what was kept of it is damaged)"
    desk.orch("apply")
    assert all(said.startswith("cached") for said in planned(desk).values())


@pytest.mark.parametrize("text", [b"", b"\0\xff\n[]\n{}\n", b'{"format_version":1,"sum":"', b'{"format_version":2}\n'])
def test_a_file_of_results_that_is_no_such_file_costs_a_rerun_and_nothing_else(desk: Desk, text: bytes) -> None:
    desk.orch("apply")
    kept(desk).write_bytes(text)
    (kept(desk).parent / "files.json").write_bytes(text)
    assert planned(desk)["main.build"] == "run (no result is kept)"
    desk.orch("apply")
    assert all(said.startswith("cached") for said in planned(desk).values())


def test_a_failed_step_is_not_kept(desk: Desk) -> None:
    desk.pipeline("\n  main: { nodes: { bad: { run: 'echo bad >> ran; exit 1', cache: { paths: [src] } } } }\n")
    for _ in range(2):
        desk.orch("apply", code=1)
    assert desk.lines("ran") == 2
    assert not kept(desk).exists()


def test_a_step_that_changes_what_it_reads_is_kept_once_it_has_nothing_to_change(desk: Desk) -> None:
    desk.pipeline(
        "\n  main: { nodes: { format: { run: 'echo f >> ran; grep -q done src/a.txt || echo done >> src/a.txt',"
        " cache: { paths: [src] } } } }\n"
    )
    for _ in range(3):
        desk.orch("apply")
    assert desk.lines("ran") == 2
    assert did(desk)["main.format"].startswith("cached")


def test_of_a_step_whose_files_changed_while_it_ran_nobody_knows_what_it_read(desk: Desk) -> None:
    desk.pipeline("\n  main: { nodes: { one: { run: 'echo b > src/a.txt', cache: { paths: [src] } } } }\n")
    desk.orch("apply")
    desk.write("src/a.txt", "a\n")
    assert planned(desk)["main.one"] == "run (no result is kept)"


def test_a_step_reads_what_the_one_before_it_has_just_written(desk: Desk) -> None:
    desk.pipeline(
        "\n  main: { nodes: {"
        "\n    early: { run: 'true', cache: { paths: [made] } },"
        "\n    make: { needs: [early], run: 'cat src/a.txt > made' },"
        "\n    use: { needs: [make], run: 'cat made >> ran', cache: { paths: [made] } } } }\n"
    )
    desk.write("made", "a\n")
    desk.orch("apply")
    desk.write("src/a.txt", "b\n")
    assert planned(desk)["main.use"].startswith("cached"), "as far as is known before"
    desk.orch("apply")
    assert did(desk)["main.early"].startswith("cached")
    assert did(desk)["main.use"] == "ok (made changed)"
    assert (desk.folder / "ran").read_text() == "a\nb\n"


WHILE_ANOTHER_RUNS = """
  one:
    nodes:
      first: { run: cat src/a.txt, cache: { paths: [src/a.txt] } }
      long: { needs: [first], run: "[ ! -e edit ] || ./edit" }
  two:
    needs: []
    gates: { g: { approval: { subject: ["doc/**"], require: { editor: 1 }, trust: file } } }
    nodes: { reader: { run: "cat src/a.txt; touch read", cache: { paths: [src/a.txt] } } }
"""
EDIT = """#!/bin/sh
journal=.runs/-/cli/$ORCH_RUN_ID/journal.ndjson
until grep -q waiting $journal; do sleep 0.02; done
echo other > src/a.txt
mv decision tasks/-/decisions/main.g.editor.reader.yaml
until grep -q two.reader $journal; do sleep 0.02; done
"""


def test_what_is_behind_a_gate_that_opens_while_another_node_runs_reads_the_files_as_they_are_then(desk: Desk) -> None:
    desk.write("orch.yaml", PROJECT)
    desk.write("doc/d", "1\n")
    desk.pipeline(WHILE_ANOTHER_RUNS)
    desk.orch("apply", code=4)
    desk.orch("approve", "two.g", "--role", "editor", "--by", "reader", "--run", "@last")
    desk.orch("resume", "@last")
    decision = desk.folder / "tasks" / "-" / "decisions" / "main.g.editor.reader.yaml"
    decision.rename(desk.folder / "decision")
    desk.write("edit", EDIT).chmod(0o755)
    desk.orch("apply", "-j", "4", seconds=30)
    assert did(desk)["two.reader"] == "ok (src/a.txt changed)"
    assert planned(desk)["two.reader"].startswith("cached")


WHEEL = """
  one: { nodes: { wheel: { run: cp src/a.txt w, artifacts: { w: w }, cache: { paths: [src/a.txt] } } } }
  two:
    gates:
      ok:
        approval: { subject: ["artifact:wheel.w"], require: { editor: 1 }, exclude: [author] }
    nodes: { publish: { run: "true" } }
"""


def started_by(desk: Desk, handle: str) -> None:
    """A run whose gate waits."""
    desk.run(["git", "config", "user.email", f"{handle}@project.example"])
    desk.orch("apply", code=4)


def approved_by(desk: Desk, handle: str) -> str:
    words = ("approve", "two.ok", "--role", "editor", "--by", handle, "--run", "@last")
    said = desk.orch(*words, code=None)
    return "O314" if "O314" in said.text else str(said.code)


def test_who_started_the_run_that_made_a_cached_artifact_is_its_author_in_every_run(desk: Desk) -> None:
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(WHEEL)
    for words in (["init", "-q"], ["config", "user.name", "W"], ["config", "user.email", "x@project.example"]):
        desk.run(["git", *words])
    desk.run(["git", "add", "-A"])
    desk.run(["git", "commit", "-qm", "first"])
    started_by(desk, "writer")
    first = desk.run_dir()
    assert approved_by(desk, "writer") == "O314"
    started_by(desk, "reader")
    assert did(desk)["one.wheel"].startswith("cached")
    assert [approved_by(desk, name) for name in ("writer", "reader", "second")] == ["O314", "O314", "0"]
    shutil.rmtree(first)
    said = desk.orch("resume", "@last", code=4).text
    assert "who started the run that artifact:one.wheel.w comes from is not known" in said


def test_who_took_up_the_run_that_made_a_cached_artifact_and_made_it_is_its_author_in_every_run(desk: Desk) -> None:
    desk.write("orch.yaml", PROJECT)
    desk.pipeline(WHEEL)
    for words in (["init", "-q"], ["config", "user.name", "W"], ["add", "-A"]):
        desk.run(["git", *words])
    started_by(desk, "writer")
    desk.write("src/a.txt", "other\n")
    desk.run(["git", "config", "user.email", "reader@project.example"])
    desk.orch("retry", "@last", "--only", "wheel", code=4)
    started_by(desk, "writer")
    assert did(desk)["one.wheel"].startswith("cached")
    assert [approved_by(desk, name) for name in ("writer", "reader", "second")] == ["O314", "O314", "0"]


def test_what_a_cached_step_read_is_looked_at_before_one_starts_that_may_change_it(desk: Desk) -> None:
    desk.pipeline(
        """
  main:
    nodes:
      reader: { run: cat src/a.txt, cache: { paths: [src/a.txt] } }
      writer: { needs: [reader], run: echo more >> src/a.txt }
"""
    )
    desk.orch("apply")
    desk.write("src/a.txt", "a\n")
    desk.orch("apply")
    assert did(desk)["main.reader"].startswith("cached")


@pytest.mark.parametrize("name", ["t.sh", "t{1}.sh", "{env}.sh"])
def test_the_program_of_an_argv_counts_whatever_it_is_called(desk: Desk, name: str) -> None:
    desk.write(name, "#!/bin/sh\n").chmod(0o755)
    desk.pipeline(f"  main: {{ nodes: {{ one: {{ run: ['./{name}'], cache: {{ paths: [] }} }} }} }}\n")
    desk.orch("apply")
    desk.write(name, "#!/bin/sh\necho more\n")
    desk.orch("apply")
    assert did(desk)["main.one"] == f"ok (tool ./{name} changed)"


def test_an_artifact_that_cannot_be_put_back_leaves_nothing_in_the_project(desk: Desk) -> None:
    desk.orch("apply")
    (desk.folder / "out" / "all").unlink()
    (desk.folder / "out" / "all" / "x").mkdir(parents=True)
    desk.orch("apply", code=1)
    assert "artifact all cannot be put back" in did(desk)["main.build"]
    assert [path.name for path in (desk.folder / "out").iterdir()] == ["all"]


def test_a_variable_that_the_command_does_not_get_is_warned_of_until_it_is_passed(desk: Desk) -> None:
    for verb in ("validate", "plan"):
        assert "warning[O122]: `CI` makes the step run again" in desk.orch(verb).text
    desk.write("orch.yaml", ORCH + "env: { pass: [CI] }\n")
    for verb in ("validate", "plan"):
        assert "O122" not in desk.orch(verb).text


def test_the_children_of_a_matrix_have_a_key_each(desk: Desk) -> None:
    desk.pipeline(
        "\n  main: { nodes: { each: { matrix: { part: [a, b] }, run: [sh, -c, 'echo $0 >> ran', '${{ matrix.part }}'],"
        " cache: { paths: ['src/${{ matrix.part }}.txt'] } } } }\n"
    )
    desk.orch("apply")
    desk.write("src/b.txt", "bb\n")
    since = desk.run_dir().name
    assert planned(desk) == {
        "main.each[a]": f"cached (since run {since})",
        "main.each[b]": "rerun (src/b.txt changed)",
    }
    desk.orch("apply")
    assert desk.lines("ran") == 3


@pytest.mark.parametrize(("glob", "why"), [("srcc/**", "nothing matches `srcc/**`"), ("a.txt", "there is no `a.txt`")])
def test_a_path_that_means_nothing_keeps_no_result_and_the_plan_says_so(desk: Desk, glob: str, why: str) -> None:
    desk.pipeline(
        f"\n  main: {{ nodes: {{ one: {{ run: 'echo 1 >> ran', cache: {{ paths: [src, '{glob}'] }} }} }} }}\n"
    )
    for _ in range(2):
        assert planned(desk) == {"main.one": f"run ({why})"}
        desk.orch("apply")
    assert desk.lines("ran") == 2


def test_a_path_that_is_a_link_to_a_folder_keeps_no_result_and_what_goes_through_it_does(desk: Desk) -> None:
    (desk.folder / "there").symlink_to("src")
    node = "\n  main: {{ nodes: {{ one: {{ run: 'true', cache: {{ paths: ['{}'] }} }} }} }}\n"
    desk.pipeline(node.format("there"))
    for _ in range(2):
        assert planned(desk) == {"main.one": "run (`there` is a link to a folder: write `there/**`)"}
        desk.orch("apply")
    desk.pipeline(node.format("there/**"))
    desk.orch("apply")
    assert planned(desk)["main.one"].startswith("cached")
    desk.write("src/a.txt", "other\n")
    assert planned(desk)["main.one"] == "rerun (there/a.txt changed)"


def test_a_step_that_reads_no_file_says_so_and_is_cached(desk: Desk) -> None:
    desk.pipeline("\n  main: { nodes: { one: { run: 'echo 1 >> ran', cache: { paths: [] } } } }\n")
    for _ in range(2):
        desk.orch("apply")
    assert desk.lines("ran") == 1


def test_a_step_that_speaks_of_artifacts_reads_all_that_were_made_before_it(desk: Desk) -> None:
    text = "\n  later: { nodes: { use: { run: 'cat $ORCH_ARTIFACTS/main.build/all', cache: { paths: [] } } } }\n"
    desk.pipeline(NODES + text)
    desk.orch("apply")
    desk.write("src/a.txt", "other\n")
    desk.orch("apply")
    assert did(desk)["later.use"] == "ok (artifact main.build.all changed)"


def test_a_link_counts_by_where_it_leads_and_by_what_is_there(desk: Desk) -> None:
    link = desk.folder / "src" / "link"
    link.symlink_to("../data")
    desk.write("data", "1\n")
    desk.pipeline("\n  main: { nodes: { one: { run: 'true', cache: { paths: [src] } } } }\n")
    desk.orch("apply")
    assert planned(desk)["main.one"].startswith("cached")
    desk.write("data", "2\n")
    assert planned(desk)["main.one"] == "rerun (src/link changed)"
    desk.write("data", "1\n")
    assert planned(desk)["main.one"].startswith("cached")
    link.unlink()
    link.symlink_to("../orch.yaml")
    assert planned(desk)["main.one"] == "rerun (src/link changed)"


def test_a_plan_exits_10_where_there_is_work_to_do_and_0_where_all_is_cached(desk: Desk) -> None:
    desk.pipeline(NODES + "finally: { tell: { run: 'true' } }\n")
    desk.orch("plan", "--detailed-exitcode", code=10)
    desk.orch("apply")
    desk.orch("plan", "--detailed-exitcode", code=0)
    change_a_file(desk)
    desk.orch("plan", "--detailed-exitcode", code=10)


def test_a_plan_for_people_says_why(desk: Desk) -> None:
    desk.orch("apply")
    change_a_file(desk)
    said = desk.orch("plan").out
    assert re.search(rf"main.build +cached +\(since run {desk.run_dir().name}\)", said)
    assert re.search(r"main.test +rerun +\(tests/test_cart.py changed\)  sh -c", said)
    assert "Plan: 1 to run again, 1 cached." in said


def test_a_plan_writes_nothing_in_the_project(desk: Desk) -> None:
    desk.orch("plan")
    desk.orch("apply")
    before = {name: data for name, data in desk.files().items() if name.startswith(str(desk.folder))}
    change = desk.write("src/c.txt", "c\n")
    desk.orch("plan")
    after = {name: data for name, data in desk.files().items() if name.startswith(str(desk.folder))}
    assert after == {**before, str(change): b"c\n"}


def test_what_is_kept_is_for_its_owner_alone_and_a_folder_that_is_not_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.orch("apply")
    folder = kept(desk).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    folder.rename(tmp_path / "cache")
    folder.symlink_to(tmp_path / "cache")
    assert "is a symbolic link" in desk.orch("plan", code=5).err
    assert "is a symbolic link" in desk.orch("apply", code=5).err


def test_two_keys_can_be_laid_side_by_side_long_after(desk: Desk) -> None:
    from orch.model.caching import differences, expanded

    for number in range(40):
        desk.write(f"src/more/{number}.txt", f"{number}\n")
    desk.pipeline("\n  main: { nodes: { one: { run: 'true', cache: { paths: [src/**] } } } }\n")
    desk.orch("apply")
    desk.write("src/more/7.txt", "seven\n")
    desk.write("src/more/x.txt", "x\n")
    desk.orch("apply")
    cache = desk.node("main.one")["cache"]
    assert cache["because"] == "src/more/7.txt changed, and 1 more"
    shutil.rmtree(desk.folder / ".runs" / ".cache")
    run = desk.run_dir()

    def listing(sha256: str) -> bytes:
        return (run / "cas" / "sha256" / sha256[:2] / sha256).read_bytes()

    told = differences(expanded(cache["was"]["inputs"], listing), expanded(cache["inputs"], listing))
    assert told == ["src/more/7.txt changed", "src/more/x.txt added"]
    desk.orch("verify", "@last")


def test_a_step_that_was_killed_is_decided_anew_by_the_next_owner(desk: Desk) -> None:
    desk.pipeline(
        "\n  main: { nodes: { one: { run: 'echo 1 >> ran; kill -9 $PPID; sleep 9', cache: { paths: [] } } } }\n"
    )
    desk.orch("apply", code=None)
    desk.pipeline("\n  main: { nodes: { one: { run: 'echo 1 >> ran', cache: { paths: [] } } } }\n")
    desk.orch("apply")
    assert did(desk)["main.one"].startswith("ok")


def test_a_retry_decides_only_what_failed_and_may_find_it(desk: Desk) -> None:
    text = NODES + "      last: { run: 'test ! -e broken', cache: { paths: [src] } }\n"
    desk.pipeline(text)
    desk.write("broken", "")
    desk.orch("apply", code=1)
    (desk.folder / "broken").unlink()
    desk.orch("retry", "@last", "--failed")
    assert desk.node("main.last")["cache"]["because"] == "no result is kept"
    assert desk.lines("ran") == 2
    desk.orch("apply")
    assert all(said.startswith("cached") for said in did(desk).values())
    desk.orch("verify", "@last")


def test_a_run_with_a_branch_reads_the_files_of_its_own_tree(desk: Desk) -> None:
    desk.pipeline(
        "\n  main: { nodes: { one: { run: cat src/a.txt, cache: { paths: [src] } } } }\n",
        "workspace: branch\n",
    )
    desk.write(".gitignore", "/.runs\n")
    identity = ["-c", "user.name=W", "-c", "user.email=writer@project.example"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        desk.run(["git", *identity, *words])
    for _ in range(2):
        desk.orch("apply")
    assert did(desk)["main.one"].startswith("cached")
    desk.write("src/a.txt", "b\n")
    desk.run(["git", *identity, "commit", "-qam", "second"])
    desk.orch("apply")
    assert did(desk)["main.one"] == "ok (src/a.txt changed)"


INSIDE = """
  main:
    nodes:
      first: { run: "true", cache: { paths: [] } }
      list:
        needs: [first]
        run: "printf '{\\"names\\": [\\"x\\", \\"y\\"]}' > $ORCH_OUTPUT; cp src/a.txt out"
        outputs: { names: list }
        artifacts: { made: out }
      each:
        needs: [list]
        matrix: { name: "${{ nodes.list.outputs.names }}" }
        run: [sh, -c, 'echo "$0" >> ran', "${{ matrix.name }}"]
        cache: { paths: [] }
      round:
        needs: [list]
        loop:
          until: nodes.check.status == 'succeeded'
          max_iterations: 2
          nodes: { check: { run: 'echo loop >> ran', cache: { paths: [] } } }
"""


def test_what_is_inside_of_another_step_reads_the_artifacts_that_this_one_needs(desk: Desk) -> None:
    desk.pipeline(INSIDE)
    desk.orch("apply")
    assert desk.lines("ran") == 3
    desk.orch("apply")
    assert desk.lines("ran") == 3
    desk.write("src/a.txt", "other\n")
    desk.orch("apply")
    told = did(desk)
    why = "ok (artifact main.list.made changed)"
    assert [told[name] for name in ("main.each[x]", "main.each[y]", "main.round#1.check")] == [why] * 3


ROUNDS = """
  main:
    nodes:
      round:
        loop:
          until: "nodes.t.status == 'succeeded' and loop.index >= 3"
          max_iterations: 4
          stop_if_unchanged: 2
          nodes: {{ t: {{ run: [echo, "{says}"], cache: {{ paths: [src/a.txt] }} }} }}
"""


@pytest.mark.parametrize(("says", "code"), [("step ${{ loop.index }}", 0), ("always", 1)])
def test_iterations_of_cached_nodes_are_compared_by_what_they_printed_when_they_ran(
    desk: Desk, says: str, code: int
) -> None:
    desk.pipeline(ROUNDS.format(says=says))
    for _ in range(2):
        desk.orch("apply", code=code)
        assert desk.node("main.round").get("reason") == ("ok" if code == 0 else "unchanged")
        assert len([name for name in did(desk) if name.endswith(".t")]) == (3 if code == 0 else 2)
    assert did(desk)["main.round#2.t"].startswith("cached")
    desk.orch("verify", "@last")


def test_a_cached_iteration_and_one_that_ran_are_alike_where_they_printed_the_same(desk: Desk) -> None:
    desk.pipeline(ROUNDS.format(says="always"))
    desk.orch("apply", code=1)
    lines = kept(desk).read_text().splitlines()
    kept(desk).write_text("\n".join(line for line in lines if "round#2" not in line) + "\n")
    desk.orch("apply", code=1)
    told = did(desk)
    assert (told["main.round#1.t"][:6], told["main.round#2.t"][:2]) == ("cached", "ok")
    assert desk.node("main.round")["reason"] == "unchanged"


LIST = """
      list:
        run: "printf '{\\"names\\": [\\"x\\"]}' > $ORCH_OUTPUT"
        outputs: { names: list }
"""
MANY_GIVE = """
      many:
        needs: [list]
        matrix: { name: "${{ nodes.list.outputs.names }}" }
        run: echo > made
        artifacts: { o: made }
"""
ROUND_GIVES = """
      many:
        needs: [list]
        loop:
          until: nodes.t.status == 'succeeded'
          max_iterations: 2
          nodes: { t: { run: echo > made, artifacts: { o: made } } }
"""


@pytest.mark.parametrize("giver", [MANY_GIVE, ROUND_GIVES])
def test_of_a_step_behind_what_only_the_run_opens_the_plan_says_that_it_is_not_known(desk: Desk, giver: str) -> None:
    use = "      use: { needs: [many], run: cat src/a.txt, cache: { paths: [src/a.txt] } }\n"
    desk.pipeline(f"  one:\n    nodes:{LIST}{giver}{use}")
    for _ in range(2):
        desk.orch("apply")
        assert planned(desk)["one.use"] == "run (cached or not: known after one.many)"
    assert did(desk)["one.use"].startswith("cached")


def test_a_step_behind_what_opens_others_that_give_nothing_is_known_to_be_cached(desk: Desk) -> None:
    use = "      use: { needs: [many], run: cat src/a.txt, cache: { paths: [src/a.txt] } }\n"
    giver = ROUND_GIVES.replace(", artifacts: { o: made }", "")
    desk.pipeline(f"  one:\n    nodes:{LIST}{giver}{use}")
    desk.orch("apply")
    assert planned(desk)["one.use"].startswith("cached")


def test_many_artifacts_that_a_step_reads_stand_as_one_digest_and_what_changed_is_named(desk: Desk) -> None:
    keys = list(range(40))
    desk.pipeline(
        f"""
  one:
    nodes:
      g:
        matrix: {{ k: {keys} }}
        run: [sh, -c, 'cat "src/$0" > "made$0" || echo > "made$0"', "${{{{ matrix.k }}}}"]
        artifacts: {{ o: "made${{{{ matrix.k }}}}" }}
      use: {{ needs: [g], run: "true", cache: {{ paths: [] }} }}
"""
    )
    desk.orch("apply")
    assert sorted(desk.node("one.use")["cache"]["inputs"]) == ["artifacts", "command"]
    desk.orch("apply")
    assert did(desk)["one.use"].startswith("cached")
    desk.write("src/7", "other\n")
    desk.orch("apply")
    assert did(desk)["one.use"] == "ok (artifact one.g[7].o changed)"
    assert "artifact one.g[7].o" in desk.orch("explain", "@last", "one.use").out


def test_a_file_is_read_once_and_again_only_when_its_status_has_changed(tmp_path: Path) -> None:
    from orch.store.fingerprints import Fingerprints, hash_file

    (tmp_path / "src").mkdir()
    for name in "abc":
        (tmp_path / "src" / name).write_text(name)
    read: list[str] = []

    def reading(path: str) -> str:
        read.append(os.path.basename(path))
        return hash_file(path)

    def look(later: int) -> dict[str, str]:
        later_ns = max(path.stat().st_ctime_ns for path in (tmp_path / "src").iterdir()) + later * 1_000_000_000
        prints = Fingerprints(str(tmp_path), str(tmp_path / "index"), lambda: later_ns, reading)
        found = prints.files("src/*")
        prints.files("src/**")
        prints.forget()
        assert prints.files("src/*") == found
        prints.save()
        return found

    first = look(10)
    assert read == ["a", "b", "c"]
    assert look(10) == first
    assert read == ["a", "b", "c"]
    was = (tmp_path / "src" / "b").stat()
    (tmp_path / "src" / "b").write_text("B")
    os.utime(tmp_path / "src" / "b", ns=(was.st_atime_ns, was.st_mtime_ns))
    second = look(10)
    assert read[3:] == ["b"], "of the same size and time, and yet another"
    assert second["src/b"] != first["src/b"]
    (tmp_path / "src" / "a").write_text("A")
    assert look(1)["src/a"] != first["src/a"]
    assert read[4:] == ["a", "a", "a"], "written just before: it may be written again with the same time"
    read.clear()
    look(10)
    assert read == ["a"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("src", "src/.hidden src/a.py src/deep/b.py src/deep/er/c.py"),
        ("src/**", "src/.hidden src/a.py src/deep/b.py src/deep/er/c.py"),
        ("src/*", "src/.hidden src/a.py"),
        ("**/*.py", "other/a.py setup.py src/a.py src/deep/b.py src/deep/er/c.py"),
        ("src/**/[bc].py", "src/deep/b.py src/deep/er/c.py"),
        ("**/deep/**", "src/deep/b.py src/deep/er/c.py"),
        ("**/er/*.py", "src/deep/er/c.py"),
        ("*/a.py", "other/a.py src/a.py"),
        ("./setup.py", "setup.py"),
        ("**/**/c.py", "src/deep/er/c.py"),
        ("link", "link"),
        ("link/**", "src/.hidden src/a.py src/deep/b.py src/deep/er/c.py"),
        (".orch/venv/x.py", ".orch/venv/x.py"),
        (".venv", ".venv/a.py"),
        (".venv/*", ".venv/a.py"),
        (".*/*.py", ""),
        (".git/HEAD", ""),
        ("src/__pycache__/a.pyc", "src/__pycache__/a.pyc"),
        ("nothing", ""),
        ("setup.py/x", ""),
    ],
)
def test_a_glob_means_these_files(tmp_path: Path, glob: str, expected: str) -> None:
    from orch.store.globs import matches

    names = ".venv/a.py src/.cache/a.py src/.hidden src/a.py src/deep/b.py src/deep/er/c.py other/a.py setup.py"
    names += " .git/HEAD .runs/x.py .orch/venv/x.py"
    for name in (*names.split(), "src/__pycache__/a.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("src")
    found = [path for path, _ in matches(str(tmp_path), glob)]
    assert len(found) == len(set(found))
    assert sorted(found) == expected.replace("src/", "link/" if glob.startswith("link/") else "src/").split()


def test_what_nobody_used_for_a_month_and_what_is_too_much_of_a_step_is_forgotten_when_a_run_ends(
    tmp_path: Path,
) -> None:
    from orch.store.kept import DAY_MS, MOST_OF_A_STEP, Entry, Kept

    path = str(tmp_path / "results.ndjson")

    def entry(key: str, step: str, at: int) -> Entry:
        return Entry(key * 64, step, at * DAY_MS, "-/r", {"command": "x"})

    kept = Kept(path)
    kept.add([entry("a", "p/one", 1), entry("b", "p/two", 1), *(entry("c", "p/many", 2) for _ in range(300))])
    kept.add([entry(f"{digit}", "p/much", 2) for digit in range(10)])
    used = kept.of_key("a" * 64)
    assert used is not None
    kept.use(used, 25 * DAY_MS)
    kept.close(25 * DAY_MS)
    again = Kept(path)
    assert again.of_key("b" * 64) == entry("b", "p/two", 1)
    assert len(Path(path).read_bytes().splitlines()) <= 3 + MOST_OF_A_STEP + 1, "300 lines of one result are one"
    again.close(40 * DAY_MS)
    last = Kept(path)
    assert [last.of_key(key * 64) for key in "bc"] == [None, None]
    assert last.of_key("a" * 64) == used, "used on day 25"
    assert last.of_step("p/much") is None


def test_of_each_step_the_newest_results_are_kept(tmp_path: Path) -> None:
    from orch.store.kept import MOST_OF_A_STEP, Entry, Kept

    kept = Kept(str(tmp_path / "results.ndjson"))
    kept.add([Entry(f"{number:064}", "p/one", number, "-/r", {}) for number in range(300)])
    kept.close(300)
    again = Kept(str(tmp_path / "results.ndjson"))
    found = [number for number in range(300) if again.of_key(f"{number:064}")]
    assert found == list(range(300 - MOST_OF_A_STEP, 300))


def test_of_two_lists_of_inputs_every_difference_is_told() -> None:
    from orch.model.caching import because, differences

    old = {"command": "1", "env CI": "absent", "file a": "1", "file b": "1"}
    assert differences(old, old) == []
    new = {"command": "1", "env CI": "2", "tool make": "3", "file b": "2"}
    told = differences(old, new)
    assert told == ["env CI changed", "b changed", "tool make added", "a removed"]
    assert because(told) == "env CI changed, and 3 more"
    assert because(told[:1]) == "env CI changed"


def test_what_an_attempt_that_is_tried_again_had_read_says_nothing_of_the_next(desk: Desk) -> None:
    script = 'test ! -e tried || { echo new > src/f; echo "{\\"said\\": \\"new\\"}" > "$ORCH_OUTPUT"; }; touch tried'
    node = {"outputs": {"said": "string"}, "retry": {"limit": 1, "delay": "1ms", "on": ["output-missing"]}}
    node |= {"run": script, "cache": {"paths": ["src/f"]}}
    desk.write("src/f", "old\n")
    desk.pipeline(f"  one: {{ nodes: {{ a: {json.dumps(node)} }} }}\n")
    desk.orch("apply")
    desk.write("src/f", "old\n")
    (desk.folder / "tried").unlink()
    desk.orch("apply")
    assert desk.node("one.a")["reason"] == "ok"
