"""Packages that nobody here wrote: fetched, tested by `adapter: auto` and by hand, and the counts compared.

With `--report docs/real-world.md` (`make real-world`) it fetches with the stacks' own package managers and writes the
page; `--only NAME` takes the packages whose name holds the word, `--keep` leaves the folders.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

PIPELINE = Path(__file__).with_name("pipeline.yaml")
MONOREPO = Path(__file__).with_name("monorepo.yaml")
ORCH = (sys.executable, "-m", "orch")
Counts = tuple[int, int, int]
"""Passed, failed (errors among them), skipped."""


class Package(NamedTuple):
    """What is fetched. `below` is the folder of the project in which it lies; `hand` tests it without orch, and `count`
    reads what that says."""

    name: str
    stack: str
    special: str
    fetch: Callable[[str, Path], Path]
    hand: tuple[str, ...]
    count: Callable[[str], Counts]
    below: str = ""
    members: tuple[Package, ...] = ()


def sdist(name: str, place: Path) -> Path:
    """A source distribution, unpacked."""
    run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", str(place), name],
        place,
    )
    return unpacked(place, "*.tar.gz")


def tarball(name: str, place: Path) -> Path:
    """What npm has published, unpacked."""
    run(["npm", "pack", "--silent", name], place)
    return unpacked(place, "*.tgz")


def debian(name: str, place: Path) -> Path:
    """The sources of a library as Debian ships them; NAME is `package/folder`."""
    package, _, folder = name.partition("/")
    run(["apt-get", "download", "-qq", package], place)
    (archive,) = place.glob("*.deb")
    run(["dpkg-deb", "-x", str(archive), str(place / "all")], place)
    (found,) = (place / "all").glob(folder)
    return found


def unpacked(place: Path, pattern: str) -> Path:
    """The only folder in an archive."""
    (archive,) = place.glob(pattern)
    shutil.unpack_archive(archive, place / "all", "gztar")
    (folder,) = (place / "all").iterdir()
    return folder


def by_pytest(said: str) -> Counts:
    """The last line of pytest: `3 passed, 1 skipped in 0.1s`."""
    lines = [line for line in said.splitlines() if re.search(r" in [\d.]+s|no tests ran", line)]
    found = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", lines[-1] if lines else "")}
    number = found.get
    broken = number("failed", 0) + number("error", 0) + number("errors", 0)
    return number("passed", 0) + number("xpassed", 0), broken, number("skipped", 0) + number("xfailed", 0)


def by_tape(said: str) -> Counts:
    """The last lines of tape: `# pass  5`."""
    found = {word: int(number) for word, number in re.findall(r"^# (pass|fail)\s+(\d+)$", said, re.MULTILINE)}
    return found.get("pass", 0), found.get("fail", 0), 0


def by_mocha(said: str) -> Counts:
    """The last lines of mocha: `5 passing`."""
    found = {
        word: int(number) for number, word in re.findall(r"^ +(\d+) (passing|failing|pending)", said, re.MULTILINE)
    }
    return found.get("passing", 0), found.get("failing", 0), found.get("pending", 0)


def by_cargo(said: str) -> Counts:
    """All lines `test result: ok. 5 passed; 0 failed; 1 ignored`."""
    found = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", said, re.MULTILINE)
    return added([(int(passed), int(failed), int(ignored)) for passed, failed, ignored in found])


def by_go(said: str) -> Counts:
    """All lines `--- PASS: TestA`, those of subtests among them."""
    found = re.findall(r"^ *--- (PASS|FAIL|SKIP): ", said, re.MULTILINE)
    return found.count("PASS"), found.count("FAIL"), found.count("SKIP")


def added(all_counts: list[Counts]) -> Counts:
    """The sum of several."""
    return sum(c[0] for c in all_counts), sum(c[1] for c in all_counts), sum(c[2] for c in all_counts)


PYTEST = (".orch/venv/bin/python", "-m", "pytest", "-q")
NPM = ("npm", "test")
ITSDANGEROUS = Package("itsdangerous==2.2.0", "python", "ruff is configured", sdist, PYTEST, by_pytest)
LEFT_PAD = Package("left-pad@1.3.0", "node", "a script that starts tape", tarball, NPM, by_tape)
PACKAGES = (
    Package("packaging==25.0", "python", "many tests", sdist, PYTEST, by_pytest),
    ITSDANGEROUS,
    Package("toolz==1.0.0", "python", "in a path with spaces", sdist, PYTEST, by_pytest, "a package of ours"),
    Package("python-dateutil==2.9.0.post0", "python", "fails: older than its test tool", sdist, PYTEST, by_pytest),
    Package("tomli==2.2.1", "python", "has no tests", sdist, PYTEST, by_pytest),
    LEFT_PAD,
    Package("sprintf-js@1.0.3", "node", "mocha", tarball, NPM, by_mocha),
    Package(
        "librust-itoa-dev/usr/share/cargo/registry/*",
        "rust",
        "as Debian ships it",
        debian,
        ("cargo", "test"),
        by_cargo,
    ),
    Package(
        "golang-github-google-uuid-dev/usr/share/gocode/src/github.com/google/uuid",
        "go",
        "as Debian ships it",
        debian,
        ("go", "test", "-v", "./..."),
        by_go,
    ),
    Package(
        "itsdangerous, left-pad",
        "python, node",
        "two packages of two stacks in one repository, by a matrix",
        sdist,
        (),
        by_pytest,
        "packages",
        (ITSDANGEROUS, LEFT_PAD),
    ),
)


class Row(NamedTuple):
    """A line of the page."""

    package: Package
    version: str
    hand: Counts
    orch: Counts
    code: int
    ends: str


def tried(package: Package, place: Path) -> Row:
    """Fetch a package, apply the pipeline, then test it by hand where orch has set it up."""
    root = place / "project"
    root.mkdir(parents=True)
    folders = {}
    for number, one in enumerate(package.members or (package,)):
        source = place / f"fetched-{number}"
        source.mkdir()
        found = one.fetch(one.name, source)
        name = re.split(r"==|@|/", one.name)[0]
        folders[name] = root / package.below / (name if package.members else "")
        shutil.copytree(found, folders[name], dirs_exist_ok=True)
    (root / "pipelines").mkdir(exist_ok=True)
    shutil.copy(MONOREPO if package.members else PIPELINE, root / "pipelines/real.yaml")
    (root / "orch.yaml").write_text("apiVersion: orch/v1\nkind: Project\nname: real\n")
    words = [] if package.members else ["--input", f"package={package.below or '.'}"]
    done = subprocess.run([*ORCH, "apply", "pipelines/real.yaml", *words], cwd=root, check=False)
    (run_dir,) = (root / ".runs").glob("*/cli/*")
    manifests = [json.loads(path.read_text()) for path in sorted(run_dir.glob("nodes/all.test*.json"))]
    hand = added([by_hand(one, folders[re.split(r"==|@|/", one.name)[0]]) for one in package.members or (package,)])
    counts = added([counted(manifest.get("tests", {})) for manifest in manifests])
    ends = "; ".join(dict.fromkeys(ended(manifest, run_dir) for manifest in manifests))
    return Row(package, version(package, place), hand, counts, done.returncode, ends)


def by_hand(package: Package, folder: Path) -> Counts:
    """The counts that the tool itself tells."""
    bins = f"{folder}/.orch/venv/bin:{folder}/node_modules/.bin"
    env = {**os.environ, "PATH": f"{bins}:{os.environ['PATH']}", "NO_COLOR": "1", "CI": "1"}
    done = subprocess.run(
        package.hand, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return package.count(done.stdout + done.stderr)


def counted(tests: Mapping[str, int]) -> Counts:
    """What a manifest counts."""
    return tests.get("passed", 0), tests.get("failed", 0) + tests.get("errors", 0), tests.get("skipped", 0)


def ended(manifest: Mapping[str, object], run_dir: Path) -> str:
    """How the test ended, and the sentence for it."""
    files = manifest.get("error_files")
    summary = json.loads((run_dir / str(files[-1])).read_text())["summary"] if isinstance(files, list) else None
    sentence = summary or manifest.get("sentence")
    return f"{manifest['status']} ({manifest['reason']})" + (f": {sentence}" if sentence else "")


def version(package: Package, place: Path) -> str:
    """Name and version, as the package manager writes them."""
    if package.fetch is not debian:
        return package.name
    (archive,) = place.glob("fetched-0/*.deb")
    name, number, _ = archive.name.split("_")
    return f"{name}={number.replace('%3a', ':')}"


def run(argv: list[str], cwd: Path) -> None:
    """A command that must succeed."""
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


def page(rows: list[Row]) -> str:
    """The whole page."""
    lines = [
        "# Packages that others wrote",
        "Made by `make real-world`, which fetches each package with the package manager of its stack, runs the",
        "pipeline below with `orch apply`, and then the stack's own tool by hand in the environment that `setup` has",
        "made. Counts are `passed / failed / skipped`; errors outside of a test count as failed.",
        "",
        f"With {versions()}.",
        "",
        "| package | stack | what is special | by hand | by orch | equal | exit code | how the test ended |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        cells = (
            f"`{row.version}`",
            row.package.stack,
            row.package.special,
            " / ".join(f"{number:,}" for number in row.hand),
            " / ".join(f"{number:,}" for number in row.orch),
            "yes" if row.hand == row.orch else "**no**",
            str(row.code),
            row.ends.replace("|", "\\|"),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "Every package alone is tested by this pipeline:",
        "",
        "```yaml",
        PIPELINE.read_text().rstrip(),
        "```",
    ]
    lines += ["", "Several in one repository by this one:", "", "```yaml", MONOREPO.read_text().rstrip(), "```", ""]
    return "\n".join(lines)


def versions() -> str:
    """The tools that were used."""
    asked = {"Python": [sys.executable, "-V"], "Node": ["node", "-v"], "npm": ["npm", "-v"]}
    asked |= {"cargo": ["cargo", "-V"], "Go": ["go", "version"]}
    found = []
    for name, argv in asked.items():
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        number = re.search(r"\d+(\.\d+)+", said)
        found.append(f"{name} {number[0] if number else said.strip()}")
    return ", ".join(found)


def main() -> int:
    """Try all, tell, and fail where a count differs."""
    parser = argparse.ArgumentParser(description="Compare what adapters count with what tools say.")
    parser.add_argument("--report", help="the page to write")
    parser.add_argument("--only", default="", help="packages whose name holds this")
    parser.add_argument("--keep", action="store_true", help="leave the folders")
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="orch-real-world-"))
    base.chmod(0o755)  # for apt, which fetches as another user
    rows = []
    for number, package in enumerate(one for one in PACKAGES if asked.only in one.name):
        print(f"== {package.name}", flush=True)
        rows.append(tried(package, base / str(number)))
        print(rows[-1][1:], flush=True)
    if asked.report:
        Path(asked.report).write_text(page(rows), encoding="utf-8")
    if asked.keep:
        print(base)
    else:
        shutil.rmtree(base)
    return int(any(row.hand != row.orch for row in rows))


if __name__ == "__main__":
    sys.exit(main())
