"""A device that answers every call: the ports of a call's session over one `Client`, and the bot that picks up.

`zajil call bot` runs it alone, Echo beside its answers. Its voice needs the extra `zajil[calls]`; without it whoever
calls Echo is told so (`refuse_calls`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, cast

from zajil.client.calling import HeardSignal
from zajil.client.calls.ports import CallMedia, ChatFacts, EpochKeys, MediaStart, Reports
from zajil.client.calls.session import CallSession
from zajil.protocol.calls.events import Member
from zajil.protocol.calls.limits import DURABLE_S, RING_MS
from zajil.protocol.calls.signals import Decline, Ring, Unsupported, encode_signal, parse_signal
from zajil.protocol.chat.forms import CallLog
from zajil.protocol.errors import Refused, ZajilError
from zajil.protocol.ids import encode_b64, parse_b64

if TYPE_CHECKING:
    from zajil.client import Chat, Client
    from zajil.client.calling import Calls
    from zajil.client.calls.media.call import VoiceCall
    from zajil.client.calls.media.sound import Sink, Source
    from zajil.client.calls.showing import CallView
    from zajil.protocol import cbor
    from zajil.protocol.calls.actions import SendLog

Mode: TypeAlias = Literal["echo", "tone"]
_ANY_CALL: Final = bytes(48)
"""Members are the same whatever the call."""
_STATS_S = 1.0


class Media(Protocol):
    """What makes the media of a call, and tells what became of it."""

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        """The media of a call that begins."""

    def counts(self) -> Mapping[str, object]:
        """Numbers of the call that is on, or was last."""

    async def closed(self) -> None:
        """Wait until nothing of it is open."""


class Voices:
    """Voice by WebRTC or the media room, in this mode. Raises ModuleNotFoundError without the extra `zajil[calls]`."""

    def __init__(self, mode: Mode) -> None:
        from zajil.client.calls.media.call import VoiceCall
        from zajil.client.calls.media.relays import Relays

        self._mode = mode
        self._voice_call, self._relays = VoiceCall, Relays
        self._call: VoiceCall | None = None

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        relays = self._relays(lambda: calls.relay(start.gid), now_ms=now_ms)
        self._call = self._voice_call(
            start, reports, relays=relays.find, sound=self._sound, now_ms=now_ms, rooms=calls, network=calls
        )
        return self._call

    def _sound(self, _: int) -> tuple[Source, Sink]:
        from zajil.client.calls.media.sound import Echo, Nowhere, Tone

        if self._mode == "tone":
            return Tone(), Nowhere()
        echo = Echo()
        return echo, echo

    def counts(self) -> Mapping[str, object]:
        return {"links": [], "bad_input": 0, "alarms": 0} if self._call is None else self._call.counts()

    async def closed(self) -> None:
        if self._call is not None:
            await self._call.closed()


class Answering:
    """Answers every call in the chats of one client, one at a time. tell: what a person should read of it."""

    def __init__(self, client: Client, media: Media, *, tell: Callable[[CallView], None] | None = None) -> None:
        self._client, self._media, self._tell = client, media, tell
        self._calls = client.calls()
        self._session = CallSession(self)
        self._timer: asyncio.TimerHandle | None = None
        self._began = time.time_ns() - time.monotonic_ns()
        self._view: CallView | None = None
        self.answered = 0
        self.bad_input = 0

    async def run(self) -> None:
        """Until cancelled. Raises what ends the client's sessions."""
        if self._session.restore(self._calls.kept()):
            # A bot that was restarted in a call goes on with it.
            self._session.return_to_call()
        stay = self._calls.on_move(self._session.note_moved)
        try:
            async for news in self._calls.news():
                if isinstance(news, HeardSignal):
                    self._session.hear(news.gid, news.leaf, news.account, age_ms=news.age_ms, fields=_fields(news))
                else:
                    self._session.epoch(news.gid, removed=news.removed)
        finally:
            stay()
            self._session.hang_up()
            self.wake_at(None)
            self._calls.close()
            await self._media.closed()

    def counts(self) -> dict[str, object]:
        """What was done since the start, and the numbers of the last call."""
        phase = "idle" if self._view is None else self._view.phase
        return {
            "answered": self.answered,
            "phase": phase,
            "dropped_signals": self.bad_input,
            "media": self._media.counts(),
        }

    # -- ports of the session
    def now_ms(self) -> int:
        return (self._began + time.monotonic_ns()) // 1_000_000

    def random(self, size: int) -> bytes:
        return token_bytes(size)

    def wake_at(self, at_ms: int | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_ms is not None:
            wait_s = max(0, at_ms - self.now_ms()) / 1_000
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._session.tick)

    def seal(self, gid: bytes, fields: Mapping[str, cbor.Value], *, ttl_s: int, wake: bool) -> None:
        # Where nothing may be said in the chat now, the call's own timers end it.
        with suppress(ZajilError):
            self._calls.send(gid, fields, ttl_s=ttl_s, wake=wake)

    def ask_chat(self, gid: bytes) -> None:
        asyncio.get_running_loop().call_soon(self._answer_chat, gid)

    def _answer_chat(self, gid: bytes) -> None:
        self._session.use_chat(gid, self._find_facts(gid))

    def _find_facts(self, gid: bytes) -> ChatFacts | None:
        chat = next((one for one in self._client.chats() if one.id == encode_b64(gid)), None)
        keys = self._find_keys(gid, _ANY_CALL)
        if chat is None or keys is None or chat.kind == "self":
            return None
        me = Member(keys.leaf, parse_b64(self._client.account_id))
        known = self._is_known(chat)
        return ChatFacts(keys.epoch, me, keys.members, chat.kind != "dm", heard=known, trusted=known)

    def _is_known(self, chat: Chat) -> bool:
        """No DM with somebody whose key is not the one that was verified."""
        changed = {contact.id for contact in self._client.contacts() if contact.key_changed}
        return chat.status == "active" and not (chat.kind == "dm" and changed & set(chat.members))

    def ask_keys(self, gid: bytes, context: bytes, *, removed: bool) -> None:
        asyncio.get_running_loop().call_soon(self._answer_keys, gid, context, removed)

    def _answer_keys(self, gid: bytes, context: bytes, removed: bool) -> None:
        self._session.use_keys(gid, self._find_keys(gid, context), removed=removed, context=context)

    def _find_keys(self, gid: bytes, context: bytes) -> EpochKeys | None:
        try:
            epoch, base_key, leaf, members = self._calls.keys(gid, context)
        except Refused:
            return None
        except ZajilError as stuck:
            if stuck.code not in ("chat-stuck", "unknown-chat", "not-a-member"):
                raise
            return None
        return EpochKeys(epoch, base_key, leaf, tuple(Member(one.leaf, one.account) for one in members))

    def watch(self, gid: bytes | None) -> None:
        self._calls.watch(() if gid is None else (gid,))

    def keep(self, record: bytes | None, done: Callable[[], None]) -> None:
        self._calls.keep(record)
        done()

    def log(self, gid: bytes, log: SendLog) -> None:
        with suppress(ZajilError):
            self._calls.log(gid, CallLog(log.call, log.kind, log.outcome, log.seconds))

    def open_media(self, start: MediaStart, reports: Reports) -> CallMedia:
        return self._media.open(self._calls, start, reports, self.now_ms)

    def count_bad(self) -> None:
        self.bad_input += 1

    def show(self, view: CallView) -> None:
        rings = view.phase == "ringing" and view.direction == "incoming"
        if rings and (self._view is None or self._view.call != view.call or self._view.phase != view.phase):
            # Not from inside the session, which is in the middle of telling.
            asyncio.get_running_loop().call_soon(self._pick_up)
        self._view = view
        if self._tell is not None:
            self._tell(view)

    def _pick_up(self) -> None:
        self.answered += 1
        self._session.accept("audio")


async def refuse_calls(client: Client) -> None:
    """Tell whoever calls that this device cannot, until cancelled; for installations without voice."""
    calls = client.calls()
    own = parse_b64(client.account_id)
    try:
        async for news in calls.news():
            if not isinstance(news, HeardSignal) or news.account == own or news.age_ms > RING_MS:
                continue
            signal = parse_signal(_fields(news))
            if isinstance(signal, Ring | Unsupported):
                with suppress(ZajilError):
                    calls.send(news.gid, encode_signal(Decline(signal.call, "unsupported")), ttl_s=DURABLE_S)
    finally:
        calls.close()


def _fields(news: HeardSignal) -> Mapping[str, cbor.Parsed]:
    return cast("Mapping[str, cbor.Parsed]", news.fields)  # it was parsed from bytes, and holds nothing else


async def write_stats(answering: Answering, file: Path) -> None:
    """Write the counts every second, whole or not at all, until cancelled; and once more then."""
    try:
        while True:
            _write(answering, file)
            await asyncio.sleep(_STATS_S)
    finally:
        _write(answering, file)


def _write(answering: Answering, file: Path) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(answering.counts()) + "\n", encoding="utf-8")
    part.replace(file)
