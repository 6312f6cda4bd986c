"""An active prober, from the network's side: bridges on nginx and Caddy answer as the same servers without Zajil do."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.network import FRONT, ORIGIN
from tests.censor.lab.report import Report

from zajil.bridges.edge.config import EdgeKind

pytestmark = [pytest.mark.censor, pytest.mark.timeout(300)]

SMOKE = pytest.mark.censor_smoke
NEAR_MS = 5.0


def differ(
    lab: Laboratory, kind: EdgeKind, *, silence_s: float, measure: bool = False, only: Sequence[str] = ()
) -> Any:  # the program's JSON
    """What `programs.differ` finds, from the router."""
    bridge = lab.bridges.all[kind]
    endpoint = lab.bridges.endpoint(kind)
    assert endpoint.token is not None
    order = {
        "plain": lab.bridges.twins[kind].address,
        "suspect": bridge.place.address,
        "name": endpoint.host,
        "dir": endpoint.dir,
        "token": base64.b64encode(endpoint.token).decode(),
        "silence_s": silence_s,
        "measure": measure,
        "only": only,
    }
    done = subprocess.run(
        lab.network.router.inside(sys.executable, "-m", "tests.censor.programs.differ"),
        input=json.dumps(order),
        env=lab.whole_environment(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@SMOKE
def test_probes_in_short_find_no_difference(lab: Laboratory, report: Report) -> None:
    found = differ(lab, "nginx", silence_s=1.0)
    report.judges["probe diff, nginx, in short"] = f"{found['probes']} probes, {len(found['differences'])} differences"
    assert found["probes"] >= 40
    assert found["differences"] == []


@pytest.mark.parametrize("kind", ["nginx", "caddy"])
def test_no_probe_tells_a_bridge_from_a_plain_server(lab: Laboratory, report: Report, kind: EdgeKind) -> None:
    found = differ(lab, kind, silence_s=10.0, measure=True)
    times = {probe: f"{plain:.1f} ms, bridge {ours:.1f} ms" for probe, (plain, ours) in found["timings"].items()}
    report.judges[f"probe diff, {kind}"] = f"{found['probes']} probes, {len(found['differences'])} differences"
    report.judges[f"median of 30 answers, {kind}"] = times
    assert found["probes"] >= 40
    assert found["differences"] == []


def test_a_probed_bridge_differs_once_something_is_wrong_with_it(lab: Laboratory) -> None:
    """The same judge sees a difference that is there: Caddy's answers are not nginx's."""
    twins = lab.bridges.twins
    was, twins["nginx"] = twins["nginx"], twins["caddy"]
    try:
        assert differ(lab, "nginx", silence_s=0.5, only=["home page", "unknown path"])["differences"]
    finally:
        twins["nginx"] = was


def test_a_prober_that_burns_whatever_differs_burns_no_bridge(
    lab: Laboratory, report: Report, verdicts: Mapping[str, Sequence[str]]
) -> None:
    places = [bridge.place for bridge in lab.bridges.all.values()]
    named = {"origin": ORIGIN, "front": FRONT, **{place.domain: place.address for place in places}}
    report.judges["prober"] = {host: "burned" if verdicts[address] else "left alone" for host, address in named.items()}
    assert verdicts[ORIGIN], "the prober sees what is to be seen"
    assert [verdicts[place.address] for place in places] == [[], []]
