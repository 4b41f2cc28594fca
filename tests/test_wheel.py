"""What is installed is what was tested: the wheel holds `orch` and nothing else, and works away from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def call(argv: Sequence[str | Path], cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=cwd,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of a new environment with the wheel installed. Its dependencies, which no test may download, are those
    of the environment that runs the tests, put on the path after the wheel's own."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    call(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel], home
    )
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_the_wheel_tells_pytest_of_the_fixtures(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
        told = archive.read(name).decode()
    assert "[pytest11]\norch = orch.testing.plugin\n" in told


def test_the_wheel_holds_orch_and_nothing_else_at_its_top(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"orch", f"orch_pipelines-{version()}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_ships_every_module_and_all_content(wheel: Path) -> None:
    tracked = call(["git", "ls-files", "engine/orch", "adapters", "pipelines", "schemas"], ROOT).split()
    code = {path.removeprefix("engine/") for path in tracked if path.startswith("engine/")}
    content = {f"orch/builtin/{path}" for path in tracked if not path.startswith("engine/")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert code
    assert content
    assert code | content <= names


def test_the_installed_command_works_in_an_empty_folder(clean: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    orch = clean / "orch"
    env = {"HOME": str(tmp_path), "PYTHONPATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    where = call([clean / "python", "-c", "import orch; print(orch.__file__)"], project, **env)
    assert where.startswith(str(clean.parent))
    assert call([orch, "--version"], project, **env) == f"orch {version()}\n"
    call([orch, "init"], project, **env)
    call([orch, "validate"], project, **env)
    assert "built-in" in call([orch, "adapters", "list"], project, **env)
    (pipeline,) = project.glob("pipelines/*.yaml")
    call([orch, "plan", pipeline.relative_to(project)], project, **env)
    call([orch, "apply", pipeline.relative_to(project)], project, **env)
    call([orch, "verify", "@last"], project, **env)


def test_the_installed_command_begins_with_an_example_and_nothing_that_an_installer_added(
    clean: Path, tmp_path: Path
) -> None:
    env = {"HOME": str(tmp_path), "PYTHONPATH": "", "XDG_CACHE_HOME": str(tmp_path / "cache")}
    call([clean / "orch", "init", "--example", "python"], tmp_path, **env)
    example = ROOT / "pipelines" / "examples" / "python"
    tracked = call(["git", "ls-files"], example).split()
    assert [path for path in tracked if (tmp_path / path).read_bytes() == (example / path).read_bytes()] == tracked
    assert not list(tmp_path.glob("**/__pycache__"))
    call([clean / "orch", "validate"], tmp_path, **env)


def version() -> str:
    from orch import __version__

    return __version__
