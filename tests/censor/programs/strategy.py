"""Dials candidates, each alone: `python -m tests.censor.programs.strategy`, with a JSON object on standard input.

`{"candidates": [...], "session_key": base64, "plain": [ids], "socks": url or "", "at_once": bool, "seconds": n}`.
Answers one row a line: whether the 24 KiB echo came back, seconds to the first answer to a session frame, and how many
bytes came before silence.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from zajil.protocol.errors import error
from zajil.protocol.frames import Role
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.path import Candidate
from zajil.protocol.reach.endpoints import Endpoint
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.session.wire import ECHO_BYTES, VERSION, Open, Opened, Ping, Pong, encode_record, parse_record
from zajil.transports.base import Carrier, DialError
from zajil.transports.dialing import DialContext, dial
from zajil.transports.pluggable import Programs
from zajil.transports.sealed import Seals
from zajil.transports.sockets import parse_socks

PINGS: Final = 6
SILENCE_S: Final = 3.0


@dataclass
class Known:
    """The root as the laboratory fetched it while the line was open."""

    plain: frozenset[str]
    key: SessionKey

    def is_plain(self, endpoint: Endpoint) -> bool:
        return endpoint.id in self.plain

    def session_key(self) -> SessionKey:
        return self.key

    def take_roots(self, envelopes: Sequence[bytes]) -> None:
        raise error("not-this-server")


async def try_one(candidate: Candidate, ctx: DialContext, *, seconds: float) -> dict[str, Any]:
    """One row."""
    row: dict[str, Any] = {"id": candidate.id, "reachable": False, "t_first": None, "frozen": None, "note": ""}
    begun = time.monotonic()
    carrier: Carrier | None = None
    try:
        async with asyncio.timeout(seconds):
            carrier = await dial(candidate, Role.S, ctx)
            await carrier.send(encode_record(Open(VERSION, None, 0, RECORD_SIZES[-1])))
            if not isinstance(parse_record(await _record(carrier)), Opened):
                raise error("protocol")
            row["t_first"] = time.monotonic() - begun
            await _echo(carrier)
            row["reachable"] = True
    except DialError as failure:
        row["note"] = failure.note or f"{failure.stage.value} {failure.reason.value}"
    except TimeoutError:
        row["note"] = "echo silent" if carrier else "silent"
        if carrier is not None:
            row["frozen"] = carrier.rx_bytes
    finally:
        if carrier is not None:
            await _close(carrier)
    return row


async def _echo(carrier: Carrier) -> None:
    for number in range(PINGS):
        await carrier.send(encode_record(Ping(number), at_least=ECHO_BYTES))
    got = 0
    while got < PINGS * ECHO_BYTES:
        record = await _record(carrier)
        if isinstance(parse_record(record), Pong):
            got += len(record)


async def _record(carrier: Carrier) -> bytes:
    async with asyncio.timeout(SILENCE_S * 2):
        record = await carrier.recv()
    if record is None:
        raise carrier.failure or error("protocol")
    return record


async def _close(carrier: Carrier) -> None:
    try:
        async with asyncio.timeout(2):
            await carrier.close()
    except TimeoutError:
        return


async def main() -> None:
    """Reads the order, tries, answers."""
    order = json.load(sys.stdin)
    candidates = msgspec.convert(order["candidates"], list[Candidate], strict=False)
    known = Known(frozenset(order["plain"]), SessionKey.of(base64.b64decode(order["session_key"])))
    programs = Programs()

    def context() -> DialContext:
        return DialContext(
            trust=known,
            seals=Seals(now_ms=lambda: time.time_ns() // 1_000_000, random=os.urandom),
            programs=programs,
            now_s=time.time,
            random=os.urandom,
            socks=parse_socks(order["socks"]) if order["socks"] else None,
        )

    tries = [try_one(candidate, context(), seconds=order["seconds"]) for candidate in candidates]
    try:
        if order["at_once"]:
            for row in await asyncio.gather(*tries):
                print(json.dumps(row), flush=True)
        else:
            for one in tries:
                print(json.dumps(await one), flush=True)
    finally:
        await programs.close()


if __name__ == "__main__":
    asyncio.run(main())
