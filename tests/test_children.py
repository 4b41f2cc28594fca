"""A pipeline in the place of a command: it is expanded into the plan of the one that opens it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from command import PROJECT, Desk

HEAD = "apiVersion: orch/v1\nkind: Pipeline\n"
SITE = """\
inputs: { name: { type: string, pattern: "[a-z]+" }, tries: { type: integer, default: 1 } }
defaults: { env: { WHO: child } }
phases:
  build:
    nodes:
      make:
        run: |
          printf '{"url": "http://%s"}' "$NAME" > "$ORCH_OUTPUT"
          echo "$WHO $TRIES" >> ran
          echo page > page.$NAME
        env: { NAME: "${{ inputs.name }}", TRIES: "${{ inputs.tries }}" }
        outputs: { url: string }
        artifacts: { page: "page.${{ inputs.name }}" }
  push:
    nodes:
      up:
        run: 'test ! -e "bad.$NAME"; echo "$URL" >> ran; cat "$PAGE" > copy.$NAME'
        env:
          NAME: "${{ inputs.name }}"
          URL: "${{ nodes.make.outputs.url }}"
          PAGE: "${{ nodes.make.artifacts.page.path }}"
finally: { clean: { run: [sh, -c, 'echo "$0" >> ran', "clean ${{ run.status }}"] } }
outputs: { url: "${{ nodes.make.outputs.url }}", state: "${{ nodes.up.status }}" }
"""
MAIN = """\
inputs: { sites: { type: list, default: [eu, us] } }
defaults: { env: { WHO: parent } }
phases:
  deploy:
    nodes:
      site:
        matrix: { at: "${{ inputs.sites }}" }
        pipeline: ./site.yaml
        with: { name: "${{ matrix.at }}", tries: 2 }
      alone: { needs: [site], pipeline: pipelines/site.yaml, with: { name: alone } }
  after:
    nodes:
      show: { run: [sh, -c, 'echo "$0" >> ran', "${{ nodes.alone.outputs.url }} ${{ nodes.site.outputs | tojson }}"] }
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.write("orch.yaml", PROJECT)
    desk.write("pipelines/site.yaml", HEAD + "name: site\n" + SITE)
    desk.write("pipelines/main.yaml", HEAD + "name: main\n" + MAIN)
    return desk


def ran(desk: Desk) -> list[str]:
    """What has run since this was last asked, sorted."""
    file = desk.folder / "ran"
    lines = sorted(file.read_text().splitlines()) if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


def steps(desk: Desk, *words: str) -> dict[str, str]:
    """What the plan says of each step: its word by its address."""
    doc = json.loads(desk.orch("plan", "pipelines/main.yaml", "--json", *words).out)
    return {step["address"]: step["word"] for step in doc["steps"]}


def test_a_child_pipeline_is_expanded_into_the_plan_with_its_phases_and_its_file_is_pinned(desk: Desk) -> None:
    desk.orch("plan", "pipelines/main.yaml", "-o", "plan.json")
    plan = json.loads((desk.folder / "plan.json").read_text())
    inside = ["build.make", "push.up", "finally.clean"]
    opened = ["deploy.site[eu]", "deploy.site[us]", "deploy.alone"]
    expected = [address for one in opened for address in (one, *(f"{one}/{step}" for step in inside))]
    assert [step["address"] for step in plan["steps"]] == [*expected, "after.show"]
    phases = {phase["name"]: phase for phase in plan["phases"]}
    assert phases["deploy.alone/push"] == {
        "name": "deploy.alone/push",
        "needs": ["deploy.alone/build"],
        "owner": "deploy.alone",
    }
    step = next(step for step in plan["steps"] if step["address"] == "deploy.site[us]")
    assert step["pipeline"]["inputs"] == {"name": "us", "tries": 2}
    assert [resource["path"] for resource in plan["resources"] if resource["kind"] == "pipeline"] == [
        "pipelines/main.yaml",
        "pipelines/site.yaml",
    ]
    desk.orch("apply", "plan.json")
    file = desk.folder / "pipelines/site.yaml"
    file.write_text(file.read_text() + "# another\n")
    assert "pipelines/site.yaml has changed" in desk.orch("apply", "plan.json", code=6).err


def test_the_plan_shows_what_a_child_does_right_behind_the_node_that_opens_it(desk: Desk) -> None:
    shown = list(steps(desk))
    opened = ["deploy.site[eu]", "deploy.site[us]", "deploy.alone"]
    inside = ["build.make", "push.up", "finally.clean"]
    assert shown == [*(one for node in opened for one in (node, *(f"{node}/{step}" for step in inside))), "after.show"]


def test_a_step_of_a_child_that_says_something_else_is_modified_and_a_remark_in_its_file_is_nothing(desk: Desk) -> None:
    desk.orch("apply", "pipelines/main.yaml")
    file = desk.folder / "pipelines/site.yaml"
    file.write_text(file.read_text() + "# a remark\n")
    desk.orch("plan", "pipelines/main.yaml", "--select", "state:modified", code=2)
    file.write_text(file.read_text().replace("echo page", "echo a page"))
    planned = steps(desk, "--select", "state:modified", "--exclude", "site")
    assert [address for address, word in planned.items() if word != "skip"] == [
        "deploy.alone",
        "deploy.alone/build.make",
        "deploy.alone/finally.clean",
    ]


def test_a_child_has_its_own_defaults_inputs_finally_and_outputs_which_are_those_of_its_node(desk: Desk) -> None:
    desk.orch("apply", "pipelines/main.yaml")
    urls = [f"http://{name}" for name in ("alone", "eu", "us")]
    rows = [
        {"key": key, "status": "succeeded", "outputs": {"url": f"http://{key}", "state": "succeeded"}}
        for key in ("eu", "us")
    ]
    shown = f"http://alone {json.dumps(rows)}"
    assert ran(desk) == sorted(["child 2", "child 2", "child 1", *urls, *["clean succeeded"] * 3, shown])
    assert (desk.folder / "copy.us").read_text() == "page\n"
    desk.orch("verify", "@last")
    assert desk.orch("resume", "@last").code == 0
    assert ran(desk) == []


def test_a_child_that_fails_leaves_the_others_alone_and_runs_its_finally(desk: Desk) -> None:
    desk.write("bad.eu", "")
    desk.orch("apply", "pipelines/main.yaml", code=1)
    assert ran(desk) == ["child 2", "child 2", "clean failed", "clean succeeded", "http://us"]
    assert desk.node("deploy.site[eu]")["reason"] == "children-failed"
    (desk.folder / "bad.eu").unlink()
    desk.orch("retry", "@last")
    assert [line for line in ran(desk) if line.startswith("http")][:2] == ["http://alone", "http://alone " + ran_rows()]
    desk.orch("verify", "@last")


def ran_rows() -> str:
    return json.dumps(
        [
            {"key": key, "status": "succeeded", "outputs": {"url": f"http://{key}", "state": "succeeded"}}
            for key in ("eu", "us")
        ]
    )


CUT = """\
phases:
  one:
    nodes: { w: { run: "true" }, lost: { run: "touch lost; false", allow_failure: true } }
  two:
    gates: { ok: { approval: { subject: [orch.yaml], require: { editor: 1 } } } }
    nodes: { push: { run: "true" } }
finally: { tell: { run: 'echo "kid $STATUS" >> ran', env: { STATUS: "${{ run.status }}" } } }
"""


@pytest.mark.parametrize(("flags", "told"), [(["--fail-fast"], "cancelled"), ([], "failed")])
def test_the_finally_of_a_child_that_was_cut_short_before_its_gate_does_not_see_a_success(
    desk: Desk, flags: list[str], told: str
) -> None:
    desk.write("pipelines/kid.yaml", HEAD + "name: kid\n" + CUT)
    more = "" if flags else "budget: { nodes: 1 }\n"
    bad = ", bad: { run: 'until test -e lost; do sleep 0.02; done; sleep 0.3; exit 1' }" if flags else ""
    main = f"{HEAD}name: main\n{more}phases: {{ one: {{ nodes: {{ kid: {{ pipeline: ./kid.yaml }}{bad} }} }} }}\n"
    desk.write("pipelines/main.yaml", main)
    desk.orch("apply", "pipelines/main.yaml", *flags, code=1 if flags else 5)
    assert ran(desk) == [f"kid {told}"]


def test_steps_of_a_child_are_selected_and_decided_again_like_any_others(desk: Desk) -> None:
    assert "reads `nodes.make`" in desk.orch("plan", "pipelines/main.yaml", "--select", "site[eu]/push.up", code=3).err
    planned = steps(desk, "--select", "+site[eu]/push.up")
    kept = {address for address, word in planned.items() if word != "skip"}
    assert kept == {
        "deploy.site[eu]",
        *(f"deploy.site[eu]/{step}" for step in ("build.make", "push.up", "finally.clean")),
    }
    desk.orch("plan", "pipelines/main.yaml", "--select", "alone", "-o", "plan.json")
    desk.orch("apply", "plan.json")
    assert ran(desk) == ["child 1", "clean succeeded", "http://alone"]
    desk.orch("retry", "@last", "--only", "deploy.alone/push.up")
    assert ran(desk) == ["clean succeeded", "http://alone"]
    desk.orch("retry", "@last", "--only", "alone")
    assert ran(desk) == ["child 1", "clean succeeded", "http://alone"]


def test_a_change_of_a_child_is_seen_by_the_next_plan(desk: Desk) -> None:
    assert "deploy.alone/push.up" in steps(desk)
    file = desk.folder / "pipelines/site.yaml"
    file.write_text(file.read_text().replace("up:", "over:").replace("nodes.up.", "nodes.over."))
    assert "deploy.alone/push.over" in steps(desk)


def test_what_is_wrong_in_a_child_is_shown_with_its_own_file_and_place(desk: Desk) -> None:
    desk.write("pipelines/site.yaml", HEAD + "name: site\nphases:\n  build:\n    nodes: { make: { rum: 'true' } }\n")
    for words in (["plan", "pipelines/main.yaml"], ["validate", "pipelines/main.yaml"]):
        said = desk.orch(*words, code=3).text
        assert "pipelines/site.yaml:6:22" in said
        assert said.count("error[") == 1
    assert desk.orch("validate", code=3).text.count("error[") == 1


@pytest.mark.parametrize(
    "line", ["workspace: project", "concurrency: { group: one }", "budget: { wall: 1h }"], ids=lambda line: line[:9]
)
def test_a_key_about_the_run_as_a_whole_is_refused_in_a_child_and_only_there(desk: Desk, line: str) -> None:
    desk.write("pipelines/site.yaml", HEAD + f"name: site\n{line}\n" + SITE)
    said = desk.orch("plan", "pipelines/main.yaml", code=3).err
    assert "O232" in said
    assert "pipelines/site.yaml:4:1" in said
    desk.orch("validate", "pipelines/site.yaml")
    desk.orch("plan", "pipelines/site.yaml", "--input", "name=eu")


def test_pipelines_that_open_each_other_are_refused_with_the_whole_chain(desk: Desk) -> None:
    desk.write("pipelines/site.yaml", HEAD + "name: site\nphases: { p: { nodes: { b: { pipeline: ./back.yaml } } } }\n")
    desk.write("pipelines/back.yaml", HEAD + "name: back\nphases: { p: { nodes: { m: { pipeline: ./main.yaml } } } }\n")
    said = desk.orch("plan", "pipelines/main.yaml", code=3).err
    chain = " → ".join(f"pipelines/{name}.yaml" for name in ("main", "site", "back", "main"))
    assert f"pipelines that open each other: {chain}" in said
    assert "pipelines/back.yaml:4:" in said


def test_a_pipeline_may_open_one_that_opens_another_and_one_twice(desk: Desk) -> None:
    node = "pipeline: ./site.yaml, with: { name: deep }"
    desk.write(
        "pipelines/both.yaml",
        HEAD + f"name: both\nphases: {{ p: {{ nodes: {{ a: {{ {node} }}, b: {{ {node} }} }} }} }}\n",
    )
    desk.write("pipelines/main.yaml", HEAD + "name: main\nphases: { p: { nodes: { x: { pipeline: ./both.yaml } } } }\n")
    assert "p.x/p.b/push.up" in steps(desk)
    desk.orch("apply", "pipelines/main.yaml")
    assert ran(desk).count("http://deep") == 2
    desk.orch("verify", "@last")


def test_a_value_that_does_not_fit_the_input_of_a_child_is_refused_at_its_place(desk: Desk) -> None:
    said = desk.orch("plan", "pipelines/main.yaml", "--input", 'sites=["E1"]', code=3).err
    assert "the input `name` of `site`: `E1` does not match" in said
    assert "pipelines/main.yaml:12:" in said


def test_a_child_about_another_task_is_refused(desk: Desk) -> None:
    desk.write("pipelines/site.yaml", HEAD + 'name: site\ntask: "00${{ inputs.tries }}"\n' + SITE)
    desk.write(
        "pipelines/main.yaml", HEAD + "name: main\n" + MAIN.replace(", tries: 2", "").replace("sites:", "sites:")
    )
    assert "O282" in desk.orch("plan", "pipelines/main.yaml", "--task", "0002", code=3).err
    desk.orch("plan", "pipelines/main.yaml", "--task", "001")


GATED = """\
inputs: { file: { type: string } }
phases:
  push:
    gates: { ok: { approval: { subject: ["${{ inputs.file }}"], require: { editor: 1 } } } }
    nodes: { up: { run: 'cat "$ORCH_SUBJECT/ok/"* >> ran' } }
"""
OPENS = """\
phases:
  deploy:
    nodes:
      site: { matrix: { at: [eu, us] }, pipeline: ./site.yaml, with: { file: "${{ matrix.at }}.md" } }
"""


@pytest.fixture
def gated(desk: Desk) -> Desk:
    desk.write("pipelines/site.yaml", HEAD + "name: site\n" + GATED)
    desk.write("pipelines/main.yaml", HEAD + "name: main\n" + OPENS)
    desk.write("eu.md", "for eu\n")
    desk.write("us.md", "for us\n")
    return desk


def test_a_gate_of_a_child_shows_in_the_parents_plan_and_its_decision_is_the_childs(gated: Desk) -> None:
    planned = gated.orch("plan", "pipelines/main.yaml").out
    assert "deploy.site[eu]/push.ok" in planned
    gated.orch("apply", "pipelines/main.yaml", code=4)
    said = gated.orch("gate", "list").out
    assert "orch approve 'deploy.site[us]/push.ok' --role editor" in said
    refused = gated.orch("approve", "ok", "--role", "editor", "--by", "writer", code=2).err
    assert "deploy.site[eu]/push.ok, deploy.site[us]/push.ok" in refused
    gated.orch("approve", "deploy.site[eu]/push.ok", "--role", "editor", "--by", "writer")
    (file,) = gated.folder.glob("tasks/*/decisions/*")
    assert re.fullmatch(r"site\.ok\.editor\.writer\.[0-9a-f]{12}\.yaml", file.name)
    gated.orch("resume", "@last", code=4)
    assert ran(gated) == ["for eu"]
    gated.orch("approve", "deploy.site[us]/push.ok", "--role", "editor", "--by", "reader")
    gated.orch("resume", "@last")
    assert ran(gated) == ["for us"]
    gated.orch("verify", "@last")


def test_a_child_that_is_held_by_its_gate_waits_for_it_and_is_not_called_running(gated: Desk) -> None:
    gated.orch("apply", "pipelines/main.yaml", code=4)
    for said in (gated.orch("runs", "show", "@last").out, gated.orch("poll", "@last").out):
        assert "waits for deploy.site[eu]/push.ok" in said
        assert "running" not in said
    (site,) = (c for c in json.loads(gated.orch("poll", "@last", "--json").out)["commands"] if c["index"] == 1)
    assert (site["status"], site["reason"]) == ("waiting", "needs-decision")
    told = gated.orch("explain", "@last", "site[eu]").out
    assert "waiting (needs-decision)" in told
    assert "--watch" not in told
    gated.orch("verify", "@last")


def test_a_decision_about_a_childs_gate_counts_wherever_the_child_is_opened_with_the_same_inputs(gated: Desk) -> None:
    gated.orch("apply", "pipelines/main.yaml", code=4)
    gated.orch("approve", "deploy.site[eu]/push.ok", "--role", "editor", "--by", "writer")
    other = 'phases: { p: { nodes: { site: { pipeline: ./site.yaml, with: { file: "eu.md" } } } } }\n'
    gated.write("pipelines/other.yaml", HEAD + "name: other\n" + other)
    gated.orch("apply", "pipelines/other.yaml")
    assert ran(gated) == ["for eu"]


KID = """\
phases:
  p:
    gates: { ok: { approval: { subject: [eu.md], require: { editor: 1 } } } }
    nodes: { up: { run: 'echo "$E" >> ran', env: { E: "%s" } } }
"""
ENVIRONMENTS = """\
phases:
  b: { nodes: { k: { matrix: { e: [staging, live] }, pipeline: ./kid.yaml%s } } }
"""


@pytest.fixture
def kids(gated: Desk) -> Desk:
    """A matrix of children with a gate each, and one input in which they differ."""
    kid = "name: kid\ninputs: { env: { type: string } }\n" + KID % "${{ inputs.env }}"
    gated.write("pipelines/kid.yaml", HEAD + kid)
    gated.write("pipelines/main.yaml", HEAD + "name: main\n" + ENVIRONMENTS % ', with: { env: "${{ matrix.e }}" }')
    return gated


LIVE, STAGING = "b.k[live]/p.ok", "b.k[staging]/p.ok"
WRITER = ["--role", "editor", "--by", "writer"]


def decided(desk: Desk, verb: str, gate: str) -> Path:
    """The file that the decision was written to."""
    (path,) = re.findall(r"^  file +(\S+)$", desk.orch(verb, gate, *WRITER).out, re.M)
    return desk.folder / path


def states(desk: Desk, *words: str) -> list[str]:
    """How the gates of the children stand."""
    return [one["status"] for one in json.loads(desk.orch("gate", "list", "--json", *words).out)["gates"]]


@pytest.mark.parametrize("trust", ["file", "committed"])
def test_one_persons_decisions_about_children_with_other_inputs_stand_side_by_side(kids: Desk, trust: str) -> None:
    kids.write("orch.yaml", PROJECT + f"policy: {{ trust: {trust} }}\n")
    kids.orch("apply", "pipelines/main.yaml", code=4)
    files = [decided(kids, "approve", gate) for gate in (STAGING, LIVE)]
    if trust == "committed":
        kids.run(["git", "init", "--quiet"])
        assert states(kids) == ["waiting", "waiting"]
        who = ["-c", "user.name=writer", "-c", "user.email=writer@project.example"]
        kids.run(["git", "add", "tasks"])
        kids.run(["git", *who, "commit", "--quiet", "--message", "Decided"])
    assert len(set(files)) == 2
    assert states(kids) == ["succeeded", "succeeded"]
    assert states(kids, "--pipeline", "pipelines/main.yaml") == ["succeeded", "succeeded"]
    kids.orch("validate")
    kids.orch("resume", "@last")
    assert ran(kids) == ["live", "staging"]
    kids.orch("verify", "@last")
    for gate in (STAGING, LIVE):
        assert "approved by writer as editor" in kids.orch("explain", "@last", gate).out
    kids.orch("report", "@last", "-o", "report.md")
    report = (kids.folder / "report.md").read_text()
    assert report.count("| writer | editor | approved |") == 2, report
    kids.orch("apply", "pipelines/main.yaml")
    assert ran(kids) == ["live", "staging"]


def test_a_case_calls_the_gate_of_a_child_as_a_person_does_who_approves(kids: Desk) -> None:
    one = "decision: approve, role: editor, by: writer"
    case = f"description: x\ndecisions: [{{ gate: 'k[live]/p.ok', {one} }}]\nexpect:\n  gates: "
    kids.write("pipelines/main.tests/x.yaml", case + "{ 'k[live]/p.ok': open, 'k[staging]/p.ok': needs-decision }\n")
    kids.orch("test")
    kids.write("pipelines/main.tests/x.yaml", case + "{ 'k[staging]/p.ok': open }\n")
    kids.orch("test", code=1)


def test_an_unknown_gate_is_told_with_those_of_the_run_that_waits(kids: Desk) -> None:
    kids.orch("apply", "pipelines/main.yaml", code=4)
    said = kids.orch("approve", "okay", *WRITER, code=2).err
    assert f"run {kids.run_dir().name} has: {LIVE}, {STAGING}" in said or f"has: {STAGING}, {LIVE}" in said


def test_a_rejection_of_one_child_leaves_those_with_other_inputs_as_they_are(kids: Desk) -> None:
    kids.orch("apply", "pipelines/main.yaml", code=4)
    approved, rejected = decided(kids, "approve", STAGING), decided(kids, "reject", LIVE)
    assert "rejected by writer" in kids.orch("resume", "@last", code=5).text
    assert ran(kids) == ["staging"]
    kids.orch("verify", "@last")
    assert decided(kids, "revoke", LIVE) == rejected
    assert "decision: approved" in approved.read_text()
    assert decided(kids, "approve", LIVE) == rejected
    kids.orch("resume", "@last")
    assert ran(kids) == ["live"]


def test_a_rejection_without_inputs_shuts_all_children_until_it_is_withdrawn(kids: Desk) -> None:
    kids.orch("apply", "pipelines/main.yaml", code=4)
    for_all = decided(kids, "reject", LIVE)
    text = re.sub(r"inputs: .*\n", "", for_all.read_text())
    for_all.unlink()
    general = kids.write("tasks/-/decisions/kid.ok.editor.writer.yaml", text)
    own = [decided(kids, "approve", gate) for gate in (LIVE, STAGING)]
    said = kids.orch("resume", "@last", code=5).text
    assert "rejected by writer as editor for all inputs of kid" in said
    command = re.search(r"to supersede it: orch (revoke '.*?' .*)", kids.orch("gate", "show", LIVE).out)
    assert command is not None
    kids.orch(*shlex.split(command[1]))
    assert [path for path in (general, *own) if "decision: revoked" in path.read_text()] == [own[0]]
    kids.orch(*shlex.split(command[1]))
    assert "decision: revoked" in general.read_text()
    kids.orch("resume", "@last", code=4)
    assert ran(kids) == ["staging"]
    kids.orch("approve", LIVE, *WRITER)
    kids.orch("resume", "@last")


def test_an_approval_without_inputs_is_one_of_the_pipeline_alone(kids: Desk) -> None:
    alone = ["--pipeline", "pipelines/kid.yaml", "--input", "env=live"]
    kids.orch("approve", "ok", *alone, *WRITER)
    assert [path.name for path in kids.folder.glob("tasks/*/decisions/*")] == ["kid.ok.editor.writer.yaml"]
    assert states(kids, *alone) == ["succeeded"]
    kids.orch("apply", "pipelines/main.yaml", code=4)
    assert "decision of writer as editor names no inputs" in kids.orch("gate", "show", LIVE).out
    assert "no decision of writer" in kids.orch("revoke", LIVE, *WRITER, code=2).err
    decided(kids, "reject", LIVE)
    assert states(kids, *alone) == ["succeeded"], "a child with inputs says nothing of the pipeline alone"


def test_a_case_decides_about_each_child(kids: Desk) -> None:
    one = "{ gate: 'b.k[%s]/p.ok', decision: approve, role: editor, by: writer }"
    case = f"description: d\ndecisions: [{one % 'live'}, {one % 'staging'}]\nexpect: {{ status: succeeded }}\n"
    kids.write("pipelines/main.tests/both.yaml", case)
    kids.orch("test")
    kids.write("pipelines/main.tests/both.yaml", case.replace(f"{one % 'live'}, ", ""))
    assert "waiting" in kids.orch("test", code=1).out


def test_a_decision_about_one_child_does_not_open_the_gate_of_another_with_other_inputs(kids: Desk) -> None:
    gated = kids
    gated.orch("apply", "pipelines/main.yaml", code=4)
    gate = json.loads(gated.orch("gate", "show", "b.k[live]/p.ok", "--json", code=None).out)
    assert [(mode, path) for mode, _, path in gate["facts"]["subject"]["files"]] == [
        ("100644", "eu.md"),
        ("json", "inputs"),
    ]
    for env in ("staging", "live"):
        said = gated.orch("resume", "@last", code=4).text
        assert f"orch approve 'b.k[{env}]/p.ok' --role editor" in said
        gated.orch("approve", f"b.k[{env}]/p.ok", "--role", "editor", "--by", "writer")
        gated.orch("resume", "@last", code=4 if env == "staging" else 0)
        assert ran(gated) == [env]
    gated.orch("verify", "@last")


def test_a_decision_about_a_child_without_inputs_is_about_its_subject_alone(gated: Desk) -> None:
    gated.write("pipelines/kid.yaml", HEAD + "name: kid\n" + KID % "done")
    gated.write("pipelines/main.yaml", HEAD + "name: main\n" + ENVIRONMENTS % "")
    gated.orch("approve", "ok", "--pipeline", "pipelines/kid.yaml", "--role", "editor", "--by", "writer")
    assert [path.name for path in gated.folder.glob("tasks/*/decisions/*")] == ["kid.ok.editor.writer.yaml"]
    gated.orch("apply", "pipelines/main.yaml")
    assert ran(gated) == ["done", "done"]
    gated.orch("verify", "@last")


def test_a_gate_of_a_child_that_asks_for_an_unknown_role_is_refused_in_its_own_file(gated: Desk) -> None:
    gated.write("pipelines/site.yaml", HEAD + "name: site\n" + GATED.replace("editor", "owner"))
    said = gated.orch("plan", "pipelines/main.yaml", code=3).err
    assert "O320" in said
    assert "pipelines/site.yaml:7:" in said


NEEDS_A_BRANCH = """\
workspace: branch
phases: { p: { protected: [src/**], nodes: { a: { run: 'echo a > out/a', writes: [out/**] } } } }
"""


def test_a_child_may_say_that_it_needs_the_branch_which_its_run_has(desk: Desk) -> None:
    desk.write("pipelines/site.yaml", HEAD + "name: site\n" + NEEDS_A_BRANCH)
    main = HEAD + "name: main\nworkspace: branch\nphases: { p: { nodes: { x: { pipeline: ./site.yaml } } } }\n"
    desk.write("pipelines/main.yaml", main)
    desk.orch("validate")
    desk.write("pipelines/main.yaml", main.replace("workspace: branch\n", ""))
    said = desk.orch("validate", "pipelines/main.yaml", code=3).text
    assert "O520" in said
    assert "pipelines/site.yaml:5:" in said


def test_children_that_may_write_the_same_at_the_same_time_are_refused(desk: Desk) -> None:
    desk.write("pipelines/site.yaml", HEAD + "name: site\n" + NEEDS_A_BRANCH)
    head = HEAD + "name: main\nworkspace: branch\n"
    node = "pipeline: ./site.yaml"
    for nodes, fine in (
        (f"x: {{ {node} }}, y: {{ {node} }}", f"x: {{ {node} }}, y: {{ needs: [x], {node} }}"),
        (f"x: {{ matrix: {{ n: [a, b] }}, {node} }}", f"x: {{ matrix: {{ n: [a, b] }}, max_parallel: 1, {node} }}"),
        (
            f"x: {{ {node} }}, y: {{ run: 'true', writes: [out/a] }}",
            f"x: {{ {node} }}, y: {{ run: 'true', writes: [a] }}",
        ),
    ):
        desk.write("pipelines/main.yaml", f"{head}phases: {{ p: {{ nodes: {{ {nodes} }} }} }}\n")
        assert "O521" in desk.orch("validate", "pipelines/main.yaml", code=3).text
        desk.write("pipelines/main.yaml", f"{head}phases: {{ p: {{ nodes: {{ {fine} }} }} }}\n")
        desk.orch("validate", "pipelines/main.yaml")


@pytest.mark.parametrize(("variable", "code"), [("SITE_TOKEN", 3), ("SITE_LEVEL", 0)])
@pytest.mark.parametrize("secret_in", ["main", "other", "site"])
def test_the_digest_of_a_secret_is_kept_in_no_file_of_a_run_wherever_it_is_declared(
    desk: Desk, secret_in: str, variable: str, code: int
) -> None:
    node = f"a: {{ run: 'true', cache: {{ paths: [], env: [{variable}] }} }}"
    phases = {
        "main": "p: { nodes: { x: { pipeline: ./site.yaml }, y: { pipeline: ./other.yaml } } }",
        "site": f"p: {{ nodes: {{ {node} }} }}",
        "other": "p: { nodes: { b: { run: 'true' } } }",
    }
    for name, text in phases.items():
        secrets = "secrets: { TOKEN: 'env:SITE_TOKEN' }\n" if name == secret_in else ""
        desk.write(f"pipelines/{name}.yaml", HEAD + f"name: {name}\n{secrets}phases: {{ {text} }}\n")
    for verb in ("plan", "validate"):
        said = desk.orch(verb, "pipelines/main.yaml", code=code).text
        assert ("error[O120]: `SITE_TOKEN` holds a secret" in said) == (code == 3)
        assert "pipelines/site.yaml:" in said or not code


def test_a_child_gets_its_secrets_and_one_name_means_one_secret(desk: Desk) -> None:
    node = "a: { run: 'test ${#TOKEN} = 13; echo ok >> ran', secrets: [TOKEN] }"
    text = f"secrets: {{ TOKEN: 'env:SITE_TOKEN' }}\nphases: {{ p: {{ nodes: {{ {node} }} }} }}\n"
    desk.write("pipelines/site.yaml", HEAD + "name: site\n" + text)
    desk.write("pipelines/main.yaml", HEAD + "name: main\nphases: { p: { nodes: { x: { pipeline: ./site.yaml } } } }\n")
    desk.env["SITE_TOKEN"] = "s3cr3t-s3cr3t"
    desk.orch("apply", "pipelines/main.yaml")
    assert ran(desk) == ["ok"]
    other = "secrets: { TOKEN: 'env:OTHER' }\nphases: { p: { nodes: { x: { pipeline: ./site.yaml } } } }\n"
    desk.write("pipelines/main.yaml", HEAD + "name: main\n" + other)
    said = desk.orch("plan", "pipelines/main.yaml", code=3).err
    assert "O234" in said
    assert "pipelines/site.yaml:4:" in said


def test_the_logs_of_what_a_child_runs_stand_below_the_address_that_can_be_typed(desk: Desk) -> None:
    desk.write("pipelines/kid.yaml", HEAD + "name: kid\nphases: { p: { nodes: { push: { run: echo done } } } }\n")
    desk.write(
        "pipelines/main.yaml",
        HEAD + "name: main\nphases: { one: { nodes: { site: { matrix: { at: [eu, us] }, pipeline: ./kid.yaml } } } }\n",
    )
    desk.orch("apply", "pipelines/main.yaml")
    said = desk.orch("runs", "logs", "@last").out
    for address in ("one.site[eu]/p.push", "one.site[us]/p.push"):
        assert f"── {address}  attempt 1, stdout\n" in said
        assert desk.orch("runs", "logs", "@last", address).out == "done\n"
