"""O64x: the branches and trees of runs."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O640": Code(
        "the run cannot have a branch of its own here",
        "With `workspace: branch` a run works on a branch of its own, in a tree that git makes of it outside of the "
        "project. That takes git 2.38 or newer, a repository with a checkout and a commit, no submodules, and a state "
        "directory ($XDG_STATE_HOME, or ~/.local/state) outside of the repository. Do what the message says, or leave "
        "`workspace` out: the nodes then work in the project's folder. For example: git add -A && git commit",
    ),
    "O641": Code(
        "the checkout holds what no commit does",
        "A run with `workspace: branch` begins at HEAD, so it would not see these files as they are now. Ignored "
        "files, `.runs`, decisions and the saved plan itself do not count. A plan is shown all the same, but "
        "not saved: it could not be applied (with `--dry-run` it is, to be looked at). Commit or stash the files; or "
        "take them along, as the first commit of the run's branch: orch apply PIPELINE --dirty. Your files, your index "
        "and your stash stay as they are.",
    ),
    "O642": Code(
        "there is no branch to take anything along to",
        "`--dirty` takes what no commit holds along to the branch of a run. This pipeline has no `workspace: branch`: "
        "its nodes work in the project's folder and see everything that lies there. Leave the flag out: "
        "orch apply PIPELINE",
    ),
    "O643": Code(
        "the run's branch or tree is gone",
        "A run with `workspace: branch` keeps its work on the branch `orch/<run-id>`. Without that branch, what its "
        "nodes have done is lost to the run, and it does not go on as if nothing had been done. Bring the branch "
        "back (the message names its commit, else `git reflog`, `git fsck --lost-found`), then `orch resume RUN`; or "
        "end it, `orch cancel RUN`, where steps of `finally` fail as they have no tree to start in; or start anew: "
        "orch apply PIPELINE. `orch verify` warns where the branch is gone or was moved, so that it does not hold "
        "what the journal says was merged; after you have merged and removed it that is nothing to mend.",
    ),
    "O644": Code(
        "somebody has changed the run's tree between two owners",
        "While nobody carried the run on, files in its tree became other than on its branch, and no step has done it. "
        "Gates about `git:diff` look at the branch: the next step would work on, and commit, what nobody has seen. "
        "Commit the files to the branch, where a gate that was approved then asks again; or put them away with "
        "`git stash`. Likewise where the branch does not hold any more what the run has put there, as after "
        "`git commit --amend` or `git rebase`: the journal speaks of those commits. Add commits instead, or put the "
        "branch back. The message has the commands. Then: orch resume RUN",
    ),
    "O645": Code(
        "a commit came behind a gate that had opened",
        "A gate about `git:diff` was approved, its phase is over, and while nobody carried the run on somebody has "
        "committed to its branch. What is still to start would go on with what no approval was about. Take the commit "
        "back, or have the gate asked again with `orch retry RUN --from PHASE.*`; the message has the commands.",
    ),
}
