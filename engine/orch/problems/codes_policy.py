"""O5xx: policy and secrets."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O501": Code(
        "an expression reads a secret",
        "What `${{ }}` gives becomes part of an argv, an address, a plan or a record, where everybody can read it. A "
        "secret reaches a command through its environment and no other way: write `secrets: [TOKEN]` for the node, and "
        '"$TOKEN" in its script. A command that wants it as an argument gets it from a shell: '
        "`run: 'upload --token \"$TOKEN\"'`, where other users of the machine may see it while the command runs.",
    ),
    "O502": Code(
        "a secret that is not declared",
        "A node asks for a secret by the name that the pipeline declares. Declare it, with the place that its value "
        'comes from: `secrets: { TOKEN: "env:TOKEN" }`, or correct the name.',
    ),
    "O503": Code(
        "the name of a secret cannot be used",
        "A secret becomes a variable of the command's environment, and a variable has one value. `PATH`, `HOME`, "
        "`LANG`, `TZ`, `TMPDIR` and what begins with `LC_` or `ORCH_` are what every command needs as they are; a "
        "name that `env` or `defaults.env` sets, or that is named twice, leaves open which value is meant. Give the "
        "secret another name.",
    ),
    "O504": Code(
        "a secret without a source",
        "A pipeline holds no values of secrets, only where they come from: `env:VARIABLE`, a variable of the process "
        "that orch is started by, or `file:PATH`, a file whose path is absolute or counts from the project's root. "
        "References are constant texts, and `~` is not expanded.",
    ),
    "O505": Code(
        "a secret that every command gets",
        "The variable that a secret is read from also reaches every command as it is, because `env.pass` of orch.yaml "
        "names it, or because it is one of those that are always passed on. Commands that do not ask for the secret "
        "would have it, and their logs are not masked. Remove it from `env.pass`, or read the secret from another "
        "variable.",
    ),
    "O506": Code(
        "a secret has no value that can be used",
        "Values are read when work on a run begins, before any node starts. The message says what is wrong: the "
        "variable is not set, or the file is missing, cannot be read, or is no regular file of at most 64 KiB; the "
        "value has fewer than 8 bytes, which would be found everywhere in the output, or it holds a NUL, which no "
        "environment can. Set the variable or write the file, then start or resume the run again. `orch plan` warns "
        "of a value that is missing, without reading any.",
    ),
    "O507": Code(
        "the value of a secret stands in the plan",
        "The plan and the files that it is made from are kept with the run, where everybody who may look at runs can "
        "read them. One of them, or an `--input`, holds the value of a secret that the pipeline declares. Take it out "
        'there, and let the command read it from its environment: `secrets: [TOKEN]`, "$TOKEN".',
    ),
    "O508": Code(
        "everybody can read the file of a secret",
        "Other users of this machine may read the file that a secret comes from. That is a warning: some systems "
        "mount the secrets of containers that way. Elsewhere: `chmod 600 FILE`.",
    ),
    "O509": Code(
        "a secret that no node asks for",
        "The pipeline declares a secret, and no node has it in its `secrets`: nobody gets it, and it is not read. "
        "That is a warning. Name it in the node that needs it, `secrets: [TOKEN]`, or remove the declaration.",
    ),
    "O520": Code(
        "this takes a branch",
        "What a node has changed can be told, checked and merged in a tree in which nobody but the run changes "
        "anything. In the project's folder you work too, and so do other runs. Set `workspace: branch` on the "
        "pipeline: the run then works on a branch of its own, and `writes`, `protected` and a node's `workspace` hold "
        "there. For example: workspace: branch",
    ),
    "O521": Code(
        "two nodes may write the same files at the same time",
        "Both declare that they write files that the patterns of both mean, both work in the run's tree, and neither "
        "waits for the other; so each could undo what the other has done. Patterns are compared, not files: what "
        "could meet counts, and a node without `writes` is no writer. Let one need the other (`needs: [other]`, or the "
        "order of phases), write narrower patterns, or set `workspace: worktree`, which gives each a tree of its own "
        "and merges afterwards. Likewise a `readonly` node may not run beside one in the same tree that does not say "
        "what it `writes`: nobody could tell which of them has changed a file.",
    ),
    "O522": Code(
        "what a node says of its tree contradicts itself",
        "A `readonly` node changes nothing, so it has no `writes`. What happens once cannot be tied to a merge that "
        "may fail, so a node with `effect: { once: … }` has no tree of its own, nor has a loop or a child that holds "
        "one. `patch` is the name of the artifact that such a tree leaves. What a node changes is not kept with its "
        "result, and what it reads is looked up in the run's own tree, so one that writes, or works in another tree, "
        "has no `cache`; with `workspace: branch` neither has one with `artifacts`, which would be put where others "
        "work. Patterns of `writes` and `protected` are constants, for example: writes: [src/**]",
    ),
}
