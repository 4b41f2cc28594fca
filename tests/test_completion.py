"""What a shell offers: verbs, verbs of verbs, options, runs, files; and that its script can be used."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest
from command import Desk, Said

PHASES = "  main: { nodes: { one: { run: exit 3 } } }\n"
BASH = """
eval "$(orch completion bash)"
COMP_WORDS=({words} ''); COMP_CWORD={last}
$(complete -p orch | sed 's/.*-F //')
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk.at(tmp_path)
    desk.pipeline(PHASES)
    return desk


def ask(desk: Desk, line: str, shell: str = "bash") -> Said:
    """What orch answers to the script of a shell when TAB is pressed at the end of the line."""
    words = line.split(" ")
    asked = {"_ORCH_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    if shell == "fish":
        asked["COMP_CWORD"] = words[-1]
    return desk.run(["orch"], env={**desk.environment(), **asked})


def offered(desk: Desk, line: str) -> list[str]:
    said = ask(desk, line)
    assert said.err == ""
    return [answer.removeprefix("plain,") for answer in said.out.split()]


@pytest.mark.parametrize(
    ("line", "among"),
    [
        ("orch ", {"apply", "runs", "gate"}),
        ("orch ru", {"runs"}),
        ("orch runs ", {"list", "show", "logs", "errors"}),
        ("orch runs sh", {"show"}),
        ("orch gate ", {"list", "show"}),
        ("orch runs --", {"--limit", "--task", "--json", "--help"}),
        ("orch runs --json --", {"--limit"}),
        ("orch runs logs x --", {"--follow", "--raw"}),
        ("orch gate --", {"--pipeline", "--run"}),
        ("orch gate show agreed --", {"--pipeline", "--run"}),
        ("orch poll @last --format ", {"text", "json"}),
        ("orch completion ", {"bash", "fish", "zsh"}),
    ],
)
def test_verbs_of_verbs_and_options_are_offered(desk: Desk, line: str, among: set[str]) -> None:
    found = offered(desk, line)
    assert among <= set(found)
    assert len(found) == len(set(found))
    assert all(name.startswith(line.rsplit(" ", maxsplit=1)[-1]) for name in found)


@pytest.mark.parametrize("line", ["orch poll ", "orch runs show ", "orch gate show x --run ", "orch settle "])
def test_runs_are_offered_newest_first(desk: Desk, line: str) -> None:
    assert offered(desk, line) == ["@last", "@failed"]
    for _ in range(2):
        desk.orch("apply", code=1)
    ids = [path.name for path in sorted(desk.folder.glob(".runs/-/cli/*"), reverse=True)]
    assert offered(desk, line) == ["@last", "@failed", *ids]
    assert offered(desk, f"{line}{ids[1]}") == ids[1:]
    assert f"{ids[0]}\tfailed main" in ask(desk, line, "fish").out


@pytest.mark.parametrize("line", ["orch plan pip", "orch apply pip", "orch validate pip", "orch gate --pipeline pip"])
def test_files_are_left_to_the_shell(desk: Desk, line: str) -> None:
    assert offered(desk, line) == ["file,pip"]


@pytest.mark.parametrize("line", ["orch nonsense ", "orch runs nonsense ", "orch poll --nonsense "])
def test_in_the_middle_of_a_line_no_mistake_is_told(desk: Desk, line: str) -> None:
    (desk.folder / ".runs").symlink_to("elsewhere")
    assert ask(desk, line).err == ""


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_every_shell_gets_the_verbs_of_a_verb(desk: Desk, shell: str) -> None:
    assert "show" in ask(desk, "orch runs s", shell).out.replace(",", "\n").replace("\t", "\n").splitlines()


@pytest.mark.parametrize("line", ["orch", "orch runs", "orch gate show agreed --run"])
def test_bash_fills_in_what_orch_offers(desk: Desk, line: str) -> None:
    script = BASH.format(words=line, last=len(line.split()))
    assert desk.run(["bash", "-c", script]).out.split() == offered(desk, f"{line} ")


@pytest.mark.parametrize(
    ("shell", "script", "answer"),
    [
        ("fish", "orch completion fish | source; complete -C 'orch runs s'", "show"),
        ("zsh", 'autoload -U compinit; compinit -D; eval "$(orch completion zsh)"; print $_comps[orch]', "_orch"),
    ],
)
def test_the_script_can_be_used_in_its_shell(desk: Desk, shell: str, script: str, answer: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert answer in desk.run([shell, *shlex.split("-f" if shell == "zsh" else "--no-config"), "-c", script]).out


def test_completion_without_a_shell_says_in_one_line_which_there_are(desk: Desk) -> None:
    said = desk.orch("completion", code=2).err
    assert "error: missing argument '{bash|fish|zsh}'. Choose from: bash, fish, zsh\n" in said
    assert "\\n" not in said
