"""Sealed carriers against whoever sits in between: replays, cuts, flipped bits, wrong keys, wrong order."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import reach_vectors as rv

from zajil.protocol import records
from zajil.protocol.errors import LocalProtocolError, RemoteProtocolError
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.reach import seal
from zajil.protocol.reach.seal import (
    ACCEPT_BYTES,
    NEW_BYTES,
    PUBLIC_KEY_BYTES,
    ROOT_RECORD,
    SEAL_LIFE_MS,
    Channel,
    ClientSeal,
    NewSeal,
    OriginKey,
    RecordSeal,
    Resumed,
    RootWanted,
    ServerSeals,
    SessionKey,
    Unknown,
)

NOW = 1_790_000_000_000
KEY = SessionKey.of(rv.ORIGIN.public)
FRAME = records.pad(b"frame")


def servers(*, most: int = 100, keys: tuple[OriginKey, ...] = (rv.ORIGIN,)) -> ServerSeals:
    return ServerSeals(keys, random=os.urandom, most=most)


def client(*, channel: Channel = Channel.R, key: SessionKey = KEY) -> ClientSeal:
    return ClientSeal(channel, key, now_ms=NOW, random=os.urandom)


def sealed(server: ServerSeals, ours: ClientSeal) -> tuple[RecordSeal, RecordSeal]:
    """Both codecs of the first carrier."""
    made = server.accept(ours.new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)
    ours.take_accept(made.answer, now_ms=NOW)
    return ours.first(), made.codec


def resumed(server: ServerSeals, resume: bytes, *, now_ms: int = NOW) -> RecordSeal:
    found = server.accept(resume, now_ms=now_ms)
    assert isinstance(found, Resumed)
    assert found.answer == b"\x01"
    return found.codec


def refuses(server: ServerSeals, first: bytes, *, now_ms: int = NOW) -> None:
    with pytest.raises(RemoteProtocolError, match="protocol"):
        server.accept(first, now_ms=now_ms)


def test_records_cross_in_order_on_every_carrier() -> None:
    server, ours = servers(), client(channel=Channel.MEDIA)
    near, far = sealed(server, ours)
    for _ in range(5):
        for size in RECORD_SIZES:
            frame = os.urandom(size)
            assert far.open(near.seal(frame)) == frame
            assert near.open(far.seal(frame)) == frame
        resume, near = ours.carrier()
        found = server.accept(resume, now_ms=NOW)
        assert isinstance(found, Resumed)
        assert (found.channel, found.sid) == (Channel.MEDIA, ours.sid)
        far = found.codec


def test_sizes_are_those_of_the_format() -> None:
    server, ours = servers(), client()
    made = server.accept(ours.new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)
    assert (len(ours.new_record), len(made.answer)) == (NEW_BYTES, ACCEPT_BYTES)
    assert isinstance(server.accept(ROOT_RECORD, now_ms=NOW), RootWanted)


def test_the_client_learns_the_clock_of_the_server_however_wrong_its_own() -> None:
    """A phone that starts in 1970 reaches nobody if its NEW is refused, and learns the time by nothing else."""
    ours = ClientSeal(Channel.S, KEY, now_ms=0, random=os.urandom)
    made = servers().accept(ours.new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)
    assert ours.take_accept(made.answer, now_ms=40) == NOW - 40
    assert client().new_record != ours.new_record


def test_the_secrets_go_with_the_accept() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    assert ours._waiting is None
    with pytest.raises(LocalProtocolError):
        ours.take_accept(bytes(ACCEPT_BYTES), now_ms=NOW)


def test_a_first_record_that_was_cut_is_refused() -> None:
    server, ours = servers(), client()
    new = ours.new_record
    sealed(server, ours)
    resume, _ = ours.carrier()
    for whole in (new, resume, ROOT_RECORD):
        for length in range(len(whole)):
            refuses(server, whole[:length])
        refuses(server, whole + b"\x00")
    assert len(server) == 1


def test_a_flipped_bit_of_new_is_refused_without_a_trace() -> None:
    server, ours = servers(), client()
    for at in (*range(23), *range(23, NEW_BYTES, 7), NEW_BYTES - 1):
        new = bytearray(ours.new_record)
        new[at] ^= 1 << at % 8
        refuses(server, bytes(new))
    assert len(server) == 0
    sealed(server, ours)


@pytest.mark.parametrize("at", [0, 1087, 1088, 1119, 1120, ACCEPT_BYTES - 1])
def test_a_flipped_bit_of_the_accept_opens_nothing(at: int) -> None:
    ours = client()
    made = servers().accept(ours.new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)
    bad = bytearray(made.answer)
    bad[at] ^= 1
    for answer in (bytes(bad), made.answer[:-1], made.answer + b"\x00", b"", b"\x02"):
        with pytest.raises(RemoteProtocolError):
            ours.take_accept(answer, now_ms=NOW)
    assert not ours.is_usable(NOW)
    ours.take_accept(made.answer, now_ms=NOW)
    assert ours.is_usable(NOW)


def test_an_accept_fits_its_own_new_alone() -> None:
    server, one, other = servers(), client(), client()
    made = server.accept(other.new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)
    with pytest.raises(RemoteProtocolError):
        one.take_accept(made.answer, now_ms=NOW)


def test_new_for_a_key_of_another_origin_is_refused() -> None:
    foreign = SessionKey.of(rv.OLD_ORIGIN.public)
    refuses(servers(), client(key=foreign).new_record)
    refuses(servers(), client(key=SessionKey(KEY.kid, foreign.public)).new_record)
    made = servers(keys=(rv.ORIGIN, rv.OLD_ORIGIN)).accept(client(key=foreign).new_record, now_ms=NOW)
    assert isinstance(made, NewSeal)


@pytest.mark.parametrize("channel", [0, 4, 255])
def test_new_for_no_channel_is_refused(channel: int) -> None:
    ours = client()
    refuses(servers(), ours.new_record[:2] + bytes([channel]) + ours.new_record[3:])


@pytest.mark.parametrize(
    "public", [bytes(PUBLIC_KEY_BYTES), b"\xff" * PUBLIC_KEY_BYTES, rv.ORIGIN.public[:1184] + bytes(32), b""]
)
def test_a_key_that_is_none_is_refused_on_both_sides(public: bytes) -> None:
    """Zeros, coefficients beyond q, a low-order point: in the root for the client, in NEW for the server."""
    with pytest.raises(LocalProtocolError):
        client(key=SessionKey(KEY.kid, public))
    if len(public) == PUBLIC_KEY_BYTES:
        head = bytes((1,)) + bytes(16) + KEY.kid
        plain = bytes(32) + public + bytes(8)
        hello = seal._seal_to(rv.ORIGIN.public, info=b"zajil/hello/1" + head, plaintext=plain)
        server = servers()
        refuses(server, b"\x01\x01" + head + hello)
        assert len(server) == 0


def test_a_replayed_new_makes_no_second_seal_while_the_first_lives() -> None:
    server, ours = servers(), client()
    near, far = sealed(server, ours)
    refuses(server, ours.new_record)
    refuses(server, ours.new_record, now_ms=NOW + SEAL_LIFE_MS - 1)
    assert far.open(near.seal(FRAME)) == FRAME
    assert len(server) == 1


def test_a_replayed_new_gives_its_sender_nothing_later() -> None:
    """After the seal's life, or a restart, the replay makes a seal whose accept no one alive can open."""
    server, ours = servers(), client()
    near, _ = sealed(server, ours)
    made = server.accept(ours.new_record, now_ms=NOW + SEAL_LIFE_MS)
    assert isinstance(made, NewSeal)
    with pytest.raises(RemoteProtocolError):
        made.codec.open(near.seal(FRAME))


def test_a_carrier_number_serves_once() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    resume, near = ours.carrier()
    record = near.seal(FRAME)
    first, second = resumed(server, resume), resumed(server, resume)
    assert first.open(record) == FRAME
    with pytest.raises(RemoteProtocolError):
        second.open(record)
    with pytest.raises(LocalProtocolError):
        second.seal(FRAME)
    refuses(server, resume)


def test_the_server_seals_nothing_before_a_record_opened() -> None:
    """Else a replayed RESUME would make it use a nonce twice."""
    server, ours = servers(), client()
    near, far = sealed(server, ours)
    with pytest.raises(LocalProtocolError):
        far.seal(FRAME)
    far.open(near.seal(FRAME))
    far.seal(FRAME)


def test_resume_without_the_keys_uses_nothing_up() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    resume, near = ours.carrier()
    for record in (bytes(272), b"", os.urandom(15), os.urandom(65536 + 16), os.urandom(65536 + 17)):
        with pytest.raises(RemoteProtocolError):
            resumed(server, resume).open(record)
    assert resumed(server, resume).open(near.seal(FRAME)) == FRAME


def test_the_window_of_carrier_numbers() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    carriers = [ours.carrier() for _ in range(100)]
    for at in (99, 50, 98, 36):
        resume, near = carriers[at]
        assert resumed(server, resume).open(near.seal(FRAME)) == FRAME
        refuses(server, resume)
    refuses(server, carriers[35][0])  # 64 behind the newest
    assert isinstance(server.accept(carriers[37][0], now_ms=NOW), Resumed)


def test_a_far_carrier_number_costs_no_memory() -> None:
    """A window kept as a shifted integer would grow to half a gigabyte here."""
    server, ours = servers(), client()
    near, far = sealed(server, ours)
    far.open(near.seal(FRAME))
    ours._next_c = (1 << 32) - 1
    resume, near = ours.carrier()
    far = resumed(server, resume)
    record = near.seal(FRAME)
    tracemalloc.start()
    try:
        assert far.open(record) == FRAME
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    refuses(server, resume)


def test_records_come_in_order_each_once_or_not_at_all() -> None:
    for wrong in ("replayed", "skipped", "flipped", "cut", "of the other way"):
        near, far = sealed(servers(), client())
        one, two, three = (near.seal(FRAME) for _ in range(3))
        assert far.open(one) == FRAME
        bad = {
            "replayed": one,
            "skipped": three,
            "flipped": two[:-1] + bytes([two[-1] ^ 1]),
            "cut": two[:-1],
            "of the other way": far.seal(FRAME),
        }[wrong]
        with pytest.raises(RemoteProtocolError):
            far.open(bad)
        with pytest.raises(RemoteProtocolError):
            far.open(two)  # the carrier is over


def test_a_record_of_another_carrier_or_seal_does_not_open() -> None:
    server, ours, theirs = servers(), client(), client()
    near, _ = sealed(server, ours)
    other, _ = sealed(server, theirs)
    for foreign in (near, other, ours.carrier()[1]):
        with pytest.raises(RemoteProtocolError):
            resumed(server, ours.carrier()[0]).open(foreign.seal(FRAME))


@pytest.mark.parametrize("length", range(0, 272, 17))
def test_every_cut_of_a_record_is_refused(length: int) -> None:
    near, far = sealed(servers(), client())
    with pytest.raises(RemoteProtocolError):
        far.open(near.seal(FRAME)[:length])


def test_a_seal_the_server_lost_is_asked_for_anew_on_the_same_carrier() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    resume, _ = ours.carrier()
    assert isinstance(server.accept(resume, now_ms=NOW + SEAL_LIFE_MS - 1), Resumed)
    for lost in (server.accept(resume, now_ms=NOW + SEAL_LIFE_MS), servers().accept(resume, now_ms=NOW)):
        assert isinstance(lost, Unknown)
        assert lost.answer == b"\x02"
    assert len(server) == 0
    assert ours.is_usable(NOW + SEAL_LIFE_MS - 1)
    assert not ours.is_usable(NOW + SEAL_LIFE_MS)


def test_a_full_table_forgets_its_oldest_seal() -> None:
    server = servers(most=3)
    clients = [client() for _ in range(5)]
    for one in clients:
        sealed(server, one)
    assert len(server) == 3
    answers = [type(server.accept(one.carrier()[0], now_ms=NOW)) for one in clients]
    assert answers == [Unknown, Unknown, Resumed, Resumed, Resumed]


def test_a_client_gives_up_a_seal_that_opens_nothing() -> None:
    """A bridge replays our NEW to a server that restarted: it answers 01 and opens nothing, on every route."""
    ours = client()
    near, far = sealed(servers(), ours)
    far.open(near.seal(FRAME))
    near.open(far.seal(FRAME))
    restarted = servers()
    assert isinstance(restarted.accept(ours.new_record, now_ms=NOW), NewSeal)
    for left in (True, True, False):
        resume, near = ours.carrier()
        with pytest.raises(RemoteProtocolError):
            resumed(restarted, resume).open(near.seal(FRAME))
        assert ours.is_usable(NOW) is left


def test_a_carrier_that_works_restores_trust_in_the_seal() -> None:
    server, ours = servers(), client()
    sealed(server, ours)
    ours.carrier()
    resume, near = ours.carrier()
    far = resumed(server, resume)
    far.open(near.seal(FRAME))
    near.open(far.seal(FRAME))
    ours.carrier()
    ours.carrier()
    assert ours.is_usable(NOW)


def test_wrong_calls_say_so() -> None:
    ours = client()
    for call in (ours.first, ours.carrier):
        with pytest.raises(LocalProtocolError):
            call()
    sealed(servers(), ours)
    with pytest.raises(LocalProtocolError):
        ours.first()
    with pytest.raises(LocalProtocolError):
        OriginKey.from_seed(bytes(95))


@given(st.binary(max_size=NEW_BYTES + 2))
@settings(max_examples=200)
def test_hostile_first_records_are_answered_or_refused(data: bytes) -> None:
    server = servers()
    for head in (b"", b"\x01\x01", b"\x01\x02"):
        try:
            found = server.accept(head + data, now_ms=NOW)
        except RemoteProtocolError:
            continue
        assert isinstance(found, Unknown | RootWanted)
