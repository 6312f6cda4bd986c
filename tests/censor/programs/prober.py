"""An active prober: `python -m tests.censor.programs.prober DEVICE VERDICTS REFERENCE...`.

Watches a device of the router; probes each server that a client speaks TLS to, once, with every probe that `zajil
bridge check` knows; and puts what differs from every reference, a stock web server on the same pages, into the set
`burned` of the censor's table. VERDICTS: a JSON file, address -> differences, read at the start and written with each
verdict. Stronger than known probers: it has the true decoy's twin to compare with.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.censor.lab.network import NAMES
from tests.censor.programs.packets import parse_segment

from zajil.bridges.edge.probes import Difference, Probe, Target, compare, list_probes, make_places

_ETH_P_IP = 0x0800
_HANDFUL = 12
_HOSTS = {address: host for host, address in NAMES.items()}


class Prober:
    """Judges servers one after another."""

    def __init__(self, verdicts: Path, references: list[str]) -> None:
        self._file = verdicts
        self._references = references
        self.verdicts: dict[str, list[str]] = json.loads(verdicts.read_text()) if verdicts.exists() else {}
        self._seen = set(self.verdicts) | set(references)
        self._waiting: asyncio.Queue[str] = asyncio.Queue()

    def burn_known(self) -> None:
        """What earlier runs found."""
        for address, found in self.verdicts.items():
            if found:
                _burn(address)

    def notice(self, packet: bytes) -> None:
        """A packet on the watched line."""
        segment = parse_segment(packet)
        if segment is None or not segment.to_server or segment.target_port != 443 or not segment.payload:
            return
        address = socket.inet_ntoa(segment.target)
        if address not in self._seen:
            self._seen.add(address)
            self._waiting.put_nowait(address)

    async def run(self) -> None:
        """Judges what was noticed."""
        while True:
            address = await self._waiting.get()
            self.verdicts[address] = await self._judge(address)
            if self.verdicts[address]:
                _burn(address)
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps(self.verdicts))
            draft.replace(self._file)

    async def _judge(self, address: str) -> list[str]:
        """How it differs from every reference; nothing if it is like one of them."""
        name = _HOSTS.get(address, "unknown.test")
        probes = list_probes(make_places(name, "assets", random=os.urandom), silence_s=2.0)
        told: list[str] = []
        for reference in self._references:
            found = await _first_differences(Target(reference, 443, name), Target(address, 443, name), probes)
            if not found:
                return []
            told += [f"{one.probe}, {one.part}: {one.plain[:80]} / {one.suspect[:80]}" for one in found]
        return told


async def _first_differences(plain: Target, suspect: Target, probes: Sequence[Probe]) -> list[Difference]:
    """Those of the first probe that shows any each time: one is enough to burn."""
    for some in (probes[:_HANDFUL], probes[_HANDFUL:]):
        glimpsed = {one.probe for one in await _compare(plain, suspect, some, tries=0)}
        for probe in some:
            if probe.name in glimpsed and (found := await _compare(plain, suspect, [probe], tries=4)):
                return found
    return []


async def _compare(plain: Target, suspect: Target, probes: Sequence[Probe], *, tries: int) -> list[Difference]:
    return await compare(plain, suspect, probes, patience_s=2.0, tries=tries, certificates=False)


def _burn(address: str) -> None:
    subprocess.run(["nft", "add", "element", "ip", "censor", "burned", f"{{ {address} }}"], check=True)


async def main(device: str, verdicts: str, *references: str) -> None:
    """Watches until it is killed."""
    prober = Prober(Path(verdicts), list(references))
    prober.burn_known()
    line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
    line.bind((device, _ETH_P_IP))
    line.setblocking(False)
    print("ready", flush=True)
    judging = asyncio.create_task(prober.run())
    loop = asyncio.get_running_loop()
    while not judging.done():
        prober.notice(await loop.sock_recv(line, 65_536))
    judging.result()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
