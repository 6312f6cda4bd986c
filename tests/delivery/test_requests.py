"""CREATE, COMMIT and SEND under attack first, then as meant. Every refusal leaves nothing behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from tests.delivery.world import Group, Server, private_message

from zajil.delivery import commit as commit_verb
from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.protocol import cbor, frames, limits
from zajil.protocol.chat.aad import (
    APPLICATION_BYTES,
    MOST_BYTES,
    ApplicationAad,
    CommitAad,
    hash_refs,
    parse_aad,
)
from zajil.protocol.errors import ZajilError

F = TypeVar("F")
TABLES = ("grp", "message", "mailbox_item", "idem", "pass")


def refuses(server: Server, code: str, call: Callable[[F], object], frame: F) -> ZajilError:
    """The call is refused with this code and no table has changed."""
    before = [server.count(table) for table in TABLES]
    with pytest.raises(ZajilError) as caught:
        call(frame)
    assert caught.value.code == code
    assert [server.count(table) for table in TABLES] == before
    return caught.value


@pytest.fixture
def group(server: Server) -> Group:
    return Group(server, server.mailbox(), server.mailbox(), server.mailbox())


# Attacks


def test_a_message_too_big_is_refused_before_anything_else(server: Server, group: Group) -> None:
    frame = group.send_frame(b"x" * limits.BODY_BYTES)
    refuses(server, "too-big", server.send, frame)
    eph = group.send_frame(b"x" * limits.EPHEMERAL_BYTES, flags=frames.EPHEMERAL)
    refuses(server, "too-big", server.send, eph)
    refuses(server, "too-big", server.commit, group.commit_frame(payload=b"x" * limits.COMMIT_BYTES))
    ref = server.refs.make_ref(server.mailbox())
    big = group.commit_frame([(3, ref)], welcome=b"x" * (limits.WELCOME_BYTES + 1))
    refuses(server, "too-big", server.commit, big)
    many = group.commit_frame([(leaf, ref) for leaf in range(3, 3 + limits.ADDED_LEAVES + 1)], welcome=b"w")
    refuses(server, "too-big", server.commit, many)


def test_a_signal_waits_two_minutes_at_most_and_an_ephemeral_one_never(server: Server, group: Group) -> None:
    for ttl in (limits.SIGNAL_TTL_S + 1, 86_400, 2**32 - 1):
        refuses(server, "malformed", server.send, group.send_frame(ttl=ttl))
    for ttl in (1, 60, 121):
        refuses(server, "malformed", server.send, group.send_frame(flags=frames.EPHEMERAL, ttl=ttl))
    for ttl, flags in ((1, 0), (60, frames.WAKE), (limits.SIGNAL_TTL_S, 0)):
        server.send(group.send_frame(ttl=ttl, flags=flags))
    assert len(server.queue(group.leaves[0])) == 4


def test_a_wrong_roster_key_opens_nothing(server: Server, group: Group) -> None:
    wrong = server.rng.randbytes(32)
    send = msgspec.structs.replace(group.send_frame(), roster_key=wrong)
    refuses(server, "bad-roster-key", server.send, send)
    commit = msgspec.structs.replace(group.commit_frame(), roster_key=wrong)
    refuses(server, "bad-roster-key", server.commit, commit)


def test_a_foreign_token_and_an_unknown_group_look_alike(server: Server, group: Group) -> None:
    other = Group(server, server.mailbox())
    foreign = msgspec.structs.replace(group.send_frame(), token=other.token)
    first = refuses(server, "bad-group-token", server.send, foreign)
    nowhere = Group(server, server.mailbox())
    with server.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM grp WHERE gid = ?", (nowhere.gid,))
    second = refuses(server, "bad-group-token", server.send, nowhere.send_frame())
    assert (first.status, dict(first.detail)) == (second.status, dict(second.detail))
    zeros = msgspec.structs.replace(group.send_frame(), token=bytes(32))
    refuses(server, "bad-group-token", server.send, zeros)


def test_the_token_of_the_epoch_before_is_stale_and_older_ones_are_foreign(server: Server, group: Group) -> None:
    old_send, old_commit = group.send_frame(), group.commit_frame()
    group.remove(2)
    assert refuses(server, "stale-epoch", server.send, old_send).detail == {"epoch": group.epoch}
    assert refuses(server, "stale-epoch", server.commit, old_commit).detail == {"epoch": group.epoch}
    group.remove(1)
    refuses(server, "bad-group-token", server.send, old_send)
    refuses(server, "bad-group-token", server.commit, old_commit)


def test_the_right_token_with_the_header_of_another_epoch_is_refused(server: Server, group: Group) -> None:
    for epoch in (group.epoch - 1, group.epoch + 1, 2**64 - 1):
        refuses(server, "bad-group-token", server.send, group.send_frame(epoch=epoch))


def test_a_replayed_body_under_a_new_mid_is_a_new_request_and_under_its_own_a_dup(server: Server, group: Group) -> None:
    frame = group.send_frame()
    first = server.send(frame)
    assert isinstance(first, op.Accepted)
    server.now_ms += 5000
    again = server.send(msgspec.structs.replace(frame, rid=9))
    assert first.frank is not None
    assert again == op.Accepted(first.epoch, first.ts, True, first.frank)
    assert [m.kind for m in server.queue(group.leaves[1])] == [3, 2]
    other = msgspec.structs.replace(group.send_frame(b"other"), mid=frame.mid)
    refuses(server, "idem-conflict", server.send, other)


@pytest.mark.parametrize("field", ["added", "removed", "rotate", "refs"])
def test_a_commit_whose_aad_differs_from_the_request_is_refused(server: Server, group: Group, field: str) -> None:
    ref = server.refs.make_ref(server.mailbox())
    added: tuple[int, ...] = (3,)
    removed: tuple[int, ...] = (2,)
    rotate, refs = True, [ref]
    if field == "added":
        added = (4,)
    elif field == "removed":
        removed = ()
    elif field == "rotate":
        rotate = False
    else:
        refs = [server.refs.make_ref(server.mailbox())]
    good = group.commit_frame([(3, ref)], [2], rotate=True, welcome=b"w")
    aad = CommitAad(added, removed, rotate, hash_refs(refs)).encode()
    body = private_message(group.gid, group.epoch, 3, aad, b"path")
    refuses(server, "malformed", server.commit, msgspec.structs.replace(good, commit=body))
    server.commit(good)


def test_an_aad_too_long_to_be_one_is_never_parsed(
    server: Server, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests are read before their token is checked, so reading one must cost nobody anything."""
    longest = CommitAad(
        tuple(range(1 << 31, (1 << 31) + 1024)), tuple(range(1 << 31, (1 << 31) + 1024)), True, bytes(32)
    )
    assert parse_aad(longest.encode()) == longest
    assert len(longest.encode()) <= MOST_BYTES
    assert len(ApplicationAad(bytes(32)).encode()) == APPLICATION_BYTES
    parsed: list[int] = []
    monkeypatch.setattr(cbor, "parse", lambda data: parsed.append(len(data)))
    for size in (8_000, 60_000):
        aad = cbor.encode([1, 1, [0] * size])
        body = private_message(group.gid, group.epoch, 1, aad, b"x")
        refuses(server, "malformed", server.send, msgspec.structs.replace(group.send_frame(), body=body))
    body = private_message(group.gid, group.epoch, 3, cbor.encode([1, 2, [0] * 60_000]), b"x")
    refuses(server, "malformed", server.commit, msgspec.structs.replace(group.commit_frame(), commit=body))
    assert parsed == []


def test_headers_of_another_group_type_or_form_are_malformed(server: Server, group: Group) -> None:
    app = ApplicationAad(bytes(32)).encode()
    good = group.send_frame()
    bodies = [
        private_message(bytes(16), group.epoch, 1, app, b"x"),
        private_message(group.gid, group.epoch, 2, app, b"x"),
        private_message(group.gid, group.epoch, 3, app, b"x"),
        private_message(group.gid, group.epoch, 1, CommitAad((), (), False, bytes(32)).encode(), b"x"),
        private_message(group.gid, group.epoch, 1, b"", b"x"),
        good.body + b"\0",
        good.body[:-1],
        b"",
    ]
    for body in bodies:
        bad = msgspec.structs.replace(good, body=body)
        refuses(server, "malformed", server.send, bad)
        commit = msgspec.structs.replace(group.commit_frame(), commit=body)
        refuses(server, "malformed", server.commit, commit)
    late = msgspec.structs.replace(group.commit_frame(), epoch=group.epoch + 1)
    refuses(server, "malformed", server.commit, late)


def test_forged_and_foreign_references_are_refused(server: Server, group: Group) -> None:
    box = server.mailbox()
    good = bytearray(server.refs.make_ref(box))
    flipped = [bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]) for at in (0, 5, 20, 53)]
    for ref in (*flipped, bytes(54), bytes(good[:-1]), b""):
        frame = group.commit_frame([(3, ref)], welcome=b"w")
        refuses(server, "bad-delivery-ref", server.commit, frame)
    fresh = Group.__new__(Group)
    fresh.__dict__.update(group.__dict__, refs={0: bytes(54)}, gid=server.rng.randbytes(16))
    refuses(server, "bad-delivery-ref", server.create, fresh.create_frame())


def test_a_roster_cannot_lose_or_gain_leaves_by_a_lie(server: Server, group: Group) -> None:
    ref = server.refs.make_ref(server.mailbox())
    refuses(server, "malformed", server.commit, group.commit_frame(rm=[7], rotate=True))
    refuses(server, "malformed", server.commit, group.commit_frame([(2, ref)], welcome=b"w"))
    refuses(server, "malformed", server.commit, group.commit_frame([(3, ref)]))
    refuses(server, "malformed", server.commit, group.commit_frame(welcome=b"w"))
    refuses(server, "malformed", server.commit, group.commit_frame([(4, ref), (3, ref)], welcome=b"w"))
    refuses(server, "malformed", server.commit, group.commit_frame([(3, ref), (3, ref)], welcome=b"w"))


def test_a_pass_buys_one_group(server: Server) -> None:
    made = Group(server, server.mailbox())
    second = msgspec.structs.replace(made.creation, mid=made.mid(), gid=server.rng.randbytes(16))
    refuses(server, "pass-spent", server.create, second)
    unknown = msgspec.structs.replace(second, pass_=server.rng.randbytes(32))
    refuses(server, "pass-spent", server.create, unknown)
    same_gid = msgspec.structs.replace(made.creation, mid=made.mid(), pass_=server.new_pass())
    refuses(server, "group-exists", server.create, same_gid)
    assert server.create(made.creation) == op.Accepted(0, server.now_ms, True)
    server.new_pass()
    stale = server.new_pass()
    server.now_ms += op.PASS_TTL_DAYS * 86_400_000
    refuses(server, "pass-spent", server.create, msgspec.structs.replace(second, pass_=stale))


def test_a_group_starts_with_leaf_zero_alone(server: Server) -> None:
    made = Group(server, server.mailbox())
    frame = made.create_frame()
    wrong = msgspec.structs.replace(
        frame, gid=server.rng.randbytes(16), add=(frames.AddedLeaf(1, frame.add[0].deliver_to),)
    )
    refuses(server, "malformed", server.create, wrong)


def test_a_group_has_its_own_limit_and_an_outsider_cannot_use_it_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(tmp_path_factory.mktemp("limits"), limits={})
    group = Group(server, server.mailbox())
    for _ in range(300):
        with pytest.raises(ZajilError, match="bad-group-token"):
            server.send(msgspec.structs.replace(group.send_frame(), token=bytes(32)))
    for _ in range(120):
        server.send(group.send_frame())
    refused = refuses(server, "slow-down", server.send, group.send_frame())
    assert refused.retry_ms == 500
    server.now_ms += 500
    server.send(group.send_frame())
    for _ in range(20):
        frame = group.commit_frame()
        server.commit(frame)
        group.applied(frame, group.pending)
    assert refuses(server, "slow-down", server.commit, group.commit_frame()).retry_ms == 3000
    server.close()


def test_typing_has_a_limit_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    server = Server(tmp_path_factory.mktemp("limits"), limits={})
    group = Group(server, server.mailbox(), server.mailbox())
    seen: list[object] = []
    for box in group.leaves.values():
        server.bus.subscribe(box, seen.append)

    def typing() -> frames.Send:
        return group.send_frame(b"typing", flags=frames.EPHEMERAL)

    for _ in range(240):
        server.send(typing())
    assert len(seen) == 240 * len(group.leaves)
    assert refuses(server, "slow-down", server.send, typing()).retry_ms == 100
    server.send(group.send_frame(b"a message still goes"))
    server.now_ms += 100
    server.send(typing())
    server.close()


# As meant


def test_a_message_reaches_every_leaf_once_with_its_header_fields(server: Server, group: Group) -> None:
    server.now_ms += 1
    frame = group.send_frame(b"hello")
    frank = server.mark(frame)
    assert server.send(frame) == op.Accepted(1, server.now_ms, frank=frank)
    assert server.send(frame) == op.Accepted(1, server.now_ms, dup=True, frank=frank)
    ids = set()
    for leaf, box in group.leaves.items():
        entry = server.queue(box)[-1]
        assert (entry.kind, entry.gid, entry.epoch, entry.ts) == (frames.Kind.APP, group.gid, 1, server.now_ms)
        assert (entry.body, entry.frank) == (frame.body, frank)
        assert entry.via == server.refs.open_ref(group.refs[leaf]).serial
        ids.add(entry.id)
    assert len(ids) == 1
    assert frames.parse_r_server(frames.encode_frame(entry)) == entry


def test_a_commit_goes_to_the_whole_old_roster_and_the_welcome_to_the_added(server: Server) -> None:
    a, b, c = server.mailbox(), server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    frame = group.commit_frame([(1, server.refs.make_ref(c))], [1], rotate=True, welcome=b"come in")
    assert server.commit(frame) == op.Accepted(2, server.now_ms)
    group.applied(frame, group.pending)
    assert [m.kind for m in server.queue(a)] == [1, 1]
    assert [(m.kind, m.epoch) for m in server.queue(b)] == [(3, 1), (1, 1)]  # the removed learn it too
    assert [(m.kind, m.epoch, m.body, m.gid) for m in server.queue(c)] == [(3, 2, b"come in", group.gid)]
    server.send(group.send_frame())
    assert [m.kind for m in server.queue(b)] == [3, 1]
    assert [m.kind for m in server.queue(c)] == [3, 2]


def test_a_device_added_again_gets_the_commit_and_then_the_welcome(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b)
    server.do(op.Ack(mailbox_id=b, upto=1))
    frame = group.commit_frame([(1, server.refs.make_ref(b))], [1], rotate=True, welcome=b"again")
    server.commit(frame)
    assert [(m.seq, m.kind) for m in server.queue(b)] == [(2, 1), (3, 3)]


def test_a_leaf_may_replace_its_own_reference_without_a_welcome(server: Server, group: Group) -> None:
    box = server.mailbox()
    frame = group.commit_frame([(1, server.refs.make_ref(box))], [1])
    server.commit(frame)
    group.applied(frame, group.pending)
    server.send(group.send_frame())
    assert [m.kind for m in server.queue(box)] == [2]


def test_a_mailbox_that_is_gone_is_skipped_and_one_listed_twice_gets_one_entry(server: Server) -> None:
    a, b = server.mailbox(), server.mailbox()
    group = Group(server, a, b, b)
    server.do(op.DropMailbox(mailbox_id=b))
    server.send(group.send_frame())
    assert [m.kind for m in server.queue(a)] == [1, 2]
    server.do(op.AddMailbox(mailbox_id=b))
    server.send(group.send_frame())
    assert [(m.seq, m.kind) for m in server.queue(b)] == [(1, 2)]


def test_a_blocked_reference_leads_nowhere_and_the_sender_cannot_tell(server: Server, group: Group) -> None:
    box = group.leaves[1]
    before = len(server.queue(box))
    serial = server.queue(box)[0].via
    assert serial is not None
    other = server.rng.randbytes(8)
    server.do(op.DenyRef(mailbox_id=box, serial=other))
    server.send(group.send_frame())
    assert len(server.queue(box)) == before + 1
    server.do(op.DenyRef(mailbox_id=box, serial=serial))
    frame = group.send_frame()
    assert server.send(frame) == op.Accepted(1, server.now_ms, frank=server.mark(frame))
    assert len(server.queue(box)) == before + 1


def test_an_ephemeral_message_is_passed_on_and_never_stored(server: Server, group: Group) -> None:
    seen: list[object] = []
    server.bus.subscribe(group.leaves[1], seen.append)
    frame = group.send_frame(b"typing", flags=frames.EPHEMERAL)
    before = [server.count(table) for table in TABLES]
    assert server.send(frame) == op.Accepted(1, server.now_ms)
    assert seen == [frames.Eph(group.gid, 1, server.now_ms, frame.body)]
    assert [server.count(table) for table in TABLES] == before
    stale = group.send_frame(b"typing", flags=frames.EPHEMERAL)
    group.remove(2)
    refuses(server, "stale-epoch", server.send, stale)


def test_what_is_accepted_is_known_for_a_day(server: Server, group: Group) -> None:
    frame = group.send_frame()
    server.send(frame)
    server.now_ms += 86_399_000
    server.do(op.Expire())
    assert server.send(frame).dup  # type: ignore[union-attr]  # an Accepted
    server.now_ms += 1000
    server.do(op.Expire())
    assert not server.send(frame).dup  # type: ignore[union-attr]  # an Accepted


def test_prepared_operations_name_the_request_and_not_the_attempt(group: Group) -> None:
    frame = group.send_frame()
    assert send_verb.prepare(frame) == send_verb.prepare(msgspec.structs.replace(frame, rid=77))
    commit = group.commit_frame()
    prepared = commit_verb.prepare(commit)
    assert prepared.key == hashlib.sha256(commit.gid + commit.mid).digest()
    assert prepared.body_hash == frames.request_hash(commit)
