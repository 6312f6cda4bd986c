"""The rules of an R session, one by one, without I/O."""

from __future__ import annotations

import pytest

from zajil.protocol import frames
from zajil.protocol.frames import Kind
from zajil.protocol.ids import AccountId, DeviceId, MailboxId
from zajil.protocol.limits import R_WINDOW_BYTES, R_WINDOW_MESSAGES
from zajil.server.gateway.receiver import Identity, Receiver, Standing
from zajil.server.gateway.work import Acknowledge, Action, Authenticate, Emit, Finish, Read

ME = Identity(AccountId(b"a" * 16), DeviceId(1), MailboxId(b"m" * 16))
HELLO = frames.Hello("token", 0)


def standing(head: int = 0, *, acked: int = 0, gap: tuple[int, int] = (0, 0)) -> Standing:
    return Standing(head=head, queued=head - acked, acked=acked, list_seq=1, gap_count=gap[0], gap_seq=gap[1])


def receiver() -> Receiver:
    return Receiver(now=0, first_frame_s=10, slow_after_s=30)


def live(head: int = 0) -> tuple[Receiver, list[Action]]:
    one = receiver()
    assert one.hello(HELLO) == [Authenticate("token", 0)]
    return one, one.admitted(ME, standing(head), now_ms=1)


def message(seq: int) -> frames.Msg:
    return frames.Msg(seq, bytes(16), Kind.APP, None, 0, 0, b"")


def rows(one: Receiver, first: int, last: int, *, complete: bool, size: int = 100, now: float = 0) -> list[Action]:
    return one.rows([(message(seq), size) for seq in range(first, last + 1)], complete=complete, now=now)


def frames_of(actions: list[Action]) -> list[object]:
    return [action.frame for action in actions if isinstance(action, Emit)]


def reads_of(actions: list[Action]) -> list[Read]:
    return [action for action in actions if isinstance(action, Read)]


def test_ready_then_one_read_then_drained() -> None:
    one, actions = live(head=2)
    assert isinstance(frames_of(actions)[0], frames.Ready)
    assert reads_of(actions) == [Read(0, 3, R_WINDOW_BYTES, drains=True)], "one more than waits"
    sent = frames_of(rows(one, 1, 2, complete=True))
    assert sent == [message(1), message(2), frames.Drained(2)]


def test_drained_waits_for_everything_that_was_queued_at_the_hello() -> None:
    one, _ = live(head=100)
    first = rows(one, 1, 64, complete=False)
    assert frames.Drained not in map(type, frames_of(first))
    assert not reads_of(first), "the window is full"
    more = one.mack(frames.Mack(64), now=1)
    assert more == [Acknowledge(64), Read(64, 64, R_WINDOW_BYTES, drains=True)]
    assert frames_of(rows(one, 65, 100, complete=True))[-1] == frames.Drained(100)


def test_no_call_may_come_while_the_hello_is_checked() -> None:
    one = receiver()
    assert one.may_call
    one.hello(HELLO)
    assert not one.may_call
    one.admitted(ME, standing(), now_ms=1)
    assert one.may_call


def test_what_came_since_the_hello_is_read_on() -> None:
    one, _ = live(head=2)
    assert reads_of(rows(one, 1, 3, complete=False)) == [Read(3, R_WINDOW_MESSAGES - 3, R_WINDOW_BYTES - 300, True)]
    assert frames_of(rows(one, 4, 4, complete=True)) == [message(4), frames.Drained(4)]


def test_a_queue_that_expired_meanwhile_is_drained_all_the_same() -> None:
    one, _ = live(head=9)
    assert frames_of(rows(one, 1, 0, complete=True)) == [frames.Drained(9)]
    assert one.mack(frames.Mack(9), now=0) == [Acknowledge(9)]


def test_the_byte_window_closes_too() -> None:
    one, _ = live(head=10)
    assert not reads_of(rows(one, 1, 4, complete=False, size=R_WINDOW_BYTES // 4))
    assert reads_of(one.mack(frames.Mack(1), now=0)) == [Read(4, 61, R_WINDOW_BYTES // 4, drains=True)]


def test_a_wake_up_during_a_read_leads_to_another_read() -> None:
    one, _ = live()
    assert one.woken(now=0) == []
    assert reads_of(rows(one, 1, 0, complete=True)) == [Read(0, 64, R_WINDOW_BYTES)]
    assert reads_of(rows(one, 1, 1, complete=True)) == []
    assert reads_of(one.woken(now=0)) == [Read(1, 63, R_WINDOW_BYTES - 100)]


def test_hello_again_is_checked_again_and_acknowledges() -> None:
    one, _ = live(head=2)
    rows(one, 1, 2, complete=True)
    assert one.hello(frames.Hello("token", 2)) == [Authenticate("token", 2)]
    assert one.hello(frames.Hello("token", 2)) == [], "one check at a time"
    actions = one.admitted(ME, standing(2, acked=2), now_ms=1)
    assert Authenticate("token", 2) in actions
    assert frames_of(rows(one, 3, 2, complete=True)) == [frames.Drained(2)]


def test_a_gap_is_told_until_an_acknowledgement_passes_it() -> None:
    one = receiver()
    one.hello(HELLO)
    told = one.admitted(ME, standing(9, gap=(3, 5)), now_ms=1)
    assert frames.Gap(3, 5) in frames_of(told)
    one.hello(frames.Hello("token", 5))
    assert frames.Gap(3, 5) not in frames_of(one.admitted(ME, standing(9, gap=(3, 5)), now_ms=1))


@pytest.mark.parametrize("now", [10.0, 1000.0])
def test_an_overdue_hello_ends_it(now: float) -> None:
    one = receiver()
    assert one.tick(now=9.9) == []
    assert one.tick(now=now) == [Finish("protocol")]
    assert one.tick(now=now) == []


def test_a_full_window_without_progress_ends_it_and_time_without_a_carrier_does_not_count() -> None:
    one, _ = live(head=100)
    rows(one, 1, 64, complete=False, now=5)
    assert one.tick(now=34.9) == []
    one.resumed(now=40)
    assert one.tick(now=69.9) == []
    one.mack(frames.Mack(1), now=69)
    rows(one, 65, 65, complete=False, now=69)
    assert one.tick(now=98.9) == []
    assert one.tick(now=99) == [Finish("slow-down", 5000)]


def test_a_full_window_with_nothing_behind_it_is_no_slowness() -> None:
    one, _ = live(head=64)
    rows(one, 1, 64, complete=True, now=5)
    assert one.tick(now=1000) == []
    one.woken(now=1000)
    assert one.tick(now=1030) == [Finish("slow-down", 5000)]


def test_hellos_without_end_are_not_kept() -> None:
    receiver = Receiver(now=0, first_frame_s=10, slow_after_s=30)
    assert len(receiver.hello(frames.Hello("token", 0))) == 1
    for _ in range(15):
        assert receiver.hello(frames.Hello("token", 0)) == []
    assert receiver.hello(frames.Hello("token", 0)) == [Finish("protocol")]


def test_ready_tells_the_oldest_client_still_spoken_with() -> None:
    receiver = Receiver(now=0, first_frame_s=10, slow_after_s=30, min_client=7)
    receiver.hello(HELLO)
    ready = receiver.admitted(ME, standing(), now_ms=1)[0]
    assert isinstance(ready, Emit)
    assert isinstance(ready.frame, frames.Ready)
    assert ready.frame.min_client == 7


def test_what_nobody_may_do_ends_it() -> None:
    one = receiver()
    assert one.mack(frames.Mack(0), now=0) == [Finish("protocol")]
    one, _ = live(head=3)
    assert one.mack(frames.Mack(1), now=0) == [Finish("protocol")], "never sent"
    one = receiver()
    one.hello(frames.Hello("token", 4))
    assert one.admitted(ME, standing(3), now_ms=1) == [Finish("protocol")], "an ack of the future"
    one, _ = live()
    one.hello(HELLO)
    other = ME._replace(mailbox_id=MailboxId(b"o" * 16))
    assert one.admitted(other, standing(), now_ms=1) == [Finish("protocol")], "one session, one device"
    assert one.hello(HELLO) == []
    assert one.woken(now=0) == []
    assert rows(one, 1, 1, complete=True) == []
