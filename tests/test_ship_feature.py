"""fixtures/ship_feature_core.yaml from an approved mini-spec to a change that is pushed: loops in their own trees."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import PATH, Desk

FIXTURE = Path(__file__).parent.parent / "fixtures" / "ship_feature_core.yaml"
ROLES = """apiVersion: orch/v1
kind: Project
id: 7b0c5a52-6e0f-4c0c-9d6f-2f7a1c3e8b11
people: { mlee: { emails: [m.lee@project.example] }, kim: { emails: [kim@project.example] } }
roles: { product: [mlee], engineering: [kim], tech_lead: [mlee], code_owner: [kim] }
"""
MAKEFILE = """test:
\tsh tests/unit/$(GOAL).sh
lint:
\t! grep -rn 'TO DO' src
check:
\tsh tests/acceptance/all.sh
"""
PLAN = """cat > plan.md <<END
Three goals of task $TASK.
END
cat > "$ORCH_OUTPUT" <<END
{"risky": true, "goals": [
  {"id": "quick", "lang": "make", "files": ["src/quick.txt"]},
  {"id": "second", "lang": "make", "files": ["src/second.txt"]},
  {"id": "never", "lang": "make", "files": ["src/never.txt"]}]}
END
"""
CODE = """mkdir -p src
case $1-$ITERATION-$BEFORE in
  quick-*) echo done > src/quick.txt ;;
  second-1-none) echo half > src/second.txt ;;
  second-2-failed) echo done > src/second.txt ;;
  never-*) echo half > src/never.txt ;;
  *) exit 1 ;;
esac
"""
FILES = {
    "orch.yaml": ROLES,
    "Makefile": MAKEFILE,
    "src/old.txt": "done\n",
    "tests/acceptance/all.sh": "grep -q done src/old.txt\n",
    **{f"tests/unit/{goal}.sh": f"grep -q done src/{goal}.txt\n" for goal in ("quick", "second", "never")},
    "tools/plan.sh": PLAN,
    "tools/code.sh": CODE,
    "tools/enough.sh": 'echo "$1"\n',
    "tools/review.sh": """echo '{"verdict": "good"}' > "$ORCH_OUTPUT"\n""",
    "tools/push.sh": 'test -n "$FORGE_TOKEN" && echo "$FORGE_TOKEN" && echo "$BRANCH" >> "$HOME/pushed"\n',
    "tools/pushed.sh": 'grep -q "$BRANCH" "$HOME/pushed"\n',
    "tasks/0042-prd.md": "What we want.\n",
    "tasks/specs/0042.md": "---\nlast_review: {today}\n---\nThe mini-spec.\n",
    ".gitignore": ".runs/\nplan.md\n",
}
TOKEN = "ghs_0123456789abcdef"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    today = desk.run(["date", "-u", "+%Y-%m-%d"]).out.strip()
    for path, text in FILES.items():
        desk.write(path, text.replace("{today}", today))
    desk.write("pipelines/ship_feature.yaml", FIXTURE.read_text(encoding="utf-8"))
    desk.env["FORGE_TOKEN"] = TOKEN
    git(desk, "init", "--quiet", "--initial-branch=main")
    git(desk, "add", "--all")
    git(desk, "commit", "--quiet", "--message", "A beginning")
    return desk


def git(desk: Desk, *words: str) -> str:
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in AUTHOR.items()}
    return desk.run(["git", *words], env={"PATH": PATH, "HOME": str(desk.home), **who}).out.strip()


AUTHOR = {"NAME": "W", "EMAIL": "w@project.example"}


def decide(desk: Desk, gate: str, *pairs: str) -> None:
    for pair in pairs:
        role, by = pair.split("=")
        desk.orch("approve", gate, "--run", "@last", "--role", role, "--by", by)


def to_the_last_gate(desk: Desk) -> None:
    desk.orch("apply", "pipelines/ship_feature.yaml", "--input", "task=0042", code=4)
    decide(desk, "prd_approved", "product=mlee", "engineering=kim")
    desk.orch("resume", "@last", code=4)
    decide(desk, "plan_approved", "tech_lead=mlee")
    desk.orch("resume", "@last", code=4)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_three_goals_go_round_in_their_own_trees_and_what_is_green_is_merged_approved_and_pushed(desk: Desk) -> None:
    to_the_last_gate(desk)
    ends = {key: desk.node(f"build.goal[{key}]") for key in ("quick", "second", "never")}
    assert {key: f"{end['status']} {end['reason']}" for key, end in ends.items()} == {
        "quick": "succeeded ok",
        "second": "succeeded ok",
        "never": "failed unchanged",
    }
    nodes = desk.run_dir() / "nodes"
    rounds = {key: len(list(nodes.glob(f"build.goal[[]{key}]#*.code.json"))) for key in ends}
    assert rounds == {"quick": 1, "second": 2, "never": 2}
    error = json.loads((desk.run_dir() / ends["never"]["error_files"][0]).read_text())
    assert [change["iteration"] for change in error["details"]["changes"]] == [2]
    assert {one["name"] for key in ("quick", "second") for one in ends[key]["artifacts"]} == {"patch"}

    branch = f"orch/{desk.run_dir().name}"
    assert git(desk, "log", "--reverse", "--format=%s", f"main..{branch}").splitlines() == [
        "build.goal[quick]",
        "build.goal[second]",
    ]
    assert git(desk, "diff", "--name-only", "main", branch).split() == ["src/quick.txt", "src/second.txt"]

    decide(desk, "ship_approved", "code_owner=kim")
    desk.orch("resume", "@last")
    assert (desk.home / "pushed").read_text() == "task/0042\n"
    manifest = json.loads((desk.run_dir() / "manifest.json").read_text())
    assert manifest["outputs"] == {"verdict": {"value": "good"}}
    assert git(desk, "status", "--porcelain", "--", "src") == ""
    desk.orch("verify", "@last")
    kept = [path for path in desk.run_dir().rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert kept == []


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_the_decision_about_the_difference_is_bound_to_it_and_does_not_change_it(desk: Desk) -> None:
    to_the_last_gate(desk)
    decide(desk, "ship_approved", "code_owner=kim")
    git(desk, "add", "--all", "tasks")
    git(desk, "commit", "--quiet", "--message", "Decisions")
    desk.orch("resume", "@last")
    assert desk.node("ship.ship_approved")["status"] == "succeeded"


def test_every_run_of_it_that_is_planned_says_what_is_known_later(desk: Desk) -> None:
    said = desk.orch("plan", "pipelines/ship_feature.yaml", "--input", "task=0042", "--dry-run").out
    assert "known after plan.make_plan" in said
