"""What the process of a command leaves on the machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zajil.cli.failures import Failed
from zajil.cli.resident.supervisor import Residence, own_name

CODE = """
import resource, sys
most = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
sys.argv = ["zajil", "--version"]
from zajil.cli.main import main
try:
    main()
except SystemExit:
    print(resource.getrlimit(resource.RLIMIT_CORE))
"""


@pytest.mark.slow
def test_a_crash_leaves_no_core_file() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "(0, 0)"


@pytest.mark.slow
async def test_whoever_runs_a_server_that_does_not_start_is_told_what_looks_at_its_folder(tmp_path: Path) -> None:
    (tmp_path / "zajil.toml").write_text("nonsense = 1\n")
    home = Residence(tmp_path, host="127.0.0.1", port=0)
    home.build = None
    with pytest.raises(Failed) as told:
        await home.start()
    assert told.value.code == "no-start"
    assert f"zajil doctor --data {tmp_path}" in told.value.hint


@pytest.mark.parametrize("missing", [KeyError("getpwuid(): uid not found: 12345"), OSError("No username set")])
def test_whoever_has_no_name_on_a_machine_is_given_one_to_paste(
    monkeypatch: pytest.MonkeyPatch, missing: Exception
) -> None:
    """As in a container that runs under a number: `zajil run` ended there, with words about a disk."""

    def find() -> str:
        raise missing

    monkeypatch.setattr("getpass.getuser", find)
    assert own_name() == "Amina"
    monkeypatch.setattr("getpass.getuser", lambda: "layla")
    assert own_name() == "Layla"
