"""Decisions that people wrote, against forgeries: each has a twin, one step different, that opens the gate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orch.gates.judge import judge
from orch.gates.verdict import Context, Verdict
from orch.governance.decide import Request, Written, decide
from orch.governance.decision_files import write_decision
from orch.governance.decision_names import is_decision_path, path_of
from orch.governance.decisions import Decision, parse_decision
from orch.governance.observe import observe, observe_approval
from orch.governance.seen import Seen
from orch.governance.subjects import look
from orch.governance.where import Where
from orch.problems.catalogue import CODES
from orch.problems.problem import Exit, OrchError
from orch.render.gates_text import written_text
from orch.render.style import style_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
PEOPLE = {"lead": ["lead@example.com"], "dev1": ["dev1@example.com"], "dev2": ["dev2@example.com"], "writer": []}
ROLES = {"product": ["lead", "dev1"], "engineering": ["lead", "dev1", "dev2"], "design": ["writer"]}
PRD = "tasks/0001-prd.md"
FILE = "tasks/0001/decisions/ship.prd.product.lead.yaml"


@dataclass
class Project:
    """A project folder with one gate, and what orch.yaml would say about it."""

    root: Path
    where: Where
    gate: dict[str, Any] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)

    def write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def git(self, *words: str) -> str:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "dev2",
            "GIT_AUTHOR_EMAIL": "dev2@example.com",
            "GIT_COMMITTER_NAME": "dev2",
            "GIT_COMMITTER_EMAIL": "dev2@example.com",
            "GIT_AUTHOR_DATE": "2026-11-01T10:00:00Z",
            "GIT_COMMITTER_DATE": "2026-11-01T10:00:00Z",
        }
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def look(self, at: float = NOW) -> Verdict:
        facts, _ = observe(self.gate, self.where)
        assert observe(self.gate, self.where)[0] == facts
        return judge(self.gate, facts, at, Context(run="R"))

    def opens(self) -> bool:
        return self.look().status == "succeeded"

    def decide(self, kind: Any = "approved", role: str = "product", by: str | None = "lead", **other: Any) -> Written:
        facts, _ = observe_approval(self.gate, self.where)
        request = Request(kind, role, by, other.get("reason", ""), other.get("seen"))
        return decide(request, self.gate, facts, self.where, NOW, other.get("run"))

    def edit(self, old: str, new: str, file: str = FILE) -> None:
        text = (self.root / file).read_text()
        assert old in text
        (self.root / file).write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    root.mkdir()
    made = {"evidence:build.test": "e" * 64, "artifact:plan.make.plan": "f" * 64}

    def resolve(reference: str) -> tuple[str, str, str] | None:
        return ("made", made[reference], reference) if reference in made else None

    where = Where(
        root=str(root),
        project="6c1f6d0e",
        task="0001",
        pipeline="ship",
        people=PEOPLE,
        pinned=ROLES,
        today=ROLES,
        resolve=resolve,
        environment={"PATH": os.environ["PATH"]},
    )
    gate = {
        "kind": "approval",
        "name": "prd",
        "subject": [PRD, "docs/**/*.md"],
        "require": {"product": 1},
        "exclude": [],
        "max_age_seconds": 30 * 86_400,
        "evidence": ["build.test"],
        "trust": "file",
    }
    project = Project(root, where, gate, made)
    project.write(PRD, "# The cart\n")
    project.write("docs/a.md", "a\n")
    return project


@pytest.fixture
def repository(project: Project) -> Project:
    project.git("init", "-q", "-b", "main")
    project.commit()
    return project


def problem(error: pytest.ExceptionInfo[OrchError]) -> str:
    assert all(one.code in CODES for one in error.value.problems)
    return f"{error.value.problems[0].code} {error.value.problems[0].message}"


def test_an_approval_that_orch_wrote_opens_the_gate(project: Project) -> None:
    assert not project.opens()
    written = project.decide(reason='He said: "go" — größer')
    assert written.path == FILE
    assert written.next is None
    assert project.opens()
    text = (project.root / FILE).read_text()
    assert text.startswith(
        'decision: approved\ngate: prd\npipeline: ship\ntask: "0001"\nproject: 6c1f6d0e\n'.replace(
            "6c1f6d0e", '"6c1f6d0e"'
        )
    )
    assert "date: 2026-11-22\nsubject: sha256:" in text
    assert parse_decision(text.encode(), FILE) == written.decision
    assert (project.root / FILE).stat().st_mode & 0o777 == 0o644
    assert [name for name in os.listdir(project.root / FILE.rpartition("/")[0]) if name.startswith(".")] == []


# Forgeries of the subject.


def test_one_edited_byte_shuts_the_gate_and_the_file_is_named(repository: Project) -> None:
    repository.decide()
    assert repository.opens()
    file = repository.write(PRD, "# The cart!\n")
    verdict = repository.look()
    assert verdict.reason == "stale"
    assert "decision of lead as product is about other content" in verdict.sentence
    file.write_text("# The cart\n")
    assert repository.opens()


def test_what_changed_is_exact_where_the_commit_held_what_was_approved(repository: Project) -> None:
    repository.gate["evidence"] = []
    repository.write("docs/b.md", "b\n")
    repository.commit()
    repository.decide()
    repository.write(PRD, "other\n")
    (repository.root / "docs/b.md").unlink()
    (repository.root / "docs/a.md").rename(repository.root / "docs/c.md")
    changed = "docs/a.md, docs/b.md, docs/c.md, tasks/0001-prd.md changed since"
    assert f"decision of lead as product is about other content: {changed}" in repository.look().sentence


def test_what_changed_is_a_hint_where_the_commit_did_not_hold_it(repository: Project) -> None:
    repository.gate["evidence"] = []
    repository.write(PRD, "not committed\n")
    repository.decide()
    repository.write(PRD, "other\n")
    sentence = repository.look().sentence
    assert "what changed since is not known: its commit does not hold what was decided about" in sentence
    assert f"since its commit: {PRD}" in sentence


def test_what_changed_is_not_known_outside_git(project: Project) -> None:
    project.decide()
    project.write(PRD, "other\n")
    assert "what changed since is not known: the decision names no commit" in project.look().sentence


def test_what_changed_is_read_from_the_runs_own_record_where_it_saw_that_content(project: Project) -> None:
    facts, subject = observe_approval(project.gate, project.where)
    project.decide()
    assert subject.digest is not None
    project.where = replace(project.where, history={subject.digest: facts["subject"]["files"]})
    project.made["evidence:build.test"] = "0" * 64
    assert "about other content: evidence:build.test changed since" in project.look().sentence


@pytest.mark.parametrize(
    ("forge", "undo"),
    [
        pytest.param(
            lambda p: (p.root / "docs/a.md").rename(p.root / "docs/b.md"),
            lambda p: (p.root / "docs/b.md").rename(p.root / "docs/a.md"),
            id="rename",
        ),
        pytest.param(
            lambda p: p.write("docs/deep/new.md", "new"),
            lambda p: (p.root / "docs/deep/new.md").unlink(),
            id="glob grew",
        ),
        pytest.param(lambda p: (p.root / PRD).chmod(0o755), lambda p: (p.root / PRD).chmod(0o644), id="mode"),
        pytest.param(
            lambda p: p.made.update({"evidence:build.test": "0" * 64}),
            lambda p: p.made.update({"evidence:build.test": "e" * 64}),
            id="evidence changed",
        ),
        pytest.param(
            lambda p: p.made.pop("evidence:build.test"),
            lambda p: p.made.update({"evidence:build.test": "e" * 64}),
            id="evidence not succeeded",
        ),
        pytest.param(lambda p: (p.root / "docs/a.md").unlink(), lambda p: p.write("docs/a.md", "a\n"), id="no match"),
        pytest.param(lambda p: (p.root / PRD).unlink(), lambda p: p.write(PRD, "# The cart\n"), id="missing"),
    ],
)
def test_a_subject_that_is_another_shuts_the_gate(
    project: Project, forge: Callable[[Project], Any], undo: Callable[[Project], Any]
) -> None:
    project.decide()
    assert project.opens()
    forge(project)
    assert not project.opens()
    undo(project)
    assert project.opens()


def test_a_subject_that_became_a_link_to_the_same_bytes_shuts_the_gate(project: Project) -> None:
    project.decide()
    file = project.root / PRD
    file.rename(project.root / "elsewhere.md")
    file.symlink_to(project.root / "elsewhere.md")
    assert "is a symbolic link" in project.look().sentence
    file.unlink()
    (project.root / "elsewhere.md").rename(file)
    assert project.opens()


# Forgeries of the decision.


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("decision: approved", "decision: yes", "`decision` is not approved, rejected or revoked"),
        ("decision: approved", "decision: looks good to me", "`decision` is not approved, rejected or revoked"),
        ("gate: prd", "gate: plan", "does not agree with its content"),
        ("pipeline: ship", "pipeline: other", "does not agree with its content"),
        ('task: "0001"', 'task: "0002"', "does not agree with its content"),
        ('task: "0001"', "task: 1", "`task` is not text"),
        ('task: "0001"', 'task: "../0001"', "`task` is not the id of a task"),
        ("role: product", "role: design", "does not agree with its content"),
        ("by: lead", "by: dev1", "does not agree with its content"),
        ("by: lead", 'by: "lеad"', "`by` is not a handle"),
        ("by: lead", "by: Lead", "`by` is not a handle"),
        ("by: lead\n", "by: lead\nby: lead\n", "by"),
        ("by: lead\n", "", "missing key `by`"),
        ("by: lead\n", "by: lead\nrun: R\n", "unknown key `run`"),
        ("by: lead\n", "by: lead\nsignature: abc\n", "signed decisions are not possible yet"),
        ("date: 2026-11-22", "date: 22.11.2026", "`date` is not a date"),
        ("subject: sha256:", "subject: sha1:", "`subject` is not sha256:"),
        ("by: lead\n", "by: lead\ncommit: main\n", "`commit` is not a commit id"),
        ("decision: approved", "- approved", "does not hold"),
    ],
)
def test_a_decision_that_does_not_hold_shuts_the_gate_with_the_reason(
    project: Project, old: str, new: str, words: str
) -> None:
    project.decide()
    assert project.opens()
    good = (project.root / FILE).read_text()
    project.edit(old, new)
    verdict = project.look()
    assert verdict.status == "waiting"
    assert words in verdict.sentence
    with pytest.raises(OrchError) as error:
        parse_decision((project.root / FILE).read_bytes(), FILE)
    assert all(one.at is not None for one in error.value.problems)
    project.write(FILE, good)
    assert project.opens()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('project: "6c1f6d0e"', "project: another", "needs-decision"),
        ("decision: approved", "decision: revoked", "needs-decision"),
        ("decision: approved", "decision: rejected", "rejected"),
        ("date: 2026-11-22", "date: 2026-11-24", "not-yet-valid"),
        ("date: 2026-11-22", "date: 2026-10-22", "expired"),
    ],
)
def test_a_decision_of_elsewhere_or_another_time_does_not_count(
    project: Project, old: str, new: str, reason: str
) -> None:
    project.decide()
    assert project.opens()
    project.edit(old, new)
    assert project.look().reason == reason
    project.edit(new, old)
    assert project.opens()


@pytest.mark.parametrize(
    "name",
    [
        "ship.prd.product.dev1.yaml",
        "ship.prd.engineering.lead.yaml",
        "ship.other.product.lead.yaml",
        "ship.prd.product.lead.yml",
        "ship.prd.product.lеad.yaml",
        "approval.yaml",
    ],
)
def test_a_misnamed_decision_shuts_the_gate(project: Project, name: str) -> None:
    project.decide()
    decisions = project.root / "tasks/0001/decisions"
    (project.root / FILE).rename(decisions / name)
    verdict = project.look()
    assert verdict.status == "waiting"
    assert "does not hold" in verdict.sentence
    (decisions / name).rename(project.root / FILE)
    assert project.opens()


@pytest.mark.parametrize("written", ["gate: prd", r'gate: "\x70rd"'])
def test_a_rejection_that_was_filed_under_another_gates_name_is_not_overlooked(project: Project, written: str) -> None:
    project.decide()
    project.decide("rejected", by="dev1")
    decisions = project.root / "tasks/0001/decisions"
    (decisions / "ship.prd.product.dev1.yaml").rename(decisions / "ship.plan.product.dev1.yaml")
    text = (decisions / "ship.plan.product.dev1.yaml").read_text()
    (decisions / "ship.plan.product.dev1.yaml").write_text(text.replace("gate: prd", written))
    assert not project.opens()
    (decisions / "ship.plan.product.dev1.yaml").unlink()
    assert project.opens()


def test_another_tasks_and_another_gates_decisions_are_not_this_ones(project: Project) -> None:
    project.decide()
    assert project.opens()
    project.where = replace(project.where, task="0002")
    assert not project.opens()
    project.where = replace(project.where, task="0001", pipeline="other")
    assert not project.opens()
    project.where = replace(project.where, pipeline="ship")
    project.gate["name"] = "plan"
    assert project.look().sentence.startswith("needs 1 more: product — orch approve plan")
    project.gate["name"] = "prd"
    assert project.opens()


def test_a_decision_behind_a_link_does_not_hold(project: Project) -> None:
    project.decide()
    file = project.root / FILE
    file.rename(project.root / "kept.yaml")
    file.symlink_to(project.root / "kept.yaml")
    assert "is a symbolic link" in project.look().sentence
    file.unlink()
    (project.root / "kept.yaml").rename(file)
    assert project.opens()


def test_a_decision_longer_than_any_person_writes_does_not_hold(project: Project) -> None:
    project.decide()
    project.edit("by: lead\n", "by: lead\nreason: " + "x" * 70_000 + "\n")
    assert "is longer than 65536 bytes" in project.look().sentence


# Forgeries of people.


def test_a_role_that_was_taken_away_today_no_longer_counts(project: Project) -> None:
    project.decide()
    project.where = replace(project.where, today=ROLES | {"product": ["dev1"]})
    assert "orch.yaml does not give lead that role" in project.look().sentence
    project.where = replace(project.where, today=ROLES)
    assert project.opens()


def test_a_role_that_was_given_only_after_planning_does_not_count(project: Project) -> None:
    project.decide()
    project.where = replace(project.where, pinned=ROLES | {"product": ["dev1"]})
    assert "when the run was planned" in project.look().sentence
    project.where = replace(project.where, pinned=ROLES)
    assert project.opens()


def test_a_person_or_a_role_that_orch_yaml_does_not_know_shuts(project: Project) -> None:
    project.decide()
    project.decide(by="dev1")
    without = {"product": ["lead"], "engineering": ["lead", "dev2"], "design": ["writer"]}
    people = {handle: addresses for handle, addresses in PEOPLE.items() if handle != "dev1"}
    known = project.where
    project.where = replace(known, people=people, today=without)
    assert "names a person that orch.yaml does not know" in project.look().sentence
    project.where = known
    assert project.opens()


def test_one_person_in_two_roles_fills_one_place(project: Project) -> None:
    project.gate["require"] = {"product": 1, "engineering": 1}
    project.decide(role="product")
    project.decide(role="engineering")
    verdict = project.look()
    assert (verdict.have, verdict.need, verdict.status) == (1, 2, "waiting")
    project.decide(role="product", by="dev1")
    assert project.opens()


# Trust.


@pytest.fixture
def trusting(repository: Project) -> Project:
    repository.gate["trust"] = "committed"
    return repository


def test_a_decision_that_is_not_committed_does_not_count_where_only_head_is_trusted(trusting: Project) -> None:
    written = trusting.decide()
    verdict = trusting.look()
    assert verdict.status == "waiting"
    assert written.next is not None
    assert verdict.next == written.next
    trusting.commit()
    assert trusting.opens()
    trusting.edit("date: 2026-11-22", "date: 2026-11-21")
    assert not trusting.opens()
    trusting.edit("date: 2026-11-21", "date: 2026-11-22")
    assert trusting.opens()


def test_the_printed_command_commits_the_decision(trusting: Project) -> None:
    written = trusting.decide()
    assert written.next is not None
    add, _, commit = written.next.partition(" && ")
    trusting.git(*add.split()[1:])
    assert "git commit -m" in commit
    trusting.git("commit", "-q", "-m", "decision", "--", written.path)
    assert trusting.opens()


def test_a_committed_rejection_cannot_be_deleted_or_edited_away(trusting: Project) -> None:
    trusting.decide()
    trusting.decide("rejected", by="dev1")
    trusting.commit()
    other = trusting.root / "tasks/0001/decisions/ship.prd.product.dev1.yaml"
    assert trusting.look().reason == "rejected"
    other.unlink()
    assert trusting.look().reason == "rejected"
    trusting.decide(by="dev1")
    assert trusting.look().reason == "rejected"
    trusting.commit()
    assert trusting.opens()


def test_a_rejection_counts_before_it_is_committed(trusting: Project) -> None:
    trusting.decide()
    trusting.commit()
    assert trusting.opens()
    trusting.decide("rejected", by="dev1")
    assert trusting.look().reason == "rejected"


AT_ONCE = "It counts at once here, and in other checkouts once it is committed:"
COMMITTED = "It counts once it is committed:"


def told(written: Written) -> str:
    return written_text(written, style_of({}, is_terminal=False, encoding="ascii", width=None)).splitlines()[3].strip()


def test_a_decision_says_that_it_counts_at_once_where_it_shuts_the_gate_and_after_a_commit_where_it_opens_it(
    trusting: Project,
) -> None:
    assert told(trusting.decide()) == COMMITTED
    trusting.commit()
    assert told(trusting.decide("revoked")) == AT_ONCE
    assert not trusting.opens()
    assert told(trusting.decide("rejected")) == AT_ONCE
    assert trusting.look().reason == "rejected"
    trusting.commit()
    assert told(trusting.decide("revoked")) == COMMITTED
    assert trusting.look().reason == "rejected"


@pytest.mark.parametrize("name", [b"caf\xe9.yaml", b"ship.prd.product.caf\xe9.yaml", "right\u202eleft.yaml".encode()])
def test_a_committed_decision_with_a_name_that_a_record_cannot_hold_shuts_the_gate(
    trusting: Project, name: bytes
) -> None:
    trusting.decide()
    folder = trusting.root / "tasks/0001/decisions"
    (folder / os.fsdecode(name)).write_text("decision: rejected\n")
    trusting.commit()
    for _ in ("in the tree and in HEAD", "in HEAD alone"):
        verdict = trusting.look()
        assert verdict.status == "waiting"
        assert verdict.sentence.count("holds characters that a record cannot hold") == 1
        (folder / os.fsdecode(name)).unlink(missing_ok=True)
    trusting.commit()
    assert trusting.opens()


@pytest.mark.parametrize("name", [b"caf\xe9.md", b"n\xf6tes", b"sub\xe9/a.md"])
def test_what_else_lies_in_the_folder_of_decisions_under_any_name_does_not_matter(
    trusting: Project, name: bytes
) -> None:
    trusting.decide()
    file = trusting.root / "tasks/0001/decisions" / os.fsdecode(name)
    file.parent.mkdir(exist_ok=True)
    file.write_text("notes\n")
    trusting.commit()
    assert trusting.opens()


def test_what_changed_is_told_also_of_a_name_that_is_not_utf8(repository: Project) -> None:
    repository.gate["evidence"] = []
    bad = repository.root / os.fsdecode(b"docs/caf\xe9.md")
    repository.decide()
    bad.write_text("x\n")
    head = repository.commit()
    repository.edit(next(line for line in (repository.root / FILE).read_text().split("\n") if "commit" in line),
                    f"commit: {head}")  # fmt: skip
    bad.unlink()
    repository.write("docs/a.md", "changed\n")
    assert r"docs/a.md, docs/caf\udce9.md" in repository.look().sentence


def test_a_git_identity_that_is_not_utf8_is_nobodys(repository: Project) -> None:
    with (repository.root / ".git/config").open("ab") as config:
        config.write(b"[user]\n\temail = caf\xe9@example.com\n")
    with pytest.raises(OrchError) as error:
        repository.decide(by=None)
    assert r"caf\xe9@example.com is nobody in orch.yaml" in problem(error)
    repository.git("config", "user.email", "lead@example.com")
    assert repository.decide(by=None).decision.by == "lead"


def test_only_head_is_trusted_and_not_the_index(trusting: Project) -> None:
    trusting.decide()
    trusting.git("add", "-A")
    assert not trusting.opens()
    trusting.commit()
    assert trusting.opens()


def test_without_git_nothing_is_committed_and_the_reason_is_said(project: Project) -> None:
    project.gate["trust"] = "committed"
    project.decide()
    assert "this folder is not in a git repository" in project.look().sentence
    project.git("init", "-q")
    assert "has no commit yet" in project.look().sentence
    project.commit()
    assert project.opens()


def test_a_project_in_a_folder_of_a_larger_repository_is_found_in_head(trusting: Project, tmp_path: Path) -> None:
    inner = tmp_path / "shop" / "inner"
    inner.mkdir()
    nested = Project(inner, replace(trusting.where, root=str(inner)), trusting.gate | {"evidence": []}, trusting.made)
    nested.write(PRD, "inner\n")
    nested.write("docs/a.md", "a\n")
    nested.commit()
    nested.decide()
    assert not nested.opens()
    nested.commit()
    assert nested.opens()
    nested.write(PRD, "other\n")
    assert f"about other content: {PRD} changed since" in nested.look().sentence


# Writing.


def test_a_node_does_not_decide_about_gates(project: Project) -> None:
    with pytest.raises(OrchError) as error:
        project.decide(run="R1")
    assert problem(error).startswith("O310")
    assert error.value.exit == Exit.REFUSED
    assert not (project.root / FILE).exists()


def test_a_project_without_an_id_takes_no_decision_and_names_orch_init(project: Project) -> None:
    project.where = replace(project.where, project=None)
    with pytest.raises(OrchError) as error:
        project.decide()
    assert error.value.problems[0].hint == "orch init"
    assert problem(error).startswith("O311")


@pytest.mark.parametrize(
    ("kind", "role", "by", "code"),
    [
        ("approved", "product", "nobody", "O312"),
        ("approved", "product", "../../etc", "O312"),
        ("approved", "product", "dev2", "O313"),
        ("approved", "design", "writer", "O313"),
        ("rejected", "product", "dev2", "O313"),
        ("revoked", "product", "lead", "O316"),
    ],
)
def test_who_may_not_decide_is_refused_and_nothing_is_written(
    project: Project, kind: str, role: str, by: str, code: str
) -> None:
    with pytest.raises(OrchError) as error:
        project.decide(kind, role, by)
    assert problem(error).startswith(code)
    assert not (project.root / "tasks/0001").exists()


def test_nothing_is_approved_that_is_not_there(project: Project) -> None:
    (project.root / PRD).unlink()
    with pytest.raises(OrchError) as error:
        project.decide()
    assert problem(error) == f"O315 there is nothing to decide about: {PRD} does not exist"


def seen(digest: str) -> Seen:
    return Seen(digest, "orch gate show prd --run R")


@pytest.mark.parametrize("kind", ["approved", "rejected"])
@pytest.mark.parametrize("length", [12, 13, 64])
@pytest.mark.parametrize("prefix", ["", "sha256:"])
def test_a_decision_about_what_was_looked_at_is_written_only_while_it_is_there(
    project: Project, kind: str, length: int, prefix: str
) -> None:
    digest = look(project.where.root, project.gate["subject"], project.gate["evidence"], project.where.resolve).digest
    assert digest is not None
    short = prefix + digest.removeprefix("sha256:")[:length]
    project.write(PRD, "# Another cart\n")
    with pytest.raises(OrchError) as error:
        project.decide(kind, seen=seen(short))
    assert error.value.exit == Exit.CONFLICT
    assert "what changed since is not known; it is sha256:" in problem(error)
    assert error.value.problems[0].hint == "look again: orch gate show prd --run R"
    assert not (project.root / FILE).exists()
    project.write(PRD, "# The cart\n")
    assert project.decide(kind, seen=seen(short)).decision.subject == digest


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "a" * 11, "sha256:" + "a" * 65, "A" * 12, "g" * 12, "sha1:" + "a" * 12]
)
def test_what_is_no_digest_of_a_subject_is_refused(project: Project, digest: str) -> None:
    with pytest.raises(OrchError) as error:
        project.decide(seen=seen(digest))
    assert error.value.exit == Exit.USAGE
    assert problem(error).startswith("O319")
    assert not (project.root / FILE).exists()


def test_the_beginning_of_two_digests_that_the_run_has_seen_does_not_say_which(project: Project) -> None:
    digest = project.decide().decision.subject
    twin = digest[:40] + ("0" if digest[40] != "0" else "1") * 31
    project.where = replace(project.where, history={twin: []})
    with pytest.raises(OrchError) as error:
        project.decide(seen=seen(digest[:40]))
    assert "is the beginning of 2 digests" in problem(error)
    assert project.decide(seen=seen(digest[:41])).decision.subject == digest


@pytest.mark.parametrize("known", ["by the run", "by HEAD"])
def test_what_changed_since_it_was_looked_at_is_told_where_it_is_known(repository: Project, known: str) -> None:
    repository.gate["evidence"] = []
    facts, _ = observe_approval(repository.gate, repository.where)
    digest = facts["subject"]["digest"]
    assert digest is not None
    repository.write("docs/a.md", "other\n")
    if known == "by the run":
        repository.where = replace(repository.where, history={digest: facts["subject"]["files"]}, environment={})
    with pytest.raises(OrchError) as error:
        repository.decide(seen=seen(digest))
    assert "was looked at: docs/a.md changed since; it is sha256:" in problem(error)
    repository.write("docs/a.md", "a\n")
    assert repository.decide(seen=seen(digest))


def test_the_git_identity_says_who_decides_where_orch_yaml_maps_it(repository: Project) -> None:
    with pytest.raises(OrchError) as error:
        repository.decide(by=None)
    assert problem(error).startswith("O312")
    repository.git("config", "user.email", "LEAD@example.com")
    assert repository.decide(by=None).path == FILE
    repository.where = replace(repository.where, people={**PEOPLE, "dev1": ["lead@example.com"]})
    with pytest.raises(OrchError) as error:
        repository.decide(by=None)
    assert "several people" in problem(error)


def test_a_new_decision_of_the_same_person_supersedes_the_file(project: Project) -> None:
    project.decide("rejected", reason="no")
    assert project.look().reason == "rejected"
    project.decide()
    assert project.opens()
    assert len(os.listdir(project.root / "tasks/0001/decisions")) == 1


def test_revoking_withdraws_the_standing_decision_and_keeps_what_it_was_about(project: Project) -> None:
    approved = project.decide()
    project.write(PRD, "changed\n")
    revoked = project.decide("revoked", reason="A mistake")
    assert revoked.decision.subject == approved.decision.subject
    project.write(PRD, "# The cart\n")
    assert "lead revoked the decision as product" in project.look().sentence
    project.decide()
    assert project.opens()


def test_a_decision_is_bound_to_head(repository: Project) -> None:
    assert repository.decide().decision.commit == repository.git("rev-parse", "HEAD")


def test_a_file_that_is_no_decision_is_never_overwritten(project: Project) -> None:
    project.write(FILE, "decision: [\n")
    with pytest.raises(OrchError):
        project.decide()
    assert (project.root / FILE).read_text() == "decision: [\n"


def test_a_decision_is_never_written_through_a_link(project: Project, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (project.root / "tasks/0001").symlink_to(tmp_path / "outside")
    with pytest.raises(OrchError) as error:
        project.decide()
    assert problem(error).startswith("O305")
    assert list((tmp_path / "outside").iterdir()) == []
    (project.root / "tasks/0001").unlink()
    project.decide()
    assert project.opens()


def test_a_decision_about_a_child_with_inputs_has_their_first_digits_in_its_name(project: Project) -> None:
    before, other = "a" * 64, "b" * 64
    project.gate["inputs"] = before
    path = project.decide().path
    assert path == FILE.replace(".yaml", f".{'a' * 12}.yaml")
    assert is_decision_path(path)
    assert project.opens()
    project.gate["inputs"] = other
    assert project.look().sentence.startswith("needs 1 more: product — "), "nothing is said of the other child's"
    project.gate["inputs"] = before
    project.edit(before, other, path)
    assert "does not agree with its content" in project.look().sentence
    project.gate["inputs"] = other
    assert "does not agree with its content" in project.look().sentence
    project.edit(other, before, path)
    project.gate["inputs"] = before
    assert project.opens()


@pytest.mark.parametrize("name", [f"ship.prd.product.lead.{'a' * 11}.yaml", f"ship.prd.product.lead.{'A' * 12}.yaml"])
def test_a_name_with_anything_else_in_it_is_no_decisions(project: Project, name: str) -> None:
    assert not is_decision_path(f"tasks/0001/decisions/{name}")
    project.decide()
    file = project.root / FILE
    file.rename(file.with_name(name))
    assert "does not hold" in project.look().sentence
    file.with_name(name).rename(file)
    assert project.opens()


@pytest.mark.parametrize("key", ["gate", "pipeline", "task", "role", "by"])
@pytest.mark.parametrize("value", ["../x", "a/b", "", "a.b", "ü", "x" * 65])
def test_no_part_of_a_decision_leads_out_of_its_folder(project: Project, key: str, value: str) -> None:
    good = Decision("approved", "prd", "ship", "0001", "id", "product", "lead", "2026-11-22", "sha256:" + "a" * 64)
    with pytest.raises(OrchError):
        write_decision(str(project.root), replace(good, **{key: value}))
    assert not (project.root / "tasks/0001").exists()
    assert write_decision(str(project.root), good) == path_of(good.about, good.role, good.by) == FILE


@pytest.mark.parametrize("reason", ["a\x07bell", "right \u202e left", "nul \x00"])
def test_a_reason_that_hides_characters_is_refused(project: Project, reason: str) -> None:
    with pytest.raises(OrchError):
        project.decide(reason=reason)
    assert not (project.root / FILE).exists()


@pytest.mark.parametrize(
    "reason", ["true", "12", "a: b # c", "- x", "line\nline\n", " spaces ", "'\"\\", "~", "emoji 🎉"]
)
def test_a_reason_reads_back_as_it_was_written(project: Project, reason: str) -> None:
    written = project.decide(reason=reason)
    assert parse_decision((project.root / FILE).read_bytes(), written.path).reason == reason
