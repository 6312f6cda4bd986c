"""Whole calls: a person's session, the bot, signals through a real server, MLS keys, and real media on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.calls.coturn import PROGRAM, coturn
from tests.client.calls.pair import Ear, until
from tests.client.people import befriend, register
from tests.client.serving import Served
from tests.flows.lines import LineProcess

from zajil.cli.resident.answering import Answering, Mode, Voices, refuse_calls, write_stats
from zajil.cli.resident.echo import answer_calls
from zajil.client import Call, Client
from zajil.client.calling import Calls
from zajil.client.calls.media.call import VoiceCall
from zajil.client.calls.media.relays import Relays
from zajil.client.calls.media.sound import Sink, Source, Tone
from zajil.client.calls.ports import CallMedia, MediaStart, Reports
from zajil.client.calls.showing import CallView
from zajil.protocol.control import RelayAccess
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.calls


class Phone:
    """The media of a person: says a tone, and has an ear."""

    def __init__(self) -> None:
        self.ear = Ear()
        self.call: VoiceCall | None = None

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        relays = Relays(lambda: calls.relay(start.gid), now_ms=now_ms)
        self.call = VoiceCall(start, reports, relays=relays.find, sound=self._sound, now_ms=now_ms, rooms=calls)
        return self.call

    def _sound(self, _: int) -> tuple[Source, Sink]:
        return Tone(), self.ear

    def counts(self) -> Mapping[str, object]:
        return {} if self.call is None else self.call.counts()

    async def closed(self) -> None:
        if self.call is not None:
            await self.call.closed()


class Person(Answering):
    """Calls, and answers nothing by itself."""

    def __init__(self, client: Client) -> None:
        self.phone = Phone()
        self.views: list[CallView] = []
        super().__init__(client, self.phone, tell=self.views.append)

    def _pick_up(self) -> None:
        """Somebody else does."""

    def dial(self, gid: bytes) -> None:
        self._session.dial(gid, "audio")

    def hang_up(self) -> None:
        self._session.hang_up()

    @property
    def view(self) -> CallView:
        return self.views[-1]


@asynccontextmanager
async def running(*lives: object) -> AsyncIterator[None]:
    """These go on until the end of the block."""
    tasks = [asyncio.ensure_future(life) for life in lives]  # type: ignore[call-overload]  # coroutines of many kinds
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome


async def test_the_bot_answers_speaks_hears_and_ends(server: Served, homes: Path, tmp_path: Path) -> None:
    stats = tmp_path / "stats.json"
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Bot", server.url) as device:
        await befriend(amal, device)
        gid = parse_b64(amal.find_chat("Bot").id)
        person, bot = Person(amal), Answering(device, Voices("tone"))
        async with running(person.run(), bot.run(), write_stats(bot, stats)):
            person.dial(gid)
            await until(lambda: person.views and person.view.phase == "active")
            await until(person.phone.ear.hears_tone)
            await until(lambda: person.view.encrypted)
            assert (person.view.kind, person.view.rung, len(person.view.peers)) == ("audio", "direct", 1)
            links = json.loads(json.dumps(person.phone.counts()))["links"]
            print(f"link up after {links[0]['up_after_ms']} ms")
            person.hang_up()
            await until(lambda: person.view.phase == "ended" and bot.counts()["phase"] == "ended")
            assert (person.view.ended, bot.answered) == ("hangup", 1)
            await amal.sync()
        told = json.loads(stats.read_text(encoding="utf-8"))
        assert (told["answered"], told["phase"], told["dropped_signals"]) == (1, "ended", 0)
        assert told["media"]["alarms"] == told["media"]["bad_input"] == 0
        assert amal.calls().kept() is None, "nothing of a call stays when it is over"
        assert [line.call.outcome for line in amal.read(amal.chats()[0]) if line.call] == ["answered"]
        assert isinstance(amal.read(amal.chats()[0])[-1].call, Call)


async def test_an_echo_gives_back_what_is_said(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Echo", server.url) as device:
        await befriend(amal, device)
        person, bot = Person(amal), Answering(device, Voices("echo"))
        async with running(person.run(), bot.run()):
            person.dial(parse_b64(amal.find_chat("Echo").id))
            await until(person.phone.ear.hears_tone)
            person.hang_up()
            await until(lambda: bot.counts()["phase"] == "ended")


async def test_echo_answers_calls_too(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Echo", server.url) as device:
        await befriend(amal, device)
        person = Person(amal)
        async with running(person.run(), answer_calls(device)):
            person.dial(parse_b64(amal.find_chat("Echo").id))
            await until(person.phone.ear.hears_tone)


@pytest.mark.parametrize("mode", ["tone", "echo"])
async def test_where_no_relay_is_left_and_addresses_are_hidden_the_call_goes_over_the_server(
    server: Served, homes: Path, mode: Mode
) -> None:
    """The server of these tests has no relays, so that kinds A and B are not there."""
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Bot", server.url) as device:
        await befriend(amal, device)
        person, bot = Person(amal), Answering(device, Voices(mode))
        person._session.hide_address = bot._session.hide_address = True
        async with running(person.run(), bot.run()):
            person.dial(parse_b64(amal.find_chat("Bot").id))
            await until(lambda: person.views and person.view.phase == "active")
            await until(person.phone.ear.hears_tone)
            await until(lambda: person.view.encrypted and person.view.rung == "server")
            assert [(one.rung, one.result) for one in person.view.tried] == [("server", "up")]
            assert person.view.hidden_address
            links = json.loads(json.dumps(person.phone.counts()))["links"]
            print(f"link up after {links[0]['up_after_ms']} ms: {links[0]['sends']}, {links[0]['hears']}")
            told = json.loads(json.dumps(bot.counts()))["media"]
            assert told["links"][0]["sends"][0]["sealed"] > 0
            assert told["links"][0]["hears"][0]["opened"] > 0
            assert told["alarms"] == told["bad_input"] == 0
            person.hang_up()
            await until(lambda: person.view.phase == "ended" and bot.counts()["phase"] == "ended")
            assert person.view.ended == "hangup"


async def test_the_command_answers_and_ends_its_call_when_it_is_stopped(
    server: Served, homes: Path, tmp_path: Path
) -> None:
    stats = tmp_path / "stats.json"
    async with await register(homes, "Amal", server.url) as amal:
        async with await register(homes, "Bot", server.url) as device:
            await befriend(amal, device)
        command = [sys.executable, "-m", "zajil.cli.main", "--home", str(homes / "Bot")]
        command += ["call", "bot", "--mode", "tone", "--stats", str(stats)]
        environ = {**os.environ, "ZAJIL_LANG": "en", "PYTHONUNBUFFERED": "1"}
        person = Person(amal)
        with LineProcess(command, environ) as bot:
            await asyncio.to_thread(bot.read_until, "Answering calls.")
            async with running(person.run()):
                person.dial(parse_b64(amal.find_chat("Bot").id))
                assert await asyncio.to_thread(bot.next_line) == "Answered a call in Amal.\n"
                await until(person.phone.ear.hears_tone)
                assert await asyncio.to_thread(bot.stop, signal.SIGINT) == 0
                await until(lambda: person.view.phase == "ended")
                assert person.view.ended == "remote"
        assert json.loads(stats.read_text(encoding="utf-8"))["answered"] == 1


@pytest.mark.skipif(PROGRAM is None, reason="coturn is a program of the system: apt-get install coturn")
async def test_a_call_goes_on_over_commits_and_ends_for_who_is_removed(
    server: Served, homes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a group, where addresses are hidden, so by a relay: coturn, which the server of this test does not know of."""
    async with (
        coturn(tmp_path) as relays,
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
        await register(homes, "Bot", server.url) as device,
    ):
        username, credential = relays[0].username, relays[0].credential
        access = RelayAccess(600, username, credential, tuple(relay.url for relay in relays))

        async def relay(_: Calls, __: bytes) -> RelayAccess:
            return access

        monkeypatch.setattr(Calls, "relay", relay)
        await befriend(amal, device)
        await befriend(amal, boris)
        contacts = {contact.name: contact for contact in amal.contacts()}
        group = await amal.create_group("Mountains", [contacts["Bot"]])
        await device.sync()
        seen: list[CallView] = []
        person, bot = Person(amal), Answering(device, Voices("tone"), tell=seen.append)
        async with running(person.run(), bot.run()):
            person.dial(parse_b64(group.id))
            await until(lambda: person.views and person.view.phase == "active")
            await until(person.phone.ear.hears_tone)
            since = len(person.phone.ear.frames)
            await amal.add_member(group, contacts["Boris"])
            await until(lambda: len(person.phone.ear.frames) >= since + 150)
            print(f"frames lost over an added member: {person.phone.ear.missing(since)}")
            assert person.phone.ear.missing(since) <= 10
            assert person.view.phase == "active"
            await amal.remove_member(group, contacts["Bot"])
            await until(lambda: not person.view.peers)
            await until(lambda: seen[-1].phase == "ended")
            assert seen[-1].ended == "removed"
            assert bot.counts()["media"] == {"links": [], "bad_input": 0, "alarms": 0}


async def test_a_second_call_finds_the_bot_busy(server: Served, homes: Path) -> None:
    async with (
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
        await register(homes, "Bot", server.url) as device,
    ):
        await befriend(amal, device)
        await befriend(boris, device)
        first, second, bot = Person(amal), Person(boris), Answering(device, Voices("tone"))
        async with running(first.run(), second.run(), bot.run()):
            first.dial(parse_b64(amal.find_chat("Bot").id))
            await until(lambda: first.views and first.view.phase == "active")
            second.dial(parse_b64(boris.find_chat("Bot").id))
            await until(lambda: second.views and second.view.phase == "ended")
            assert second.view.ended == "busy"
            assert first.view.phase == "active"


async def test_without_voice_a_caller_is_told_so(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Echo", server.url) as device:
        await befriend(amal, device)
        person = Person(amal)
        async with running(person.run(), refuse_calls(device)):
            person.dial(parse_b64(amal.find_chat("Echo").id))
            await until(lambda: person.views and person.view.phase == "ended")
            assert person.view.ended == "unsupported"
