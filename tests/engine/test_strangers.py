"""What passes through the references of strangers, and through denied ones, in every implementation: attacks first."""

from __future__ import annotations

from tests.delivery.world import Group, Server

from zajil.delivery import send as send_verb
from zajil.engine.sql import interface as op
from zajil.protocol.contacts.requests import HANDSHAKES, MESSAGE_BYTES, is_strangers
from zajil.protocol.frames import EPHEMERAL, Kind


class Asking:
    """A group of one who holds a stranger's reference to a mailbox."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.box = server.mailbox()
        self.group = Group(server, server.mailbox())
        self.ref = server.refs.make_stranger_ref(self.box)

    def join(self, welcome: bytes = b"welcome") -> None:
        frame = self.group.commit_frame([(1, self.ref)], welcome=welcome)
        self.server.commit(frame)
        self.group.applied(frame, self.group.pending)

    def commit(self, payload: bytes = b"path") -> None:
        frame = self.group.commit_frame(payload=payload)
        self.server.commit(frame)
        self.group.applied(frame, self.group.pending)

    def kinds(self) -> list[Kind]:
        return [entry.kind for entry in self.server.queue(self.box)]


def test_one_message_passes_and_then_none(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(3):
        server.send(asking.group.send_frame())  # the sender is told the same each time
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]
    (welcome, _) = server.queue(asking.box)
    assert is_strangers(welcome.via or b"")


def test_a_long_first_message_never_passes_and_uses_up_nothing(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    server.send(asking.group.send_frame(b"x" * MESSAGE_BYTES))
    assert asking.kinds() == [Kind.WELCOME]
    server.send(asking.group.send_frame())
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]


def test_nothing_ephemeral_passes(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    seen: list[object] = []
    server.bus.subscribe(asking.box, seen.append)
    server.send(asking.group.send_frame(flags=EPHEMERAL))
    assert seen == []


def test_handshakes_pass_up_to_a_number(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(HANDSHAKES + 3):
        asking.commit()
    assert asking.kinds() == [Kind.WELCOME] + [Kind.COMMIT] * (HANDSHAKES - 1)


def test_a_huge_welcome_does_not_pass(server: Server) -> None:
    asking = Asking(server)
    asking.join(b"w" * (257 * 1024))
    assert asking.kinds() == []


def test_handshakes_pass_up_to_so_many_bytes(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    for _ in range(4):
        asking.commit(b"p" * 100 * 1024)
    assert asking.kinds() == [Kind.WELCOME, Kind.COMMIT, Kind.COMMIT]


def test_the_same_reference_in_other_groups_brings_no_more(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    server.send(asking.group.send_frame())
    other = Group(server, server.mailbox())
    frame = other.commit_frame([(leaf, asking.ref) for leaf in range(1, 20)], welcome=b"again")
    server.commit(frame)
    other.applied(frame, other.pending)
    server.send(other.send_frame())
    assert asking.kinds() == [Kind.WELCOME, Kind.APP, Kind.WELCOME]
    for _ in range(HANDSHAKES):
        fresh = Group(server, server.mailbox())
        server.commit(fresh.commit_frame([(1, asking.ref)], welcome=b"w"))
    assert len(asking.kinds()) == HANDSHAKES + 1


def test_messages_of_one_batch_race_for_the_one_place(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    outcomes = server.run(*(send_verb.prepare(asking.group.send_frame()) for _ in range(5)))
    assert all(isinstance(outcome, op.Accepted) for outcome in outcomes)
    assert asking.kinds() == [Kind.WELCOME, Kind.APP]


def test_whoever_is_accepted_writes_freely(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    accepted = server.refs.make_ref(asking.box)
    frame = asking.group.commit_frame([(1, accepted)], [1])
    server.commit(frame)
    asking.group.applied(frame, asking.group.pending)
    for _ in range(3):
        server.send(asking.group.send_frame(b"x" * MESSAGE_BYTES))
    assert asking.kinds() == [Kind.WELCOME, Kind.COMMIT] + [Kind.APP] * 3
    assert not is_strangers(server.queue(asking.box)[-1].via or b"")


def test_nothing_passes_through_a_denied_reference_until_it_is_allowed_again(server: Server) -> None:
    box, other = server.mailbox(), server.mailbox()
    group = Group(server, server.mailbox())
    ref = server.refs.make_ref(box)
    serial = server.refs.open_ref(ref).serial
    joining = group.commit_frame([(1, ref)], welcome=b"w")
    server.commit(joining)
    group.applied(joining, group.pending)
    before, during, after = (send_verb.prepare(group.send_frame()) for _ in range(3))
    outcomes = server.run(
        before,
        op.DenyRef(mailbox_id=box, serial=serial),
        during,
        op.AllowRef(mailbox_id=other, serial=serial),  # another mailbox: another name
        send_verb.prepare(group.send_frame()),
        op.AllowRef(mailbox_id=box, serial=serial),
        after,
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)], "the sender cannot tell"
    assert [m.body for m in server.queue(box)][1:] == [before.body, after.body]


def test_use_of_references_is_forgotten(server: Server) -> None:
    asking = Asking(server)
    asking.join()
    assert server.count("ref_use") == 1
    server.now_ms += op.REF_USE_TTL_DAYS * 86_400_000
    server.do(op.Expire())
    assert server.count("ref_use") == 0
