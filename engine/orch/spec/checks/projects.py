"""Is orch.yaml right in itself?"""

from __future__ import annotations

from orch.source.document import Document
from orch.spec.checks.paths import check_path
from orch.spec.checks.people import check_people
from orch.spec.project import Project
from orch.spec.report import Report


def check_project(project: Project, document: Document) -> None:
    """Raise OrchError with every problem of a project whose shape is right."""
    report = Report(document)
    check_path(report, ("library",), project.library, "a folder")
    check_people(project, report)
    for number, item in enumerate(project.notify or ()):
        if "${{" in item:
            hint = "read what it says from stdin: one JSON object with run_id, status and more"
            report.add("O210", "`${{ }}` in `notify`, which is started as it is", ("notify", number), hint)
    report.close()
