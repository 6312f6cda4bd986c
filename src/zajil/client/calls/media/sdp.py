"""SDP as our side of a call changes it, before the WebRTC library sees a peer's and before a peer sees ours.

What an SDP must be to be looked at at all is `zajil.protocol.calls.sdp`; here is what is taken out and put in:

1. RTP header extensions travel in clear, under SRTP too, and one of them says how loud a voice is. All go but the three
   that a transport needs.
2. Opus runs at one rate, without pauses: sizes and silences of packets say nothing about what is spoken.
3. We are always the DTLS server, because our ClientHello is no browser's.
4. One fingerprint, SHA-256, and no address outside the candidates.

Source: docs/protocol/calls.md; RFC 8866, RFC 5763 (setup), RFC 7587 (fmtp of Opus), RFC 8285 (extmap).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

OPUS_FMTP: Final = "minptime=10;useinbandfec=1;stereo=0;usedtx=0;cbr=1"
EXTENSIONS: Final = frozenset(
    {
        "urn:ietf:params:rtp-hdrext:sdes:mid",
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    }
)
_EXTMAP: Final = re.compile(r"a=extmap:\S+ (\S+)(?: .*)?")
_OPUS: Final = re.compile(r"a=rtpmap:(\d+) opus/48000/2", re.IGNORECASE)


def strip_extensions(sdp: str) -> str:
    """Without every RTP header extension that calls do not use, and without `extmap-allow-mixed`."""

    def is_kept(line: str) -> bool:
        if line == "a=extmap-allow-mixed":
            return False
        found = _EXTMAP.fullmatch(line)
        return not line.startswith("a=extmap:") or (found is not None and found[1] in EXTENSIONS)

    return _filtered(sdp, is_kept)


def as_dtls_client(offer: str) -> str:
    """The peer's offer as one that wants to be the DTLS client, if that is left open: we then answer as the server."""
    return _joined("a=setup:active" if line == "a=setup:actpass" else line for line in offer.splitlines())


def with_steady_opus(sdp: str) -> str:
    """With the parameters of Opus that calls use in the place of any others."""
    opus = {found[1] for line in sdp.splitlines() if (found := _OPUS.fullmatch(line))}
    lines = []
    for line in sdp.splitlines():
        if any(line.startswith(f"a=fmtp:{payload} ") for payload in opus):
            continue
        lines.append(line)
        if (found := _OPUS.fullmatch(line)) is not None:
            lines.append(f"a=fmtp:{found[1]} {OPUS_FMTP}")
    return _joined(lines)


def with_one_fingerprint(sdp: str) -> str:
    """Without the fingerprints of other hashes than SHA-256."""
    return _filtered(
        sdp, lambda line: not line.startswith("a=fingerprint:") or line.lower().startswith("a=fingerprint:sha-256 ")
    )


def without_addresses(sdp: str) -> str:
    """With the connection, port and RTCP lines of a session that has no address yet; candidates stay."""
    lines = []
    for line in sdp.splitlines():
        if line.startswith("c="):
            lines.append("c=IN IP4 0.0.0.0")
        elif line.startswith("a=rtcp:"):
            lines.append("a=rtcp:9 IN IP4 0.0.0.0")
        elif line.startswith("m="):
            kind, _, rest = line.split(" ", 2)
            lines.append(f"{kind} 9 {rest}")
        else:
            lines.append(line)
    return _joined(lines)


def split_candidates(sdp: str) -> tuple[str, list[str]]:
    """The SDP without candidates, and the candidates: `candidate:...`, each once, in their order."""
    found = [line[2:] for line in sdp.splitlines() if line.startswith("a=candidate:")]
    rest = _filtered(sdp, lambda line: not line.startswith(("a=candidate:", "a=end-of-candidates")))
    return rest, list(dict.fromkeys(found))


def our_description(sdp: str) -> tuple[str, list[str]]:
    """What a peer gets of a description that aiortc made, and the candidates apart."""
    text = with_steady_opus(with_one_fingerprint(strip_extensions(without_addresses(sdp))))
    return split_candidates(text)


def peer_offer(sdp: str) -> str:
    """What aiortc gets of a peer's offer."""
    return as_dtls_client(strip_extensions(sdp))


def peer_answer(sdp: str) -> str:
    """What aiortc gets of a peer's answer. Extensions that we did not offer are no more welcome here."""
    return strip_extensions(sdp)


def _filtered(sdp: str, is_kept: Callable[[str], bool]) -> str:
    return _joined(line for line in sdp.splitlines() if is_kept(line))


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
