"""Segmented mode on the wire: how many bytes each TCP connection carries, and what of them TLS takes."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from tests.censor.judges.capture import Capture
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.network import run, wait_until
from tests.censor.lab.report import Report
from tests.censor.lab.scenarios import load_scenarios
from tests.censor.lab.trials import PATIENCE_S, Pair, open_and_say, receive_40k

pytestmark = [pytest.mark.censor, pytest.mark.timeout(300)]

MOST_BYTES = 14_336
"""What reach.md allows a connection: 8,192 of frames, and at most 6,144 for TLS, certificates and HTTP."""
FRAMES_BYTES = 8_192


def test_no_connection_of_a_segmented_route_carries_more_than_its_budget(
    lab: Laboratory, pair: Pair, report: Report
) -> None:
    missing = find_missing(("tshark",))
    if missing is not None:
        pytest.skip(missing)
    (scenario,) = [one for one in load_scenarios() if one.name == "freeze"]
    file = lab.folder / "segments.pcapng"
    amina = pair.amina()
    try:
        amina.call("open", home=str(pair.home))
        lab.censor.prepare(scenario)
        lab.censor.switch_on(scenario)
        open_and_say(pair, amina, "before the capture", cold=True)
        # A short message may cross before the freeze shows. What was dialled before is over a rotation later.
        receive_40k(pair, amina, 1)
        wait_until("the freeze shows", lambda: amina.call("route")["mode"] == "segmented", timeout_s=PATIENCE_S)
        with Capture(lab.network.router, "client0", file, expression="tcp port 443"):
            took_s = receive_40k(pair, amina, 2)
            amina.call("say", chat=pair.chat, text="and up", seconds=PATIENCE_S)
    finally:
        lab.censor.lift()
        amina.leave()
    down = down_bytes(file)
    most = max(down.values())
    report.judges["segmented mode"] = {
        "40 KiB of messages": "lost" if took_s is None else f"{took_s:.1f} s over {len(down)} connections",
        "most bytes down on one connection": most,
        "of these for TLS, certificates and HTTP": max(0, most - FRAMES_BYTES),
    }
    assert took_s is not None
    assert len(down) > 40_960 / FRAMES_BYTES, "it took as many connections as the budget asks for"
    assert most <= MOST_BYTES


def down_bytes(file: Path) -> dict[str, int]:
    """Payload bytes from port 443, by connection, of connections that began in the capture."""
    fields = ("tcp.stream", "tcp.srcport", "tcp.len", "tcp.flags.syn")
    asked = [part for field in fields for part in ("-e", field)]
    shown = run("tshark", "-r", str(file), "-Y", "!tcp.analysis.retransmission", "-T", "fields", *asked, timeout_s=60)
    begun: set[str] = set()
    sums: defaultdict[str, int] = defaultdict(int)
    for line in shown.splitlines():
        stream, port, length, syn = line.split("\t")
        if syn in ("1", "True"):
            begun.add(stream)
        elif port == "443":
            sums[stream] += int(length)
    return {stream: size for stream, size in sums.items() if stream in begun}
