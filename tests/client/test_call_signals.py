"""Call signals over the real cores: who hears them, what is kept of them, and what a hostile server gets of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping

import msgspec
import pytest
from tests.client import talk
from tests.client.audit import audit
from tests.client.phone import Phone
from tests.client.talk import meet, say, seen, texts
from tests.client.world import World, prepare, small_world

from zajil.client.core import chats, readd, sync
from zajil.client.core.core import Core
from zajil.client.core.talk import bundles, whispers
from zajil.client.core.talk.whispers import SIGNAL_TTL_S, WHISPER_BYTES, Course
from zajil.client.state import accounts, rows
from zajil.client.state.step import CallEpoch, CallNews, Signal, Step
from zajil.client.storage.store import KEYED, ORDERED, Store
from zajil.mls.schedule.secret_tree import Window
from zajil.protocol import cbor, frames
from zajil.protocol.chat import content, parts
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.ids import GroupId, Mid
from zajil.protocol.limits import SERVER_NAME_BYTES

SECRET = bytes(range(100, 132))
RING: Mapping[str, cbor.Value] = {"v": 1, "t": "ring", "c": bytes(16), "secret": SECRET, "kind": "audio", "suite": 4}
GOT: Mapping[str, cbor.Value] = {"v": 1, "t": "got", "c": bytes(16), "to": 2, "pc": 1}
DURABLE = Course(60, wake=True)
EPHEMERAL = Course()


@pytest.fixture
def world() -> Iterator[World]:
    """a1, a2: two devices of the owner; b: an admin; c: a member."""
    made = small_world()
    yield made
    made.close()
    shutil.rmtree(made.folder)


def listen(phone: Phone) -> list[CallNews]:
    """What a call of this device is told from now on, of the main chat's epochs too."""
    heard: list[CallNews] = []
    phone.core.hear_calls(heard.append)
    phone.core.watch_calls([phone.world.main])
    return heard


def signals(heard: list[CallNews]) -> list[Signal]:
    return [one for one in heard if isinstance(one, Signal)]


def epochs(heard: list[CallNews]) -> list[CallEpoch]:
    return [one for one in heard if isinstance(one, CallEpoch)]


def seal(phone: Phone, fields: Mapping[str, cbor.Value] = RING, course: Course = DURABLE) -> frames.Send:
    request = phone.core.seal_signal(phone.world.main, fields, course)
    assert request is not None
    return request


def signal(phone: Phone, fields: Mapping[str, cbor.Value] = RING, course: Course = DURABLE) -> frames.Send:
    """Seal a signal, and let the server take it."""
    request = seal(phone, fields, course)
    phone.world.engine.apply([prepare(request)], now_ms=phone.world.now_ms)
    return request


def as_ephemeral(phone: Phone, request: frames.Send, *, gid: bytes = b"", epoch: int = -1) -> None:
    """The server hands a message out on the quick way."""
    epoch = talk.chat_of(phone).epoch if epoch < 0 else epoch
    phone.core.take_ephemeral(frames.Eph(GroupId(gid or phone.world.main), epoch, phone.world.now_ms, request.body))


def as_durable(phone: Phone, request: frames.Send, *, gid: bytes = b"", ts: int = -1) -> None:
    """The server puts a message into the mailbox."""
    seq = talk.see(phone, lambda step: step.session().last_seq) + 1
    epoch, at = talk.chat_of(phone).epoch, phone.world.now_ms if ts < 0 else ts
    made = frames.Msg(seq, Mid(bytes(16)), frames.Kind.APP, GroupId(gid or phone.world.main), epoch, at, request.body)
    with phone.core.step("slip") as step:
        before = step.session()
        sync.take_messages(step, [made])
        step.change_session(last_seq=before.last_seq)


def test_a_ring_is_heard_once_by_every_other_device_in_its_place(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    heard = {phone.name: listen(phone) for phone in (a1, a2, b, c)}
    sent = signal(a1)
    assert (sent.flags, sent.ttl) == (frames.WAKE, 60)
    world.settle()
    assert heard["a1"] == [], "not the own echo"
    for phone in (a2, b, c):
        (one,) = signals(heard[phone.name])
        leaf = talk.chat_of(phone).leaf_of(*a1.device)
        assert (one.gid, one.leaf, (one.account, one.device)) == (world.main, leaf, a1.device)
        assert (one.fields, one.epoch) == (RING, talk.chat_of(phone).epoch)
    audit(world)


def test_an_ephemeral_signal_reaches_who_is_there(world: World) -> None:
    b, c = meet(world, "b", "c")
    world.settle()
    heard = listen(c)
    sent = signal(b, GOT, EPHEMERAL)
    assert (sent.flags, sent.ttl) == (frames.EPHEMERAL, 0)
    world.settle()
    assert [one.fields for one in signals(heard)] == [GOT]


def test_durable_signals_keep_their_order_among_texts(world: World) -> None:
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    heard = listen(c)
    for at in range(3):
        signal(b, {**RING, "n": at})
        say(b, f"text {at}")
        while b.turn():
            pass
    world.settle()
    assert [one.fields["n"] for one in signals(heard)] == [0, 1, 2]
    assert texts(c) == ["text 0", "text 1", "text 2"]


def test_nothing_of_a_signal_is_kept_or_shown(world: World) -> None:
    a1, a2, b, c = meet(world, "a1", "a2", "b", "c")
    before = {phone.name: talk.see(phone, lambda step: step.tx.count("event")) for phone in (a1, a2, b, c)}
    heard = listen(c)
    signal(a1)
    signal(b, GOT, EPHEMERAL)
    world.settle()
    assert len(signals(heard)) == 2
    for phone in (a1, a2, b, c):
        assert (seen(phone), talk.chat_of(phone).unread) == ([], 0)
        with phone.core.look() as step:
            assert step.tx.count("event") == before[phone.name]
            assert step.tx.count("outbox") == 0
            kept = [step.tx.scan(table) for table in KEYED if not table.startswith("mls")]
            kept += [[data for _, data in step.tx.rows(table)] for table in ORDERED]
        assert all(SECRET not in data for values in kept for data in values)


def test_a_replay_on_either_way_is_heard_once(world: World) -> None:
    b, c = meet(world, "b", "c")
    heard = listen(c)
    ring, got = seal(b), seal(b, GOT, EPHEMERAL)
    for _ in range(3):
        as_ephemeral(c, ring)
        as_durable(c, ring)
        as_durable(c, got)
        as_ephemeral(c, got)
    assert [one.fields for one in signals(heard)] == [RING, GOT]


def test_signals_in_another_order_are_heard_in_that_order(world: World) -> None:
    b, c = meet(world, "b", "c")
    heard = listen(c)
    sent = [seal(b, {**GOT, "pc": at}, EPHEMERAL) for at in range(5)]
    for at in (4, 0, 2, 3, 1):
        as_ephemeral(c, sent[at])
    assert [one.fields["pc"] for one in signals(heard)] == [4, 0, 2, 3, 1]


def test_a_signal_of_another_group_or_epoch_is_not_heard(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    dm = talk.act(b, lambda step: chats.open_dm(step, c.device[0]))
    world.settle()
    heard = listen(c)
    ring = seal(b)
    as_ephemeral(c, ring, gid=dm)
    as_durable(c, ring, gid=dm)
    as_ephemeral(c, ring, epoch=talk.chat_of(c).epoch + 1)
    as_ephemeral(c, ring, gid=bytes(16))
    assert heard == []
    as_ephemeral(c, ring)
    assert len(signals(heard)) == 1
    assert a1.device != b.device


def test_a_signal_of_the_epoch_before_is_still_heard(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    got = seal(b, GOT, EPHEMERAL)
    epoch = talk.chat_of(c).epoch
    talk.act(a1, lambda step: chats.rename(step, world.main, "Pigeons"))
    world.settle()
    heard = listen(c)
    as_ephemeral(c, got, epoch=epoch)
    assert [(one.fields, one.epoch) for one in signals(heard)] == [(GOT, epoch)]
    assert talk.chat_of(c).epoch == epoch + 1


def test_nobody_hears_who_was_removed(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    ring, got = seal(c), seal(c, GOT, EPHEMERAL)
    epoch = talk.chat_of(b).epoch
    talk.act(a1, lambda step: chats.remove_account(step, world.main, c.device[0]))
    world.settle()
    heard = listen(b)
    as_durable(b, ring)
    as_ephemeral(b, got, epoch=epoch)
    assert signals(heard) == []
    assert c.core.seal_signal(world.main, RING, DURABLE) is None, "nor does who was removed say anything"


def test_a_chat_that_does_not_work_neither_hears_nor_says(world: World) -> None:
    b, c = meet(world, "b", "c")
    ring, got = seal(b), seal(b, GOT, EPHEMERAL)
    talk.act(c, lambda step: readd.lose(step, world.main, "asked"))
    heard = listen(c)
    as_durable(c, ring)
    as_ephemeral(c, got)
    assert heard == []
    assert c.core.seal_signal(world.main, RING, DURABLE) is None
    for call in (lambda: c.core.call_keys(world.main, context=bytes(48)), lambda: c.core.send_token(world.main)):
        with pytest.raises(ZajilError, match="chat-stuck"):
            call()


def test_where_only_admins_write_a_member_rings_nobody_and_answers(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    ring = seal(c)
    quick = seal(c, RING, EPHEMERAL)
    talk.act(a1, lambda step: step.change_chat(world.main, perms={"send": 1}))
    talk.act(b, lambda step: step.change_chat(world.main, perms={"send": 1}))
    heard = listen(b)
    as_durable(b, ring)
    as_ephemeral(b, quick)
    assert signals(heard) == []
    signal(a1)
    signal(c, GOT, DURABLE)
    world.settle()
    assert [one.fields["t"] for one in signals(heard)] == ["ring", "got"]
    talk.act(c, lambda step: step.change_chat(world.main, perms={"send": 1}))
    assert c.core.seal_signal(world.main, RING, DURABLE) is None, "an honest one does not even send it"
    assert c.core.seal_signal(world.main, GOT, DURABLE) is not None


@pytest.mark.parametrize("why", ["incoming", "outgoing", "quiet", "blocked"])
def test_nobody_rings_in_a_request_a_quiet_dm_or_who_is_blocked(world: World, why: str) -> None:
    b, c = meet(world, "b", "c")
    rings, got = [seal(b), seal(b, RING, EPHEMERAL)], seal(b, GOT, EPHEMERAL)
    heard = listen(c)

    def change(step: Step) -> None:
        if why == "blocked":
            accounts.change(step, b.device[0], blocked=True, blocked_at=1)
        else:
            step.change_chat(world.main, **({"quiet": True} if why == "quiet" else {"request": why}))

    talk.act(c, change)
    as_durable(c, rings[0])
    as_ephemeral(c, rings[1])
    as_ephemeral(c, got)
    assert signals(heard) == []
    if "ing" in why:
        assert c.core.seal_signal(world.main, RING, DURABLE) is None


def test_a_signal_that_no_server_dated_is_not_heard(world: World) -> None:
    """A file that members carry by hand: days old, and nobody can tell."""
    b, c = meet(world, "b", "c")
    heard = listen(c)
    as_durable(c, seal(b), ts=0)
    assert heard == []
    say(b, "by hand")
    file = talk.act(b, lambda step: bundles.export_bundle(step, world.main))
    imported = talk.act(c, lambda step: bundles.import_bundle(step, file))
    assert (imported.outcomes, heard) == (("taken",), [])


def test_the_age_is_the_servers_whatever_our_clock_says(world: World) -> None:
    b, c = meet(world, "b", "c")
    wall, ticks = 5_000, 70_000_000
    core = Core(c.store, c.keys, now=lambda: wall, rng=world.rng.randbytes, ticks=lambda: ticks)
    (made,) = [Signal(world.main, 0, *b.device, world.now_ms, 0, RING)]
    core.take_ready(frames.Ready(world.now_ms, 0, 0, 0, 0, 0))
    assert core.age_ms(made) == 0
    ticks += 46_000
    assert core.age_ms(made) == 46_000, "the clock on the wall stood still or was set back"
    wall += 50_000
    assert core.age_ms(made) == 50_000, "the machine slept, and its ticks with it"
    assert core.age_ms(made._replace(ts=world.now_ms + 90_000)) == 0, "never from the future"


def test_a_delayed_ring_is_told_with_its_age(world: World) -> None:
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    signal(b)
    world.now_ms += 59_000
    heard = listen(c)
    world.settle()
    (ring,) = signals(heard)
    assert c.core.age_ms(ring) >= 59_000


def test_a_ring_that_waited_too_long_is_gone_and_nothing_seems_lost(world: World) -> None:
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    signal(b)
    world.now_ms += 61_000
    say(b, "after it")
    heard = listen(c)
    world.settle()
    assert signals(heard) == []
    assert texts(c) == ["after it"], "no line about a gap"


def test_an_ephemeral_signal_pushes_no_key_out(world: World) -> None:
    b, c = meet(world, "b", "c")
    c.cut_receiving()
    count = Window().skipped + 8
    for at in range(count):
        say(b, f"text {at}")
        while b.turn():
            pass
    heard = listen(c)
    as_ephemeral(c, seal(b, GOT, EPHEMERAL))
    assert heard == []
    world.settle()
    assert texts(c) == [f"text {at}" for at in range(count)]


def test_a_malformed_call_is_ignored_without_a_word(world: World) -> None:
    b, c = meet(world, "b", "c")
    heard = listen(c)
    whole = parts.encode_part

    def mangle(part: parts.ControlPart) -> content.SinglePart:
        made = whole(part)
        if not isinstance(part, parts.Call):
            return made
        value: cbor.Value = ["call", {1: 2}] if part.fields["t"] == "ring" else ["call", {"sdp": "x" * 5_000}]
        return content.SinglePart(made.content_type, cbor.encode(value), made.disposition)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "encode_part", mangle)
        patch.setattr(whispers, "WHISPER_BYTES", 1 << 20)
        sent = seal(b), seal(b, GOT, EPHEMERAL)
    for request in sent:
        as_durable(c, request)
        as_ephemeral(c, request)
    assert (heard, talk.events(c, "bad-message")) == ([], [])


def test_what_no_server_takes_is_not_sealed(world: World) -> None:
    (b,) = meet(world, "b")
    with pytest.raises(Malformed):
        b.core.seal_signal(world.main, {"sdp": "x" * parts.CALL_BYTES}, EPHEMERAL)
    for course in (Course(SIGNAL_TTL_S + 1), Course(-1), Course(0, wake=True)):
        with pytest.raises(ZajilError, match="wrong-call"):
            b.core.seal_signal(world.main, GOT, course)
    own = talk.see(b, lambda step: next(chat.gid for chat in rows.all_chats(step.tx) if chat.kind == 0))
    assert b.core.seal_signal(own, RING, DURABLE) is None, "alone with oneself"
    assert b.core.seal_signal(bytes(16), RING, DURABLE) is None
    longest = seal(b, {"t": "desc", "sdp": "x" * 2_900}, EPHEMERAL)
    assert WHISPER_BYTES < len(longest.body) < 4_096, "a record of the session"
    with pytest.raises(Malformed):
        b.core.seal_signal(world.main, {"t": "desc", "sdp": "x" * 3_500}, EPHEMERAL)
    server = "a" * SERVER_NAME_BYTES
    with b.core.step("rename") as step:
        rows.save_profile(step.tx, msgspec.structs.replace(step.profile, server_name=server))
    assert len(seal(b, {"t": "desc", "sdp": "x" * 2_850}, EPHEMERAL).body) == len(longest.body)


def test_all_devices_derive_one_key_for_each_call_and_epoch(world: World) -> None:
    phones = meet(world, "a1", "a2", "b", "c")
    context = bytes(16) + SECRET
    found = [phone.core.call_keys(world.main, context=context) for phone in phones]
    assert {(keys.epoch, keys.base_key, keys.members) for keys in found} == {
        (found[0].epoch, found[0].base_key, found[0].members)
    }
    assert len(found[0].base_key) == 16
    for phone, keys in zip(phones, found, strict=True):
        assert (keys.leaf, *phone.device) in [tuple(member) for member in keys.members]
        assert phone.core.send_token(world.main)[0] == keys.epoch
    other = phones[0].core.call_keys(world.main, context=bytes(48))
    assert other.base_key != found[0].base_key
    with pytest.raises(ZajilError, match="wrong-call"):
        phones[0].core.call_keys(world.main, context=b"")


def test_each_new_epoch_is_told_and_whether_somebody_went(world: World) -> None:
    a1, b, c = meet(world, "a1", "b", "c")
    context = bytes(16) + SECRET
    heard, gone = listen(b), listen(c)
    first = b.core.call_keys(world.main, context=context)
    talk.act(a1, lambda step: chats.rename(step, world.main, "Pigeons"))
    world.settle()
    talk.act(a1, lambda step: chats.remove_account(step, world.main, c.device[0]))
    world.settle()
    told = epochs(heard)
    assert [(one.gid, one.epoch - first.epoch, one.removed) for one in told] == [
        (world.main, 1, False),
        (world.main, 2, True),
    ]
    later = b.core.call_keys(world.main, context=context)
    assert (later.epoch, later.base_key != first.base_key) == (told[-1].epoch, True)
    assert c.device[0] not in {member.account for member in later.members}
    assert [one.removed for one in epochs(gone)] == [False, True]
    with pytest.raises(ZajilError, match="not-a-member"):
        c.core.call_keys(world.main, context=context)


def test_epochs_of_other_chats_are_not_told(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    heard: list[CallNews] = []
    b.core.hear_calls(heard.append)
    talk.act(a1, lambda step: chats.rename(step, world.main, "Pigeons"))
    world.settle()
    assert heard == []


def test_a_step_that_fails_tells_nothing(world: World) -> None:
    b, c = meet(world, "b", "c")
    heard = listen(c)
    ring = seal(b)
    with pytest.raises(RuntimeError, match="disk"), c.core.step("receive") as step:
        seq = step.session().last_seq + 1
        epoch = step.chat(world.main).epoch
        gid = GroupId(world.main)
        sync.take_messages(step, [frames.Msg(seq, Mid(bytes(16)), frames.Kind.APP, gid, epoch, 1, ring.body)])
        assert len(step.calls) == 1
        raise RuntimeError("disk")
    assert heard == []
    as_durable(c, ring)
    assert len(signals(heard)) == 1


def test_the_record_of_a_call_is_sealed_and_lives_until_it_is_dropped(world: World) -> None:
    (b,) = meet(world, "b")
    assert b.core.kept_call() is None
    b.core.keep_call(b"first")
    b.core.keep_call(SECRET)
    b.close()
    b.open()
    assert b.core.kept_call() == SECRET
    b.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert SECRET not in (b.home / "store.sqlite").read_bytes()
    assert isinstance(b.store, Store)
    b.core.keep_call(None)
    assert b.core.kept_call() is None
