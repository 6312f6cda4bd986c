"""Builds what both languages read of SFrame: vectors/calls/sframe.json and vectors/calls/sframe_profile.json.

`python -m tests.client.calls.profile_vectors` writes both; test_profile_vectors.py compares and replays.

sframe.json is RFC 9605's own file (`official`), cut to what the profile uses: every header, and suites 4 and 5. Its KID
and CTR are hexadecimal here, because a JSON number of JavaScript ends at 2^53.

sframe_profile.json is ours: `kid` rows; `frames`, sealed as WebRTC and as a media WebSocket carry them; and `rings`,
stories of a key ring. A step of a story is `[ms, does, ...]`:

    add     epoch, base key, removed
    sealer  name, ctx, leaf                  opener  name, leaf
    seal    sealer, plain, metadata, the frame, or null where there is no key
    open    opener, frame, metadata, plain or null, reason or null
    forget

Bytes are hexadecimal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from tests.official import read_vectors

from zajil.client.calls.frames import Codec, clear_bytes, seal_frame, seal_media
from zajil.client.calls.keys import KeyRing, NoKey, Opener, Sealer, encode_kid
from zajil.client.calls.sframe import FrameDropped, encode_header

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | dict[str, Json] | None"
ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "vectors" / "calls"
SFRAME = FOLDER / "sframe.json"
PROFILE = FOLDER / "sframe_profile.json"
OFFICIAL = "sframe/rfc9605"
BY = "zajil, tests/client/calls/profile_vectors.py"
SOURCE = (
    "RFC 9605 appendix C: sframe-wg/sframe, test-vectors/test-vectors.json, commit 3d07d8f; "
    "header all rows, sframe suites 4 and 5; kid and ctr rewritten in hexadecimal"
)
LICENCE = "Revised BSD (IETF Trust Legal Provisions 4.e, code components of RFC 9605)"
KEYS = [bytes(range(start, start + 16)) for start in (0x10, 0x30, 0x50, 0x70)]


def official_rows(official: dict[str, list[dict[str, Json]]]) -> dict[str, Json]:
    """What sframe.json holds of the official file."""

    def plain(value: Json) -> Json:
        return f"{value:x}" if isinstance(value, int) else value

    suites = [row for row in official["sframe"] if row["cipher_suite"] in (4, 5)]
    return {
        "source": SOURCE,
        "licence": LICENCE,
        "header": [{name: plain(value) for name, value in row.items()} for row in official["header"]],
        "sframe": [
            {name: value if name == "cipher_suite" else plain(value) for name, value in row.items()} for row in suites
        ],
    }


def kid_rows() -> list[Json]:
    rows = [
        (0, 0, 0),
        (1, 0, 0),
        (0, 1, 0),
        (0, 0, 1),
        (2, 3, 255),
        (2, 3, 256),
        (65, 65_535, 4_660),
        (0xFFFF_FFFF, 1, 7),
        ((1 << 40) - 1, 65_535, (1 << 32) + 255),
    ]
    return [
        {"ctx": ctx, "leaf": leaf, "epoch": epoch, "kid": f"{encode_kid(ctx=ctx, leaf=leaf, epoch=epoch):x}"}
        for ctx, leaf, epoch in rows
    ]


def ring_of(epoch: int, *, at: int = 0) -> KeyRing:
    ring = KeyRing()
    ring.add(epoch, KEYS[0], removed=False, now_ms=at)
    return ring


def frame_rows() -> list[Json]:
    """A Sealer's first frames, each codec's; the counter of each is its place."""
    rows: list[Json] = []
    for codec, key_frame in ((Codec.OPUS, False), (Codec.VP8, True), (Codec.VP8, False), (Codec.VP9, True)):
        sealer = ring_of(300).sender(64, 2)
        for size in (clear_bytes(codec, key_frame=key_frame) + 1, 80, 1_200):
            plain = bytes(at * 7 & 0xFF for at in range(size))
            rows.append(
                {
                    "way": "webrtc",
                    "codec": codec.value,
                    "key_frame": key_frame,
                    "ctr": sealer.sealed,
                    "plain": plain.hex(),
                    "wire": seal_frame(sealer, plain, codec, key_frame=key_frame, now_ms=0).hex(),
                }
            )
    sealer = ring_of(300).sender(64, 2)
    for kind, flags, seq, ts in ((1, 0, 0, 0), (1, 0, 65_535, 0xFFFF_FFFF), (2, 1, 7, 40), (4, 0, 1, 1_000)):
        header = bytes((kind, flags)) + seq.to_bytes(2, "big") + ts.to_bytes(4, "big")
        plain = bytes(range(60))
        rows.append(
            {
                "way": "websocket",
                "header": header.hex(),
                "ctr": sealer.sealed,
                "plain": plain.hex(),
                "wire": seal_media(sealer, header, plain, now_ms=0).hex(),
            }
        )
    return rows


class Story:
    """A ring that writes down what is done to it, and what comes of it."""

    def __init__(self, about: str) -> None:
        self.about = about
        self.steps: list[Json] = []
        self.now = 0
        self.ring = KeyRing()
        self.sealers: dict[str, Sealer] = {}
        self.openers: dict[str, Opener] = {}

    def note(self, *step: Json) -> None:
        self.steps.append([self.now, *step])

    def add(self, epoch: int, key: bytes, *, removed: bool = False) -> None:
        self.ring.add(epoch, key, removed=removed, now_ms=self.now)
        self.note("add", epoch, key.hex(), removed)

    def sealer(self, name: str, *, ctx: int, leaf: int) -> None:
        self.sealers[name] = self.ring.sender(ctx, leaf)
        self.note("sealer", name, ctx, leaf)

    def opener(self, name: str, *, leaf: int) -> None:
        self.openers[name] = self.ring.receiver(leaf)
        self.note("opener", name, leaf)

    def forget(self) -> None:
        self.ring.forget()
        self.note("forget")

    def seal(self, name: str, plain: bytes = b"frame", metadata: bytes = b"") -> bytes:
        """The frame; empty where there was no key."""
        try:
            frame = self.sealers[name].seal(plain, metadata, now_ms=self.now)
        except NoKey:
            frame = b""
        self.note("seal", name, plain.hex(), metadata.hex(), frame.hex() if frame else None)
        return frame

    def open(self, name: str, frame: bytes, metadata: bytes = b"") -> str | None:
        """The reason why not, or None."""
        plain, reason = None, None
        try:
            plain = self.openers[name].open(frame, metadata, now_ms=self.now).hex()
        except FrameDropped as dropped:
            reason = dropped.reason
        self.note("open", name, frame.hex(), metadata.hex(), plain, reason)
        return reason


def begin(about: str) -> Story:
    """A ring in epoch 5 in which leaf 2 sends with ctx 64."""
    story = Story(about)
    story.add(5, KEYS[0])
    story.sealer("two", ctx=64, leaf=2)
    story.opener("two", leaf=2)
    return story


def switching() -> Story:
    story = begin("a commit without a Remove: 1 s until the sender changes, 10 s until the old key is gone")
    early = [story.seal("two") for _ in range(4)]
    story.open("two", early[0])
    story.add(6, KEYS[1])
    story.now = 999
    before = story.seal("two")
    story.now = 1_000
    after = story.seal("two")
    for frame in (after, before, early[1]):
        story.open("two", frame)
    story.now = 9_999
    story.open("two", early[2])
    story.now = 10_000
    story.open("two", early[3])
    return story


def removing() -> Story:
    story = begin("a commit with a Remove: the sender changes at once, and 2 s later the old key is gone")
    early = [story.seal("two") for _ in range(3)]
    story.add(6, KEYS[1], removed=True)
    story.open("two", story.seal("two"))
    story.open("two", early[0])
    story.now = 1_999
    story.open("two", early[1])
    story.now = 2_000
    story.open("two", early[2])
    return story


def removing_soon_after() -> Story:
    story = begin("a Remove just after another commit: the sender passes over the epoch it had not begun")
    early = [story.seal("two") for _ in range(2)]
    story.add(6, KEYS[1])
    story.now = 500
    story.add(7, KEYS[2], removed=True)
    story.open("two", story.seal("two"))
    story.now = 1_000
    story.open("two", story.seal("two"))
    story.now = 2_499
    story.open("two", early[0])
    story.now = 2_500
    story.open("two", early[1])
    return story


def removing_told_late() -> Story:
    story = begin("a Remove that is told of an epoch whose key is here already: it makes haste, and the key stays")
    early = [story.seal("two") for _ in range(2)]
    story.add(6, KEYS[1])
    story.now = 500
    story.open("two", story.seal("two"))
    story.add(6, KEYS[2], removed=True)
    story.open("two", story.seal("two"))
    story.now = 2_499
    story.open("two", early[0])
    story.add(6, KEYS[1], removed=True)
    story.now = 2_500
    story.open("two", early[1])
    story.open("two", story.seal("two"))
    return story


def wrapping() -> Story:
    story = begin("an epoch with the same low 8 bits takes the old one's place; an older epoch changes nothing")
    early = story.seal("two")
    story.add(261, KEYS[1])
    story.open("two", early)
    story.seal("two")
    story.now = 1_000
    story.open("two", story.seal("two"))
    story.add(261, KEYS[2], removed=True)
    story.add(260, KEYS[2], removed=True)
    story.open("two", story.seal("two"))
    return story


def attacks() -> Story:
    story = begin("what an attacker sends, and that it spoils nothing")
    frame = story.seal("two", bytes(40), b"meta")
    for size in (0, 1, 5, len(frame) - 25, len(frame) - 1):
        story.open("two", frame[:size], b"meta")
    for at in (0, 3, 6, len(frame) - 1):
        story.open("two", frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :], b"meta")
    story.open("two", frame, b"meta?")
    story.open("two", frame + b"\0", b"meta")
    story.sealer("three", ctx=64, leaf=3)
    story.open("two", story.seal("three"))
    story.open("two", encode_header(64 << 24 | 2 << 8 | 9, 0) + bytes(32))
    story.open("two", encode_header((1 << 64) - 1, (1 << 64) - 1) + bytes(32))
    story.open("two", encode_header(64 << 24 | 2 << 8 | 5, (1 << 64) - 1) + bytes(16))
    story.open("two", b"\xff" + bytes(16) + bytes(32))
    story.open("two", b"\x80\x07" + bytes(32))
    story.open("two", frame, b"meta")
    story.open("two", frame, b"meta")
    story.forget()
    story.open("two", frame, b"meta")
    story.seal("two")
    return story


def replaying() -> Story:
    story = begin("a window of 512 counters: any order inside, nothing twice, nothing from before")
    frames = [story.seal("two", b"x") for _ in range(514)]
    for at in (1, 0, 1, 511, 2, 511, 512, 1, 0, 513, 2, 3, 512):
        story.open("two", frames[at])
    return story


def many_transforms() -> Story:
    story = begin("32 transforms of one leaf in one epoch; a lower ctx than all of them then counts as replayed")
    for ctx in range(65, 98):
        story.sealer(f"{ctx}", ctx=ctx, leaf=2)
        story.open("two", story.seal(f"{ctx}", b"x"))
    story.open("two", story.seal("two"))
    story.open("two", story.seal("65"))
    story.open("two", story.seal("66"))
    return story


STORIES = (switching, removing, removing_soon_after, removing_told_late, wrapping, attacks, replaying, many_transforms)


def profile() -> dict[str, Json]:
    return {
        "source": BY,
        "about": "SFrame as calls use it: suite 4; frames are of base key, epoch 300, leaf 2, ctx 64",
        "base_key": KEYS[0].hex(),
        "kid": kid_rows(),
        "frames": frame_rows(),
        "rings": [{"about": story.about, "steps": story.steps} for story in (make() for make in STORIES)],
    }


def shown(value: dict[str, Json]) -> str:
    """One line a row, so that a change shows as one."""
    lines = []
    for name, part in value.items():
        if isinstance(part, list):
            rows = ",\n  ".join(json.dumps(row, separators=(",", ":")) for row in part)
            lines.append(f"{json.dumps(name)}: [\n  {rows}\n ]")
        else:
            lines.append(f"{json.dumps(name)}: {json.dumps(part)}")
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    SFRAME.write_text(shown(official_rows(read_vectors(OFFICIAL))), encoding="utf-8")
    PROFILE.write_text(shown(profile()), encoding="utf-8")


if __name__ == "__main__":
    main()
