"""Two servers under the same probes: every difference that a prober could see, and how long answers take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from zajil.bridges.edge.probes.answers import describe_bytes, read_handshake, read_http1, read_http2
from zajil.bridges.edge.probes.catalogue import Places, Probe
from zajil.bridges.edge.probes.wire import Heard, Target, Tls, play
from zajil.protocol.ids import encode_b64

_PATH_BYTES: Final = 28
_LATE_S: Final = 1.5
"""Two endings further apart than this are told apart; less is the noise of a busy machine."""
_AT_ONCE: Final = 24
_BY_CHANCE: Final = 8
"""So many probes may differ by chance on a busy machine; they are looked at again one by one."""
_SOCKET: Final = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
_HANDSHAKE_LINES: Final = ("Certificate ", "ServerKeyExchange ")
TIMED: Final = (
    "home page",
    "unknown path",
    "wrong token",
    "upgrade, wrong token",
    "POST, wrong token",
)
"""The probes whose times are measured."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe saw. answer: as `answers` writes it. ended_s: after the last step, None while still open."""

    probe: str
    tls: str
    answer: tuple[str, ...]
    ending: str
    ended_s: float | None
    answered_s: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that tells the two apart. part: tls, answer, ending or time."""

    probe: str
    part: str
    plain: str
    suspect: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Medians of the time until an answer is complete."""

    probe: str
    plain_ms: float
    suspect_ms: float


def make_places(
    name: str,
    dir: str,  # noqa: A002  # the word of bridge links and configuration
    *,
    random: Callable[[int], bytes],
    file: str = "/index.html",
    expired: str | None = None,
    replayed: str | None = None,
) -> Places:
    """Where the probes go. random: bytes for a path that no token made. expired, replayed: paths that one made."""
    return Places(name, dir, f"/{dir}/{encode_b64(random(_PATH_BYTES))}", file, expired, replayed)


async def observe(probe: Probe, target: Target, *, patience_s: float, certificates: bool = True) -> Observation:
    """One probe of one server. certificates: keep what depends on the server's certificate alone."""
    heard = await play(target, probe.tls, probe.steps, patience_s=patience_s)
    lines = _read(heard, probe)
    if probe.tls is not None and heard.tls.startswith("TLSv1.2"):
        lines += read_handshake(bytes(heard.raw))
    if not certificates:
        lines = tuple(line for line in lines if not line.startswith(_HANDSHAKE_LINES))
    return Observation(probe.name, heard.tls, lines, heard.ending.value, heard.ended_s, heard.answered_s)


def _read(heard: Heard, probe: Probe) -> tuple[str, ...]:
    data = bytes(heard.plain)
    if heard.tls.endswith(" h2"):
        return read_http2(data)
    return read_http1(data, probe.methods) if data[:5] == b"HTTP/" else (f"bytes: {describe_bytes(data)}",)


def differences(plain: Observation, suspect: Observation) -> list[Difference]:
    """What tells these two apart; times of answers apart."""
    found = [
        Difference(plain.probe, part, a, b)
        for part, a, b in (
            ("tls", plain.tls, suspect.tls),
            ("ending", plain.ending, suspect.ending),
        )
        if a != b
    ]
    if plain.answer != suspect.answer:
        a_only = [line for line in plain.answer if line not in suspect.answer]
        b_only = [line for line in suspect.answer if line not in plain.answer]
        order = () if a_only or b_only else ("another order or number of lines",)
        found.append(Difference(plain.probe, "answer", " | ".join([*a_only, *order]), " | ".join([*b_only, *order])))
    if plain.ended_s is not None and suspect.ended_s is not None and abs(plain.ended_s - suspect.ended_s) > _LATE_S:
        found.append(Difference(plain.probe, "time", f"ended after {plain.ended_s:.1f} s", f"{suspect.ended_s:.1f} s"))
    return found


async def compare(
    plain: Target,
    suspect: Target,
    probes: Sequence[Probe],
    *,
    patience_s: float = 7.0,
    tries: int = 6,
    certificates: bool = True,
) -> list[Difference]:
    """Every difference that shows each time; an empty list means that the probes cannot tell the two apart.

    Some servers answer the same bytes in several ways, by chance: both must have done the same once. All probes run at
    once, then those that found something again and alone, up to `tries` times each.
    patience_s: how long each connection is watched for its end after the last byte was sent.
    """
    room = asyncio.Semaphore(_AT_ONCE)
    pairs = [_Pair(probe, plain, suspect, patience_s=patience_s, certificates=certificates) for probe in probes]

    async def _in_turn(pair: _Pair) -> None:
        async with room:
            await pair.observe()

    await asyncio.gather(*map(_in_turn, pairs))
    for _ in range(tries):
        differ = [pair for pair in pairs if pair.found]
        if len(differ) > _BY_CHANCE:
            await asyncio.gather(*map(_in_turn, differ))
            continue
        for pair in differ:
            await pair.observe()
    return [each for pair in pairs for each in pair.found]


class _Pair:
    """One probe of both servers, as often as it takes. found: what tells them apart so far."""

    def __init__(self, probe: Probe, plain: Target, suspect: Target, *, patience_s: float, certificates: bool) -> None:
        self._probe = probe
        self._targets = (plain, suspect)
        self._patience_s = patience_s
        self._certificates = certificates
        self._seen: tuple[list[Observation], list[Observation]] = ([], [])
        self.found: list[Difference] = []

    async def observe(self) -> None:
        """Probe both once more; in turn the one or the other is first, since that alone can make a difference."""
        order = (0, 1) if len(self._seen[0]) % 2 else (1, 0)
        now = await asyncio.gather(
            *(
                observe(self._probe, self._targets[at], patience_s=self._patience_s, certificates=self._certificates)
                for at in order
            )
        )
        for at, each in zip(order, now, strict=True):
            self._seen[at].append(each)
        self.found = min((differences(a, b) for a in self._seen[0] for b in self._seen[1]), key=len)


async def measure(
    plain: Target, suspect: Target, probes: Sequence[Probe], *, rounds: int = 30, names: Sequence[str] = TIMED
) -> list[Timing]:
    """Median times until an answer is complete, the two servers asked in turn."""
    timings: list[Timing] = []
    for probe in (each for each in probes if each.name in names):
        seen: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for target, times in zip((plain, suspect), seen, strict=True):
                heard = await play(target, probe.tls, probe.steps, patience_s=0.05)
                if heard.answered_s is not None:
                    times.append(heard.answered_s)
        if all(seen):
            timings.append(Timing(probe.name, median(seen[0]) * 1000, median(seen[1]) * 1000))
    return timings


async def spend(target: Target, path: str) -> bool:
    """Use up a secret path by opening a carrier with it and leaving at once; whether the server let it in."""
    head = (
        f"GET {path} HTTP/1.1",
        f"Host: {target.name}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        *_SOCKET,
        "",
        "",
    )
    heard = await play(target, Tls(), ("\r\n".join(head).encode(),), patience_s=_LATE_S)
    return heard.plain.startswith(b"HTTP/1.1 101 ")
