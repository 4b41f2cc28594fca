"""A user's own snapshots: what the pytest plugin gives stays the same until the pipeline changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from command import ENGINE, PATH, PROJECT

from orch.testing.copies import copy_project, project_of
from orch.testing.normal import Normal

pytest_plugins = ["pytester"]

PIPELINE = """apiVersion: orch/v1
kind: Pipeline
name: main
inputs:
  who: { type: string, default: world }
  langs: { type: list, items: string, default: [a] }
phases:
  first:
    nodes:
      count: { run: 'printf "{\\"n\\": 3}" > "$ORCH_OUTPUT"', outputs: { n: integer } }
      each: { run: [echo, "${{ matrix.lang }}"], matrix: { lang: "${{ inputs.langs }}" } }
  then:
    nodes:
      hello: { run: [echo, "hello ${{ inputs.who }}"], if: nodes.count.outputs.n == 3 }
      wrong: { run: "echo no >&2; exit 3", allow_failure: true }
outputs: { n: "${{ nodes.count.outputs.n }}" }
"""
TESTS = """
def test_the_plan(orch_plan, snapshot):
    assert orch_plan("pipelines/main.yaml") == snapshot

def test_a_run(orch_apply, snapshot):
    assert orch_apply("pipelines/main.yaml", inputs={"who": "Ada", "langs": ["a", "b"]}) == snapshot
"""


@pytest.fixture
def user(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A user's project, in an environment like that of a shell."""
    for name in list(os.environ):
        if name.startswith(("PYTEST_", "ORCH_", "GIT_", "COV_")):
            monkeypatch.delenv(name)
    for name, value in {**ENGINE, "PATH": PATH, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, value)
    pytester.makefile(".yaml", orch=PROJECT)
    pytester.mkdir("pipelines").joinpath("main.yaml").write_text(PIPELINE)
    return pytester


def ran(user: pytest.Pytester, *words: str) -> pytest.RunResult:
    scratch = f"--basetemp={user.path.parent / 'scratch'}"  # beside the project, as it is for users
    plain = ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-q", scratch)
    return user.runpytest_subprocess(*plain, *words, timeout=90)


def alone(user: pytest.Pytester, body: str) -> None:
    """One test of the user's passes."""
    user.makepyfile(test_one="def test_one(orch_project, orch_plan, orch_apply, tmp_path):\n" + body)
    ran(user, "test_one.py").assert_outcomes(passed=1)


def test_a_snapshot_is_written_passes_again_and_fails_when_the_pipeline_changes(user: pytest.Pytester) -> None:
    user.makepyfile(test_ci=TESTS)
    assert "2 snapshots generated" in ran(user, "--snapshot-update").stdout.str()
    ran(user).assert_outcomes(passed=2)
    kept = (user.path / "__snapshots__" / "test_ci.ambr").read_text()
    assert str(user.path) not in kept
    assert sys.version.split()[0] not in kept
    changed = PIPELINE.replace("n == 3", "n == 4")
    (user.path / "pipelines" / "main.yaml").write_text(changed)
    ran(user).assert_outcomes(failed=2)
    assert not (user.path / ".runs").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [("[a]", "[a, c]"), ("echo no", "echo never"), (", allow_failure: true", ""), ("then:", "after:")],
)
def test_a_plan_shows_what_is_run_for_whom_and_under_which_rules(user: pytest.Pytester, old: str, new: str) -> None:
    alone(
        user,
        "    before = orch_plan('pipelines/main.yaml')\n"
        "    file = orch_project / 'pipelines' / 'main.yaml'\n"
        "    whole = file.read_text()\n"
        f"    file.write_text(whole.replace({old!r}, {new!r}, 1))\n"
        "    assert orch_plan('pipelines/main.yaml', folder=orch_project) != before\n"
        "    file.write_text(whole + '# a remark\\n')\n"
        "    assert orch_plan('pipelines/main.yaml', folder=orch_project) == before\n",
    )


def test_a_run_gives_its_exit_code_statuses_outputs_journal_and_manifests(user: pytest.Pytester) -> None:
    alone(
        user,
        "    done = orch_apply(inputs={'who': 'Ada'})\n"
        "    assert done['exit_code'] == 0\n"
        "    assert done['status'] == 'succeeded'\n"
        "    assert done['outputs'] == {'n': 3}\n"
        "    assert done['steps']['then.wrong'] == {'status': 'failed', 'reason': 'command-failed'}\n"
        "    assert [r['address'] for r in done['journal'] if r['type'] == 'started'][0] == 'first.count'\n"
        "    assert done['manifests']['then.hello']['command'] == ['echo', 'hello Ada']\n"
        "    assert [e['address'] for e in done['errors']] == ['then.wrong']\n"
        "    assert done == orch_apply(inputs={'who': 'Ada'}, jobs=1)\n",
    )


def test_a_failed_run_is_a_value_and_one_that_cannot_begin_ends_the_test(user: pytest.Pytester) -> None:
    alone(user, "    assert orch_apply(inputs={'langs': []})['exit_code'] == 0\n")
    (user.path / "pipelines" / "main.yaml").write_text(PIPELINE.replace(", allow_failure: true", ""))
    alone(user, "    assert orch_apply()['exit_code'] == 1\n")
    user.makepyfile(test_one="def test_one(orch_apply):\n    orch_apply(inputs={'nobody': '1'})\n")
    result = ran(user, "test_one.py")
    result.assert_outcomes(failed=1)
    assert "error[O114]: the pipeline has no input `nobody`" in result.stdout.str()


def test_a_run_that_takes_too_long_is_ended_with_its_steps_and_fails_the_test(user: pytest.Pytester) -> None:
    pipeline = user.path / "pipelines" / "main.yaml"
    pipeline.write_text(PIPELINE.replace("echo no >&2; exit 3", "echo $$ > pid; mkfifo never; read x < never"))
    user.makepyfile(
        test_one="def test_one(orch_apply, orch_project):\n"
        "    try:\n"
        "        orch_apply(timeout=5)\n"
        "    finally:\n"
        "        assert (orch_project / 'pid').exists()\n"
    )
    result = ran(user, "test_one.py")
    result.assert_outcomes(failed=1)
    assert "orch apply was ended after 5 s" in result.stdout.str()
    while waiting(user.path.parent / "scratch"):  # they end with the one that was killed: the kernel sees to it
        os.sched_yield()


def waiting(folder: Path) -> list[str]:
    """The processes that work in a folder, those that end at this moment left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                where = os.readlink(entry / "cwd")
                if where.startswith(str(folder)) and "State:\tZ" not in (entry / "status").read_text():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_selection_and_stubs_are_passed_on(user: pytest.Pytester) -> None:
    alone(
        user,
        "    steps = orch_plan(select='count')['steps']\n"
        "    assert [s['address'] for s in steps if s['word'] == 'run'] == ['first.count']\n"
        "    steps = orch_plan(stubs={'nodes': {'count': {'outputs': {'n': 1}}}})['steps']\n"
        "    assert {s['address']: s['word'] for s in steps}['then.hello'] == 'skip'\n"
        "    assert orch_apply(select=['count', 'wrong'])['steps']['then.hello']['reason'] == 'not-selected'\n",
    )


def test_each_test_has_a_copy_of_its_own_and_the_project_stays_as_it_is(user: pytest.Pytester) -> None:
    pipeline = user.path / "pipelines" / "main.yaml"
    pipeline.write_text(PIPELINE.replace("echo no >&2; exit 3", "touch made; ls"))
    alone(
        user,
        "    orch_apply()\n    assert (orch_project / 'made').exists()\n",
    )
    assert not (user.path / "made").exists()
    assert not (user.path / ".runs").exists()


def test_a_folder_can_be_given(user: pytest.Pytester) -> None:
    alone(
        user,
        "    import shutil\n"
        "    shutil.copytree(orch_project, tmp_path / 'mine')\n"
        "    orch_apply(folder=tmp_path / 'mine')\n"
        "    assert (tmp_path / 'mine' / '.runs').exists() and not (orch_project / '.runs').exists()\n",
    )


def test_users_without_syrupy_and_those_who_use_no_fixture_notice_nothing(user: pytest.Pytester) -> None:
    user.makepyfile(test_one="def test_one():\n    pass\n")
    ran(user, "-p", "no:syrupy", "test_one.py").assert_outcomes(passed=1)
    code = (
        "import sys, pytest; before = set(sys.modules); import orch.testing.plugin; "
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=user.path)
    assert done.stdout.strip() == "['orch', 'orch.testing', 'orch.testing.plugin']"


# --- copies


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def listed(folder: Path) -> Sequence[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if ".git" not in path.parts)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    folder = tmp_path / "repository"
    (folder / "part" / ".runs").mkdir(parents=True)
    for name in ("kept", "changed", "gone", "part/orch.yaml", "part/.runs/run", "ignored", ".gitignore"):
        (folder / name).write_text("ignored\n")
    return folder


def test_a_copy_of_a_repository_has_its_history_and_the_work_tree_as_it_is(repository: Path, tmp_path: Path) -> None:
    git(repository, "init", "--quiet", "--initial-branch", "main")
    git(repository, "add", ".gitignore", "kept", "changed", "gone", "part/orch.yaml")
    git(repository, "commit", "--quiet", "-m", "all")
    (repository / "changed").write_text("new")
    (repository / "new").write_text("new")
    (repository / "gone").unlink()
    copy = copy_project(repository / "part", tmp_path / "copy", tmp_path / "copy")
    assert copy == tmp_path / "copy" / "part"
    assert listed(tmp_path / "copy") == [".gitignore", "changed", "kept", "new", "part/orch.yaml"]
    assert (tmp_path / "copy" / "changed").read_text() == "new"
    log = subprocess.run(["git", "log", "--format=%s"], cwd=copy, capture_output=True, text=True, check=True)
    assert log.stdout == "all\n"


def test_a_copy_of_a_plain_folder_leaves_out_runs_environments_and_other_copies(
    repository: Path, tmp_path: Path
) -> None:
    for name in (".venv", "scratch"):
        (repository / name).mkdir()
        (repository / name / "big").write_text("")
    copy = copy_project(repository, repository / "scratch" / "copy", repository / "scratch")
    assert listed(copy) == [".gitignore", "changed", "gone", "ignored", "kept", "part/orch.yaml"]


def test_the_project_of_a_test_is_the_nearest_folder_with_orch_yaml(repository: Path) -> None:
    inside = repository / "part" / "tests"
    inside.mkdir()
    assert project_of(inside, repository) == repository / "part"
    (repository / ".git").mkdir()
    assert project_of(repository / "elsewhere", inside) == repository


def test_what_differs_between_two_runs_is_replaced_and_nothing_else() -> None:
    record = {
        "at": "2026-11-26T09:49:21.189Z",
        "owner": {"run_id": "20261126T094921Z-237c29", "pid": 7, "host": "vm"},
        "duration_seconds": 0.037,
        "exit_code": 3,
        "path": "/p/x/file",
        "sha256": "a" * 64,
        "same": "a" * 64,
        "version": "2026-11-26",
    }
    assert Normal("/p/x").data(json.loads(json.dumps(record))) == {
        "at": "<time>",
        "owner": {"run_id": "<run>", "pid": "<differs>", "host": "<differs>"},
        "duration_seconds": "<differs>",
        "exit_code": 3,
        "path": "<project>/file",
        "sha256": "<digest 1>",
        "same": "<digest 1>",
        "version": "2026-11-26",
    }


def test_a_number_is_no_digest() -> None:
    record = {"outputs": {"bytes": 137438953472}, "facts": {"size": 137438953472}, "sha256": "137438953472"}
    assert Normal("/p/x").data(record) == {**record, "sha256": "<digest 1>"}


GIVEN = {"python": "3.9", "pid": 5, "orch": "x", "sha": "0a1b2c3d4e5f", "id": "20260101T000000Z-abcdef"}


@pytest.mark.parametrize("key", ["outputs", "matrix", "inputs", "env", "command", "run", "rows", "if"])
def test_what_users_and_their_commands_have_written_is_left_as_it_is(key: str) -> None:
    for given in (GIVEN, [GIVEN], "at 2026-01-01T00:00:00Z"):
        if (key, given) != ("inputs", [GIVEN]):
            assert Normal("/p/x").data({key: given, "at": "2026-01-01T00:00:00Z"}) == {key: given, "at": "<time>"}


def test_what_a_cache_and_a_list_of_artifacts_tell_is_of_the_run() -> None:
    kept = {"run": "20260101T000000Z-abcdef", "inputs": {"file a": "b" * 64}}
    record = {"cache": kept, "inputs": [{"artifact": "one.a.o", "sha256": "b" * 64}]}
    assert Normal("/p/x").data(record) == {
        "cache": {"run": "<run>", "inputs": {"file a": "<digest 1>"}},
        "inputs": [{"artifact": "one.a.o", "sha256": "<digest 1>"}],
    }


def test_fields_of_the_machine_are_known_by_their_place() -> None:
    record = {"owner": {"pid": 7, "host": "vm"}, "secrets": {"host": "env:HOST"}, "versions": {"python": "3.11.7"}}
    assert Normal("/p/x").data(record) == {
        "owner": {"pid": "<differs>", "host": "<differs>"},
        "secrets": {"host": "env:HOST"},
        "versions": {"python": "<differs>"},
    }


def test_a_snapshot_fails_where_a_command_gives_something_else(user: pytest.Pytester) -> None:
    """What it prints too, but for the folder and the id of the run."""
    pipeline = user.path / "pipelines" / "main.yaml"
    gives = """'cat given > "$ORCH_OUTPUT"', outputs: { n: integer, bytes: integer, python: string, sha: string }"""
    count, prints = PIPELINE.index("'printf"), 'pwd; cat given; echo $RUN; exit 3", env: { RUN: "${{ run.id }}" }'
    text = PIPELINE[:count] + gives + PIPELINE[PIPELINE.index(" }\n", count) :]
    pipeline.write_text(text.replace('echo no >&2; exit 3"', prints))
    alone(
        user,
        "    import json\n"
        "    given = {'n': 3, 'bytes': 137438953472, 'python': '3.9', 'sha': '0a1b2c3d4e5f'}\n"
        "    (orch_project / 'given').write_text(json.dumps(given))\n"
        "    done = orch_apply()\n"
        "    assert done == orch_apply()\n"
        "    assert done['manifests']['first.count']['outputs'] == given\n"
        "    told = done['errors'][0]['details']['stdout_tail']\n"
        "    assert told == '<project>\\n' + json.dumps(given) + '<run>\\n'\n"
        "    (orch_project / 'given').write_text(json.dumps(given | {'sha': '0a1b2c3d4e60'}))\n"
        "    other = orch_apply()\n"
        "    assert other['journal'] != done['journal'] and other['errors'] != done['errors']\n",
    )


# --- a branch

BRANCH = """apiVersion: orch/v1
kind: Pipeline
name: main
workspace: branch
phases:
  first:
    nodes:
      make: { run: "echo made > made.txt" }
      each: { run: "echo $N > $N.txt", matrix: { n: [a, b] }, env: { N: "${{ matrix.n }}" }, workspace: worktree }
  then:
    nodes: { look: { run: "cat made.txt a.txt b.txt" } }
"""


@pytest.fixture
def branched(user: pytest.Pytester) -> pytest.Pytester:
    """A user's repository with a pipeline that works on a branch of its run."""
    (user.path / "pipelines" / "main.yaml").write_text(BRANCH)
    (user.path / ".gitignore").write_text("test_*.py\n__pycache__\n__snapshots__\n.runs\nstd*\nrunpytest*\n")
    git(user.path, "init", "--quiet", "--initial-branch", "main")
    git(user.path, "add", "--all")
    git(user.path, "commit", "--quiet", "--message", "all")
    return user


def refs(folder: Path) -> list[str]:
    words = ["git", "for-each-ref", "--format=%(refname:short)"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout.split()


def test_a_run_with_a_branch_has_it_in_the_copy_and_is_the_same_value_each_time(branched: pytest.Pytester) -> None:
    alone(
        branched,
        "    import subprocess\n"
        "    done = orch_apply()\n"
        "    assert done['exit_code'] == 0\n"
        "    assert done['manifests']['manifest']['owner']['trees'] == '<state>/orch/trees/<run>'\n"
        "    assert str(tmp_path) not in str(done)\n"
        "    assert done['steps']['then.look'] == {'status': 'succeeded', 'reason': 'ok'}\n"
        "    merged = [r['address'] for r in done['journal'] if r['type'] == 'merged']\n"
        "    assert merged == ['first.each[a]', 'first.each[b]']\n"
        "    words = ['git', 'for-each-ref', '--format=%(refname)', 'refs/heads/orch/']\n"
        "    assert len(subprocess.run(words, cwd=orch_project, capture_output=True, text=True).stdout.split()) == 1\n"
        "    assert not (orch_project / 'made.txt').exists()\n"
        "    assert orch_apply() == done\n",
    )
    assert refs(branched.path) == ["main"]
    assert not (branched.path / ".runs").exists()


def test_a_snapshot_of_a_branch_holds_after_another_commit_of_the_user(branched: pytest.Pytester) -> None:
    branched.makepyfile(
        test_ci="def test_ci(orch_plan, orch_apply, snapshot):\n"
        "    assert orch_plan() == snapshot\n    assert orch_apply() == snapshot\n"
    )
    ran(branched, "--snapshot-update")
    (branched.path / "notes.txt").write_text("a note\n")
    git(branched.path, "add", "--all")
    git(branched.path, "commit", "--quiet", "--message", "a note")
    ran(branched).assert_outcomes(passed=1)


def test_what_nobody_committed_is_refused_by_a_run_with_a_branch_or_taken_along(branched: pytest.Pytester) -> None:
    (branched.path / "notes.txt").write_text("a note\n")
    branched.makepyfile(test_one="def test_one(orch_apply):\n    orch_apply()\n")
    result = ran(branched, "test_one.py")
    result.assert_outcomes(failed=1)
    assert "O641" in result.stdout.str()
    assert "orch_apply(…, dirty=True)" in result.stdout.str()
    alone(branched, "    assert orch_plan()['workspace'] == 'branch'\n")
    alone(branched, "    assert orch_apply(dirty=True)['exit_code'] == 0\n")
    git(branched.path, "add", "--all")
    git(branched.path, "commit", "--quiet", "--message", "a note")
    branched.makepyfile(test_one="def test_one(orch_apply):\n    orch_apply()\n")
    ran(branched, "test_one.py").assert_outcomes(passed=1)
