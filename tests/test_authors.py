"""`exclude: [author]`: whoever wrote the subject since it was last approved does not approve it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orch.gates.judge import judge
from orch.gates.verdict import Context, Verdict
from orch.governance.decide import Request, decide
from orch.governance.git import Git, GitTrouble
from orch.governance.observe import observe_approval
from orch.governance.where import Where
from orch.problems.problem import OrchError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
PEOPLE = {name: [f"{name}@example.com"] for name in ("lead", "dev1", "dev2", "writer")}
ROLES = {"product": ["lead", "dev1", "dev2", "writer"], "engineering": ["dev1", "dev2"]}
PRD = "docs/prd.md"


@dataclass
class History:
    """A repository whose commits are made by people of the test's choice."""

    root: Path
    where: Where
    gate: dict[str, Any] = field(default_factory=dict)

    def write(self, text: str, path: str = PRD) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def git(self, *words: str, by: str = "dev2") -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": by,
            "GIT_AUTHOR_EMAIL": f"{by}@example.com",
            "GIT_COMMITTER_NAME": "carrier",
            "GIT_COMMITTER_EMAIL": "carrier@example.com",
            "GIT_AUTHOR_DATE": "2026-11-01T10:00:00Z",
            "GIT_COMMITTER_DATE": "2026-11-01T10:00:00Z",
        }
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, by: str, message: str = "change", text: str | None = None, path: str = PRD) -> str:
        if text is not None:
            self.write(text, path)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message, by=by)
        return self.git("rev-parse", "HEAD")

    def approve(self, by: str, role: str = "product", commit: bool = True) -> None:
        """A decision written by hand would do as well: the author's own is refused by `decide`, so it is forged."""
        facts, _ = observe_approval(self.gate, self.where)
        facts["authors"] = {"handles": [], "problems": []}
        decide(Request("approved", role, by), self.gate, facts, self.where, NOW, None)
        if commit:
            self.commit("writer", "decision")

    def authors(self) -> list[str]:
        facts, _ = observe_approval(self.gate, self.where)
        assert facts["authors"]["problems"] == []
        return facts["authors"]["handles"]

    def troubles(self) -> list[tuple[str, str]]:
        facts, _ = observe_approval(self.gate, self.where)
        return [(one["kind"], one["about"]) for one in facts["authors"]["problems"]]

    def look(self) -> Verdict:
        return judge(self.gate, observe_approval(self.gate, self.where)[0], NOW, Context(run="R"))

    def opens(self) -> bool:
        return self.look().status == "succeeded"


@pytest.fixture
def history(tmp_path: Path) -> History:
    root = tmp_path / "shop"
    root.mkdir()
    where = Where(
        root=str(root),
        project="6c1f6d0e",
        task="0001",
        pipeline="ship",
        people=PEOPLE,
        pinned=ROLES,
        today=ROLES,
        environment={"PATH": os.environ["PATH"]},
    )
    gate = {
        "kind": "approval",
        "name": "prd",
        "subject": ["docs/**/*.md"],
        "require": {"product": 1},
        "exclude": ["author"],
        "max_age_seconds": None,
        "evidence": [],
        "trust": "committed",
    }
    history = History(root, where, gate)
    history.git("init", "-q", "-b", "main")
    return history


def test_an_author_does_not_approve_and_another_person_does(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("dev1")
    verdict = history.look()
    assert "decision of dev1 as product does not count: dev1 is an author of the subject" in verdict.sentence
    history.approve("lead")
    assert history.opens()


def test_orch_refuses_to_write_an_authors_approval(history: History) -> None:
    history.commit("dev1", text="one\n")
    facts, _ = observe_approval(history.gate, history.where)
    with pytest.raises(OrchError) as error:
        decide(Request("approved", "product", "dev1"), history.gate, facts, history.where, NOW, None)
    assert error.value.problems[0].code == "O314"
    assert decide(Request("approved", "product", "lead"), history.gate, facts, history.where, NOW, None).next


@pytest.mark.parametrize(
    "message",
    [
        "change\n\nCo-authored-by: Dev One <dev1@example.com>",
        "change\n\nco-AUTHORED-by:<DEV1@example.com>\n\nand a last paragraph that ends the trailers",
        "Co-authored-by: Dev One <dev1@example.com>",
        "change\n\nCo-authored-by: Dev One <dev1@example.com>\nCo-authored-by: W <writer@example.com>",
    ],
)
def test_a_co_author_is_an_author(history: History, message: str) -> None:
    history.commit("dev2", message, "one\n")
    history.approve("dev1")
    assert not history.opens()
    history.approve("lead")
    assert history.opens()


def test_the_committer_who_only_carried_the_commit_is_not_an_author(history: History) -> None:
    history.where = replace(history.where, people={**PEOPLE, "lead": ["carrier@example.com"]})
    history.commit("dev1", text="one\n")
    assert history.authors() == ["dev1"]


def test_the_author_of_a_commit_that_moved_only_spaces_is_an_author(history: History) -> None:
    history.commit("dev1", text="one\n")
    assert history.authors() == ["dev1"]
    history.commit("dev2", text="one \n")
    assert history.authors() == ["dev1", "dev2"]


def test_a_commit_that_only_changed_the_mode_or_removed_a_file_makes_its_author_one(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev1", text="two\n", path="docs/other.md")
    (history.root / PRD).chmod(0o755)
    history.commit("dev2")
    (history.root / "docs/other.md").unlink()
    history.commit("writer")
    assert history.authors() == ["dev1", "dev2", "writer"]


def test_a_commit_that_touched_other_files_makes_nobody_an_author(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev2", text="code\n", path="docs/code.py")
    history.commit("writer", text="top\n", path="top.md")
    assert history.authors() == ["dev1"]


def test_authors_are_those_since_the_last_approved_content(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("lead")
    assert history.opens()
    history.commit("dev2", text="two\n")
    assert history.authors() == ["dev2"]
    history.approve("dev1")
    assert history.opens()


def test_commits_of_other_gates_decisions_cost_a_look_nothing_and_what_it_found_is_asked_once(
    history: History, tmp_path: Path
) -> None:
    calls, git = tmp_path / "calls", shutil.which("git")
    wrapper = tmp_path / "bin/git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexec {git} "$@"\n')
    wrapper.chmod(0o755)
    history.commit("dev1", text="one\n")
    history.approve("lead")
    history.commit("dev2", text="two\n")
    history.where = replace(history.where, environment={"PATH": f"{wrapper.parent}:{os.environ['PATH']}"})

    def cost() -> int:
        calls.write_text("")
        assert history.authors() == ["dev2"]
        return len(calls.read_text().splitlines())

    first, again = cost(), cost()
    assert again < first
    for number in range(4):
        history.commit("writer", text="of another", path=f"tasks/0001/decisions/other.prd{number}.product.lead.yaml")
    assert (cost(), cost()) == (first, again)
    history.approve("dev1")
    history.commit("dev1", text="three\n")
    assert history.authors() == ["dev1"]


def test_the_present_contents_own_approval_does_not_forgive_its_authors(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("lead")
    assert history.authors() == ["dev1"]


def test_content_that_only_its_author_approved_was_not_approved(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("dev1")
    history.commit("dev2", text="one \n")
    assert history.authors() == ["dev1", "dev2"]
    history.approve("dev1")
    assert not history.opens()
    history.approve("lead")
    assert history.opens()


def test_content_that_was_only_half_approved_was_not_approved(history: History) -> None:
    history.gate["require"] = {"product": 1, "engineering": 1}
    history.commit("dev1", text="one\n")
    history.approve("lead")
    history.commit("writer", text="two\n")
    assert history.authors() == ["dev1", "writer"]


def test_an_approval_of_content_that_the_commit_does_not_hold_forgives_nobody(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("lead", commit=False)
    history.commit("dev2", text="two\n")
    assert history.authors() == ["dev1", "dev2"]


def test_going_back_to_approved_content_does_not_hide_who_went_back(history: History) -> None:
    history.commit("writer", text="zero\n")
    history.approve("lead")
    history.commit("dev1", text="one\n")
    history.approve("lead")
    history.commit("dev2", text="two\n")
    history.commit("dev2", text="one\n")
    assert history.authors() == ["dev1", "dev2"]


def test_both_sides_of_a_merge_are_looked_at_and_who_resolved_it_too(history: History) -> None:
    history.commit("lead", text="one\n")
    history.git("checkout", "-q", "-b", "side")
    history.commit("dev1", text="side\n")
    history.git("checkout", "-q", "main")
    history.commit("dev2", text="main\n")
    history.git("merge", "-q", "--no-commit", "-s", "ours", "side")
    history.commit("writer", "merged", "both\n")
    assert history.authors() == ["dev1", "dev2", "lead", "writer"]


@pytest.mark.parametrize("taken_back", [True, False])
def test_a_merge_that_takes_back_older_content_names_its_authors_and_who_merged(
    history: History, taken_back: bool
) -> None:
    history.commit("dev1", text="one\n")
    history.git("branch", "side")
    history.commit("dev2", text="two\n")
    history.approve("lead")
    history.git("checkout", "-q", "side")
    history.commit("writer", text="", path="other.txt")
    history.git("checkout", "-q", "main")
    history.git("merge", "-q", "--no-commit", "--no-ff", "side")
    if taken_back:
        history.git("checkout", "side", "--", PRD)
    history.commit("lead", "merged")
    assert history.authors() == (["dev1", "dev2", "lead"] if taken_back else ["dev1", "dev2"])
    history.approve("dev1")
    assert history.opens() is not taken_back


def test_a_merge_that_brings_a_file_back_names_its_authors_and_who_merged(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev1", text="more\n", path="docs/more.md")
    history.git("branch", "side")
    history.git("rm", "-q", "docs/more.md")
    history.commit("dev2", "removed")
    history.approve("lead")
    history.git("checkout", "-q", "side")
    history.commit("writer", text="", path="other.txt")
    history.git("checkout", "-q", "main")
    history.git("merge", "-q", "--no-commit", "--no-ff", "side")
    history.git("checkout", "side", "--", "docs/more.md")
    history.commit("lead", "merged")
    assert history.authors() == ["dev1", "dev2", "lead"]


def test_who_merges_what_others_wrote_since_is_no_author(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("lead")
    history.git("checkout", "-q", "-b", "side")
    history.commit("dev2", text="two\n")
    history.git("checkout", "-q", "main")
    history.git("merge", "-q", "--no-ff", "-m", "merged", "side", by="writer")
    assert history.authors() == ["dev2"]


def test_a_side_that_a_merge_threw_away_still_names_its_authors(history: History) -> None:
    history.commit("lead", text="one\n")
    history.git("checkout", "-q", "-b", "side")
    history.commit("dev1", text="side\n")
    history.git("checkout", "-q", "main")
    history.commit("dev2", "other", "code\n", "code.py")
    history.git("merge", "-q", "-s", "ours", "-m", "merged", "side")
    assert history.authors() == ["dev1", "lead"]


def test_a_shallow_clone_keeps_the_gate_shut_and_a_full_one_opens_it(history: History, tmp_path: Path) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev2", text="code\n", path="code.py")
    history.approve("lead")
    for depth, opens in ((["--depth", "1"], False), ([], True)):
        to = tmp_path / f"clone{len(depth)}"
        history.git("clone", "-q", *depth, f"file://{history.root}", str(to))
        clone = History(to, replace(history.where, root=str(to)), history.gate)
        assert clone.opens() is opens
        if depth:
            assert clone.troubles() == [("shallow", "")]
            assert clone.look().next == "git fetch --unshallow"


@pytest.mark.parametrize("kind", ["edited", "added", "removed", "staged", "mode"])
def test_a_subject_that_is_not_committed_as_it_is_keeps_the_gate_shut(history: History, kind: str) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev1", text="more\n", path="docs/more.md")
    path = "docs/new.md" if kind in ("added", "staged") else "docs/more.md"
    if kind == "removed":
        (history.root / path).unlink()
    elif kind == "mode":
        (history.root / path).chmod(0o755)
    else:
        history.write("changed\n", path)
    if kind == "staged":
        history.git("add", "-A")
    history.approve("lead", commit=False)
    assert history.troubles() == [("uncommitted", path)]
    verdict = history.look()
    assert f"the authors: {path} is not committed as it is" in verdict.sentence
    assert verdict.next is not None
    assert verdict.next.startswith(f"git add -- {path} && git commit -m ")
    history.commit("dev1")
    assert history.opens()


@pytest.mark.parametrize(
    ("by", "message", "address"),
    [
        ("stranger", "change", "stranger@example.com"),
        ("dev1", "change\n\nCo-authored-by: Stranger <stranger@example.com>", "stranger@example.com"),
        ("dev1", "change\n\nCo-authored-by: stranger", "stranger"),
        ("dеv1", "change", "dеv1@example.com"),  # a Cyrillic letter, which the reason must not hide
    ],
)
def test_an_address_that_is_nobodys_keeps_the_gate_shut(history: History, by: str, message: str, address: str) -> None:
    history.commit(by, message, "one\n")
    history.approve("lead")
    shown = ascii(address)[1:-1]
    assert history.troubles() == [("unmapped", shown)]
    assert f"no person in orch.yaml has the address {shown}" in history.look().sentence
    history.where = replace(history.where, people={**PEOPLE, "writer": [address]})
    assert history.opens()


def test_outside_git_and_before_the_first_commit_authors_are_not_known(history: History, tmp_path: Path) -> None:
    history.write("one\n")
    assert history.troubles() == [("no-commits", "")]
    outside = tmp_path / "outside"
    (outside / "docs").mkdir(parents=True)
    (outside / PRD).write_text("one\n")
    history.where = replace(history.where, root=str(outside))
    assert history.troubles() == [("not-git", "")]


def test_the_author_of_what_nodes_made_is_whoever_started_the_run(history: History) -> None:
    history.gate["subject"] = ["artifact:plan.make.plan"]
    made = ("artifact", "a" * 64, "artifact:plan.make.plan")
    history.where = replace(history.where, resolve=lambda reference: made)
    assert history.troubles() == [("no-starter", "artifact:plan.make.plan")]
    history.where = replace(history.where, starter="dev1")
    assert history.authors() == ["dev1"]


def test_a_subject_that_spans_the_tasks_folder_does_not_hold_its_own_decisions(history: History) -> None:
    history.gate["subject"] = ["tasks/**"]
    history.commit("dev1", text="one\n", path="tasks/0001/prd.md")
    history.approve("lead")
    assert history.authors() == ["dev1"]
    assert history.opens()


def test_a_name_that_is_not_utf8_shuts_the_gate_with_a_reason_while_it_is_there(history: History) -> None:
    history.commit("lead", text="one\n")
    bad = history.root / os.fsdecode(b"docs/caf\xe9.md")
    bad.write_text("two\n")
    history.commit("dev1")
    verdict = history.look()
    assert r"'docs/caf\udce9.md' holds characters that a record cannot hold" in verdict.sentence
    assert "not committed" not in verdict.sentence
    assert json.dumps(observe_approval(history.gate, history.where)[0], ensure_ascii=False).encode()
    bad.unlink()
    assert history.troubles() == [("uncommitted", r"docs/caf\udce9.md")]
    assert (history.look().next or "").startswith("git add -- docs && git commit -m ")
    history.commit("dev2")
    assert history.authors() == ["dev1", "dev2", "lead"]
    history.approve("writer")
    assert history.opens()


def test_content_with_a_name_that_is_not_utf8_was_never_approved(history: History) -> None:
    history.commit("dev1", text="one\n")
    bad = history.root / os.fsdecode(b"docs/caf\xe9.md")
    bad.write_text("two\n")
    history.commit("dev1")
    bad.rename(history.root / "docs/café.md")
    history.approve("lead", commit=False)
    (history.root / "docs/café.md").rename(bad)
    history.commit("writer")
    bad.rename(history.root / "docs/café.md")
    history.write("three\n")
    history.commit("dev2")
    assert history.authors() == ["dev1", "dev2"]
    history.approve("lead")
    assert history.opens()


def test_a_project_below_the_repositorys_top_has_its_own_authors(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev2", text="one\n", path="inner/docs/prd.md")
    history.where = replace(history.where, root=str(history.root / "inner"))
    assert history.authors() == ["dev2"]


def test_replaced_and_grafted_commits_do_not_change_who_wrote(history: History) -> None:
    first = history.commit("dev1", text="one\n")
    tree = history.git("rev-parse", "HEAD^{tree}")
    forged = history.git("commit-tree", tree, "-m", "forged", by="dev2")
    history.git("replace", first, forged)
    assert history.authors() == ["dev1"]


def test_a_mailmap_in_the_tree_does_not_change_who_wrote(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.commit("dev2", text="W <writer@example.com> <dev1@example.com>\n", path=".mailmap")
    assert history.authors() == ["dev1"]


def test_names_that_look_like_git_syntax_are_only_names(history: History) -> None:
    history.gate["subject"] = [":(exclude)docs", "--all", "docs/[a].md"]
    for by, path in (("dev1", ":(exclude)docs"), ("dev2", "--all"), ("writer", "docs/[a].md"), ("lead", "docs/a.md")):
        history.commit(by, text="x\n", path=path)
    assert history.authors() == ["dev1", "dev2", "writer"]


def test_hooks_and_settings_of_the_repository_run_nothing(history: History, tmp_path: Path) -> None:
    history.commit("dev1", text="one\n")
    ran = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "gpg.program", "diff.external", "core.sshCommand"):
        history.git("config", key, str(script))
    history.git("config", "log.showSignature", "true")
    history.git("config", "core.abbrev", "7")
    history.git("config", "log.showRoot", "false")
    assert history.authors() == ["dev1"]
    assert not ran.exists()


def test_variables_that_point_git_elsewhere_are_not_passed_on(history: History, tmp_path: Path) -> None:
    history.commit("dev1", text="one\n")
    environment = {**history.where.environment, "GIT_DIR": str(tmp_path), "GIT_WORK_TREE": str(tmp_path)}
    history.where = replace(history.where, environment=environment)
    assert history.authors() == ["dev1"]


def test_git_that_is_missing_or_fails_is_a_reason(history: History, tmp_path: Path) -> None:
    history.commit("dev1", text="one\n")
    history.where = replace(history.where, environment={"PATH": str(tmp_path)})
    assert history.troubles() == [("git-failed", "the git command cannot be started")]
    with pytest.raises(GitTrouble) as error:
        Git(str(history.root), os.environ).files_at("0" * 40)
    assert error.value.trouble["kind"] == "git-failed"
    with pytest.raises(GitTrouble) as error:
        Git(str(history.root), os.environ).contents(["0" * 40])
    assert error.value.trouble["kind"] == "git-failed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_is_a_reason(history: History) -> None:
    history.commit("dev1", text="one\n")
    os.chown(history.root, 12345, 12345)
    assert history.troubles() == [("git-failed", "the repository belongs to another user, and git does not trust it")]
    os.chown(history.root, 0, 0)
    assert history.authors() == ["dev1"]


def test_facts_are_small_and_plain(history: History) -> None:
    history.commit("dev1", text="one\n")
    history.approve("lead")
    facts, _ = observe_approval(history.gate, history.where)
    assert json.loads(json.dumps(facts)) == facts
    assert len(json.dumps(facts)) < 1500


def test_a_renamed_file_counts_as_added_by_whoever_renamed_it(history: History) -> None:
    history.commit("dev1", text="one\n", path="notes/prd.md")
    history.git("mv", "notes", "docs")
    history.commit("dev2")
    assert history.authors() == ["dev2"]
    history.commit("dev1", text="one \n")
    assert history.authors() == ["dev1", "dev2"]
