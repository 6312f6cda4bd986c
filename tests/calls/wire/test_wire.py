"""Not one plaintext frame: what leaves a Chromium in a call, seen behind SRTP, byte by byte, on each rung.

A tap answers in the place of the peer. Both people of the call have one each, so both directions are looked at. In the
controls the same tap sees a browser without transforms send its devices in clear, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.calls.relay.turn import needs_aioice

needs_aioice()
from tests.calls.wire.chromium import Chromium, Told, chromium  # noqa: E402  # only where the extra is installed
from tests.calls.wire.datagrams import captured  # noqa: E402  # likewise
from tests.calls.wire.judge import Keys, frames_of, padding_of, split_red  # noqa: E402  # likewise
from tests.calls.wire.known import Known, loudness, pictures, send_in_clear  # noqa: E402  # likewise
from tests.calls.wire.relaying import RunningRelay  # noqa: E402  # likewise
from tests.calls.wire.scene import Tapped, tapped  # noqa: E402  # likewise

from zajil.client.calls.media import sdp  # noqa: E402  # likewise
from zajil.protocol.calls.sdp import RED_LINE  # noqa: E402  # likewise

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.alone]
CLEAR = "Object.defineProperty(RTCRtpSender.prototype, 'transform', { set: () => undefined, get: () => undefined })"


async def record_devices(browser: Chromium, url: str) -> Known:
    """The control: the devices of this browser in clear. The tap must find every frame of them plain."""
    async with tapped(browser, url, 0, 1) as one:
        page = one.caller.page
        assert page is not None
        tap = one.taps[1]

        async def say(signal: Told) -> None:
            await page.run(f"window.hear({json.dumps(signal)})")

        tap._say, tap.describe = say, sdp.split_candidates
        await send_in_clear(page)
        await tap.until("devices in clear", lambda: sum(len(line.packets) for line in tap.lines.values()) > 400)
        (line,) = tap.lines.values()
        one.keys.add(5, bytes(16))
        for kind in ("audio", "video"):
            verdict = one.verdict(kind, 1)
            assert verdict.opened == []
            assert len(verdict.plain) > 20
        audio, video = frames_of(line.packets, "audio")[0], frames_of(line.packets, "video")[0]
    known = Known.of(audio, video)
    assert len(known.sizes) > 3, "sound at a rate of its own shows what is said; the measure sees it"
    assert loudness(audio) > 0.05
    print(f"in clear: {len(audio)} frames of sound in {len(known.sizes)} sizes, {len(known.shown)} pictures")
    return known


def check_sealed(one: Tapped, leaf: int, known: Known, *, epochs: set[int]) -> str:
    """Everything that one sent to the device of a leaf is sealed, and what is sealed is the devices."""
    audio, video = one.verdict("audio", leaf), one.verdict("video", leaf)
    for verdict in (audio, video):
        assert (verdict.plain, verdict.stray) == ([], 0)
        assert {each.epoch for each in verdict.opened} == epochs
    assert not any(map(any, map(padding_of, one.taps[leaf].carrying.packets)))
    lost = max(8, len(one.taps[leaf].carrying.packets) // 20)
    assert video.loose <= lost, "packets of the last frame, and of those that a busy machine lost a part of"
    assert audio.loose == 0
    assert all(len(sizes) == 1 for sizes in audio.sizes().values()), audio.sizes()
    assert not any(known.is_sound(each.sealed) for each in audio.opened)
    assert loudness(each.frame for each in audio.opened) > 0.05
    assert any(map(known.is_shown, pictures(each.frame for each in video.opened)))
    assert not any(map(known.is_shown, pictures(each.sealed for each in video.opened)))
    return (
        f"{len(audio.opened)} frames of sound in sizes {audio.sizes()}, {len(video.opened)} pictures in "
        f"{sum(each.codec != 'opus' for each in one.taps[leaf].carrying.packets)} packets, 0 in clear"
    )


@pytest.mark.smoke
async def test_the_tap_reads_what_a_browser_sends_without_transforms(page: str, speech: str, tmp_path: Path) -> None:
    async with chromium(tmp_path / "profile", speech) as browser:
        await record_devices(browser, page)
        async with tapped(browser, page, 0, 1, scripts=[CLEAR]) as one:
            tap = one.taps[1]
            await one.key(5)
            await one.call()
            await one.caller.until("alarm", lambda told: told["told"] == "alarm")
            await tap.until("an end", lambda: all(line.state == "closed" for line in tap.lines.values()))
            verdict = one.verdict("audio", 1)
            assert verdict.opened == []
            assert verdict.plain
            assert loudness(verdict.plain) < 0.001, "the dummy is silent"
            assert not any(line.got for line in tap.lines.values())
            print(f"transform left out: {len(verdict.plain)} frames of silence in clear, then alarm and end")


async def look_at_both(browser: Chromium, url: str, call: Callable[[Tapped], Awaitable[None]]) -> tuple[Tapped, Tapped]:
    """Both directions of a call of two, long enough for speech and pauses, with a change of key; all of it is sealed.

    Answers the two as they were.
    """
    known = await record_devices(browser, url)
    async with tapped(browser, url, 0, 1) as one, tapped(browser, url, 1, 0) as two:
        both = ((one, 1), (two, 0))
        for each, _ in both:
            await each.key(5)
            await call(each)
        for each, _ in both:
            await each.until_seen(audio=200, video=60)
            await each.key(6)
        for each, other in both:
            await each.until_seen(audio=400, video=120)
            print(f"{each.caller.leaf} to {other}: {check_sealed(each, other, known, epochs={5, 6})}")
        return one, two


@pytest.mark.smoke
async def test_every_frame_that_leaves_by_the_direct_way_is_sealed(page: str, speech: str, tmp_path: Path) -> None:
    async with chromium(tmp_path / "profile", speech) as browser:
        for each in await look_at_both(browser, page, Tapped.call):
            assert {route["type"] for route in each.routes()} <= {"host", "prflx"}


def taking_red(text: str) -> tuple[str, list[str]]:
    """The answer of a browser, which takes Opus in RED."""
    answer, candidates = sdp.our_description(text)
    return answer.replace("a=rtpmap:", f"{RED_LINE}63\r\na=rtpmap:", 1), candidates


@pytest.mark.smoke
async def test_sound_that_is_sent_twice_is_sealed_as_one_frame_of_one_size(
    page: str, speech: str, tmp_path: Path
) -> None:
    async with chromium(tmp_path / "profile", speech) as browser, tapped(browser, page, 0, 1) as one:
        tap = one.taps[1]
        tap.describe = taking_red
        await one.key(5)
        await one.call()
        await one.until_seen(audio=400, video=0)
        verdict = one.verdict("audio", 1)
        assert (verdict.plain, verdict.stray, verdict.loose) == ([], 0, 0)
        assert {wired.packet.payload_type for wired in tap.carrying.packets if wired.codec == "opus"} == {63}
        first, *rest = verdict.opened
        blocks = [split_red(each.frame) for each in rest]
        assert split_red(first.frame)[0] is None
        assert all(again == new for (again, _), (_, new) in zip(blocks[1:], blocks, strict=False)), "each frame twice"
        assert loudness(new for _, new in blocks) > 0.05
        sizes: dict[int, set[int]] = {}
        for each in rest:
            sizes.setdefault(each.front, set()).add(len(each.sealed))
        assert all(len(found) == 1 for found in sizes.values()), sizes
        print(f"RED: {len(rest)} frames of sound in sizes {sizes}, the first one {len(first.sealed)}, 0 in clear")


@pytest.mark.parametrize("rung", ["relay-udp", "relay-tcp", "relay-tls"])
async def test_every_frame_that_leaves_by_a_relay_is_sealed(
    page: str, speech: str, relay: RunningRelay, rung: str, tmp_path: Path
) -> None:
    """And the peer is reached from addresses of the relay alone."""
    with captured() as datagrams:
        async with chromium(tmp_path / "profile", speech, *relay.flags) as browser:
            both = await look_at_both(browser, page, lambda one: one.call_by(relay, rung))
    for each in both:
        assert {(route["type"], route["relay"]) for route in each.routes()} == {("relay", rung.removeprefix("relay-"))}
        reached = {place for line in each.lines() for place in line.places}
        assert reached
        assert all(relay.is_relayed(host, port) for _, host, port in reached), reached
        ports = {port for line in each.lines() for port in line.ports}
        if datagrams is not None:
            ends = {one.source for one in datagrams if one.target[1] in ports}
            ends |= {one.target for one in datagrams if one.source[1] in ports}
            assert ends
            assert all(relay.is_relayed(*end) for end in ends), ends


async def test_who_is_removed_gets_frames_and_opens_none_of_them(page: str, speech: str, tmp_path: Path) -> None:
    """Three in a call, real media to both others; one of them is removed, and keeps listening with what it knew."""
    async with chromium(tmp_path / "profile", speech) as browser, tapped(browser, page, 0, 1, 2) as one:
        removed = Keys()
        removed.add(5, await one.key(5))
        await one.call()
        await one.until_seen(audio=150, video=30)
        await one.key(6, removed=True)
        await one.until_seen(audio=400, video=60)
        for kind in ("audio", "video"):
            stays, out = one.verdict(kind, 1), one.verdict(kind, 2, removed)
            sent = one.verdict(kind, 2)
            assert stays.plain == sent.plain == []
            assert {each.epoch for each in out.opened} == {5}
            after = [each for each in sent.opened if each.epoch == 6]
            assert len(after) > 10
            assert out.plain == [each.sealed for each in after], "each frame after the change came, and none opened"
            print(f"{kind} after the removal: {len(after)} frames came, 0 opened")
