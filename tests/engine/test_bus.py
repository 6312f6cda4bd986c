"""The bus in memory: who subscribed is called, until he leaves; nothing is kept for later."""

from __future__ import annotations

from zajil.engine.bus import MemoryBus, Topic
from zajil.protocol.frames import KeysLow
from zajil.protocol.ids import MailboxId

A, B = MailboxId(b"a" * 16), MailboxId(b"b" * 16)


def test_wake_ups_reach_the_listeners_of_their_mailbox() -> None:
    bus = MemoryBus()
    bus.wake([A])
    seen: list[object] = []
    leave = bus.subscribe(A, seen.append)
    second = bus.subscribe(A, seen.append)
    bus.subscribe(B, lambda _: seen.append("wrong"))
    bus.wake([A])
    assert seen == [None, None]
    leave()
    leave()
    bus.publish([A], KeysLow(0x53, 3))
    assert seen == [None, None, KeysLow(0x53, 3)]
    second()
    bus.wake([A])
    assert len(seen) == 3
    assert A not in bus._listeners


def test_a_listener_may_leave_while_it_is_called() -> None:
    bus = MemoryBus()
    seen: list[str] = []

    def once(_: object) -> None:
        leave()
        seen.append("once")

    leave = bus.subscribe(A, once)
    bus.subscribe(A, lambda _: seen.append("stays"))
    bus.wake([A])
    bus.wake([A])
    assert seen == ["once", "stays", "stays"]


def test_news_reach_who_hears_their_topic_and_their_key() -> None:
    bus = MemoryBus()
    seen: list[bytes | None] = []
    bus.tell(Topic.RECEIVER, A, b"before")
    leave = bus.listen(Topic.RECEIVER, A, seen.append)
    bus.listen(Topic.RECEIVER, B, lambda _: seen.append(b"wrong"))
    bus.wake([A])
    bus.tell(Topic.RECEIVER, A, b"now")
    bus.miss([A])
    assert seen == [b"now", None]
    leave()
    leave()
    bus.tell(Topic.RECEIVER, A, b"after")
    assert len(seen) == 2
    assert bus.heard() == [B]
