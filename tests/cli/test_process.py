"""What the process of a command leaves on the machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
