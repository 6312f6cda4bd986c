"""The browser-fingerprint route beside the Chromium of this machine: field by field, and under nDPI."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.censor.judges.capture import Capture, Hello, differences, read_hellos
from tests.censor.judges.ndpi import ndpi_version, read_flows
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.matrix import dial_all, list_strategies
from tests.censor.lab.report import Report

_DIAL = """
new Promise((done) => {
  const socket = new WebSocket("wss://vanilla.test/");
  socket.onclose = socket.onopen = () => done();
})
"""
pytestmark = [pytest.mark.censor]


def test_the_browser_route_is_compared_with_chromium_and_raises_no_risk_that_chromium_does_not(
    lab: Laboratory, report: Report
) -> None:
    missing = find_missing(("chromium", "tshark", "ndpi"))
    if missing is not None:
        pytest.skip(missing)
    ours, plain, theirs = (lab.folder / f"{name}.pcapng" for name in ("route", "python", "chromium"))
    ways = list_strategies(None, None)
    for file, name in ((ours, "direct, browser's TLS"), (plain, "direct")):
        with Capture(lab.network.router, "client0", file, expression="tcp port 443"):
            (row,) = dial_all(lab, {name: ways[name]}, lab.session_key())
        assert row["reachable"], row
    browser = lab.browser()
    with Capture(lab.network.router, "client0", theirs, expression="tcp port 443"):
        version = browser.call("start")
        assert browser.call("go", url="https://plain.test/") == ""
        browser.call("await_true", script="document.title === 'Orchard notes'")
        # Its WebSockets, to which ours belong, speak of themselves in another way than its pages.
        browser.call("run", script=_DIAL)
        browser.leave()
    route, python = _first(read_hellos(ours, name="origin.test")), _first(read_hellos(plain, name="origin.test"))
    page = _first(read_hellos(theirs, name="plain.test"))
    socket = _first(read_hellos(theirs, name="vanilla.test"))
    found = differences(route, socket)
    report.judges["JA4"] = {
        "browser's TLS": route.ja4,
        "plain Python": python.ja4,
        f"{version}, a page": page.ja4,
        f"{version}, a WebSocket": socket.ja4,
    }
    report.judges["browser's TLS against a WebSocket of Chromium"] = {
        field: f"ours {', '.join(mine) or 'none'}, Chromium {', '.join(other) or 'none'}"
        for field, (mine, other) in found.items()
    }
    of_route, of_page = _risks(ours), _risks(theirs)
    report.judges[f"nDPI {ndpi_version()}"] = {
        "browser's TLS": sorted(of_route),
        "plain Python": sorted(_risks(plain)),
        "Chromium, a plain page": sorted(of_page),
    }
    assert of_route <= of_page, "nDPI flags what it does not flag of Chromium"
    # The disguise is worth its name only if it is nearer to the browser than the plain client is.
    assert len(found) < len(differences(python, socket))
    assert route.ciphers == socket.ciphers


def _first(hellos: list[Hello]) -> Hello:
    assert hellos, "no ClientHello in the capture"
    return hellos[0]


def _risks(file: Path) -> frozenset[str]:
    flows = read_flows(file)
    assert flows
    return frozenset().union(*(flow.risks for flow in flows))
