"""A gateway and a shell over services small enough to see through, for the suites that every shell must pass."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from tests.gateways import asked_gateway

from zajil.auth.context import CallingDevice
from zajil.engine.bus import Bus, MemoryBus
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.protocol import frames
from zajil.protocol.errors import error
from zajil.protocol.frames import Msg
from zajil.protocol.ids import AccountId, DeviceId, GroupId, MailboxId, Mid
from zajil.protocol.reach.seal import OriginKey, ServerSeals
from zajil.server.gateway.gateway import Gateway, Patience
from zajil.server.gateway.lines import SealDoor
from zajil.server.gateway.receiver import Identity, Standing
from zajil.server.gateway.services import Hello, Services
from zajil.server.http.calls import HttpAnswer, HttpCall, Peer
from zajil.server.shell.aiohttp_shell import AiohttpShell
from zajil.server.shell.answers import Answers
from zajil.server.shell.base import Shell
from zajil.server.shell.choice import find_shell
from zajil.server.shell.peers import PeerRules
from zajil.server.shell.picows_shell import PicowsShell

SHELLS = [AiohttpShell, PicowsShell]
SHELL = find_shell(asked_gateway())
ORIGIN = OriginKey.from_seed(bytes(range(96)))
ROOTS = b'["root"]'
BRIDGE = "credential"
GONE = DeviceId(99)
"""A device whose end no gateway was told of."""
AWAY = False
"""Whether the database answers nobody."""


class Queue:
    """A mailbox engine's reading half, small enough to see through."""

    def __init__(self) -> None:
        self.messages: list[Msg] = []
        self.release = asyncio.Event()
        self.release.set()
        self.submitted = 0

    async def ack(self, mailbox_id: MailboxId, upto: int) -> None:
        self.messages = [message for message in self.messages if message.seq > upto]

    def begin_ack(self, mailbox_id: MailboxId, upto: int, told: Callable[[object], None]) -> None:
        acking = asyncio.ensure_future(self.ack(mailbox_id, upto))
        acking.add_done_callback(lambda _: told(acking.exception()))

    def fresh(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> None:
        """Nothing: each read is one of what rests."""

    async def read(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> tuple[Msg, ...]:
        found: list[Msg] = []
        for message in self.messages:
            if message.seq > after and len(found) < n and sum(len(m.body) for m in found) < max_bytes:
                found.append(message)
        return tuple(found)

    async def stand(self, mailbox_id: MailboxId, after: int) -> Standing:
        head = max((message.seq for message in self.messages), default=0)
        return Standing(head, len(self.messages), 0, 0, 0, 0)

    async def submit(self, request: frames.Request, prefix: bytes) -> frames.Ok:
        self.submitted += 1
        await self.release.wait()
        return frames.Ok(request.rid, 0, 0)


async def _check(token: bytes) -> Hello:
    if token[:31] != bytes(31):
        raise error("token-expired")
    return Hello(CallingDevice(AccountId(b"a" * 16), DeviceId(token[31]), MailboxId(token[16:])), 1)


async def _stands(device: Identity) -> None:
    if AWAY:
        raise error("busy")
    if device.device_id == GONE:
        raise error("device-revoked")


async def _standing(mailbox_ids: Sequence[MailboxId]) -> set[MailboxId]:
    if AWAY:
        raise error("busy")
    return {each for each in mailbox_ids if each[-1] != GONE}


def _site(method: str, target: str, _headers: Mapping[str, str]) -> HttpAnswer:
    return HttpAnswer(200, {"content-type": "text/plain"}, f"{method} {target}".encode())


async def _call(call: HttpCall) -> HttpAnswer:
    return HttpAnswer(200, {"content-type": "text/plain"}, call.method.encode() + call.path.encode())


async def _check_caller(call: HttpCall) -> None:
    if "authorization" in call.headers and call.headers["authorization"] != TOKEN:
        raise error("token-expired")


async def _check_bridge(text: str, _peer: Peer) -> bytes:
    if text != BRIDGE:
        raise error("token-expired")
    return b"bridge-1"


async def _no_low_keys(_device: CallingDevice) -> tuple[frames.KeysLow, ...]:
    return ()


@asynccontextmanager
async def serving(
    make: type[AiohttpShell],
    queue: Queue,
    *,
    inbound_bytes: float = 1e12,
    unfinished_max_bytes: int = 1 << 40,
    posts_max: int = 100,
    connections_max: int = 100,
    bus: Bus | None = None,
    clock: Callable[[], float] = lambda: 1.0,
) -> AsyncIterator[tuple[str, Gateway]]:
    limits = Limits({name: Limit(1e12, 1e-12) for name in DEFAULTS} | {"inbound_bytes": Limit(inbound_bytes, 1.0)})
    gateway = Gateway(
        services=Services(
            check_hello=_check,
            check_standing=_stands,
            find_standing=_standing,
            stand=queue.stand,
            mailboxes=queue,
            submit=queue.submit,
            begin=lambda *_: False,
            call=_call,
            low_keys=_no_low_keys,
        ),
        bus=bus or MemoryBus(),
        limits=limits,
        patience=Patience(first_frame_s=10, dead_after_s=120, sender_idle_s=60, reread_s=60, slow_after_s=30),
        connections_max=connections_max,
        unfinished_max_bytes=unfinished_max_bytes,
        clock=clock,
    )
    shell: Shell = make(
        gateway=gateway,
        door=SealDoor(ServerSeals([ORIGIN], random=os.urandom), limits=limits, clock=clock, roots=lambda: ROOTS),
        check_bridge=_check_bridge,
        call=_call,
        check_caller=_check_caller,
        site=_site,
        peers=PeerRules(origins=["https://ours.example"], trusted_proxies=[]),
        bodies_max_bytes=unfinished_max_bytes,
        answers=Answers(unfinished_max_bytes, patience_s=30),
        posts_max=posts_max,
    )
    gateway.start()
    port = await shell.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}", gateway
    finally:
        queue.release.set()
        await gateway.drain(0)
        await shell.stop()


TOKEN = "Device " + "A" * 43


def send_of(rid: int, body: bytes) -> frames.Send:
    return frames.Send(rid, Mid(os.urandom(16)), GroupId(bytes(16)), bytes(32), bytes(32), 0, 0, body)
