"""The secret path of a bridge against a prober: wrong, old, replayed and endless paths, and what they cost."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.protocol.errors import LocalProtocolError, Refused
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.path.pace import CLEAN_GAP_S
from zajil.protocol.reach import bridgepath
from zajil.protocol.reach.bridgepath import (
    BUCKET_S,
    CARRIER_EVERY_S,
    CARRIERS_AT_ONCE,
    NONCES,
    SEGMENT_CHARACTERS,
    PathBook,
    ProvedPath,
    bridge_path,
)

TOKENS = {bytes([at]) * 8: bytes([at]) * 32 for at in range(1, 4)}
TOKEN_ID, TOKEN = next(iter(TOKENS.items()))
HOST, DIR = "bridge.example", "assets"
NOW = 1_790_000_000 // BUCKET_S * BUCKET_S


def book(**limits: int) -> PathBook:
    made = PathBook(HOST, DIR, **limits)
    made.set_tokens(TOKENS)
    return made


def ready(ours: PathBook, now_s: float = NOW) -> PathBook:
    """As the daemon's sweeps leave it."""
    while ours.prepare(now_s):
        pass
    return ours


def path(token: bytes = TOKEN, *, now_s: float = NOW, nonce: bytes | None = None, host: str = HOST) -> str:
    return bridge_path(token, host, DIR, now_s=now_s, nonce=os.urandom(8) if nonce is None else nonce)


def check(ours: PathBook, text: str, *, now_s: float = NOW) -> ProvedPath:
    return ready(ours, now_s).check(text, now_s=now_s)


def refuses(ours: PathBook, text: str, *, now_s: float = NOW) -> None:
    with pytest.raises(Refused, match="gone"):
        check(ours, text, now_s=now_s)


def test_a_path_proves_whose_token_it_is() -> None:
    ours = book()
    for token_id, token in TOKENS.items():
        text = path(token, nonce=b"12345678")
        assert len(text) == len("/assets/") + SEGMENT_CHARACTERS
        proved = check(book(), text)
        assert (proved.token_id, proved.nonce) == (token_id, b"12345678")
        check(ours, path(token))
    assert "segment" not in repr(check(ours, path()))


@pytest.mark.parametrize("buckets", range(-4, 5))
def test_two_buckets_on_either_side_are_good(buckets: int) -> None:
    text = path(now_s=NOW + buckets * BUCKET_S)
    if abs(buckets) <= 2:
        assert check(book(), text).token_id == TOKEN_ID
    else:
        refuses(book(), text)


def test_a_clock_at_the_start_of_time_is_no_crash() -> None:
    assert check(book(), path(now_s=0), now_s=0).token_id == TOKEN_ID


def test_a_path_opens_once() -> None:
    ours, text = book(), path()
    check(ours, text)
    for now_s in (NOW, NOW + BUCKET_S, NOW + 2 * BUCKET_S, NOW + 3 * BUCKET_S, NOW + 10 * BUCKET_S):
        refuses(ours, text, now_s=now_s)


def test_a_clock_set_back_lets_nothing_in_again() -> None:
    """Else a nonce that was forgotten with its bucket would pass once more."""
    ours, text = book(), path()
    check(ours, text)
    check(ours, path(now_s=NOW + 3 * BUCKET_S), now_s=NOW + 3 * BUCKET_S)
    assert ours.nonces == 1
    refuses(ours, text)


def test_a_nonce_passes_once_whatever_its_bucket() -> None:
    ours = book()
    check(ours, path(nonce=b"12345678"))
    refuses(ours, path(nonce=b"12345678", now_s=NOW + BUCKET_S))


def test_a_living_virtual_carrier_keeps_its_path() -> None:
    ours, text = book(), path()
    proved = check(ours, text)
    living = {proved.nonce: proved}
    late = NOW + 10 * BUCKET_S
    assert ours.check(text, now_s=late, living=living) is proved
    for other in (path(TOKENS[b"\x02" * 8], nonce=proved.nonce), text[:-1] + ("A" if text[-1] != "A" else "Q")):
        with pytest.raises(Refused):
            ours.check(other, now_s=NOW, living=living)
    with pytest.raises(Refused):
        ours.check(text, now_s=NOW, living={})


def test_every_other_path_is_refused() -> None:
    ours, good = book(), path()
    segment = parse_b64(good.removeprefix("/assets/"))
    wrong = [good[:at] for at in range(len(good))]
    wrong += [f"/assets/{encode_b64(segment[:at] + bytes([segment[at] ^ 1]) + segment[at + 1 :])}" for at in range(28)]
    wrong += [good + "A", good + "=", good + "/", good + "?r=0001", "/assets" + good, good.replace("assets", "asset")]
    wrong += [good[1:], "//" + good, good.upper(), f"/assets/{'A' * 38}", "/assets/" + "é" * 38, "\x00", ""]
    wrong += [path(bytes(32)), path(host="other.example"), path(b"")]
    for text in wrong:
        refuses(ours, text)
    assert ours.nonces == 0
    check(ours, good)


@pytest.mark.slow
def test_ten_thousand_wrong_paths_cost_no_memory() -> None:
    ours = book()
    check(ours, path())
    wrong = [path(os.urandom(32)) for _ in range(5000)]
    wrong += [f"/assets/{encode_b64(os.urandom(28))}" for _ in range(4000)]
    wrong += [f"/{encode_b64(os.urandom(20))}" for _ in range(1000)]
    refuses(ours, wrong[0])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for text in wrong:
            try:
                check(ours, text)
            except Refused:
                continue
            raise AssertionError(text)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000
    assert ours.nonces == 1


def test_a_private_token_opens_240_carriers_at_once_and_then_four_a_second() -> None:
    ours = book()
    for _ in range(CARRIERS_AT_ONCE):
        check(ours, path())
    refuses(ours, path())
    refuses(ours, path(now_s=NOW - BUCKET_S))  # the buckets at its side are no other allowance
    check(ours, path(TOKENS[b"\x02" * 8]))
    check(ours, path(), now_s=NOW + CARRIER_EVERY_S)
    refuses(ours, path(), now_s=NOW + CARRIER_EVERY_S)
    assert ours.nonces == 242


def test_a_private_token_lasts_for_a_device_in_segments_at_its_fastest() -> None:
    ours = ready(book())
    for at in range(int(BUCKET_S / CLEAN_GAP_S)):
        now_s = NOW + at * CLEAN_GAP_S
        ours.check(path(now_s=now_s), now_s=now_s)


def test_a_clock_set_back_keeps_no_token_out() -> None:
    ours = book()
    for _ in range(CARRIERS_AT_ONCE):
        check(ours, path())
    check(ours, path(), now_s=NOW - BUCKET_S)


def test_a_public_token_is_not_used_up_by_everybody_together() -> None:
    """It stands in the signed list: with a budget, whoever spends it would close the bridge to all others."""
    ours = ready(book())
    ours.set_tokens(TOKENS, public={TOKEN_ID})
    for _ in range(2 * CARRIERS_AT_ONCE):
        ours.check(path(), now_s=NOW)
    text = path()
    check(ours, text)
    refuses(ours, text)


def test_no_number_of_public_paths_closes_the_bridge_or_fills_memory() -> None:
    ours = book(most_nonces=3)
    ours.set_tokens(TOKENS, public={TOKEN_ID})
    for _ in range(10):
        check(ours, path())
        assert ours.nonces <= 3
    for _ in range(3):
        check(ours, path(TOKENS[b"\x02" * 8]))
    refuses(ours, path(TOKENS[b"\x02" * 8]))
    check(ours, path())


def test_a_nonce_that_is_in_use_opens_nothing_else() -> None:
    ours = book(most_nonces=1)
    ours.set_tokens(TOKENS, public={TOKEN_ID})
    proved = check(ours, path())
    check(ours, path())
    with pytest.raises(Refused):
        ours.check(path(now_s=NOW + BUCKET_S, nonce=proved.nonce), now_s=NOW, living={proved.nonce: proved})


def test_a_full_table_refuses_until_a_bucket_goes() -> None:
    assert NONCES == 262_144
    ours = book(most_nonces=3)
    for at in range(3):
        check(ours, path(now_s=NOW + at * BUCKET_S))
    refuses(ours, path())
    later = NOW + 3 * BUCKET_S
    check(ours, path(now_s=later), now_s=later)
    refuses(ours, path(now_s=later), now_s=later)


def test_tokens_come_and_go() -> None:
    ours = book()
    good = path()
    check(ours, good)
    ours.set_tokens({b"newtoken": b"n" * 32})
    refuses(ours, path())
    assert check(ours, path(b"n" * 32)).token_id == b"newtoken"
    ours.set_tokens(TOKENS)
    refuses(ours, good)
    check(ours, path())
    ours.set_tokens({})
    refuses(ours, path())


def count_tags(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The buckets of all tags that are computed from now on."""
    made: list[int] = []
    tag = bridgepath._tag

    def counted(token: bytes, host: str, bucket: int) -> bytes:
        made.append(bucket)
        return tag(token, host, bucket)

    monkeypatch.setattr(bridgepath, "_tag", counted)
    return made


def test_no_visitor_waits_for_tags_when_a_bucket_turns_or_tokens_change(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first unknown path of a bucket would be a slow one, and every ten minutes say what the site is."""
    ours = ready(book())
    early = path(now_s=NOW + 3 * BUCKET_S)
    probes = [f"/assets/{encode_b64(os.urandom(28))}" for _ in range(2)]
    made = count_tags(monkeypatch)
    for text in probes:
        with pytest.raises(Refused):
            ours.check(text, now_s=NOW + BUCKET_S)
    ours.set_tokens(TOKENS | {b"newtoken": b"n" * 32})
    with pytest.raises(Refused):
        ours.check(probes[0], now_s=NOW + BUCKET_S)
    assert made == []
    assert ours.check(early, now_s=NOW + BUCKET_S).token_id == TOKEN_ID, "its tags were there before its time"


def test_tags_are_computed_bit_by_bit_and_for_new_tokens_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = count_tags(monkeypatch)
    ours = book()
    while ours.prepare(NOW, most=2):
        assert len(made) % 2 == 0, "a little each time"
    assert len(made) <= 3 * 5 + 1, "the next bucket has time"
    for _ in range(2):
        assert not ours.prepare(NOW, most=2)
    assert sorted(made) == sorted([NOW // BUCKET_S + at for at in range(-2, 4)] * 3)
    made.clear()
    ours.set_tokens({**TOKENS, b"newtoken": b"n" * 32})
    ready(ours)
    assert len(made) == 6, "one token, six buckets"
    made.clear()
    ours.set_tokens({TOKEN_ID: TOKEN})
    ready(ours)
    assert made == []
    ready(ours, NOW + BUCKET_S)
    assert made == [NOW // BUCKET_S + 4]


def test_what_is_past_or_dropped_takes_no_memory() -> None:
    ours = ready(book())
    ready(ours, NOW + 100 * BUCKET_S)
    ours.set_tokens({})
    assert [len(table._keys) + len(table._tags) for table in ours._tables.values()] == [0] * 6


def test_tokens_with_the_same_tag_are_told_apart() -> None:
    """Tags have four bytes: among many tokens two may share one."""
    ours = ready(book())
    for table in ours._tables.values():
        table._keys = dict.fromkeys(table._keys, tuple(ours._keys))
    for token_id, token in TOKENS.items():
        assert check(ours, path(token)).token_id == token_id


def test_a_nonce_of_another_size_is_our_bug() -> None:
    with pytest.raises(LocalProtocolError):
        path(nonce=bytes(7))


HARDENED = book()


@given(st.text(max_size=60))
@settings(max_examples=50)
def test_hostile_paths_are_refused(text: str) -> None:
    for hostile in (text, f"/assets/{text}"):
        refuses(HARDENED, hostile)
