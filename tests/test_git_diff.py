"""Approving what a run has done on its branch: the subject `git:diff`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import PROJECT, Desk
from test_workspaces import branch, checkout, commit, git, trees

SHIP = """
  work:
    nodes:
      write: { run: "echo new > made.txt; rm gone.txt; ln -s made.txt link; chmod +x tool.sh" }
  ship:
    gates: { agreed: { approval: { subject: ["git:diff"], require: { editor: 1 } } } }
    nodes: { push: { run: 'cat "$ORCH_SUBJECT/agreed/git-diff.patch"' } }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    git(desk, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("gone.txt", "to be removed\n")
    desk.write("tool.sh", "true\n")
    desk.pipeline(SHIP, "workspace: branch\n")
    commit(desk)
    return desk


def shown(desk: Desk) -> dict[str, str]:
    """The subject's lines: name → mode."""
    gate = json.loads(desk.orch("gate", "show", "agreed", "--json", code=None).out)
    return {name: mode for mode, _, name in gate["facts"]["subject"]["files"]}


def approve(desk: Desk, gate: str = "agreed") -> None:
    desk.orch("approve", gate, "--role", "editor", "--by", "reader")


def test_what_the_branch_has_other_than_its_beginning_is_approved_file_by_file(desk: Desk) -> None:
    before = checkout(desk)
    desk.orch("apply", code=4)
    assert shown(desk) == {
        "git:diff": "base",
        "git:diff/gone.txt": "deleted",
        "git:diff/link": "120000",
        "git:diff/made.txt": "100644",
        "git:diff/tool.sh": "100755",
    }
    approve(desk)
    assert {path: data for path, data in checkout(desk).items() if not path.startswith("tasks/")} == before
    desk.orch("resume", "@last")
    assert "+new" in desk.orch("runs", "logs", "@last", "ship.push").out
    desk.orch("verify", "@last")


def test_the_same_difference_has_the_same_digest_in_another_run_and_another_one_has_not(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    desk.write(".git/info/exclude", "tasks\n")
    desk.orch("apply")
    desk.pipeline(SHIP.replace("echo new", "echo other"), "workspace: branch\n")
    commit(desk, "Another script")
    assert "ship.agreed" in desk.orch("apply", code=4).text


DECISION = "tasks/-/decisions/main.agreed.editor.reader.yaml"


def doing(desk: Desk, commands: str) -> dict[str, str]:
    """What is to be approved when the run's node does this, too."""
    desk.pipeline(SHIP.replace("echo new > made.txt", f"echo new > made.txt; {commands}"), "workspace: branch\n")
    commit(desk)
    desk.orch("apply", code=4)
    return {name: mode for name, mode in shown(desk).items() if name.startswith("git:diff/") and "made" not in name}


def test_a_decision_that_is_committed_changes_nothing_of_what_it_is_about(desk: Desk) -> None:
    desk.orch("apply", code=4)
    before = shown(desk)
    approve(desk)
    commit(desk, "Approved")
    git(desk, "-C", trees(desk)[0], "merge", "--quiet", "--no-edit", "main")
    assert DECISION in git(desk, "ls-tree", "-r", "--name-only", branch(desk)).splitlines()
    assert shown(desk) == before


@pytest.mark.parametrize(
    "path",
    [
        "tasks/specs/0042.decisions/run-me.sh",
        "tasks/-/decisions/run-me.sh",
        "tasks/-/decisions/more/main.agreed.editor.reader.yaml",
        "tasks/index.json",
        ".runs/run-me.sh",
        DECISION,
    ],
)
def test_whatever_a_node_has_made_is_in_the_difference_wherever_it_lies(desk: Desk, path: str) -> None:
    who = "git -c user.name=W -c user.email=w@project.example"
    made = f"mkdir -p $(dirname {path}); echo do > {path}; git add -f {path}; {who} commit -qm x"
    assert f"git:diff/{path}" in doing(desk, made)


def test_a_decision_that_a_node_changes_or_removes_is_in_the_difference(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    commit(desk, "Approved")
    assert doing(desk, f"echo forged > {DECISION}")[f"git:diff/{DECISION}"] == "100644"
    assert doing(desk, f"rm {DECISION}")[f"git:diff/{DECISION}"] == "deleted"


def test_a_decision_that_no_commit_holds_opens_the_next_run_that_takes_the_checkout_along(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    desk.orch("apply", "--dirty")


def test_files_of_the_repository_beside_the_project_are_never_taken_for_its_decisions(tmp_path: Path) -> None:
    top = Desk.at(tmp_path)
    inner = top.folder / "part"
    inner.mkdir()
    desk = Desk(inner, top.home)
    git(top, "init", "--quiet", "--initial-branch=main")
    desk.write("orch.yaml", PROJECT)
    desk.write("gone.txt", "")
    desk.write("tool.sh", "")
    top.write(DECISION, "of another\n")
    commit(top)
    made = f"rm ../{DECISION}; cd ..; mkdir -p .runs; echo x > .runs/x"
    assert doing(desk, f"( {made} )")[f"git:diff/{DECISION}"] == "deleted"
    desk.pipeline(SHIP, "workspace: branch\n")
    commit(top)
    desk.orch("apply", code=4)
    approve(desk)
    commit(top, "Approved")
    assert f"git:diff/part/{DECISION}" in doing(desk, f"echo forged > {DECISION}")


def test_without_a_run_there_is_no_difference_yet(desk: Desk) -> None:
    assert "git:diff is not there yet" in desk.orch("gate", "list", "--pipeline", "pipelines/main.yaml", code=None).text


@pytest.mark.parametrize(("item", "path"), [("git-diff.patch", "git-diff.patch"), ("git-*/x", "git-diff.patch/x")])
def test_no_file_of_the_project_takes_the_place_of_the_patch(desk: Desk, item: str, path: str) -> None:
    desk.write(path, "of the project")
    desk.pipeline(SHIP.replace('["git:diff"]', f'["git:diff", "{item}"]'), "workspace: branch\n")
    commit(desk)
    assert f"beside `git:diff` no file can be called {path}" in desk.orch("apply", code=4).text
    desk.pipeline(SHIP.replace('["git:diff"]', '["git:diff", "tool.sh"]'), "workspace: branch\n")
    commit(desk)
    assert "beside" not in desk.orch("apply", code=4).text


def test_a_branch_that_is_gone_shuts_the_gate(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    git(desk, "worktree", "remove", "--force", git(desk, "worktree", "list").splitlines()[1].split()[0])
    git(desk, "branch", "-D", branch(desk))
    said = desk.orch("gate", "show", "agreed", code=None)
    assert f"the run's branch {branch(desk)} is gone" in said.text


def tree(desk: Desk) -> Path:
    return Path(git(desk, "worktree", "list").splitlines()[1].split()[0])


def test_what_is_edited_in_the_runs_tree_behind_the_gates_back_is_named_and_the_run_stays_as_it_was(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    (tree(desk) / "made.txt").write_text("smuggled\n")
    (tree(desk) / "more.txt").write_text("smuggled\n")
    journal = (desk.run_dir() / "journal.ndjson").read_bytes()
    said = desk.orch("resume", "@last", code=6)
    assert "error[O644]" in said.err
    assert "made.txt, more.txt" in said.err
    assert (desk.run_dir() / "journal.ndjson").read_bytes() == journal
    git(desk, "-C", str(tree(desk)), "stash", "push", "-u", "--", "made.txt", "more.txt")
    desk.orch("resume", "@last")
    assert git(desk, "show", f"{branch(desk)}:made.txt") == "new"


def test_what_is_edited_in_the_runs_tree_and_committed_makes_the_gate_ask_again(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    (tree(desk) / "made.txt").write_text("edited\n")
    inside = ("-C", str(tree(desk)))
    git(desk, *inside, "add", "-A", "--", "made.txt")
    git(desk, *inside, "commit", "--quiet", "--message", "By hand")
    assert "O644" not in desk.orch("resume", "@last", code=4).text
    approve(desk)
    desk.orch("resume", "@last")
    assert git(desk, "show", f"{branch(desk)}:made.txt") == "edited"


def test_a_branch_that_was_rewritten_between_two_owners_is_named_with_both_commits_and_the_ways_out(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    inside, tip = ("-C", str(tree(desk))), git(desk, "rev-parse", branch(desk))
    journal = (desk.run_dir() / "journal.ndjson").read_bytes()
    for change, code in (("--message=better", 6), ("--message=other --all", 6)):
        git(desk, *inside, "commit", "--quiet", "--amend", *change.split())
        head = git(desk, "rev-parse", branch(desk))
        refused = desk.orch("resume", "@last", code=code).err
        assert "error[O644]" in refused
        assert f"is at {head[:12]}, which does not hold {tip[:12]}" in refused
        (tree(desk) / "made.txt").write_text("edited\n")
    assert (desk.run_dir() / "journal.ndjson").read_bytes() == journal
    git(desk, *inside, "reset", "--soft", tip[:12])
    git(desk, *inside, "commit", "--quiet", "--all", "--message", "By hand")
    desk.orch("resume", "@last", code=4)
    approve(desk)
    desk.orch("resume", "@last")
    assert git(desk, "show", f"{branch(desk)}:made.txt") == "edited"


def test_a_branch_that_was_rewritten_and_put_back_is_as_it_was(desk: Desk) -> None:
    desk.orch("apply", code=4)
    approve(desk)
    tip = git(desk, "rev-parse", branch(desk))
    git(desk, "-C", str(tree(desk)), "commit", "--quiet", "--amend", "--message=better")
    git(desk, "-C", str(tree(desk)), "reset", "--quiet", "--hard", tip)
    desk.orch("resume", "@last")
    desk.orch("verify", "@last")


PASSED = """
  work:
    nodes: { write: { run: "echo new > made.txt" } }
  review:
    gates: { agreed: { approval: { subject: ["git:diff"], require: { editor: 1 } } } }
    nodes: { note: { run: "true" } }
  ship:
    gates: { go: { approval: { subject: [orch.yaml], require: { editor: 1 } } } }
    nodes: { push: { run: "ls made.txt more.txt" } }
"""


@pytest.mark.parametrize("way", ["taken back", "asked again"])
def test_what_is_committed_behind_a_gate_that_opened_is_not_gone_on_with(desk: Desk, way: str) -> None:
    desk.pipeline(PASSED, "workspace: branch\n")
    commit(desk, "Two gates")
    desk.orch("apply", code=4)
    approve(desk)
    desk.orch("resume", "@last", code=4)
    inside = ("-C", str(tree(desk)))
    (tree(desk) / "more.txt").write_text("a back door\n")
    git(desk, *inside, "add", "-A")
    git(desk, *inside, "commit", "--quiet", "--message", "By hand")
    approve(desk, "go")
    said = desk.orch("resume", "@last", code=6)
    assert "error[O645]" in said.err
    assert "By hand" in said.err
    if way == "taken back":
        git(desk, *inside, "reset", "--quiet", "--keep", "HEAD~1")
        assert "cannot access 'more.txt'" in desk.orch("resume", "@last", code=1).text
    else:
        desk.orch("retry", "@last", "--from", "review.*", code=4)
        approve(desk)
        desk.orch("resume", "@last")


def as_(desk: Desk, handle: str) -> None:
    git(desk, "config", "user.email", f"{handle}@project.example")


def author(handle: str) -> str:
    return f"Somebody <{handle}@project.example>"


def approved_by(desk: Desk, handle: str) -> str:
    words = ("approve", "agreed", "--role", "editor", "--by", handle, "--run", "@last")
    said = desk.orch(*words, code=None)
    return "O314" if "O314" in said.text else str(said.code)


@pytest.fixture
def shut_out(desk: Desk) -> Desk:
    """A run of `writer` that waits at a gate which shuts authors out."""
    text = (
        SHIP.replace("rm gone", "rm -f gone")
        .replace("ln -s ", "ln -sf ")
        .replace("require:", "exclude: [author], trust: file, require:")
    )
    desk.pipeline(
        text.replace("push: { run: '", "push: { run: 'test -e " + str(desk.folder) + "/ok; "), "workspace: branch\n"
    )
    commit(desk)
    as_(desk, "writer")
    desk.orch("apply", code=4)
    return desk


def test_who_takes_a_run_up_after_approving_is_no_author_and_may_be_asked_again(shut_out: Desk) -> None:
    desk = shut_out
    assert approved_by(desk, "writer") == "O314"
    assert approved_by(desk, "reader") == "0"
    as_(desk, "reader")
    desk.orch("resume", "@last", code=1)
    desk.write("ok", "")
    desk.orch("retry", "@last", "--failed")


@pytest.mark.parametrize("message", ["By hand", "By hand\n\nCo-authored-by: S <second@project.example>"])
def test_who_commits_to_the_branch_is_an_author_of_the_difference(shut_out: Desk, message: str) -> None:
    desk = shut_out
    (tree(desk) / "made.txt").write_text("edited\n")
    git(desk, "-C", str(tree(desk)), "commit", "--quiet", "--all", "--message", message, "--author", author("reader"))
    second = "O314" if "second" in message else "0"
    assert [approved_by(desk, one) for one in ("writer", "reader", "second")] == ["O314", "O314", second]


def test_a_commit_to_the_branch_of_somebody_who_is_nobody_keeps_the_gate_shut(shut_out: Desk) -> None:
    desk = shut_out
    (tree(desk) / "made.txt").write_text("edited\n")
    git(
        desk,
        "-C",
        str(tree(desk)),
        "commit",
        "--quiet",
        "--all",
        "--message",
        "By hand",
        "--author",
        author("stranger"),
    )
    assert (
        "no person in orch.yaml has the address stranger@project.example" in desk.orch("resume", "@last", code=4).text
    )


def test_a_commit_that_touches_nothing_of_the_difference_makes_nobody_an_author(shut_out: Desk) -> None:
    desk = shut_out
    git(
        desk,
        "-C",
        str(tree(desk)),
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "Nothing",
        "--author",
        author("reader"),
    )
    assert approved_by(desk, "reader") == "0"


def test_who_retries_what_comes_before_the_gate_is_an_author_and_who_is_nobody_keeps_it_shut(shut_out: Desk) -> None:
    desk = shut_out
    as_(desk, "reader")
    desk.orch("retry", "@last", "--only", "work.write", code=4)
    assert [approved_by(desk, one) for one in ("writer", "reader", "second")] == ["O314", "O314", "0"]
    as_(desk, "stranger")
    said = desk.orch("retry", "@last", "--only", "work.write", code=4)
    assert "was taken up by a git identity that is nobody's" in said.text


def test_a_retry_of_a_run_that_succeeded_does_not_pass_a_gate_over_what_came_since(desk: Desk) -> None:
    desk.pipeline(PASSED.replace("more.txt", ""), "workspace: branch\n")
    commit(desk, "Two gates")
    desk.orch("apply", code=4)
    for gate, code in (("agreed", 4), ("go", 0)):
        approve(desk, gate)
        desk.orch("resume", "@last", code=code)
    git(desk, "switch", "--quiet", branch(desk))
    (desk.folder / "more.txt").write_text("a back door\n")
    git(desk, "add", "more.txt")
    git(desk, "commit", "--quiet", "--message", "By hand")
    git(desk, "switch", "--quiet", "main")
    for _ in range(2):
        assert "error[O645]" in desk.orch("retry", "@last", "--from", "ship.push", code=6).err
    desk.orch("retry", "@last", "--from", "review.*", code=4)


def test_the_way_back_from_a_merge_behind_a_gate_keeps_the_work_of_the_run(desk: Desk) -> None:
    desk.pipeline(PASSED.replace("more.txt", ""), "workspace: branch\n")
    commit(desk, "Two gates")
    desk.orch("apply", code=4)
    approve(desk)
    desk.orch("resume", "@last", code=4)
    tip = git(desk, "rev-parse", branch(desk))
    inside = ("-C", str(tree(desk)))
    for number in range(3):
        git(desk, "commit", "--quiet", "--allow-empty", "--message", f"main {number}")
    git(desk, *inside, "merge", "--quiet", "--no-edit", "main")
    said = desk.orch("resume", "@last", code=6).err
    assert f"reset --keep {tip}" in said


BESIDE = """
  first:
    nodes: { one: { run: "echo 1 > one.txt" } }
  work:
    nodes: { write: { if: inputs.more, run: "echo 2 > two.txt" } }
  beside:
    needs: [first]
    nodes:
      linger: { if: inputs.more, run: "until grep -q observed $JOURNAL; do sleep 0.02; done; echo 3 > three.txt" }
  ship:
    needs: [work]
    gates: { agreed: { approval: { subject: ["git:diff"], require: { editor: 1 } } } }
    nodes: { push: { run: "cat one.txt two.txt three.txt" } }
""".replace("$JOURNAL", '\\"${ORCH_ARTIFACTS%/artifacts}/journal.ndjson\\"')


def test_a_run_that_waited_undecided_for_others_in_its_tree_is_what_its_journal_says(desk: Desk) -> None:
    desk.pipeline(BESIDE, "workspace: branch\ninputs: { more: { type: boolean, default: true } }\n")
    commit(desk)
    desk.orch("apply", "--jobs", "2", code=4)
    assert any(line.startswith("observed waiting stale: what work.write did") for line in looks(desk))
    desk.orch("verify", "@last")


def test_a_gate_on_the_difference_is_shut_while_others_work_in_the_runs_tree_and_opens_when_they_have_ended(
    desk: Desk,
) -> None:
    desk.pipeline(BESIDE, "workspace: branch\ninputs: { more: { type: boolean, default: true } }\n")
    commit(desk)
    desk.orch("apply", "--input", "more=false", code=4)
    desk.orch("verify", "@last")
    approve(desk)  # what the branch has of the next run, too, while `linger` works beside what `write` has left
    desk.orch("apply", "--jobs", "2", code=4)
    desk.orch("verify", "@last")
    shut = "what work.write did is not on the branch while others work in the run's tree"
    assert [line for line in looks(desk) if line.startswith("observed")] == [
        f"observed waiting stale: {shut}",
        "observed waiting stale: needs 1 more",
    ]
    assert not any("ship.push" in line for line in looks(desk))
    assert {"git:diff/one.txt", "git:diff/two.txt", "git:diff/three.txt"} <= set(shown(desk))
    approve(desk)
    desk.orch("apply", "--jobs", "2")
    lingered, opened, pushed = (looks(desk).index(line) for line in ENDS)
    assert lingered < opened < pushed
    desk.orch("verify", "@last")


ENDS = ("finished beside.linger", "observed succeeded ok: approved by reader as editor", "finished ship.push")


def looks(desk: Desk) -> list[str]:
    """The looks at gates and the ends of steps of the newest run, in their order."""
    found = []
    for line in (desk.run_dir() / "journal.ndjson").read_text().splitlines():
        record = json.loads(line)
        if record["type"] == "observed":
            words = record["sentence"].partition(";")[0]
            found.append(
                f"observed {record['status']} {record['reason']}: {words.partition(' — ')[0].partition(':')[0]}"
            )
        elif record["type"] == "finished":
            found.append(f"finished {record['address']}")
    return found
