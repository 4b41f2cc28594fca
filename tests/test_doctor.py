"""`orch doctor`: what a machine lacks, and the command that helps."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from command import BIN, Desk

from orch.diagnose.containment import what_allows


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk.at(tmp_path, cold=True)


def test_the_doctor_finds_a_machine_that_works_and_leaves_nothing(desk: Desk) -> None:
    desk.pipeline('  main: { nodes: { one: { run: "true" } } }\n')
    before = desk.files()
    document = json.loads(desk.orch("doctor", "--json").out)
    assert desk.files() == before
    checks = {check["name"]: check for check in document["checks"]}
    assert {"python", "yaml", "git", "containment", "disk", "file system", "locks", "clock"} <= set(checks)
    assert checks["locks"]["status"] == "ok"
    assert all(check["help"] for check in checks.values() if check["status"] != "ok")


def test_the_doctor_says_what_to_do_about_what_is_missing(desk: Desk) -> None:
    desk.env["PATH"] = str(desk.folder)
    said = desk.run([str(BIN / "orch"), "doctor"])
    assert re.search(r"! warn  git +not found", said.out)
    assert re.search(r"help: gates that ask who .* need it: .*install git|-S git|add git", said.out)


def mounted(desk: Desk, *mounts: str, code: int) -> str:
    """What the doctor says where the project's folder is mounted in some way; seen by nobody else."""
    alone = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"]), "sh", "-ec"]
    desk.write("orch.yaml", "")
    if desk.run([*alone, "mount -t tmpfs none ."], code=None).code:
        pytest.skip("nothing can be mounted here")
    script = "; ".join([*mounts, 'cd "$PWD"', "touch orch.yaml 2>/dev/null || :", "orch doctor"])
    return desk.run([*alone, script], code=code).out


def test_a_folder_that_can_only_be_read_is_named_as_the_user_knows_it(desk: Desk) -> None:
    said = mounted(desk, "mount --bind . .", "mount -o remount,ro,bind .", code=1)
    assert f"project folder  nothing can be written in {desk.folder}: Read-only file system\n" in said
    assert f"help: its file system is mounted to be read only (findmnt -T {desk.folder})" in said
    assert re.search("ok +disk", said)


def test_a_full_disk_fails_and_says_what_is_large(desk: Desk) -> None:
    said = mounted(
        desk, "mount -t tmpfs -o size=1m none .", 'cd "$PWD"', "cat /dev/zero > fill 2>/dev/null || :", code=1
    )
    assert re.search("fail +disk +0 MiB free", said)
    assert f"du -xsh {desk.folder}/* | sort -h" in said


def test_a_disk_without_room_for_another_file_fails(desk: Desk) -> None:
    said = mounted(desk, "mount -t tmpfs -o nr_inodes=2 none .", code=1)
    assert re.search("fail +disk .*room for [01] files", said)
    assert f"nothing can be written in {desk.folder}: No space left on device" in said
    assert f"df -i {desk.folder}" in said


def test_a_disk_with_room_is_ok(desk: Desk) -> None:
    assert re.search("ok +disk +2.0 GiB free\n", mounted(desk, "mount -t tmpfs -o size=2g none .", code=0))


def test_a_cache_that_cannot_be_written_is_named(desk: Desk) -> None:
    assert re.search("ok +cache +can be written", desk.orch("doctor").out)
    desk.env["XDG_CACHE_HOME"] = "/dev/null/none"
    assert re.search("warn +cache +/dev/null/none cannot be written", desk.orch("doctor").out)
    desk.env |= {"XDG_CACHE_HOME": "", "HOME": ""}
    assert re.search("warn +cache +there is no HOME", desk.orch("doctor").out)


@pytest.mark.parametrize(
    ("name", "forbids", "allows"),
    [
        ("kernel/unprivileged_userns_clone", 0, 1),
        ("kernel/apparmor_restrict_unprivileged_userns", 1, 0),
        ("user/max_user_namespaces", 0, 10000),
    ],
)
def test_the_setting_that_forbids_namespaces_is_named(tmp_path: Path, name: str, forbids: int, allows: int) -> None:
    setting = tmp_path / name
    setting.parent.mkdir()
    setting.write_text(f"{forbids}\n")
    assert what_allows(str(tmp_path)) == f"sudo sysctl -w {name.replace('/', '.')}={allows}"
    setting.write_text(f"{allows}\n")
    assert "No setting of the kernel forbids" in what_allows(str(tmp_path))
