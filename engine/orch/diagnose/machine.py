"""Everything that `orch doctor` looks at, in the order in which it is shown."""

from __future__ import annotations

from collections.abc import Mapping

from orch.diagnose.check import Check
from orch.diagnose.containment import check_containment
from orch.diagnose.disk import check_disk
from orch.diagnose.software import check_account, check_git, check_limits, check_python, check_yaml


def examine(root: str, env: Mapping[str, str]) -> list[Check]:
    """Look at the machine, for a project in `root`. No thread may run: children are forked."""
    return [
        check_python(),
        check_yaml(),
        check_git(env),
        check_containment(),
        *check_disk(root),
        check_limits(),
        check_account(env),
    ]
