"""Each strategy alone in one scenario, cold, for at most twelve seconds."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.network import TOOLS
from tests.censor.lab.report import MatrixRow
from tests.censor.lab.scenarios import Scenario
from tests.censor.lab.tools import SOCKS_PORT

from zajil.protocol.path import Candidate, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport
from zajil.protocol.reach.seal import SessionKey

SECONDS: Final = 12.0
_SHARED: Final = ("conn-rate", "throttle", "loss-5", "loss-15")
"""Scenarios in which tries at the same time would take from each other."""
_ORIGIN = Endpoint("origin", EndpointKind.ORIGIN, "origin.test")
_FRONT = Endpoint("front", EndpointKind.FRONT, "front.test")


def list_strategies(bridge: Endpoint | None, obfs4: PluggableTransport | None) -> dict[str, Candidate]:
    """Every way there is, by the name that the tables use. bridge: with its token."""
    ways: list[tuple[str, Endpoint, Strategy]] = [
        ("direct", _ORIGIN, Strategy.WSS),
        ("direct, browser's TLS", _ORIGIN, Strategy.WSS_BROWSER),
        ("direct, poll", _ORIGIN, Strategy.POLL),
        ("SOCKS", _ORIGIN, Strategy.SOCKS),
        ("front", _FRONT, Strategy.WSS),
        ("front, poll", _FRONT, Strategy.POLL),
    ]
    if bridge is not None:
        ways += [
            ("bridge", bridge, Strategy.WSS),
            ("bridge, browser's TLS", bridge, Strategy.WSS_BROWSER),
            ("bridge, poll", bridge, Strategy.POLL),
        ]
        if obfs4 is not None:
            carried = msgspec.convert({**_fields(bridge), "kind": "pt", "pt": _fields(obfs4)}, Endpoint)
            ways.append(("obfs4", carried, Strategy.PT))
    return {name: Candidate(name, endpoint, strategy) for name, endpoint, strategy in ways}


def _fields(value: Endpoint | PluggableTransport) -> dict[str, object]:
    fields: dict[str, object] = msgspec.structs.asdict(value) if isinstance(value, msgspec.Struct) else {}
    return fields or {name: getattr(value, name) for name in value.__slots__}


def try_strategies(lab: Laboratory, scenario: Scenario, candidates: Mapping[str, Candidate]) -> list[MatrixRow]:
    """A row for each; the line is open again afterwards."""
    key = lab.session_key()
    try:
        lab.censor.prepare(scenario)
        lab.censor.switch_on(scenario)
        rows = dial_all(lab, candidates, key, at_once=scenario.name not in _SHARED)
    finally:
        lab.censor.lift()
    return [
        MatrixRow(
            scenario=scenario.name,
            strategy=row["id"],
            reachable=row["reachable"],
            t_first=row["t_first"],
            bytes_until_frozen=row["frozen"],
            note=row["note"],
        )
        for row in rows
    ]


def dial_all(
    lab: Laboratory, candidates: Mapping[str, Candidate], key: SessionKey, *, at_once: bool = True
) -> list[dict[str, Any]]:
    """What `programs.strategy` answers for each. key: to seal to, fetched before the line was blocked."""
    order = {
        "candidates": msgspec.to_builtins(list(candidates.values())),
        "plain": ["origin"],
        "session_key": base64.b64encode(key.public).decode(),
        "socks": f"socks5h://{TOOLS}:{SOCKS_PORT}",
        "at_once": at_once,
        "seconds": SECONDS,
    }
    done = subprocess.run(
        lab.network.client.inside(sys.executable, "-m", "tests.censor.programs.strategy"),
        input=json.dumps(order),
        env=lab.whole_environment(),
        capture_output=True,
        text=True,
        timeout=(SECONDS + 4) * len(candidates) + 10,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]
