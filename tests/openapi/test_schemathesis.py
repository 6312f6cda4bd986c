"""Schemathesis against the three descriptions of the API: a real server, real callers, one call after another.

Calls are made from the description, right and wrong, and go on with what earlier ones answered. No answer is an error
of the server's own, each has the status, type and shape that the description names, and nobody passes a guarded call.

Left out of its checks: that a call which fits the schema succeeds, and the one of refused methods. No schema says that
bytes are signed, and a path with another method is no call here, but the website's. Nor is the stream of events asked
for, which never ends.

`ZAJIL_API_EXAMPLES=100` makes that many calls of each route, by nobody too, and goes through its edge cases. The usual
run is one call or two of each route by those who may make it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest
from tests.moderation.people.desk import Desk
from tests.server.people import Person

pytest.importorskip("schemathesis", reason="Schemathesis is of the development set-up")

pytestmark = [pytest.mark.fuzz, pytest.mark.slow, pytest.mark.timeout(3600)]
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = os.environ.get("ZAJIL_API_EXAMPLES", "")
NOT_OURS = "positive_data_acceptance,unsupported_method,ignored_auth"
"""`ignored_auth` knows 401 and 403 alone; our `guarded` takes its place."""
CALLERS = {
    "nobody of accounts": ("openapi.json", "/v1", ""),
    "a device": ("openapi.json", "/v1", "Device"),
    "nobody in public": ("openapi-public.json", "/pub/v1", ""),
    "a persona": ("openapi-public.json", "/pub/v1", "Bearer"),
    "nobody of staff": ("openapi-review.json", "/mod/v1", ""),
    "an admin": ("openapi-review.json", "/mod/v1", "Staff"),
}
ENDS_THE_SESSION, NEVER_ENDS = "drop_token", "/events"


async def authorization(desk: Desk, scheme: str) -> str:
    match scheme:
        case "Device":
            return await desk.http.register(Person())
        case "Bearer":
            return (await desk.author()).auth
        case _:
            return (await desk.member("admin")).auth


@pytest.mark.parametrize("caller", [caller for caller, (_, _, scheme) in CALLERS.items() if scheme or EXAMPLES])
async def test_schemathesis_finds_nothing(desk: Desk, tmp_path: Path, caller: str) -> None:
    document, prefix, scheme = CALLERS[caller]
    phases = "coverage,fuzzing,stateful" if EXAMPLES else "fuzzing,stateful"
    program = shutil.which("schemathesis", path=Path(sys.executable).parent)
    assert program is not None
    command: list[str | Path] = [
        program,
        "run",
        ROOT / "docs" / "protocol" / document,
        "--url",
        f"{desk.http.url}{prefix}",
    ]
    command += ["--phases", phases, "--max-examples", EXAMPLES or "1", "--no-color"]
    command += ["--exclude-checks", NOT_OURS, "--continue-on-failure", "--warnings", "off"]
    # A busy machine makes examples slowly, and some calls wait for what comes.
    command += ["--suppress-health-check", "all", "--request-timeout", "120"]
    command += ["--generation-database", "none"] if EXAMPLES else ["--generation-deterministic"]
    if scheme:
        command += ["--header", f"Authorization:{await authorization(desk, scheme)}"]
    command += ["--exclude-operation-id", ENDS_THE_SESSION, "--exclude-path", NEVER_ENDS]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.openapi.hooks", "ZAJIL_CALLER": scheme}
    environment["PYTHONPATH"] = str(ROOT)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    print(said.decode())
    assert process.returncode == 0, said.decode()[-20_000:]
