"""Whose frame it is and whether its key still counts: the key ring of one call, over the epochs of its chat.

    KID      = ctx << 24 | leaf << 8 | (epoch & 0xff)     leaf: 16 bits. ctx: up to 40, one per sending transform
    CTR      = from 0 in each ctx, on over epoch changes, below 2^24; then the transform takes its next ctx

1. No (base key, KID, CTR) is used twice: a ctx belongs to one `Sealer` for ever (the call's record gives them out, and
   is written before the first use), and a Sealer only counts up.
2. A receiver takes a new epoch's key at once. A sender changes to it at once after a commit with a Remove, otherwise
   after 1 s. The old keys are dropped 2 s after a Remove, otherwise after 10 s. A new epoch with the same low 8 bits
   as an old one takes its place.
3. What comes in must name a known epoch and the leaf it is expected from, and must be new: a window of 512 counters per
   KID. A key is kept, and a window moves, only for a frame whose tag was right, so foreign frames cost no memory.
4. One leaf has 32 windows per epoch, and the one that was used last the longest ago goes first. So that no frame of a
   forgotten ctx comes again, an Opener hears one ctx alone: that of an attempt which its sender named in a signal.
   Where none is named, a ctx below the lowest of a full set counts as replayed.

Time is an argument: milliseconds that never go back. A ring may be used from several threads (encoders and decoders
have their own); each call holds its lock for one frame.
Source: docs/protocol/call-media.md; RFC 9605 5.2 (MLS), 9.3 (replay), 9.1 (no header value twice).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from zajil.client.calls.sframe import AES_128_GCM, FrameDropped, SFrameKey, parse_header

LEAF_LIMIT: Final = 1 << 16
CTX_LIMIT: Final = 1 << 40
CTR_LIMIT: Final = 1 << 24
WINDOW: Final = 512
WINDOWS_PER_LEAF: Final = 32
SWITCH_MS: Final = 1_000
KEEP_MS: Final = 10_000
KEEP_AFTER_REMOVE_MS: Final = 2_000
BASE_KEY_BYTES: Final = AES_128_GCM.key_bytes
_EPOCH_BITS = 0xFF


class CounterSpent(Exception):
    """This ctx has sealed 2^24 frames and there is no next one: the link needs a new attempt."""


class NoKey(Exception):
    """There is no epoch to seal under. Nothing may leave in clear instead."""


def encode_kid(*, ctx: int, leaf: int, epoch: int) -> int:
    """The KID of a frame. Raises ValueError for a ctx of more than 40 bits or a leaf of more than 16."""
    if not 0 <= ctx < CTX_LIMIT or not 0 <= leaf < LEAF_LIMIT or epoch < 0:
        raise ValueError("ctx is 40 bits, leaf 16, epoch not negative")
    return ctx << 24 | leaf << 8 | (epoch & _EPOCH_BITS)


def split_kid(kid: int) -> tuple[int, int, int]:
    """ctx, leaf, and the epoch's low 8 bits. kid: u64."""
    return kid >> 24, kid >> 8 & (LEAF_LIMIT - 1), kid & _EPOCH_BITS


class ReplayWindow:
    """Which of the newest 512 counters of one KID were seen. Source: RFC 4303 3.4.3."""

    __slots__ = ("_newest", "_seen")

    def __init__(self) -> None:
        self._newest = -1
        self._seen = 0

    def is_fresh(self, ctr: int) -> bool:
        """Whether this counter may still come: not seen, and not too old to know."""
        behind = self._newest - ctr
        return behind < 0 or (behind < WINDOW and not self._seen >> behind & 1)

    def note(self, ctr: int) -> None:
        """Say that the frame of this counter was genuine. Only after `is_fresh`."""
        ahead = ctr - self._newest
        if ahead <= 0:
            self._seen |= 1 << -ahead
        elif ahead >= WINDOW:
            self._newest, self._seen = ctr, 1
        else:
            self._newest = ctr
            self._seen = (self._seen << ahead | 1) & ((1 << WINDOW) - 1)


@dataclass(slots=True)
class _Epoch:
    """What is known of one epoch. windows: by leaf, then by ctx, last used last."""

    number: int
    base_key: bytes
    sends_from_ms: int
    drops_at_ms: int | None = None
    windows: dict[int, dict[int, tuple[SFrameKey, ReplayWindow]]] = field(default_factory=dict)


class KeyRing:
    """The keys of one call. Give it each epoch of the chat; take from it a Sealer per transform, an Opener per peer."""

    def __init__(self) -> None:
        self._epochs: dict[int, _Epoch] = {}
        self._newest: int | None = None
        self._lock = threading.Lock()

    def add(self, epoch: int, base_key: bytes, *, removed: bool, now_ms: int) -> None:
        """Take the key of a newer epoch. An epoch that is not newer than all before is ignored.

        Of the newest it may be told again that it began with a Remove, where the key was asked for by an earlier
        commit: then that takes effect now.

        base_key: 16 bytes, from the MLS exporter. removed: the commit that began the epoch had a Remove.
        Raises ValueError for a key of another length.
        """
        if len(base_key) != BASE_KEY_BYTES:
            raise ValueError("a base key has 16 bytes")
        with self._lock:
            if self._newest is not None and epoch <= self._newest:
                if epoch == self._newest and removed:
                    self._hurry(epoch, now_ms)
                return
            self._expire(now_ms)
            self._drop_later(now_ms + (KEEP_AFTER_REMOVE_MS if removed else KEEP_MS))
            sends_from = now_ms if removed else now_ms + SWITCH_MS
            self._epochs[epoch & _EPOCH_BITS] = _Epoch(epoch, base_key, sends_from)
            self._newest = epoch

    def _drop_later(self, drops_at: int) -> None:
        """The epochs until now end then, or earlier."""
        for old in self._epochs.values():
            old.drops_at_ms = drops_at if old.drops_at_ms is None else min(drops_at, old.drops_at_ms)

    def _hurry(self, epoch: int, now_ms: int) -> None:
        newest = self._epochs.pop(epoch & _EPOCH_BITS, None)
        self._drop_later(now_ms + KEEP_AFTER_REMOVE_MS)
        if newest is not None:
            newest.sends_from_ms = min(now_ms, newest.sends_from_ms)
            self._epochs[epoch & _EPOCH_BITS] = newest

    def forget(self) -> None:
        """Drop every key: the call is over. Nothing is sealed or opened after it."""
        with self._lock:
            self._epochs.clear()

    def sender(self, ctx: int, leaf: int, *, next_ctx: Callable[[], int] | None = None) -> Sealer:
        """A Sealer for one transform of ours. leaf: our own. ctx: never given to another Sealer of this call.

        next_ctx: called once per 2^24 frames, for the ctx that follows.
        """
        encode_kid(ctx=ctx, leaf=leaf, epoch=0)
        return Sealer(self, ctx, leaf, next_ctx)

    def receiver(self, leaf: int, ctx: int | None = None) -> Opener:
        """What opens the frames of that leaf and of no other. ctx: of the attempt; a frame of another is foreign."""
        return Opener(self, leaf, ctx)

    def has_epoch(self, low_bits: int, *, now_ms: int) -> bool:
        """Whether frames of the epoch with these low 8 bits could be opened now."""
        with self._lock:
            self._expire(now_ms)
            return low_bits in self._epochs

    def sending_epoch(self, *, now_ms: int) -> int:
        """The epoch that frames are sealed under at this time. Raises NoKey."""
        with self._lock:
            return self._sending(now_ms).number

    def _expire(self, now_ms: int) -> None:
        over = [low for low, one in self._epochs.items() if one.drops_at_ms is not None and one.drops_at_ms <= now_ms]
        for low in over:
            del self._epochs[low]

    def _sending(self, now_ms: int) -> _Epoch:
        """The newest whose time has come. The only one there is does not wait: nobody holds an older one."""
        self._expire(now_ms)
        if not self._epochs:
            raise NoKey
        begun = [one for one in self._epochs.values() if one.sends_from_ms <= now_ms]
        return max(begun, key=_number) if begun else min(self._epochs.values(), key=_number)

    def sending_key(
        self, ctx: int, leaf: int, held: tuple[int, SFrameKey] | None, *, now_ms: int
    ) -> tuple[int, SFrameKey]:
        """The epoch and key to seal under now; `held`, what this gave before, where it is still the one."""
        with self._lock:
            epoch = self._sending(now_ms)
            if held is not None and held[0] == epoch.number:
                return held
            kid = encode_kid(ctx=ctx, leaf=leaf, epoch=epoch.number)
            return epoch.number, SFrameKey.derive(AES_128_GCM, epoch.base_key, kid)

    def open_from(self, leaf: int, wanted: int | None, frame: bytes, metadata: bytes, *, now_ms: int) -> bytes:
        """What `Opener.open` does, for that leaf and, where one is wanted, that ctx."""
        header = parse_header(frame)
        ctx, sender, low_bits = split_kid(header.kid)
        if sender != leaf or wanted not in (None, ctx):
            raise FrameDropped("foreign-leaf")
        with self._lock:
            self._expire(now_ms)
            epoch = self._epochs.get(low_bits)
            if epoch is None:
                raise FrameDropped("unknown-key")
            windows = epoch.windows.setdefault(leaf, {})
            known = windows.get(ctx)
            if wanted is None and known is None and len(windows) >= WINDOWS_PER_LEAF and ctx < min(windows):
                raise FrameDropped("replayed")
            key, window = known or (SFrameKey.derive(AES_128_GCM, epoch.base_key, header.kid), ReplayWindow())
            if not window.is_fresh(header.ctr):
                raise FrameDropped("replayed")
            plaintext = key.open(header, frame, metadata)
            window.note(header.ctr)
            windows.pop(ctx, None)
            windows[ctx] = (key, window)
            if len(windows) > WINDOWS_PER_LEAF:
                del windows[next(iter(windows))]
            return plaintext


def _number(epoch: _Epoch) -> int:
    return epoch.number


class Sealer:
    """Seals the frames of one transform: one ctx, each counter once."""

    def __init__(self, ring: KeyRing, ctx: int, leaf: int, next_ctx: Callable[[], int] | None) -> None:
        self._ring, self._leaf, self._next_ctx = ring, leaf, next_ctx
        self._ctx = ctx
        self._ctr = 0
        self._held: tuple[int, SFrameKey] | None = None
        self._lock = threading.Lock()
        self.sealed = 0
        """Frames so far."""

    def seal(self, plaintext: bytes, metadata: bytes, *, now_ms: int) -> bytes:
        """`header || ciphertext || tag`.

        Raises NoKey where no epoch is known, CounterSpent after 2^24 frames without a next ctx. A counter is spent
        before it is used, so that no failure lets one be used twice.
        """
        with self._lock:
            if self._ctr >= CTR_LIMIT:
                if self._next_ctx is None:
                    raise CounterSpent
                self._ctx, self._ctr, self._held = self._next_ctx(), 0, None
            self._held = self._ring.sending_key(self._ctx, self._leaf, self._held, now_ms=now_ms)
            ctr = self._ctr
            self._ctr += 1
            frame = self._held[1].seal(ctr, plaintext, metadata)
            self.sealed += 1
            return frame


class Opener:
    """Opens the frames of one leaf, or of one ctx of it, and counts them."""

    def __init__(self, ring: KeyRing, leaf: int, ctx: int | None) -> None:
        self._ring, self._leaf, self._ctx = ring, leaf, ctx
        self.opened = 0
        self.dropped: Counter[str] = Counter()
        """Frames not opened, by the reason of FrameDropped."""

    def open(self, frame: bytes, metadata: bytes, *, now_ms: int) -> bytes:
        """The plaintext. Raises FrameDropped, after counting it."""
        try:
            plaintext = self._ring.open_from(self._leaf, self._ctx, frame, metadata, now_ms=now_ms)
        except FrameDropped as dropped:
            self.dropped[dropped.reason] += 1
            raise
        self.opened += 1
        return plaintext
