"""What a call leaves with whoever runs the server and the relay, their logs as loud as they go: nothing that names the
chat, the group, an account, the call or its room.

A relay is bound to write who used it and how much, if its operator wants that: under the random names of its
credentials. The server's database holds groups and accounts anyhow, and nothing of calls.
"""

from __future__ import annotations

import asyncio
import base64
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.calls.relay.turn import NEEDS_COTURN, free_port, until_up
from tests.client.calls.pair import until
from tests.client.calls.test_bot import Person, Phone, running
from tests.client.people import befriend, register
from tests.client.serving import LIMITS

from zajil.cli.resident.answering import Answering, Voices
from zajil.client.calling import Calls
from zajil.client.calls.ports import CallMedia, MediaStart, Reports
from zajil.protocol.calls.media import AUDIO
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.calls, pytest.mark.smoke, pytest.mark.slow, NEEDS_COTURN]
LOUD = """
import logging, sys
from pathlib import Path
from zajil.calls.relay import turnserver
from zajil.server import main

set_up, render = main.set_up_logging, turnserver.render_conf

def set_up_loud(stream=None, **form):
    set_up(stream, **form)
    raw = logging.StreamHandler(open(sys.argv[3], "a"))
    logging.getLogger().addHandler(raw)
    logging.getLogger().setLevel(logging.DEBUG)

def render_loud(plan):
    lines = render(plan).replace("log-file=/dev/null", f"log-file={sys.argv[4]}").splitlines()
    return "\\n".join([*(line for line in lines if line != "no-stdout-log"), "Verbose", ""])

main.set_up_logging, turnserver.render_conf = set_up_loud, render_loud
main.serve(Path(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), registration="open", relay=True)
"""
"""A server that logs all it has, also past the formatter that takes out what came from outside, beside a relay whose
operator has turned its log on."""


class Recorded(Phone):
    """A phone that keeps what a call began with."""

    def __init__(self) -> None:
        super().__init__()
        self.start: MediaStart | None = None

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        self.start = start
        return super().open(calls, start, reports, now_ms)


def spellings(value: bytes) -> set[bytes]:
    """Raw, in hexadecimal of both cases, in base64 and base64url, without what pads them."""
    written = {base64.b64encode(value), base64.urlsafe_b64encode(value)}
    return {value, value.hex().encode(), value.hex().upper().encode()} | {one.rstrip(b"=") for one in written}


def found(names: Mapping[str, bytes], text: bytes) -> set[str]:
    """Which of these stand in a text, in any spelling."""
    return {name for name, value in names.items() if any(one in text for one in spellings(value))}


def content_of(folder: Path, *besides: str) -> bytes:
    """Of all files below a folder, but for those of these names."""
    return b"".join(path.read_bytes() for path in _files(folder) if path.name not in besides)


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


async def say_in_room(calls: Calls, start: MediaStart, room: bytes) -> None:
    """Two connections to the call's room, over the route of the sessions, and a frame from one to the other."""
    one, two = await calls.open_media(start.gid, room), await calls.open_media(start.gid, room)
    frame = bytes([AUDIO, 0, 0, 1]) + bytes(4) + bytes(range(60))
    one.send(frame)
    async with asyncio.timeout(20):
        while (await two.receive())[1:] != frame:
            pass
    await one.close()
    await two.close()


async def test_a_call_is_in_no_log_and_no_file_of_the_server_or_the_relay(tmp_path: Path) -> None:
    data, log, relay_log = tmp_path / "data", tmp_path / "server.log", tmp_path / "relay.log"
    data.mkdir()
    port = free_port()
    (data / "zajil.toml").write_text(f"[calls]\nrelay_port = {port}\n{LIMITS}")
    errors = (tmp_path / "stderr").open("wb")
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOUD, str(data), "0", str(log), str(relay_log)),
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
    )
    try:
        assert server.stdout is not None
        url = (await server.stdout.readline()).decode().split()[-1]
        await until_up(port)
        names = await call_over_both(url, tmp_path)
    finally:
        server.terminate()
        await asyncio.wait_for(server.communicate(), 30)
        errors.close()
    said, relayed = log.read_bytes() + (tmp_path / "stderr").read_bytes(), relay_log.read_bytes()
    held = content_of(data, "zajil.key", "turnserver.conf")
    assert len(said.splitlines()) > 20
    users = set(re.findall(rb"user <([^>]+)>", relayed))
    assert users, "the relay's log is on"
    assert all(re.fullmatch(rb"\d{10}:[\w-]{11}", user) for user in users), users
    print(f"{len(said.splitlines())} lines of the server, {len(relayed.splitlines())} of the relay, {len(users)} users")
    assert found(names, said) == set()
    assert found(names, relayed) == set()
    assert found(names, held) == {"group", "caller", "callee"}, "what the server knows to deliver messages, and no more"
    assert not any(user in held or user in said for user in users)


async def call_over_both(url: str, home: Path) -> dict[str, bytes]:
    """A call in a group, which goes by the relay, and its media room; everything that names it."""
    async with (
        await register(home, "Amal of the hills", url) as amal,
        await register(home, "Bot of the river", url) as device,
    ):
        await befriend(amal, device)
        group = await amal.create_group("Swallows and swifts", amal.contacts())
        await device.sync()
        person, bot = Person(amal), Answering(device, Voices("tone"))
        person.phone = person._media = phone = Recorded()
        async with running(person.run(), bot.run()):
            person.dial(parse_b64(group.id))
            await until(lambda: person.views and person.view.phase == "active")
            await until(phone.ear.hears_tone)
            await until(lambda: person.view.rung == "relay-udp")
            assert phone.start is not None
            start = phone.start
            room = HKDF(SHA256(), 16, start.call, b"zajil media room 1").derive(start.secret)
            await say_in_room(person._calls, start, room)
            person.hang_up()
            await until(lambda: person.view.phase == "ended")
        return {
            "group": start.gid,
            "call": start.call,
            "secret": start.secret,
            "room": room,
            "caller": parse_b64(amal.account_id),
            "callee": parse_b64(device.account_id),
            "caller's name": b"Amal of the hills",
            "callee's name": b"Bot of the river",
            "chat's name": b"Swallows and swifts",
        }
