"""O6xx: runs and storage."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O601": Code(
        "the run has an owner",
        "A run is carried on by one process at a time, and another one holds the lock of this run. The lock belongs to "
        "that process and is free the moment it ends, however it ends, so there is nothing to unlock. Watch the run "
        "with `orch poll RUN --watch`, ask its owner to stop with `orch cancel RUN`, or resume it when the owner is "
        "gone.",
    ),
    "O602": Code(
        "a record of the journal is bad",
        "The journal is a chain: each line holds a number and the sha256 of the line before. This line does not fit, "
        "so the file was changed, or the disk lost a part of it. orch does not guess what happened and goes no further "
        "with this run. `orch verify RUN` lists everything that does not fit; restore the file from a copy, or start a "
        "new run with `orch apply`.",
    ),
    "O603": Code(
        "the journal was written by a newer orch",
        "A record has a type that this version does not know. What it means for the steps of the run cannot be known "
        "either, so the run is left alone. Continue it with the version that wrote it; the `opened` records of the "
        "journal name it under `versions`.",
    ),
    "O604": Code(
        "no such run",
        "A run is named by its id, by the beginning of its id (four characters or more) if only one run begins so, by "
        "`@last` for the newest or by `@failed` for the newest that failed. A directory without plan.json was never a "
        "run. `orch runs list` shows the ids, for example: orch poll 20261122T1905",
    ),
    "O605": Code(
        "the beginning of an id means several runs",
        "More than one run has an id that begins so, and orch does not choose for you. Write more of the id; it begins "
        "with the day and the time of the start, for example: orch poll 20261122T190512Z-c4",
    ),
    "O606": Code(
        "the folder for runs is not safe",
        "Runs are kept in `.runs`, and what lies there decides what is started. So `.runs` and the folders in it must "
        "be real folders that belong to you: through a symbolic link, or in somebody else's folder, another person "
        "could exchange a run while it is carried on. So could anybody where all may write and the sticky bit is not "
        "set. Move the folder out of the way, or take the right to write from the others: `chmod -R o-w .runs`. Two "
        "things pass, since they give nobody more than the project does: root may use the runs of the user who owns "
        "the project's folder, and where all may write to that folder, they may to `.runs` too.",
    ),
    "O607": Code(
        "plan.json is damaged",
        "A run carries on what its plan.json says, and this one cannot be read as a plan, or is not the plan with "
        "which the run was started: the first record of the journal holds its sha256. The plan is not made again from "
        "the pipeline, which may have changed since. Restore the file from a copy, or start a new run: orch apply PATH",
    ),
    "O608": Code(
        "the plan has a newer format",
        "plan.json names a format that this version of orch does not know. Carry the run on with the version that "
        "wrote it, or start a new run with this one: orch apply PIPELINE",
    ),
    "O609": Code(
        "the run has no such step, or several that are called so",
        "A step of a run is named by its address, as its plan has it: the phase, a dot, the node or gate, and for a "
        "child of a matrix its key in brackets. What follows the phase is enough where no other step is called so: "
        "`test[py312]`, `fix#2.test`, in a child pipeline also `part/unit.test`; a step of the pipeline itself goes "
        "before those of its children. `orch runs show RUN` lists the addresses, for example: orch runs logs "
        "@last build.test[py312]",
    ),
    "O610": Code(
        "a recorded file is missing",
        "The journal says that this file was kept, or it follows from the journal, but it is not there. Logs, "
        "artifacts and the bytes in `cas` cannot be made again; restore them from a copy. Manifests and error "
        "artifacts follow from the journal, and `orch resume RUN` writes them again, also for a run that has ended. "
        "Without its plan.json a run cannot be read at all; a copy of it is the right one where its sha256 is the "
        "`prev` of the journal's first record, and `orch verify RUN` says so.",
    ),
    "O611": Code(
        "a recorded file was changed",
        "The sha256 of this file is not the one that the journal, or the file's name in `cas`, gives. It was changed "
        "after it was recorded, or the disk lost a part of it, so it proves nothing. Restore it from a copy; it cannot "
        "be made again.",
    ),
    "O612": Code(
        "a manifest is not what the journal says",
        "Manifests, error artifacts and owner.json follow from the journal, and this one says something else: it was "
        "changed, or a power cut took a part of it. The journal is what counts. `orch resume RUN` writes manifests and "
        "error artifacts again, also for a run that has ended.",
    ),
    "O613": Code(
        "a file that no record knows",
        "Nothing in the journal accounts for this file, so nothing is known about where it came from. It changes "
        "nothing in the run. Move it out of the run's directory, which holds only what orch wrote.",
    ),
    "O614": Code(
        "the journal does not end where it should",
        "`orch apply` prints the head of the journal, the sha256 of its last record. This journal has another: records "
        "were cut off at its end, or the whole was written anew, or the run was carried on since the head was noted. "
        "Compare with the copy from which the head was taken. A run whose manifest has seen records that are gone is "
        "not carried on: what they say was done would be done a second time.",
    ),
    "O615": Code(
        "a gate was recorded otherwise than its facts say",
        "The journal holds what was seen when a gate was looked at, and what that meant. Judged again at the recorded "
        "time, the same facts mean something else: the record was written by hand, or by a version that judged "
        "otherwise. Do not rely on this gate; look at its decisions with `orch gate show GATE --run RUN`.",
    ),
    "O616": Code(
        "a request line is bad",
        "A line of requests.ndjson is torn, or is not what somebody asked for through orch. The owner of the run took "
        "no notice of it. If you asked for something and it did not happen, ask again, for example: orch cancel RUN",
    ),
    "O617": Code(
        "the record of the run contradicts itself",
        "The chain of records is whole, but what it says cannot have happened: a step that the plan does not have, a "
        "step that ended without having started, an owner whose number is not the next. Such a journal was not written "
        "by orch. Start a new run with `orch apply`.",
    ),
    "O620": Code(
        "the cursor is not one of this run",
        "`--since` wants the `cursor` that an earlier `orch poll` of the same run gave: a whole number, at most the "
        "number of the run's last record. Leave it out to get everything: orch poll RUN --format json",
    ),
    "O621": Code(
        "nothing in the run can be decided again",
        "`orch retry RUN` decides the failed steps of a run again, `--from STEPS` and `--only STEPS` those that they "
        "name; the run has none that failed, or those that are named have not ended, were not selected, or are in "
        "doubt: whether such a step was done is said with `orch settle` first. A run that died or waits is carried on "
        "with `orch resume RUN`.",
    ),
    "O622": Code(
        "the run is over",
        "A run that succeeded, failed or was cancelled has nothing left that could be cancelled or settled. To have "
        "failed steps decided again, write: orch retry RUN --failed. To start anew, write: orch apply PIPELINE",
    ),
    "O623": Code(
        "the step cannot be settled",
        "`orch settle RUN ADDRESS --done` or `--not-done` answers for a `once` step that is in doubt: it was started, "
        "and nobody knows whether it was done. The step that was named is not in doubt, or is none of this run, or has "
        "outputs that only running it again can give. `orch poll RUN` lists what is in doubt.",
    ),
    "O624": Code(
        "the owner of the run refused",
        "What was asked reached the process that carries the run on, and it said no; the sentence is its own, and the "
        "journal holds it. By then the run had gone on: perhaps everything was over, or a probe had settled the step. "
        "`orch poll RUN` shows how it stands now.",
    ),
    "O625": Code(
        "the owner of the run does not answer",
        "The process that carries the run on lives, for it holds the lock, and it has not answered for half a minute: "
        "it is stopped, or its disk is. What was asked stays in requests.ndjson, and is answered as soon as the "
        "process goes on, or by the next owner. Watch for it with `orch poll RUN --watch`; if the process is to go, "
        "end it (`kill -9`, with the number that the message names) and ask again.",
    ),
    "O626": Code(
        "the resume token is not the run's",
        "`orch resume RUN --token T` goes on only where T is what lies in the run's `resume-token`, a file for its "
        "owner's eyes; the manifest holds its sha256. Give the token of this run, or leave `--token` out: who may read "
        "it may also do without it. That it was tried stands in the run's `resume_events`.",
    ),
    "O627": Code(
        "a step must not happen twice",
        "The command of a step with `effect: { once: KEY }` came to its end with exit code 0, also if the step then "
        "failed over what it left, and the retry would do it again: a second release, a second mail. Leave it as it is "
        "with `--exclude ADDRESS`: what comes behind it reads what it gave then. Where it must happen a second time, "
        "say so of this very step with `--once-more ADDRESS`; the journal keeps who did.",
    ),
    "O628": Code(
        "what was skipped or cancelled stays so",
        "`orch retry RUN --only STEPS` decides those steps again and no other. What had been skipped because they "
        "failed stays so, even where they succeed now: nothing has run that the run was to do, and so it closes as "
        "failed, with the reason `left-behind`. To have all of it decided, too: orch retry RUN --from STEPS. The same "
        "goes for what a cancel had ended: `orch retry RUN --failed` decides all of that again.",
    ),
}
