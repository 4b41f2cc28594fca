"""For pytest: pipelines as values that a snapshot can hold. Every pytest of an environment with orch loads this module,
so it imports nothing until a fixture is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from orch.testing.calls import Calls


@pytest.fixture
def orch_project(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy of the project, for this test alone."""
    from orch.testing.copies import copy_project, project_of

    project = project_of(request.path.parent, request.config.rootpath)
    return copy_project(project, tmp_path / "project", tmp_path_factory.getbasetemp())


@pytest.fixture
def orch_plan(_orch_calls: Calls) -> Callable[..., dict[str, Any]]:
    """`orch_plan("pipelines/ci.yaml", inputs={…}, select=…, stubs=…)`: the plan as data, without what differs from
    machine to machine."""
    return _orch_calls.plan


@pytest.fixture
def orch_apply(_orch_calls: Calls) -> Callable[..., dict[str, Any]]:
    """`orch_apply("pipelines/ci.yaml", inputs={…}, select=…)`: runs it in `orch_project`, or in `folder=…`; how it
    ended, its journal and its manifests as data, without what differs from run to run."""
    return _orch_calls.apply


@pytest.fixture
def _orch_calls(request: pytest.FixtureRequest, tmp_path: Path) -> Calls:
    from orch.testing.calls import Calls
    from orch.testing.copies import project_of

    project = project_of(request.path.parent, request.config.rootpath)
    return Calls(project, lambda: request.getfixturevalue("orch_project"), tmp_path / "orch")
