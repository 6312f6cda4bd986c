"""Calls over the media room of a server that is looked at: who takes part, and what is said of the records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.calls.wire.judge import Keys, Opened
from tests.calls.wire.known import loudness
from tests.client.calls.test_bot import Phone

from zajil.client.calling import Calls
from zajil.client.calls.media.call import VoiceCall
from zajil.client.calls.ports import CallMedia, MediaStart, Reports
from zajil.protocol.calls import media


class Noted(Phone):
    """A phone over the message server alone, that notes the keys and numbers of its call."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys()
        self.leaf = -1

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        async def no_relays() -> tuple[()]:
            return ()

        self.leaf, keys = start.leaf, self.keys

        class Noting(VoiceCall):
            def use_key(self, epoch: int, base_key: bytes, *, removed: bool) -> None:
                keys.add(epoch, base_key)
                super().use_key(epoch, base_key, removed=removed)

        self.call = Noting(start, reports, relays=no_relays, sound=self._sound, now_ms=now_ms, rooms=calls)
        return self.call

    def numbers(self) -> set[int]:
        """Of our attempts."""
        assert self.call is not None
        return {each.pc for peer in self.call._links._peers.values() for each in peer.outgoing.values()}


def leaf_of(record: bytes) -> int:
    """As the server reads it."""
    header = record[8:]
    size = 1 + ((header[0] >> 4) & 7)
    return int.from_bytes(header[1 : 1 + size], "big") >> 8 & 0xFFFF


def check_sealed(records: list[bytes], keys: Keys, numbers: Mapping[int, set[int]]) -> None:
    """Each is sealed by one of these leaves for one of its attempts; the sound of each is heard in what opened."""
    opened: dict[tuple[int, int], list[Opened]] = {}
    for record in records:
        leaf = leaf_of(record)
        found = [keys.open_record(record, pc=pc, leaf=leaf) for pc in numbers[leaf]]
        (frame,) = [each for each in found if each is not None]
        opened.setdefault((leaf, record[0]), []).append(frame)
    assert set(opened) == {(leaf, kind) for leaf in numbers for kind in (media.AUDIO, media.CONTROL)}
    for (leaf, kind), frames in opened.items():
        if kind == media.AUDIO:
            assert len({each.ctr for each in frames}) == len(frames)
            sizes = {each.front: len(each.sealed) for each in frames}
            assert all(len(each.sealed) == sizes[each.front] for each in frames)
            assert loudness(each.frame[8:] for each in frames) > 0.05
            print(f"leaf {leaf}: {len(frames)} records of sound in sizes {sizes}, 0 in clear")
