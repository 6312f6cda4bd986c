"""The audit log: how it grows, and that nothing can be taken from it, put into it or moved in it unseen."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.moderation.audit.entries import (
    GENESIS,
    Entry,
    check_record,
    encode_entry,
    entry_hash,
    hash_record,
    make_pseudonym,
    parse_entry,
)
from zajil.moderation.audit.export import MAGIC, encode_export, parse_export
from zajil.moderation.audit.log import Appended, AuditRows, Draft, LogHead, append, record, sign_due, sign_now
from zajil.moderation.audit.verify import FAULTS, Receipt, check_log, check_receipt
from zajil.protocol.errors import LocalProtocolError, Malformed
from zajil.protocol.tlog.checkpoint import Checkpoint, NoteKey, open_checkpoint, sign_checkpoint
from zajil.protocol.tlog.tree import MerkleTree, check_consistency

ORIGIN = "talk.example/moderation"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = [NoteKey(ORIGIN, KEY.public_key().public_bytes_raw())]
SALT = bytes(range(16))


class Rows:
    """A store in memory; the real one has the same four calls."""

    def __init__(self) -> None:
        self.head = LogHead()
        self.entries: list[Appended] = []
        self.checkpoints: list[tuple[int, bytes]] = []

    def find_head(self) -> LogHead:
        return self.head

    def write_head(self, head: LogHead) -> None:
        self.head = head

    def insert_entries(self, entries: Sequence[Appended]) -> None:
        assert [entry.n for entry in entries] == list(range(len(self.entries), len(self.entries) + len(entries)))
        self.entries += entries

    def insert_checkpoint(self, size: int, note: bytes) -> None:
        self.checkpoints.append((size, note))

    def data(self) -> list[bytes]:
        return [entry.data for entry in self.entries]

    def notes(self) -> list[bytes]:
        return [note for _, note in self.checkpoints]


def draft(number: int) -> Draft:
    actor = b"" if number % 3 else make_pseudonym(b"key", bytes([number % 5]))
    return Draft("decision", hash_record(SALT, b"record %d" % number), "1-abc", "model", actor)


def grown(counts: Sequence[int]) -> Rows:
    """A log with a checkpoint after each of these numbers of entries more."""
    rows: AuditRows = (made := Rows())
    number = 0
    for count in counts:
        record(rows, [draft(number + i) for i in range(count)], now=1_000 + number)
        number += count
        sign_now(rows, KEY, origin=ORIGIN)
    return made


def fault_of(entries: Sequence[bytes], notes: Sequence[bytes], trusted: Checkpoint | None = None) -> str:
    with pytest.raises(Malformed, match="bad-signature") as caught:
        check_log(entries, notes, keys=KEYS, origin=ORIGIN, trusted=trusted)
    fault = str(caught.value.detail["fault"])
    assert fault in FAULTS
    return fault


def test_an_entry_has_one_encoding() -> None:
    entry = Entry(7, 1_700_000_000, "decision", bytes(32), "1-abc", "m", make_pseudonym(b"k", b"staff"), b"\1" * 32)
    data = encode_entry(entry)
    assert parse_entry(data) == entry
    # Deterministic CBOR: keys by their encodings, shorter ones first.
    assert data[:3] == b"\xa8\x61n"
    assert [data.index(key) for key in (b"bat\x1a", b"dkind", b"dprev", b"emodel", b"fpolicy", b"mdecision_hash")]


SOUND = Entry(0, 0, "decision", bytes(32), "", "", b"", GENESIS)


@pytest.mark.parametrize(
    "entry",
    [
        SOUND._replace(n=-1),
        SOUND._replace(kind="gossip"),  # type: ignore[arg-type]  # that is the test
        SOUND._replace(decision_hash=b"short"),
        SOUND._replace(policy="x" * 161),
        SOUND._replace(actor_pseudonym=b"me"),
    ],
)
def test_entries_that_would_not_read_back_are_our_own_mistake(entry: Entry) -> None:
    assert parse_entry(encode_entry(SOUND)) == SOUND
    with pytest.raises(LocalProtocolError):
        encode_entry(entry)


def test_the_chain_and_the_times() -> None:
    head = LogHead()
    head, first = append(head, draft(0), now=50.9)
    head, second = append(head, draft(1), now=10)
    one, two = parse_entry(first.data), parse_entry(second.data)
    assert (one.n, one.at, one.prev) == (0, 50, GENESIS)
    assert (two.n, two.at, two.prev) == (1, 50, hashlib.sha256(first.data).digest())
    assert head.root == MerkleTree([first.leaf, second.leaf]).root()


def test_checkpoints_are_due_by_number_or_age_and_never_without_entries() -> None:
    rows = Rows()
    assert sign_due(rows, KEY, origin=ORIGIN, now=1e12) is None
    record(rows, [draft(0)], now=1_000)
    record(rows, [draft(1)], now=1_500)
    assert rows.head.checkpoint_due_at() == 1_600
    assert sign_due(rows, KEY, origin=ORIGIN, now=1_599) is None
    note = sign_due(rows, KEY, origin=ORIGIN, now=1_600)
    assert note is not None
    assert open_checkpoint(note, KEYS, origin=ORIGIN).size == 2
    assert sign_due(rows, KEY, origin=ORIGIN, now=1e12) is None
    record(rows, [draft(i) for i in range(999)], now=1_700)
    assert sign_due(rows, KEY, origin=ORIGIN, now=1_700) is None
    record(rows, [draft(999)], now=1_700)
    assert sign_due(rows, KEY, origin=ORIGIN, now=1_700) is not None
    check_log(rows.data(), rows.notes(), keys=KEYS, origin=ORIGIN)


def test_a_whole_log_verifies_and_says_what_was_proven() -> None:
    rows = grown([3, 5, 0, 1])
    done = check_log(rows.data(), rows.notes(), keys=KEYS, origin=ORIGIN)
    assert done == (9, rows.head.root, 4)
    assert check_log([], [], keys=KEYS, origin=ORIGIN).size == 0
    assert check_log([], grown([0]).notes(), keys=KEYS, origin=ORIGIN).checkpoints == 1


def test_two_checkpoints_are_consistent_by_proof_alone() -> None:
    rows = grown([3, 5])
    tree = MerkleTree([entry.leaf for entry in rows.entries])
    old, new = (open_checkpoint(note, KEYS, origin=ORIGIN) for note in rows.notes())
    check_consistency(
        tree.consistency_proof(old.size, new.size), old=old.size, new=new.size, old_root=old.root, new_root=new.root
    )


def test_records_belong_to_their_entries_until_they_are_erased() -> None:
    entry = parse_entry(grown([1]).data()[0])
    check_record(entry, SALT, b"record 0")
    for salt, text in ((SALT, b"record 1"), (bytes(16), b"record 0"), (b"", b"record 0")):
        with pytest.raises(Malformed, match="bad-signature"):
            check_record(entry, salt, text)
    assert hash_record(SALT, b"same") != hash_record(bytes(16), b"same")
    with pytest.raises(LocalProtocolError):
        hash_record(b"salt", b"")


def test_pseudonyms_name_a_person_and_do_not_say_whom() -> None:
    assert make_pseudonym(b"k", b"one") == make_pseudonym(b"k", b"one")
    assert len({make_pseudonym(b"k", b"one"), make_pseudonym(b"k", b"two"), make_pseudonym(b"l", b"one")}) == 3


def test_a_notice_proves_that_its_decision_is_in_the_log() -> None:
    rows = grown([4, 3])
    tree = MerkleTree([entry.leaf for entry in rows.entries])
    receipt = Receipt(rows.data()[2], tuple(tree.inclusion_proof(2, 7)), rows.notes()[-1])
    assert check_receipt(receipt, salt=SALT, record=b"record 2", keys=KEYS, origin=ORIGIN) == 2
    for bad in (
        receipt._replace(entry=rows.data()[3]),
        receipt._replace(proof=receipt.proof[:-1]),
        receipt._replace(note=rows.notes()[0]),
    ):
        with pytest.raises(Malformed):
            check_receipt(bad, salt=SALT, record=b"record 2", keys=KEYS, origin=ORIGIN)


def test_a_log_cut_at_an_older_checkpoint_is_known_by_who_saw_a_later_one() -> None:
    rows = grown([3, 5])
    seen = open_checkpoint(rows.notes()[-1], KEYS, origin=ORIGIN)
    check_log(rows.data()[:3], rows.notes()[:1], keys=KEYS, origin=ORIGIN)
    assert fault_of(rows.data()[:3], rows.notes()[:1], seen) == "behind"
    check_log(rows.data(), rows.notes(), keys=KEYS, origin=ORIGIN, trusted=seen)


def test_a_rewritten_log_under_the_true_key_is_known_by_who_saw_the_first() -> None:
    """The operator itself forges: chain, tree and signatures are all right, and yet it is another log."""
    first, second = grown([2, 2]), Rows()
    record(second, [draft(i) for i in (0, 7, 2, 3)], now=1_000)
    sign_now(second, KEY, origin=ORIGIN)
    check_log(second.data(), second.notes(), keys=KEYS, origin=ORIGIN)
    seen = open_checkpoint(first.notes()[0], KEYS, origin=ORIGIN)
    assert fault_of(second.data(), second.notes(), seen) == "behind"


def test_each_fault_has_its_name() -> None:
    rows = grown([3, 3])
    entries, notes = rows.data(), rows.notes()
    assert fault_of([entries[0][:-1], *entries[1:]], notes) == "entry-unreadable"
    assert fault_of([*entries[:2], *entries[3:]], notes) == "entry-number"
    forged = encode_entry(parse_entry(entries[2])._replace(kind="list"))
    assert fault_of([*entries[:2], forged, *entries[3:]], notes) == "entry-chain"
    back = encode_entry(parse_entry(entries[5])._replace(at=1))
    assert fault_of([*entries[:5], back], notes) == "entry-time"
    last = encode_entry(parse_entry(entries[5])._replace(kind="list"))
    assert fault_of([*entries[:5], last], notes) == "checkpoint-root"
    assert fault_of(entries, [notes[0], notes[1][:-5]]) == "checkpoint-signature"
    assert fault_of(entries, notes[::-1]) == "checkpoint-order"
    assert fault_of(entries[:5], notes) == "checkpoint-order"
    assert fault_of(entries, notes[:1]) == "uncovered"
    assert fault_of(entries, []) == "uncovered"
    other = sign_checkpoint(Checkpoint("other.example/moderation", 6, rows.head.root), KEY)
    assert fault_of(entries, [other]) == "checkpoint-signature"


LOG = grown([4, 1, 6])
FILE = b"".join(encode_export(LOG.data(), LOG.checkpoints))


def check_file(data: bytes) -> None:
    export = parse_export(data)
    done = check_log(export.entries, export.notes, keys=KEYS, origin=ORIGIN, trusted=SEEN)
    assert done.size == 11


SEEN = open_checkpoint(LOG.notes()[-1], KEYS, origin=ORIGIN)


def test_a_file_holds_the_log_in_the_order_it_grew() -> None:
    export = parse_export(FILE)
    assert export.entries == tuple(LOG.data())
    assert export.notes == tuple(LOG.notes())
    check_file(FILE)
    kinds = []
    at = len(MAGIC)
    while at < len(FILE):
        kinds.append(FILE[at : at + 1])
        at += 5 + int.from_bytes(FILE[at + 1 : at + 5], "big")
    assert b"".join(kinds) == b"EEEECECEEEEEEC"


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_file_is_found(at: int, mask: int) -> None:
    spoiled = bytearray(FILE)
    spoiled[at] ^= mask
    with pytest.raises(Malformed):
        check_file(bytes(spoiled))


@pytest.mark.slow
def test_every_byte_of_a_file_counts() -> None:
    for at in range(len(FILE)):
        spoiled = bytearray(FILE)
        spoiled[at] ^= 1 << at % 8
        with pytest.raises(Malformed):
            check_file(bytes(spoiled))


@settings(deadline=None)
@given(st.integers(0, 10), st.integers(0, 10), st.sampled_from(["drop", "double", "swap", "move"]))
def test_entries_dropped_doubled_or_moved_are_found(one: int, other: int, how: str) -> None:
    entries = list(LOG.data())
    if how == "drop":
        del entries[one]
    elif how == "double":
        entries.insert(other, entries[one])
    elif how == "swap":
        entries[one], entries[other] = entries[other], entries[one]
    else:
        entries.insert(other, entries.pop(one))
    if entries == LOG.data():
        return
    assert fault_of(entries, LOG.notes())


@settings(deadline=None)
@given(st.permutations(range(11)))
def test_no_other_order_passes(order: list[int]) -> None:
    if order != sorted(order):
        assert fault_of([LOG.data()[n] for n in order], LOG.notes())


@settings(deadline=None)
@given(st.integers(0, 10))
def test_a_dropped_entry_is_found_even_if_the_chain_is_mended(gone: int) -> None:
    """Whoever rewrites all numbers and hashes after it still lacks the key."""
    head, mended = LogHead(), []
    for data in [d for n, d in enumerate(LOG.data()) if n != gone]:
        old = parse_entry(data)
        kept = Draft(old.kind, old.decision_hash, old.policy, old.model, old.actor_pseudonym)
        head, entry = append(head, kept, now=old.at)
        mended.append(entry.data)
    assert fault_of(mended, LOG.notes()) in ("checkpoint-root", "checkpoint-order")


@pytest.mark.fuzz
@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", MAGIC]))
def test_hostile_bytes_are_refused_and_no_more(data: bytes, start: bytes) -> None:
    with pytest.raises(Malformed):
        parse_entry(data)
    with contextlib.suppress(Malformed):
        export = parse_export(start + data)
        assert len(start + data) == len(MAGIC) + sum(5 + len(part) for part in [*export.entries, *export.notes])


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=6))
def test_every_grown_log_verifies(counts: list[int]) -> None:
    rows = grown(counts)
    done = check_log(rows.data(), rows.notes(), keys=KEYS, origin=ORIGIN)
    assert done.size == sum(counts)
    assert entry_hash(rows.data()[-1]) == rows.head.last_hash if rows.entries else rows.head.last_hash == GENESIS
