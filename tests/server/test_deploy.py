"""What an operator copies is right: commands and options that exist, a unit that systemd understands and tightens."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import pytest
from tests.forks import asked

from zajil.cli.main import run_command

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = ROOT / "deploy" / "zajil-elsewhere.conf"
UNIT = ROOT / "deploy" / "zajil.service"
PAGES = [*sorted((ROOT / "docs" / "operate").glob("*.md")), *sorted((ROOT / "deploy").iterdir())]
GROUPS = {"admin", "link", "group", "bridge", "calls"}
COMMAND = re.compile(r"(?<![\w/.-])(?:\S*/)?zajil((?: +[^\s`|&]+)+)")


def commands() -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """Page, command words, options of every `zajil ...` in what an operator reads."""
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("exec zajil zajil", "zajil").replace("--rm zajil", "zajil")
        text = text.replace("sudo -u zajil ", "sudo ")
        for match in COMMAND.findall(text):
            words = match.split()
            path = tuple(words[: 2 if words[0] in GROUPS else 1])
            if all(re.fullmatch(r"[a-z][a-z-]*", word) for word in path) and path[0] in KNOWN:
                options = tuple(word.strip("[].,;)'") for word in words if word.lstrip("[").startswith("--"))
                found.add((page.name, path, options))
    return sorted(found)


KNOWN = {"serve", "run", "init", "admin", "bridge", "calls", "verify-web", "data-inventory", "migrate"}


@lru_cache
def help_of(path: tuple[str, ...]) -> str:
    run = subprocess.run(asked.command("zajil", *path, "--help"), capture_output=True, text=True, check=True)
    return run.stdout


@pytest.mark.slow
def test_every_command_an_operator_reads_exists_with_its_options() -> None:
    listed = commands()
    assert {path[0] for _, path, _ in listed} == KNOWN
    for page, path, options in listed:
        for option in options:
            assert option in help_of(path), f"{page}: zajil {' '.join(path)} has no {option}"
    assert run_command(["admin", "no-such"]) == 2


def test_the_image_copies_what_is_there_and_the_service_runs_what_is_installed() -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    (dockerfile,) = re.findall(r"dockerfile: (\S+)", compose)
    assert (ROOT / dockerfile).exists()
    assert "ExecStart=/opt/zajil/bin/zajil serve --data /var/lib/zajil" in UNIT.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze: apt-get install systemd")
def test_the_unit_is_understood_and_shut_off_from_the_machine(tmp_path: Path) -> None:
    unit = tmp_path / "zajil.service"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/zajil/bin/zajil", sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    # What an operator takes the number signs off is understood as well.
    with unit.open("a") as file:
        file.write(re.sub(r"^#(?=[A-Z][A-Za-z]+=)", "", ELSEWHERE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert unit.read_text().count("\nIPAddressAllow=") == 5
    unit.write_text(UNIT.read_text(encoding="utf-8"))
    # 0 is shut off from everything, 100 has the run of the machine.
    secure = ["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)]
    assert subprocess.run(secure, capture_output=True, text=True, check=False).returncode == 0
