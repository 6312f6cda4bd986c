"""A censor on the packet queue: `python -m tests.censor.programs.nfq KIND QUEUE [NAME...]`.

sni-packet: drops the flow from the packet on that contains a name. rst-inject: forges resets to both ends then, and
lets every packet pass. fet: drops flows whose first client payload looks fully encrypted. Each matches what single
packets hold, in any TCP port; flows it has not seen from their first packet on are judged by the packets it does see.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable

from tests.censor.programs.packets import Flow, Segment, forge_resets, looks_fully_encrypted, parse_segment
from tests.censor.programs.queue import Packet, judge_packets


class DropsNames:
    """Drops a flow once one of its packets contains a name."""

    def __init__(self, names: list[bytes]) -> None:
        self._names = names
        self._dropped: set[Flow] = set()

    def passes(self, segment: Segment) -> bool:
        if segment.flow in self._dropped:
            return False
        if any(name in segment.payload for name in self._names):
            self._dropped.add(segment.flow)
            return False
        return True


class ResetsNames:
    """Sends resets to both ends of a flow once one of its packets contains a name."""

    def __init__(self, names: list[bytes]) -> None:
        self._names = names
        self._raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def passes(self, segment: Segment) -> bool:
        if any(name in segment.payload for name in self._names):
            for forged, address in zip(forge_resets(segment), (segment.target, segment.source), strict=True):
                self._raw.sendto(forged, (socket.inet_ntoa(address), 0))
        return True


class DropsFullyEncrypted:
    """Drops a flow whose first client payload looks fully encrypted."""

    def __init__(self, _: list[bytes]) -> None:
        self._passed: set[Flow] = set()
        self._dropped: set[Flow] = set()

    def passes(self, segment: Segment) -> bool:
        flow = segment.flow
        if flow in self._dropped:
            return False
        if segment.to_server and segment.payload and flow not in self._passed:
            if looks_fully_encrypted(segment.payload):
                self._dropped.add(flow)
                return False
            self._passed.add(flow)
        return True


KINDS: dict[str, Callable[[list[bytes]], DropsNames | ResetsNames | DropsFullyEncrypted]] = {
    "sni-packet": DropsNames,
    "rst-inject": ResetsNames,
    "fet": DropsFullyEncrypted,
}


def main(kind: str, number: str, *names: str) -> None:
    """Judges packets until it is killed."""
    censor = KINDS[kind]([name.encode() for name in names])

    def judge(packet: Packet) -> None:
        segment = parse_segment(packet.get_payload())
        if segment is None or censor.passes(segment):
            packet.accept()
        else:
            packet.drop()

    asyncio.run(judge_packets(int(number), judge))


if __name__ == "__main__":
    main(*sys.argv[1:])
