"""What of an SDP a call accepts (RFC 8866, RFC 8829), and how it is kept from showing addresses.

Both the peer's SDP and our own pass here: the peer's before a WebRTC library sees it, ours before it is sent. The
rules are few and strict. One audio and at most one video section in one BUNDLE, over RTCP-mux and DTLS with a SHA-256
fingerprint; an offer only sends, an answer only receives; no codec but those of calls. RED is none of them here: it
travels as a line of its own, which clients that do not know it pass over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from zajil.protocol.calls.limits import CANDIDATE_BYTES, CANDIDATES, SDP_BYTES
from zajil.protocol.errors import error

Role: TypeAlias = Literal["offer", "answer"]
Section: TypeAlias = tuple[str, ...]
"""The lines of one media section, its `m=` line first."""

CODECS: Final = {
    "audio": frozenset({"opus/48000/2"}),
    "video": frozenset({"vp8/90000", "vp9/90000", "rtx/90000"}),
}
RED_LINE: Final = "a=zajil-red:"
"""Before the payload type for which a browser takes, or sends, Opus in RED (RFC 2198)."""
# Of RTP, outside what is RTCP's beside it (RFC 5761 section 4).
_DYNAMIC: Final = frozenset(str(payload) for payload in (*range(35, 64), *range(96, 128)))
# One spelling for each number: to libraries, which read it as such, 063 is 63.
_MAP: Final = re.compile(r"a=(?:rtpmap|fmtp):(0|[1-9][0-9]{0,2}) .+", re.ASCII)
_PROFILE: Final = "UDP/TLS/RTP/SAVPF"
_DIRECTIONS: Final = frozenset({"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"})
_WANTED: Final = {"offer": "a=sendonly", "answer": "a=recvonly"}
_FINGERPRINT: Final = re.compile(r"a=fingerprint:sha-256 ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})", re.ASCII | re.IGNORECASE)
# Beside SHA-256 a library may offer stronger hashes of the same certificate, never weaker ones.
_HASHES: Final = ("a=fingerprint:sha-256 ", "a=fingerprint:sha-384 ", "a=fingerprint:sha-512 ")
_RELATED: Final = re.compile(r" raddr \S+ rport \d+", re.ASCII)
_TYPE: Final = re.compile(r"(?:a=)?candidate:\S+ \d+ \S+ \d+ \S+ \d+ typ (\S+)(?: .*)?", re.ASCII)


def split_lines(sdp: str) -> list[str]:
    """The lines of an SDP, whether CR LF or LF ends them; empty ones left out."""
    return [line for line in sdp.replace("\r\n", "\n").split("\n") if line]


def check_sdp(sdp: str, role: Role) -> None:
    """Raises Malformed unless a call may use this SDP in this role.

    sdp: at most 3,500 bytes of printable ASCII and line ends, at most 20 candidates of at most 300 bytes.
    """
    lines = split_lines(sdp)
    if len(sdp) > SDP_BYTES or any(not " " <= char <= "~" for line in lines for char in line):
        raise _wrong("size or characters")
    if not all(_MAP.fullmatch(line) for line in lines if line.startswith(("a=rtpmap", "a=fmtp"))):
        raise _wrong("codec")
    head, sections = _split(lines)
    kinds = [section[0][2:].split(" ")[0] for section in sections]
    if kinds not in (["audio"], ["audio", "video"], ["video", "audio"]):
        raise _wrong("sections")
    used = [section for section in sections if not _is_refused(section, role)]
    if not any(section[0].startswith("m=audio ") for section in used):
        raise _wrong("no audio")
    for section in used:
        _check_section(section, head, role)
    _check_bundle(head, used)
    _check_red(lines, sections)
    candidates = [line for line in lines if line.startswith("a=candidate:")]
    if len(candidates) > CANDIDATES:
        raise _wrong("too many candidates")
    for line in candidates:
        check_candidate(line[2:])


def _wrong(why: str) -> Exception:
    return error("malformed", f"SDP: {why}")


def _split(lines: Sequence[str]) -> tuple[Section, list[Section]]:
    """The session's own lines, and the sections."""
    starts = [at for at, line in enumerate(lines) if line.startswith("m=")]
    if not starts or lines[0] != "v=0":
        raise _wrong("no session")
    ends = [*starts[1:], len(lines)]
    return tuple(lines[: starts[0]]), [tuple(lines[a:b]) for a, b in zip(starts, ends, strict=True)]


def _is_refused(section: Section, role: Role) -> bool:
    """A video section that an answer turns down: inactive, or on port 0."""
    if role == "offer" or not section[0].startswith("m=video "):
        return False
    return "a=inactive" in section or section[0].startswith("m=video 0 ")


class _Media(NamedTuple):
    kind: str
    payloads: Sequence[str]


def _check_section(section: Section, head: Section, role: Role) -> None:
    directions = [line for line in section if line in _DIRECTIONS] or [line for line in head if line in _DIRECTIONS]
    if directions != [_WANTED[role]]:
        raise _wrong("direction")
    if "a=rtcp-mux" not in section:
        raise _wrong("no rtcp-mux")
    media = _parse_media(section[0])
    mapped = list(_codecs(section))
    codecs = dict(mapped)
    # A payload type that is mapped twice may mean another codec to the library than to us.
    if len(codecs) != len(mapped):
        raise _wrong("codec")
    for payload in media.payloads:
        if codecs.get(payload) not in CODECS[media.kind]:
            raise _wrong("codec")


def _parse_media(line: str) -> _Media:
    kind, port, profile, *payloads = [*line[2:].split(" "), "", ""]
    payloads = [one for one in payloads if one]
    if profile != _PROFILE or not port.isdecimal() or not payloads:
        raise _wrong("media line")
    return _Media(kind, payloads)


def _codecs(section: Section) -> Iterator[tuple[str, str]]:
    for line in section:
        if line.startswith("a=rtpmap:"):
            payload, _, codec = line[9:].partition(" ")
            yield payload, codec.lower()


def _check_bundle(head: Section, used: Sequence[Section]) -> None:
    """One transport for all sections, and one certificate."""
    groups = [line[len("a=group:BUNDLE ") :].split(" ") for line in head if line.startswith("a=group:BUNDLE ")]
    mids = [[line[6:] for line in section if line.startswith("a=mid:")] for section in used]
    if len(groups) != 1 or any(len(mid) != 1 or mid[0] not in groups[0] for mid in mids):
        raise _wrong("no BUNDLE")
    seen = set()
    for section in used:
        lines = [line for line in (*head, *section) if line.startswith("a=fingerprint:")]
        found = {match[1].upper() for line in lines if (match := _FINGERPRINT.fullmatch(line))}
        if len(found) != 1 or any(not line.lower().startswith(_HASHES) for line in lines):
            raise _wrong("fingerprint")
        seen |= found
    if len(seen) != 1:
        raise _wrong("two certificates")


def _check_red(lines: Sequence[str], sections: Sequence[Section]) -> None:
    """RED, where it is told of, has a payload type of its own, told once, in the section of sound."""
    found = [line for line in lines if line.startswith(RED_LINE)]
    if not found:
        return
    red = found[0].removeprefix(RED_LINE)
    in_audio = any(section[0].startswith("m=audio ") and found[0] in section for section in sections)
    if len(found) > 1 or red not in _DYNAMIC or not in_audio or red in dict(_codecs(tuple(lines))):
        raise _wrong("RED")


def check_candidate(candidate: str) -> None:
    """Raises Malformed unless it looks like an ICE candidate of at most 300 bytes (RFC 8839 section 5.1)."""
    find_type(candidate)


def find_type(candidate: str) -> str:
    """`host`, `srflx`, `prflx` or `relay`. Raises Malformed for anything that is no candidate."""
    if len(candidate) > CANDIDATE_BYTES or any(not " " <= char <= "~" for char in candidate):
        raise _wrong("candidate")
    match = _TYPE.fullmatch(candidate)
    if match is None or match[1] not in ("host", "srflx", "prflx", "relay"):
        raise _wrong("candidate")
    return match[1]


def hide_addresses(sdp: str) -> str:
    """Our own SDP under the relay policy: related addresses are zeroed.

    Raises Malformed if it holds a candidate that is no relay, so that an address of this device never leaves it.
    """
    return "".join(_hidden_line(line) + "\r\n" for line in split_lines(sdp))


def _hidden_line(line: str) -> str:
    return "a=" + hide_candidate(line[2:]) if line.startswith("a=candidate:") else line


def hide_candidate(candidate: str) -> str:
    """As `hide_addresses`, for one candidate."""
    if find_type(candidate) != "relay":
        raise _wrong("an address that the policy hides")
    return _RELATED.sub(" raddr 0.0.0.0 rport 0", candidate)
