"""Can the places of the gates be filled by the people of orch.yaml? Pure."""

from __future__ import annotations

from orch.gates.matching import fill
from orch.problems.problem import Problem
from orch.source.document import Document
from orch.spec.expressions.wording import names_text, nearest
from orch.spec.pipeline import Pipeline
from orch.spec.project import Project
from orch.spec.report import Report

_ASK = (
    "give roles to more people, or ask for fewer, before a run is planned: who gets a role later does not count in it"
)


def check_roles(pipeline: Pipeline, project: Project, document: Document) -> list[Problem]:
    """Raise OrchError where a gate asks for a role that the project does not know. Warnings say of which gates nobody
    could fill every place, with the people that the roles have today."""
    unknown, scarce = Report(document), Report(document)
    for phase_name, phase in pipeline.phases.items():
        for name, gate in phase.gates.items():
            if gate.approval is None:
                continue
            address, require = f"{phase_name}.{name}", gate.approval.require
            at = ("phases", phase_name, "gates", name, "approval", "require")
            for role in require:
                if role not in project.roles:
                    near = nearest(role, project.roles)
                    given = f"its roles are {names_text(project.roles)}" if project.roles else "it has no `roles`"
                    hint = f"did you mean `{near}`?" if near else f"{given}: add `roles: {{ {role}: [HANDLE] }}`"
                    message = f"`{address}` asks for the role `{role}`, which orch.yaml does not know"
                    unknown.add("O320", message, (*at, role), hint, key=True)
                elif not project.roles[role]:
                    message = f"`{address}` cannot open: orch.yaml gives the role `{role}` to nobody yet"
                    scarce.add("O321", message, (*at, role), _ASK, key=True)
            places = [role for role in sorted(require) for _ in range(require[role])]
            filled = len(places) - fill(places, project.roles).count(None)
            if filled < len(places) and all(project.roles.get(role) for role in require):
                message = f"`{address}` cannot open: of its {len(places)} places the people of orch.yaml fill {filled}"
                scarce.add("O321", message, at, f"one person fills one place; {_ASK}", key=True)
    unknown.close()
    return [problem._replace(severity="warning") for problem in scarce.problems]
