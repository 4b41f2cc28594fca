"""Where adapters come from: the project first, and never in the place of one that ships without saying so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from orch.problems.problem import OrchError, Problem, Span
from orch.source.document import Route
from orch.spec.library import BUILT_IN, PROJECT, Library, Overrides


def marker(name: str, more: str = "") -> str:
    signs, commands = "detect: [{ file: a, score: 1 }]", "commands: { test: { argv: [make] } }"
    return f"apiVersion: orch/v1\nkind: Adapter\nname: {name}\n{signs}\n{more}{commands}\n"


def put(top: Path, name: str, text: str | None = None, *, kind: str = "adapters") -> Path:
    folder = top / kind / name
    folder.mkdir(parents=True)
    (folder / "adapter.yaml").write_text(marker(name) if text is None else text, encoding="utf-8")
    return folder


class Place:
    """A project and what ships, in two folders."""

    def __init__(self, top: Path) -> None:
        self.root, self.shipped = top / "project", top / "shipped"
        for folder in (self.root, self.shipped):
            folder.mkdir()
        put(self.shipped, "brick")

    def library(self, folder: str = ".", overrides: Sequence[str] = ()) -> Library:
        def at(route: Route) -> Span:
            return Span("orch.yaml", 1 + int(route[-1]), 1, 2, "overrides")

        return Library(str(self.root), folder, str(self.shipped), Overrides(overrides, at), "orch:")

    def problems(self, folder: str = ".", overrides: Sequence[str] = ()) -> list[Problem]:
        with pytest.raises(OrchError) as caught:
            self.library(folder, overrides)
        return caught.value.problems


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def why(library: Library, name: str) -> list[Problem]:
    with pytest.raises(OrchError) as caught:
        library.adapter(name)
    return caught.value.problems


def where(problem: Problem) -> tuple[str, int, int] | None:
    return problem.at and (problem.at.path, problem.at.line, problem.at.column)


def test_adapters_of_the_project_and_those_that_ship_are_found_with_their_origin(place: Place) -> None:
    put(place.root, "wall")
    library = place.library()
    assert library.names("adapters") == {"brick": BUILT_IN, "wall": PROJECT}
    assert library.adapter("brick")[1].path == "orch:adapters/brick/adapter.yaml"
    assert library.adapter("wall")[1].path == "adapters/wall/adapter.yaml"


def test_a_folder_without_a_marker_file_is_not_ours(place: Place) -> None:
    (place.root / "adapters" / "brick").mkdir(parents=True)
    (place.root / "adapters" / "brick" / "__init__.py").touch()
    (place.root / "adapters" / "notes.txt").touch()
    assert place.library().names("adapters") == {"brick": BUILT_IN}


def test_a_project_without_adapters_has_those_that_ship(place: Place) -> None:
    assert place.library().names("adapters") == {"brick": BUILT_IN}


def test_a_folder_that_replaces_what_ships_is_refused_at_its_name_unless_it_is_declared(place: Place) -> None:
    put(place.root, "brick", marker("brick", "env: { OURS: a }\n"))
    (problem,) = place.problems()
    assert problem.code == "O406"
    assert where(problem) == ("adapters/brick/adapter.yaml", 3, 7)
    assert "overrides: [adapters/brick]" in (problem.hint or "")
    library = place.library(overrides=["adapters/brick"])
    assert library.names("adapters") == {"brick": PROJECT}
    assert library.adapter("brick")[0].env == {"OURS": "a"}


@pytest.mark.parametrize("name", ["adapters/wall", "adapters/none", "brick", "agents/brick", "adapters/brick/", ""])
def test_an_override_that_replaces_nothing_is_refused_at_its_place(place: Place, name: str) -> None:
    put(place.root, "brick")
    put(place.root, "wall")
    (problem,) = place.problems(overrides=["adapters/brick", name])
    assert (problem.code, where(problem)) == ("O406", ("orch.yaml", 2, 1))
    assert f"`{name}`, which replaces nothing" in problem.message


def test_everything_that_is_replaced_and_every_vain_override_is_told_at_once(place: Place) -> None:
    put(place.shipped, "stone")
    for name in ("brick", "stone"):
        put(place.root, name)
    codes = [problem.message for problem in place.problems(overrides=["adapters/wall"])]
    assert len(codes) == 3


def test_the_library_may_lie_in_a_folder_of_its_own(place: Place) -> None:
    put(place.root, "brick")  # a folder of the project that has nothing to do with orch
    put(place.root / ".orch", "wall")
    library = place.library(".orch")
    assert library.names("adapters") == {"brick": BUILT_IN, "wall": PROJECT}
    assert library.adapter("wall")[1].path == ".orch/adapters/wall/adapter.yaml"
    assert place.library(".orch/").adapter("wall")[1].path == ".orch/adapters/wall/adapter.yaml"
    assert place.library("./.orch").adapter("wall")[1].path == ".orch/adapters/wall/adapter.yaml"


def test_what_ships_is_what_ships_in_its_own_checkout_too(place: Place) -> None:
    library = Library(
        str(place.shipped), ".", str(place.shipped), Overrides((), lambda route: Span("", 1, 1, 1, "")), "orch:"
    )
    assert library.names("adapters") == {"brick": BUILT_IN}


def test_an_unknown_name_is_told_with_what_is_near(place: Place) -> None:
    (near,), (far,) = why(place.library(), "brik"), why(place.library(), "zebra")
    assert (near.code, near.hint) == ("O401", "did you mean `brick`?")
    assert far.code == "O401"
    assert "brick" in (far.hint or "")


def test_the_name_of_an_adapter_is_that_of_its_folder(place: Place) -> None:
    put(place.root, "wall", marker("tower"))
    (problem,) = why(place.library(), "wall")
    assert (problem.code, where(problem)) == ("O405", ("adapters/wall/adapter.yaml", 3, 7))


def test_every_file_that_an_adapter_lists_is_read_and_one_that_is_missing_is_told_at_its_place(place: Place) -> None:
    folder = put(place.root, "wall", marker("wall", "files: [lay.py, mix.py]\n"))
    (folder / "lay.py").write_bytes(b"pass\n")
    (folder / "notes.txt").touch()
    (problem,) = why(place.library(), "wall")
    assert (problem.code, where(problem)) == ("O405", ("adapters/wall/adapter.yaml", 5, 17))
    assert "adapters/wall/mix.py cannot be read" in problem.message
    (folder / "mix.py").write_bytes(b"")
    files = place.library().adapter("wall")[1].files
    assert list(files) == ["adapter.yaml", "lay.py", "mix.py"]
    assert files["lay.py"] == b"pass\n"


def test_all_that_is_wrong_with_where_an_adapter_lies_is_told_at_once(place: Place) -> None:
    put(place.root, "wall", marker("tower", "files: [a.py, b.py]\n"))
    assert [problem.code for problem in why(place.library(), "wall")] == ["O405", "O405", "O405"]


def test_cases_are_found_beside_the_adapter_in_the_order_of_their_names(place: Place) -> None:
    folder = put(place.root, "wall")
    assert place.library().cases("wall") == []
    (folder / "cases").mkdir()
    for name in ("b.yaml", "a.yaml", "notes.md"):
        (folder / "cases" / name).write_text(name, encoding="utf-8")
    assert place.library().cases("wall") == [
        ("adapters/wall/cases/a.yaml", b"a.yaml"),
        ("adapters/wall/cases/b.yaml", b"b.yaml"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told_with_the_reason(place: Place) -> None:
    folder = put(place.root, "wall")
    (folder / "adapter.yaml").chmod(0)
    (problem,) = why(place.library(), "wall")
    assert problem.code == "O405"
