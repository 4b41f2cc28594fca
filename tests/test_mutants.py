"""A suite that kills none of its mutants proves nothing: each of these one-line faults in the core is found."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from planting import plant

FORGE = Path(__file__).with_name("forge.py")
BECOMES, FOLD, DERIVE, DECIDE, RETRY = (
    "model/becomes.py",
    "model/fold.py",
    "model/derive.py",
    "run/decide.py",
    "model/retry.py",
)
BODIES, GROW, PLACES = "run/bodies.py", "model/grow.py", "model/places.py"
SPACES = "run/spaces.py"
SCOPE, BUDGET, TREES, LOOP = "run/scope.py", "run/budget.py", "local/trees.py", "run/loop.py"
MASKING, FORMS, MASKED = "model/masking.py", "model/secret_forms.py", "local/masked.py"
EVERY_CUT = "test_masking.py::test_a_secret_is_found_in_every_form_at_every_cut"
TWINS = "test_masking.py::test_what_differs_from_a_secret_by_one_character_stays_in_every_form"
OVERLAPS = "test_masking.py::test_secrets_that_overlap_leave_nothing_of_either"
ON_DISK = "test_order.py::test_a_run_is_on_the_disk_before_it_is_claimed"

SIMULATED = [
    (DERIVE, 'return SUCCESS if plan.action(step).step.get("allow_failure") else FAILURE', "return FAILURE"),
    (DERIVE, 'if status is Status.CANCELLED or reason == "upstream-failed":', "if status is Status.CANCELLED:"),
    (DERIVE, 'if status is Status.SUCCEEDED or reason == "not-selected":', "if status is Status.SUCCEEDED:"),
    (DERIVE, "        if state.gates_shut[phase]:\n", "        if False:\n"),
    (DERIVE, "            return not failure\n", "            return True\n"),
    (DERIVE, "return success > 0 or not needs", "return success > 0"),
    (PLACES, "len(active) >= limit", "len(active) > limit"),
    (DERIVE, "or (state.body_open if phase < 0 else not state.entered[phase])", ""),
    (DERIVE, "        agenda.extend(plan.phase_dependants[phase])\n", ""),
    (DERIVE, "        elif bad:\n", "        elif False:\n"),
    (DERIVE, 'reason[step] in ("if-false", "not-selected")', 'reason[step] == "not-selected"'),
    (FOLD, "        if step in chosen:\n", "        if False:\n"),
    (
        BECOMES,
        "    if is_once(plan.action(step).step):\n        state.status[step], state.reason[step]",
        "    if 0:\n        state.status[step], state.reason[step]",
    ),
    (FOLD, "state.status[gate] is Status.SUCCEEDED or (event.reset", "(event.reset"),
    (FOLD, '        end(plan, state, step, Status.SUCCEEDED, "settled")\n', "        admit(plan, state, step)\n"),
    (FOLD, "        del state.running[step]\n", ""),
    (FOLD, "        state.busy -= plan.slots(step)\n", "        state.busy -= 1\n"),
    (DECIDE, "            if room < 0:\n", "            if False:\n"),
    (DECIDE, "plan.actions[step]].globs is not None\n", "plan.actions[step]].globs is None\n"),
    (DECIDE, "if isinstance(decision, Start | Recall):", "if type(decision) is Start:"),
    (DECIDE, "not isinstance(decision, Start | Recall)", "type(decision) is not Start"),
    (FOLD, "return not is_once(plan.action(step).step) or", "return True or"),
    (DECIDE, "plan.max_in_flight - state.busy", "plan.max_in_flight"),
    (DECIDE, "Probe(step) if once else Start(", "Start("),
    (DECIDE, " for step in state.running if ending(plan, state, step))", " for step in state.running)"),
    (DECIDE, "if not (plan.fail_fast and any(type(decision) is Conclude for decision in decisions)):", "if True:"),
    (DECIDE, "    if state.doubt:\n", "    if False:\n"),
    (DERIVE, "return state.cutting_finally if plan.is_final(step) else", "return"),
    (DERIVE, "state.cutting_finally if plan.is_final(step)", "False if plan.is_final(step)"),
    (FOLD, "state.cutting_finally or not state.body_open", "state.cutting_finally"),
    (FOLD, "state.cancelling = state.failing_fast = state.cutting_finally = False", "state.cancelling = False"),
    (DECIDE, "state.busy - len(probing)", "state.busy"),
    (DECIDE, "return [] if state.running or probing else", "return [] if state.running else"),
    (SCOPE, '"failed" if state.finally_failed else verdict(plan, state)', "verdict(plan, state)"),
    (DECIDE, "min((at for at in times if at > now_ms), default=None)", "min(times, default=None)"),
    (FOLD, "state.starts += not plan.is_final(step)", "state.starts += 0"),
    (FOLD, "state.worked_ms += max(state.latest_ms, event.beat_ms) - state.opened_ms", "state.worked_ms += 0"),
    (BECOMES, "        state.overspent = True\n", ""),
    (FOLD, "state.overspent, state.starts, state.worked_ms = False, 0, 0", "state.starts, state.worked_ms = 0, 0"),
    (BUDGET, "nodes - state.starts", "nodes - state.starts + 1"),
    (DECIDE, "number = min(number, starts_left(plan, state))", "pass"),
    (RETRY, 'failures <= retry["limit"]', 'failures < retry["limit"]'),
    (DERIVE, "    state.body_open += more\n", "    state.body_open += 0\n"),
    (DERIVE, "    if not state.inner_final[owner]:\n", "    if True:\n"),
    (DERIVE, "        _doom(plan, state, plan.bodies.get(step, ()))\n", "        pass\n"),
    (FOLD, "    state.begun[step] = None\n", "    pass\n"),
    (FOLD, "                state.since[step] = len(plan.bodies[step])\n", "                pass\n"),
    (GROW, "        plan.group_of[child] = step\n", "        pass\n"),
    (GROW, "        plan.needs_count[node] = len(needs)\n", "        plan.needs_count[node] = 0\n"),
    (BODIES, "    same = 1 + _unchanged(", "    same = _unchanged("),
    (BODIES, 'if number - since >= body["most"]:', 'if number - since > body["most"]:'),
    (BODIES, "    if bad:\n", "    if False:\n"),
    (BODIES, "    if not bad:\n", "    if True:\n"),
    (DECIDE, "    if step in state.begun:\n", "    if False:\n"),
    (SCOPE, "is_bad(plan, state, step) for step in body if", "False for step in body if"),
    (SCOPE, "for step in plan.inner(owner) if not plan.is_final(step)", "for step in plan.inner(owner)"),
    (DECIDE, "    if not state.to_merge or _is_shared_tree_busy(plan, state):\n", "    if not state.to_merge:\n"),
    (
        DECIDE,
        "and plan.tree_of(step) == step:\n            continue\n        if step in",
        "and False:\n            continue\n        if step in",
    ),
    (DERIVE, "siblings = () if state.apart[group] else plan.siblings(step)", "siblings = plan.siblings(step)"),
    (DERIVE, "if state.active and (state.waiting_gates or state.doubt):", "if False:"),
    (PLACES, "for owner in plan.owners(step) if state.aside else ():", "for owner in ():"),
    (DERIVE, "    while state.to_merge and state.to_merge[0][1] not in state.unmerged:\n", "    while False:\n"),
    (SPACES, 'self._short_of(state.running, at) if on_branch else ""', '""'),
    (SPACES, "if step not in self._loose or step in running or self._shut is not None:", "if True:"),
    (SPACES, "running[step] = self._loose[step] = None", "running[step] = None"),
    (
        SPACES,
        "        if home == step:\n            try:\n                self._trees.make(self._name(step))\n",
        "        if home == step:\n            try:\n                pass\n",
    ),
    (SPACES, '            self._trees.make("")\n        return left', "            pass\n        return left"),
]
SAID = [
    (
        SPACES,
        "self._commit(change, at, _wrong(change, self._rules_of(list(self._loose))))",
        "pass",
        "test_workspaces.py::test_of_nodes_that_overlapped_only_what_none_may_is_put_back_and_a_retry_does_all_of_them",
    ),
    (
        SPACES,
        "self._loose.pop(step, None)",
        "pass",
        "test_workspaces.py::test_a_step_that_could_not_start_allows_nothing_to_others",
    ),
    (
        BODIES,
        'ended before it was tried again") if ending(plan, state, step) else following',
        'ended before it was tried again") if False else following',
        "test_bodies.py::test_a_loop_that_is_tried_again_and_cancelled_at_once_does_not_go_round",
    ),
    (
        DERIVE,
        "(step in state.begun and ending(plan, state, step))",
        "False",
        "test_bodies.py::test_what_was_open_and_waits_for_its_need_is_not_opened_after_a_cancel",
    ),
    (
        GROW,
        "plan.phase_forgiven.append(forgiven or excused)",
        "plan.phase_forgiven.append(forgiven)",
        "test_bodies.py::test_children_that_fail_in_a_child_pipeline_that_may_fail_leave_the_run_succeeded",
    ),
    (
        FOLD,
        '    elif event.by == "probe" and reason in _ENDED_AS:\n',
        '    elif event.by == "probe" and reason == "timed-out":\n',
        "test_endings.py::test_a_once_step_that_ran_out_of_time_over_what_it_may_not_change_fails_for_that_if_it_was_not_done",
    ),
    (
        DECIDE,
        "(type(decision) is not Expand or plan.tree_of(step) == step)",
        "type(decision) is not Expand",
        "test_endings.py::test_what_opens_others_in_a_tree_of_its_own_may_fail_at_once_and_then_nothing_more_is_opened",
    ),
    (
        LOOP,
        "                if self._unwritten:  # what is merged has ended: nobody may begin it again on top of itself\n",
        "                if False:\n",
        "test_workspace_kills.py::test_a_merge_of_which_the_journal_knows_nothing_is_not_made_again",
    ),
    (
        TREES,
        'return self._known.get(f"merged {commit}") or None',
        "return None",
        "test_workspace_kills.py::test_a_merge_of_which_the_journal_knows_nothing_is_not_made_again",
    ),
    (
        TREES,
        "        if following:\n",
        "        if False:\n",
        "test_workspace_kills.py::test_locks_that_a_killed_git_has_left_hold_nothing_up",
    ),
    (
        DECIDE,
        "        if step in probing:\n            continue\n",
        "",
        "test_endings.py::test_a_step_that_a_person_has_settled_starts_when_its_probe_has_ended",
    ),
    (
        DERIVE,
        "                if not state.phase_unmet[following]:\n",
        "                if True:\n",
        "test_decide.py::test_a_phase_passes_once_however_many_phases_it_waited_for",
    ),
    (
        DERIVE,
        "if step in state.to_skip or step in state.to_cancel or (",
        "if step in state.to_skip or (",
        "test_endings.py::test_a_step_that_runs_again_after_a_retry_is_not_started_by_the_end_of_its_need_during_a_cancel",
    ),
    (
        DERIVE,
        "        if group in plan.group_limit and not is_once(",
        "        if not group and not is_once(",
        "test_decide.py::test_a_child_that_waits_for_its_retry_keeps_its_place_also_after_a_resume",
    ),
    (
        DERIVE,
        "    forget_due(state, step)\n    if step in state.to_skip:",
        "    if step in state.to_skip:",
        "test_endings.py::test_what_waits_for_its_time_does_not_start_after_a_cancel",
    ),
    (
        DERIVE,
        "failed = state.status[step] is Status.FAILED and bad and",
        "failed = bad and",
        "test_left_behind.py::test_what_a_cancel_has_ended_and_no_retry_has_chosen_is_left_behind",
    ),
    (
        "run/scope.py",
        "or state.status[step] is Status.CANCELLED)",
        "or False)",
        "test_endings.py::test_a_run_with_a_cancelled_node_that_was_not_retried_does_not_read_succeeded",
    ),
    (
        FOLD,
        "            state.failures[step] = 0\n",
        "            pass\n",
        "test_attempts.py::test_retries_are_counted_anew_in_each_epoch_and_an_interrupted_attempt_does_not_count",
    ),
    (
        BECOMES,
        "state.failed > failed and",
        "state.failed and",
        "test_endings.py::test_fail_fast_does_not_answer_to_a_failure_of_an_earlier_epoch",
    ),
    (
        BECOMES,
        "    if ending(plan, state, step):\n        hold_back(plan, state, step)\n        return",
        "    if False:\n        return",
        "test_endings.py::test_nothing_is_tried_again_after_a_cancel",
    ),
    (
        FOLD,
        "    if event.epoch <= state.epoch:\n",
        "    if False:\n",
        "test_fold.py::test_the_record_of_an_earlier_owner_folds_to_nothing",
    ),
    (
        FOLD,
        "    if event.id in state.requests:\n",
        "    if False:\n",
        "test_fold.py::test_a_cancel_that_is_replayed_after_a_retry_does_not_cancel_again",
    ),
    (
        FOLD,
        "        or plan.kinds[gate] != GATE\n",
        "",
        "test_fold.py::test_an_event_of_a_step_that_the_plan_does_not_have_folds_to_nothing",
    ),
    (
        DECIDE,
        "if seen < state.terminal_events",
        "if seen < 0",
        "test_decide.py::test_a_shut_gate_is_looked_at_again_before_closing_when_something_ended_since",
    ),
    (
        DECIDE,
        "islice(state.to_skip.items(), BATCH)",
        "state.to_skip.items()",
        "test_attempts.py::test_decisions_of_one_call_are_bounded",
    ),
    (
        DECIDE,
        "    while frontier and len(found) < count and",
        "    while frontier and len(found) < 1 and",
        "test_attempts.py::test_a_slow_probe_does_not_hold_up_the_retries_that_are_due_after_it",
    ),
    (
        "run/loop.py",
        "                self._world.journal.sync()\n",
        "                pass\n",
        "test_order.py::test_an_end_is_durable_before_it_is_shown_and_before_a_dependant_starts",
    ),
    (
        "run/loop.py",
        "type(event) is not Started or event.idempotency_key is not None for",
        "type(event) is not Started for",
        "test_order.py::test_the_start_of_a_once_step_is_durable_before_it_starts",
    ),
    (
        "store/journal.py",
        "            self._sync(self._fd)\n",
        "",
        "test_order.py::test_what_is_written_to_the_journal_is_synced_before_a_manifest_tells_it",
    ),
    (
        "store/journal.py",
        "                sync_folder(os.path.dirname(self._path))\n",
        "                pass\n",
        "test_order.py::test_what_is_written_to_the_journal_is_synced_before_a_manifest_tells_it",
    ),
    (
        "store/rundir.py",
        "write_file(run.plan, plan.data, durable=durable)",
        "write_file(run.plan, plan.data)",
        ON_DISK,
    ),
    ("store/rundir.py", "            sync_folder(folder)\n", "            pass\n", ON_DISK),
    ("store/rundir.py", "(run.path, *reversed(above), os", "(*reversed(above), os", ON_DISK),
    ("store/rundir.py", ", os.path.dirname(runs_root)):", "):", ON_DISK),
    ("store/cas.py", "                os.fsync(fd)\n", "                pass\n", ON_DISK),
    ("store/cas.py", "            sync_folder(above)\n", "            pass\n", ON_DISK),
    ("store/cas.py", "            self._unsynced[self._root] = None\n", "", ON_DISK),
    (
        "store/expected.py",
        'return isinstance(json.loads(read_file(f"{run.path}/{name}")), dict)',
        "return True",
        "test_verify.py::test_after_a_power_cut_an_error_artifact_is_whole_again_though_its_log_is_not",
    ),
    (
        "app/memory.py",
        "if again == looked.inputs:",
        "if True:",
        "test_cache.py::test_of_a_step_whose_files_changed_while_it_ran_nobody_knows_what_it_read",
    ),
    (
        "app/memory.py",
        'if sha256 != artifact["sha256"]:',
        "if False:",
        "test_cache.py::test_a_result_whose_artifact_is_not_there_as_it_was_is_not_used",
    ),
    (
        "run/loop.py",
        "self._world.memory.stir()  # once",
        "pass  # once",
        "test_cache.py::test_a_step_reads_what_the_one_before_it_has_just_written",
    ),
    (
        "store/kept.py",
        "if line[at : at + _SUM] != _sum(line[at + _SUM + 2 :]):",
        "if False:",
        "test_cache.py::test_a_damaged_result_is_not_used_and_a_torn_one_costs_no_other",
    ),
    (
        "store/fingerprints.py",
        "known[:4] == status",
        "known[:2] == status[:2]",
        "test_cache.py::test_a_file_is_read_once_and_again_only_when_its_status_has_changed",
    ),
    (
        "store/fingerprints.py",
        "+ RACY_NS < now",
        "< now",
        "test_cache.py::test_a_file_is_read_once_and_again_only_when_its_status_has_changed",
    ),
    (
        "store/subjects.py",
        "    remove(folder)\n",
        "",
        "test_laid_out.py::test_a_file_that_is_gone_when_a_gate_opens_again_is_not_laid_out_any_more",
    ),
    (
        "app/gatewatch.py",
        "if hashlib.sha256(data).hexdigest() != read.sha256:",
        "if False:",
        "test_order.py::test_bytes_that_changed_since_the_look_are_not_kept_as_what_was_approved",
    ),
    (MASKING, "undecided = min(undecided, place[0])", "pass", f"{EVERY_CUT}[raw]"),
    (
        MASKING,
        "undecided = self._begun(data, range(max(0, size - _AHEAD), size))",
        "undecided = size",
        f"{EVERY_CUT}[raw]",
    ),
    (MASKING, "return size - (data[-1:] in self._joints)", "return size", f"{EVERY_CUT}[base64 behind one byte]"),
    (MASKING, "done = max(done, end)", "done = end", OVERLAPS),
    (
        MASKING,
        "self._covered = max(done - until, 0)",
        "self._covered = 0",
        "test_masking.py::test_memory_is_bounded_by_the_longest_form_also_where_one_occurrence_overlaps_the_next",
    ),
    (FORMS, "for shift in range(3)", "for shift in range(2)", f"{EVERY_CUT}[base64 behind two bytes]"),
    (FORMS, 'range(end_bits, 6)) if end_bits else b""', 'range(6)) if end_bits else b""', f"{TWINS}[base64]"),
    (
        MASKED,
        "            left -= len(block)\n            self._write(self._masking.feed(block))\n",
        "            left -= len(block)\n            self._write(block)\n",
        "test_masked_logs.py::test_what_was_written_before_the_engine_is_interrupted_stays_masked",
    ),
    (
        "store/cas.py",
        "kept = (kept + block)[undecided:]",
        'kept = b""',
        "test_secrets.py::test_an_artifact_that_holds_a_secret_is_refused_and_not_a_byte_of_it_is_kept[1048572]",
    ),
    (
        "store/reading.py",
        "secrets=None if attempt.secrets is None else attempt.secrets.unseen(),",
        "secrets=None,",
        "test_secrets.py::test_reports_are_masked_before_their_findings_are_recorded",
    ),
]


@pytest.fixture(scope="module")
def forge() -> Iterator[Callable[[Path, str | None], dict[str, Any]]]:
    """Tries the mutant in a folder: the simulator, or a sentence of the semantics."""
    with subprocess.Popen([sys.executable, FORGE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        into, out = process.stdin, process.stdout

        def tried(folder: Path, sentence: str | None = None) -> dict[str, Any]:
            print(json.dumps({"folder": str(folder), "sentence": sentence}), file=into, flush=True)
            answer: dict[str, Any] = json.loads(out.readline())
            return answer

        yield tried
        into.close()


@pytest.mark.parametrize(("file", "old", "new"), SIMULATED)
def test_the_simulator_finds_a_fault_in_the_core(forge: Any, tmp_path: Path, file: str, old: str, new: str) -> None:
    plant(tmp_path, file, old, new)
    done = forge(tmp_path)
    assert done["code"] == 1, done["out"] or "no seed finds it"


@pytest.mark.parametrize(("file", "old", "new", "sentence"), SAID)
def test_a_sentence_of_the_semantics_finds_a_fault_in_the_core(
    forge: Any, tmp_path: Path, file: str, old: str, new: str, sentence: str
) -> None:
    plant(tmp_path, file, old, new)
    done = forge(tmp_path, sentence)
    assert done["code"] == 1, done["out"]
