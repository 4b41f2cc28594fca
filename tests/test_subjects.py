"""What is approved: which files a subject means, and what its digest says."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orch.governance.freshness import observe_freshness
from orch.governance.patterns import matches
from orch.governance.subjects import look, nothing


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("docs/a.md", "docs/sub/b.md", "docs/.hidden.md", "docs/c.txt", "top.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n")
    return tmp_path


def digest(root: Path, *subject: str) -> str | None:
    return look(str(root), subject, (), nothing).digest


def troubles(root: Path, *subject: str) -> list[tuple[str, str]]:
    facts = look(str(root), subject, (), nothing).facts
    assert (facts["digest"] is None) is bool(facts["problems"])
    return [(one["kind"], one["about"]) for one in facts["problems"]]


def paths(root: Path, *subject: str) -> list[str]:
    return [line[2] for line in look(str(root), subject, (), nothing).facts["files"]]


def test_the_digest_is_over_lines_of_mode_sha256_and_path_sorted_by_path_bytes(project: Path) -> None:
    (project / "docs/a.md").chmod(0o755)
    lines = [
        f"{mode} {hashlib.sha256((project / name).read_bytes()).hexdigest()} {name}\n"
        for mode, name in (("100755", "docs/a.md"), ("100644", "top.md"))
    ]
    expected = "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest(project, "top.md", "docs/a.md") == expected


def test_order_and_repetition_of_what_is_named_do_not_matter(project: Path) -> None:
    assert digest(project, "docs/*.md", "top.md") == digest(project, "top.md", "./top.md", "docs/a.md", "docs/*.md")


def test_a_pattern_means_hidden_files_too_so_that_nothing_escapes_its_approval(project: Path) -> None:
    assert paths(project, "docs/*.md") == ["docs/.hidden.md", "docs/a.md"]


def test_two_stars_mean_any_folders(project: Path) -> None:
    assert paths(project, "docs/**/*.md") == ["docs/.hidden.md", "docs/a.md", "docs/sub/b.md"]
    assert paths(project, "**/?.md") == ["docs/a.md", "docs/sub/b.md"]
    assert paths(project, "docs/**") == ["docs/.hidden.md", "docs/a.md", "docs/c.txt", "docs/sub/b.md"]
    assert paths(project, "*/sub/*") == ["docs/sub/b.md"]


def test_a_pattern_is_expanded_again_at_each_look(project: Path) -> None:
    before = digest(project, "docs/**")
    (project / "docs/new.md").write_text("new")
    after = digest(project, "docs/**")
    assert after != before
    (project / "docs/new.md").unlink()
    assert digest(project, "docs/**") == before


@pytest.mark.parametrize("edit", ["byte", "mode", "rename", "grow"])
def test_every_difference_of_the_files_is_one_of_the_digest(project: Path, edit: str) -> None:
    before = digest(project, "docs/*.md")
    assert digest(project, "docs/*.md") == before
    file = project / "docs/a.md"
    if edit == "byte":
        file.write_bytes(file.read_bytes()[:-1] + b" ")
    elif edit == "mode":
        file.chmod(0o755)
    elif edit == "rename":
        file.rename(project / "docs/renamed.md")
    else:
        (project / "docs/z.md").touch()
    assert digest(project, "docs/*.md") not in (before, None)


def test_neither_times_nor_other_permissions_are_part_of_it(project: Path) -> None:
    before = digest(project, "top.md")
    (project / "top.md").chmod(0o600)
    os.utime(project / "top.md", (1, 1))
    assert digest(project, "top.md") == before


def test_brackets_braces_and_backslashes_are_not_special(project: Path) -> None:
    (project / "docs/[a].md").write_text("brackets")
    assert paths(project, "docs/[a].md") == ["docs/[a].md"]
    assert paths(project, "docs/[?].md") == ["docs/[a].md"]


def test_a_missing_file_and_a_pattern_without_a_match_are_reasons_and_no_exceptions(project: Path) -> None:
    assert troubles(project, "gone.md", "docs/*.rst", "no/such/**") == [
        ("missing", "gone.md"),
        ("no-match", "docs/*.rst"),
        ("no-match", "no/such/**"),
    ]
    assert troubles(project, "top.md/below") == [("missing", "top.md/below")]
    assert troubles(project) == [("empty", "")]


def test_symbolic_links_are_refused_as_files_and_as_folders_on_the_way(project: Path) -> None:
    (project / "docs/link.md").symlink_to(project / "top.md")
    assert troubles(project, "docs/link.md") == [("symlink", "docs/link.md")]
    assert troubles(project, "docs/*.md") == [("symlink", "docs/link.md")]
    assert troubles(project, "docs/*.txt") == []
    (project / "ext").symlink_to(project / "docs")
    assert troubles(project, "ext/a.md") == [("symlink", "ext")]
    assert troubles(project, "ext/*.txt") == [("symlink", "ext")]
    assert troubles(project, "ext/**/*.rst") == [("symlink", "ext")]
    assert troubles(project, "**/*.txt") == [("symlink", "ext")]
    assert troubles(project, "docs/a.md") == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "docs/../top.md", "docs//a.md", "", ".", "../*", "/etc/*"])
def test_a_path_stays_inside_the_project(project: Path, path: str) -> None:
    assert [kind for kind, _ in troubles(project, path)] == ["outside"]


def test_runs_git_and_decisions_are_never_matched(project: Path) -> None:
    for name in (".runs/x.md", ".git/x.md", "docs/.git/x.md", "tasks/0001/decisions/x.md", "tasks/0001/notes.md"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
    assert paths(project, "**/x.md", "tasks/**") == ["tasks/0001/notes.md"]
    assert troubles(project, ".runs/x.md") == [("outside", ".runs/x.md")]
    assert troubles(project, "docs/.git/x.md") == [("outside", "docs/.git/x.md")]


def test_what_is_no_regular_file_is_refused(project: Path) -> None:
    os.mkfifo(project / "pipe.md")
    assert troubles(project, "pipe.md") == [("not-regular", "pipe.md")]
    assert troubles(project, "*.md") == [("not-regular", "pipe.md")]
    assert troubles(project, "docs") == [("folder", "docs")]
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(project)
        try:
            listening.bind("s.md")
        finally:
            os.chdir(here)
        assert [kind for kind, _ in troubles(project, "s.md")] == ["unreadable"]


@pytest.mark.parametrize("name", [b"new\nline.md", b"bad\xff.md", "right\u202eleft.md".encode()])
def test_a_name_that_a_record_cannot_hold_is_refused(project: Path, name: bytes) -> None:
    (project / os.fsdecode(name)).write_text("x")
    assert [kind for kind, _ in troubles(project, "*.md")] == ["bad-name"]
    (project / os.fsdecode(name)).rename(project / "größe.md")
    assert paths(project, "*.md") == ["größe.md", "top.md"]


def test_what_nodes_made_and_evidence_join_the_digest(project: Path) -> None:
    made = {"artifact:plan.make.plan": "1" * 64, "output:plan.make": "2" * 64, "evidence:build.test": "3" * 64}

    def resolve(reference: str) -> tuple[str, str, str] | None:
        return (reference.partition(":")[0], made[reference], reference) if reference in made else None

    subject = ["artifact:plan.make.plan", "output:plan.make", "top.md"]
    first = look(str(project), subject, ["build.test"], resolve)
    assert [line[0] for line in first.facts["files"]] == ["artifact", "evidence", "output", "100644"]
    made["evidence:build.test"] = "4" * 64
    second = look(str(project), subject, ["build.test"], resolve)
    assert None not in (first.digest, second.digest)
    assert first.digest != second.digest
    made.clear()
    assert [
        (one["kind"], one["about"]) for one in look(str(project), subject, ["build.test"], resolve).facts["problems"]
    ] == [
        ("not-known-yet", "artifact:plan.make.plan"),
        ("not-known-yet", "output:plan.make"),
        ("not-succeeded", "build.test"),
    ]


def test_the_paths_and_digests_that_were_read_are_returned_for_keeping_the_bytes(project: Path) -> None:
    subject = look(str(project), ["docs/*.md"], (), nothing)
    assert {path: read.sha256 for path, read in subject.files.items()} == {
        path: hashlib.sha256((project / path).read_bytes()).hexdigest() for path in ("docs/a.md", "docs/.hidden.md")
    }


@given(st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4), st.integers(0, 3))
def test_two_stars_stand_for_any_number_of_folders(names: list[str], at: int) -> None:
    path = "/".join(names)
    cut = min(at, len(names) - 1)
    assert matches(path, "/".join([*names[:cut], "**", *names[cut:]]))
    assert matches(path, "**/" + names[-1])
    assert not matches(path, "**/c")
    assert matches(path, "*") is (len(names) == 1)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("---\nid: x\nlast_review: 2026-11-01\n---\nBody\n", "2026-11-01", None),
        ("---\r\nlast_review: '2026-11-01'\r\n---\r\n", "2026-11-01", None),
        ("Body\n---\nlast_review: 2026-11-01\n---\n", None, "no-front-matter"),
        ("---\nlast_review: 2026-11-01\n", None, "no-front-matter"),
        ("---\nid: x\n---\nlast_review: 2026-11-01\n", None, "no-field"),
        ("---\nlast_review: 20261101\n---\n", None, "bad-date"),
        ("---\nlast_review: [\n---\n", None, "bad-file"),
        ("---\nlast_review: 2026-01-01\nlast_review: 2026-11-01\n---\n", None, "bad-file"),
        ("---\n---\n", None, "bad-file"),
    ],
)
def test_a_freshness_gate_reads_the_front_matter_only(
    tmp_path: Path, text: str, value: str | None, kind: str | None
) -> None:
    (tmp_path / "spec.md").write_bytes(text.encode())
    facts = observe_freshness(str(tmp_path), "spec.md", "last_review")
    assert facts["value"] == value
    assert facts.get("problem", {}).get("kind") == kind


def test_a_freshness_gate_of_a_missing_linked_or_binary_file_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "binary.md").write_bytes(b"---\n\xff\n---\n")
    (tmp_path / "link.md").symlink_to("binary.md")
    kinds = [
        observe_freshness(str(tmp_path), name, "x")["problem"]["kind"] for name in ("no.md", "binary.md", "link.md")
    ]
    assert kinds == ["missing", "bad-file", "symlink"]
