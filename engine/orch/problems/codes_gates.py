"""O3xx: gates and decisions."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O301": Code(
        "a decision's file does not hold",
        "Each decision about a gate is one small YAML file below tasks/<task>/decisions/, and it is read strictly:"
        " every required key is there, has the right shape, and no other key is there. A file that cannot be read could"
        " be a rejection, so the gate stays shut until the file is mended or removed. Write decision, gate, pipeline,"
        " task, project, role, by, date and subject, if you like commit and reason, and inputs where `orch gate show`"
        " names them. Values that look like numbers"
        ' go in quotes, for example task: "0001". `orch approve` writes such a file for you.',
    ),
    "O302": Code(
        "a decision's file has another name than its content",
        "A decision lies in tasks/<task>/decisions/<pipeline>.<gate>.<role>.<by>.yaml, and one about a child pipeline"
        " that was opened with inputs has the first 12 digits of `inputs` before .yaml. Each part of the name must"
        " agree with the key inside. A copied or renamed file is refused, because its reader and its owner would"
        " disagree about who decided what. Rename the file as the message says, or mend the keys.",
    ),
    "O303": Code(
        "signed decisions are not possible yet",
        "The key signature is reserved. A signature that nobody verifies would look like more than it is, so the file"
        " is refused rather than read without it. Leave the key out; a gate with trust: committed counts a decision"
        " only as it stands in HEAD.",
    ),
    "O305": Code(
        "a decision cannot be written there",
        "A decision is written only as a regular file in a real folder of the project, and supersedes only the file of"
        " the same person, role and gate. Something else lies in that place, a folder on the way is a symbolic link, or"
        " the reason holds characters that YAML text cannot hold. Look at the place that the message names, remove what"
        " does not belong there, and decide again.",
    ),
    "O306": Code(
        "a decision could not be stored",
        "The system refused to make the folder or to write the file below tasks/<task>/decisions/. Nothing was changed:"
        " a decision is written whole or not at all. Check the permissions and the free space, and decide again.",
    ),
    "O310": Code(
        "a node tried to decide about a gate",
        "Gates are there for people. The command was started by a node of a run (ORCH_RUN_ID is set), and a run that"
        " approves itself would make its gates worthless. Decide from a terminal outside of the run, or in a pull"
        " request.",
    ),
    "O311": Code(
        "the project has no id",
        "A decision is bound to the project by the id in orch.yaml; without one, a decision copied from any other"
        " project would count here. `orch init` writes the id. Commit it together with orch.yaml.",
    ),
    "O312": Code(
        "it is not known who decides",
        "A decision is made by a person of orch.yaml. Either --by names nobody there, or it was left out and the git"
        " identity is not the address of exactly one person. Write --by HANDLE, or add the person: people: {lead:"
        " {emails: [lead@example.com]}} and roles: {product: [lead]}.",
    ),
    "O313": Code(
        "the role does not fit",
        "The gate says which roles must agree, and orch.yaml says who has them. A decision counts only in a role that"
        " the gate asks for and that the person has, both when the run was planned and today. Use one of the roles that"
        " the message names, or ask somebody who has it.",
    ),
    "O314": Code(
        "an author may not approve",
        "The gate has exclude: [author]: whoever wrote or co-wrote any commit of the subject since it was last approved"
        " does not count, not even for a commit that only moved spaces. The decision would be void, so it is not"
        " written. Ask somebody with the role who did not write it.",
    ),
    "O315": Code(
        "there is nothing to decide about",
        "A decision is bound to the bytes of the gate's subject. A file of it is missing, is a symbolic link, or is"
        " made by a node that has not run yet, so there is no digest to bind to. Bring the subject into place, look at"
        " it with `orch gate show`, and decide then.",
    ),
    "O316": Code(
        "there is no decision to revoke",
        "Revoking withdraws the decision that the same person made in the same role about the same gate, and edits its"
        " file. No such file is there. `orch gate show` lists the decisions of a gate with their people and roles.",
    ),
    "O317": Code(
        "nobody approves this gate",
        "Only approval gates take decisions. A freshness gate opens when the reviewed file carries a recent date in its"
        " front matter, for example last_review: 2026-11-20, and a check gate opens when its expression holds. `orch"
        " gate show` says what the gate is waiting for.",
    ),
    "O318": Code(
        "it is not clear which gate is meant",
        "A gate is named by its id or address, such as prd_approved or build.prd_approved, and belongs to a run or a"
        " pipeline. Without --run or --pipeline the newest waiting run with that gate is meant, else the only pipeline"
        " that declares it. No gate has that name there, or several pipelines have one. Add --run RUN, or --pipeline"
        " with one of those that the message names.",
    ),
    "O319": Code(
        "the subject is not the one that was looked at",
        "`--subject` says what you have read, by the digest that `orch gate show` printed: whole, or its first 12"
        " digits or more. The subject has another digest now, because a file of it was edited, added or removed, or a"
        " node made another artifact. So nothing was written: you would decide about what you have not seen. Look at it"
        " again with the command that the message names, and take the new digest.",
    ),
    "O320": Code(
        "a gate asks for a role that is not known",
        "The roles of a project are those below `roles` in orch.yaml. Nobody can approve as another one, so the gate"
        " would never open. Mend the name, or add the role with the people who have it: roles: {tech_lead: [mlee]}.",
    ),
    "O321": Code(
        "a gate that nobody can open today",
        "A gate counts only people who had the role when the run was planned, and each of them fills one place, also"
        " where several roles are theirs. With the people that orch.yaml gives the roles today some place stays empty,"
        " so that a run planned now would wait for ever. Give the role to more people before you start it, or ask for"
        " fewer.",
    ),
}
