"""The people and roles of a project: each address and each handle means one person."""

from __future__ import annotations

from orch.spec.expressions.wording import names_text, nearest
from orch.spec.project import Project
from orch.spec.report import Report


def check_people(project: Project, report: Report) -> None:
    """Report an address that is two people's, and a role that names nobody."""
    owner: dict[str, str] = {}
    for handle, person in project.people.items():
        for index, email in enumerate(person.emails):
            other = owner.setdefault(email.lower(), handle)
            if other != handle:
                hint = "commits are matched to people by their address: leave it with one of them"
                message = f"`{email[:64]}` is an address of `{other}` too"
                report.add("O117", message, ("people", handle, "emails", index), hint)
    for role, handles in project.roles.items():
        for index, handle in enumerate(handles):
            if handle not in project.people:
                near = nearest(handle, project.people)
                hint = f"did you mean `{near}`?" if near else f"`people` has {names_text(project.people)}"
                message = f"the role `{role}` names `{handle[:48]}`, who is not in `people`"
                report.add("O118", message, ("roles", role, index), hint)
            elif handle in handles[:index]:
                report.add("O118", f"the role `{role}` names `{handle}` twice", ("roles", role, index), "remove one")
