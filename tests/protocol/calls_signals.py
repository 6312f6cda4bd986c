"""Signals and SDPs, good and bad, that both languages must judge alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from zajil.protocol import cbor
from zajil.protocol.calls import sdp
from zajil.protocol.calls import signals as sg
from zajil.protocol.errors import Malformed

CALL = bytes(range(16))
SECRET = bytes(range(32))
PRINT = ":".join(f"{byte:02X}" for byte in range(32))
HOST = "candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host generation 0 ufrag abcd"
RELAY = "candidate:2 1 udp 41885439 198.51.100.9 49170 typ relay raddr 192.0.2.7 rport 54321 generation 0"
HEAD = (
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0 1",
    "a=msid-semantic: WMS",
)
COMMON = (
    *("c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0", "a=ice-ufrag:4ZcD", "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlkR"),
    *("a=ice-options:trickle", f"a=fingerprint:sha-256 {PRINT}", "a=setup:actpass"),
)


def section(kind: str, mid: int, *, role: str = "offer") -> list[str]:
    direction = "a=sendonly" if role == "offer" else "a=recvonly"
    head = "m=audio 9 UDP/TLS/RTP/SAVPF 111" if kind == "audio" else "m=video 9 UDP/TLS/RTP/SAVPF 96 97"
    codecs = ("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1;stereo=0;usedtx=0;cbr=1")
    if kind == "video":
        codecs = ("a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96")  # type: ignore[assignment]
    return [head, *COMMON, f"a=mid:{mid}", direction, "a=rtcp-mux", "a=rtcp-rsize", *codecs]


def make_sdp(*, role: str = "offer", video: bool = True) -> str:
    lines = [*HEAD, *section("audio", 0, role=role), *(section("video", 1, role=role) if video else [])]
    return "".join(line + "\r\n" for line in lines)


OFFER, ANSWER = make_sdp(), make_sdp(role="answer")

EVERY: tuple[sg.Signal, ...] = (
    sg.Ring(CALL, SECRET, "audio"),
    sg.Ring(CALL, SECRET, "video", 3),
    sg.Accept(CALL, "video"),
    *(sg.Decline(CALL, reason) for reason in sg.DECLINES),
    sg.Taken(CALL, 65_535),
    sg.Cancel(CALL, "no-answer"),
    sg.End(CALL, "hangup"),
    sg.End(CALL, "full", 7),
    sg.Desc(CALL, 1, 64, "offer", OFFER),
    sg.Desc(CALL, 1, 64, "answer", ANSWER),
    sg.Cand(CALL, 1, 64, (HOST, RELAY), False),
    sg.Cand(CALL, 1, 64, (), True),
    sg.Room(CALL, 1, 66),
    sg.Got(CALL, 1, (1 << 32) - 1),
    sg.Lost(CALL, 1, 0),
    sg.State(CALL, True, False, True),
    sg.State(CALL, True, False, True, 2),
    sg.Beacon(CALL, SECRET, "audio", 1_790_000_000_000, (0, 5, 9, 11)),
)


def bad_maps() -> Iterator[tuple[str, dict[cbor.Key, cbor.Value]]]:
    """Maps that are no signal, or one only to a later version."""
    ring: dict[cbor.Key, cbor.Value] = dict(sg.encode_signal(EVERY[0]).items())
    desc: dict[cbor.Key, cbor.Value] = dict(sg.encode_signal(sg.Desc(CALL, 1, 64, "offer", OFFER)).items())
    cand: dict[cbor.Key, cbor.Value] = dict(sg.encode_signal(sg.Cand(CALL, 1, 64, (HOST,), False)).items())
    beacon: dict[cbor.Key, cbor.Value] = dict(sg.encode_signal(EVERY[-1]).items())
    yield "an unknown key is ignored", {**ring, "new": [1, None]}
    yield "a ring of a later version is unsupported", {**ring, "v": 2}
    yield "a ring with another suite is unsupported", {**ring, "suite": 5}
    yield "an unknown type is nothing", {**ring, "t": "hold"}
    yield "another signal of a later version is nothing", {**desc, "v": 2}
    yield "no version", {key: value for key, value in ring.items() if key != "v"}
    yield "no call", {key: value for key, value in ring.items() if key != "c"}
    yield "a short call", {**ring, "c": CALL[:15]}
    yield "a short secret", {**ring, "secret": SECRET[:31]}
    yield "another kind", {**ring, "kind": "screen"}
    yield "a kind that is no text", {**ring, "kind": True}
    yield "a leaf beyond 16 bits", {**ring, "to": 65_536}
    yield "a negative leaf", {**ring, "to": -1}
    yield "to nil is to all", {**ring, "to": None}
    yield "an unknown word of declining", {"v": 1, "t": "decline", "c": CALL, "reason": "later"}
    yield "an unknown word of ending", {"v": 1, "t": "end", "c": CALL, "reason": "meteor"}
    yield "a word that is too long", {"v": 1, "t": "end", "c": CALL, "reason": "x" * 33}
    yield "a description for all", {key: value for key, value in desc.items() if key != "to"}
    yield "a role that is none", {**desc, "role": "pranswer"}
    yield "an answer's SDP in an offer", {**desc, "sdp": ANSWER}
    yield "an SDP that is too long", {**desc, "sdp": OFFER + "a=x" * 1_200}
    yield "an attempt beyond 32 bits", {**desc, "pc": 1 << 32}
    yield "eleven candidates", {**cand, "cands": [HOST] * 11}
    yield "ten candidates", {**cand, "cands": [HOST] * 10}
    yield "a candidate that is none", {**cand, "cands": ["candidate:1 1 udp x"]}
    yield "a long candidate", {**cand, "cands": [HOST + "x" * 300]}
    yield "candidates that are no list", {**cand, "cands": HOST}
    yield "done that is no flag", {**cand, "done": 1}
    yield "five leaves", {**beacon, "leaves": [1, 2, 3, 4, 5]}
    yield "a time that is no number", {**beacon, "since": "now"}


def read_cases() -> list[tuple[str, bytes, object]]:
    """What is read, its CBOR, and the signal it is; None where it is dropped."""
    cases: list[tuple[str, bytes, object]] = [
        (signal.TYPE, cbor.encode(dict(sg.encode_signal(signal).items())), signal) for signal in EVERY
    ]
    for about, values in bad_maps():
        data = cbor.encode(values)
        cases.append((about, data, read(data)))
    return cases


def read(data: bytes) -> sg.Signal | sg.Unsupported | None:
    values = cbor.parse(data)
    assert isinstance(values, dict)
    return sg.parse_signal({key: value for key, value in values.items() if isinstance(key, str)})


def changed_sdps() -> Iterator[tuple[str, str, sdp.Role]]:
    """An offer or answer with one change each."""
    yield "an offer", OFFER, "offer"
    yield "an answer", ANSWER, "answer"
    yield "audio alone", make_sdp(video=False), "offer"
    yield "LF alone", OFFER.replace("\r\n", "\n"), "offer"
    yield (
        "a stronger hash beside",
        OFFER.replace("a=setup", f"a=fingerprint:sha-512 {PRINT}:{PRINT}\r\na=setup"),
        "offer",
    )
    yield "an answer without video", ANSWER.replace("m=video 9", "m=video 0"), "answer"
    inactive = ANSWER.replace("a=mid:1\r\na=recvonly", "a=mid:1\r\na=inactive")
    yield "an answer with video inactive", inactive, "answer"
    yield "an offer with video inactive", OFFER.replace("a=mid:1\r\na=sendonly", "a=mid:1\r\na=inactive"), "offer"
    yield "an offer in the role of an answer", OFFER, "answer"
    yield "both directions", OFFER.replace("sendonly", "sendrecv"), "offer"
    yield "two directions", OFFER.replace("a=sendonly", "a=sendonly\r\na=recvonly"), "offer"
    yield "no direction", OFFER.replace("a=sendonly\r\n", ""), "offer"
    once = OFFER.replace("a=sendonly\r\n", "").replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n")
    yield "a direction for the session", once, "offer"
    yield "no audio", OFFER.replace("m=audio", "m=video"), "offer"
    yield "data channels", OFFER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "offer"
    yield "two audio sections", OFFER.replace("m=video", "m=audio"), "offer"
    yield "no fingerprint", OFFER.replace("a=fingerprint", "a=finger"), "offer"
    yield "a weak fingerprint", OFFER.replace("sha-256", "sha-1"), "offer"
    yield "a weak fingerprint beside", OFFER.replace("a=setup", "a=fingerprint:sha-1 AA\r\na=setup"), "offer"
    yield "a short fingerprint", OFFER.replace(PRINT, PRINT[:-3]), "offer"
    yield "two certificates", OFFER.replace(PRINT, PRINT.replace("1F", "FF"), 1), "offer"
    yield "no BUNDLE", OFFER.replace("a=group:BUNDLE 0 1\r\n", ""), "offer"
    yield "video outside the BUNDLE", OFFER.replace("BUNDLE 0 1", "BUNDLE 0"), "offer"
    yield "no rtcp-mux", OFFER.replace("a=rtcp-mux\r\n", "", 1), "offer"
    yield "without DTLS", OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF"), "offer"
    yield "another audio codec", OFFER.replace("opus/48000/2", "red/48000/2"), "offer"
    yield "a static payload type", OFFER.replace("SAVPF 111", "SAVPF 111 0"), "offer"
    yield "H.264", OFFER.replace("VP8", "H264"), "offer"
    yield "VP9", OFFER.replace("VP8", "VP9"), "offer"
    yield "one payload mapped twice", OFFER.replace("a=fmtp:111", "a=rtpmap:111 PCMU/8000\r\na=fmtp:111"), "offer"
    opus = "a=rtpmap:111 opus"
    for about, line in (
        ("RED beside Opus", "a=zajil-red:63"),
        ("RED twice", "a=zajil-red:63\r\na=zajil-red:62"),
        ("RED with the payload type of Opus", "a=zajil-red:111"),
        ("RED with a payload type of pictures", "a=zajil-red:97"),
        ("RED with a payload type of RTCP", "a=zajil-red:72"),
        ("RED with a static payload type", "a=zajil-red:0"),
        ("RED with more than a number", "a=zajil-red:63 111/111"),
        ("RED without a number", "a=zajil-red:"),
    ):
        yield about, OFFER.replace(opus, f"{line}\r\n{opus}"), "offer"
    yield "RED in an answer", ANSWER.replace(opus, f"a=zajil-red:63\r\n{opus}"), "answer"
    yield "RED for the session", OFFER.replace("t=0 0", "t=0 0\r\na=zajil-red:63"), "offer"
    yield "RED among pictures", OFFER.replace("a=rtpmap:96", "a=zajil-red:63\r\na=rtpmap:96"), "offer"
    listed = OFFER.replace("SAVPF 111", "SAVPF 63 111").replace(opus, f"a=rtpmap:63 red/48000/2\r\n{opus}")
    yield "RED as a codec", listed, "offer"
    for number in ("063", "+63", " 63", "6_3", "63.0"):
        line = f"a=zajil-red:63\r\na=rtpmap:{number} PCMU/8000"
        yield f"a codec in the place of RED, by {number!r}", OFFER.replace(opus, f"{line}\r\n{opus}"), "offer"
    yield "parameters of Opus by '0111'", OFFER + "a=fmtp:0111 usedtx=1\r\n", "offer"
    yield "a codec in the place of Opus, by '0111'", OFFER + "a=rtpmap:0111 PCMU/8000\r\n", "offer"
    yield "no payload", OFFER.replace("SAVPF 111", "SAVPF"), "offer"
    yield "20 candidates", make_sdp(video=False) + f"a={HOST}\r\n" * 20, "offer"
    yield "21 candidates", make_sdp(video=False) + f"a={HOST}\r\n" * 21, "offer"
    yield "a candidate that is none", OFFER + "a=candidate:1\r\n", "offer"
    yield "other letters", OFFER.replace("s=-", "s=é"), "offer"
    yield "CR alone", OFFER.replace("s=-\r\n", "s=-\r\na=x\ra=y\r\n"), "offer"
    yield "no session", OFFER.replace("v=0\r\n", ""), "offer"
    yield "nothing", "", "offer"
    yield "3,501 bytes", OFFER + "a=" + "x" * (3_501 - len(OFFER) - 2), "offer"
    yield "3,500 bytes", OFFER + "a=" + "x" * (3_500 - len(OFFER) - 2), "offer"


def sdp_cases() -> list[tuple[str, str, str, bool]]:
    """About, SDP, role, and whether a call accepts it."""
    return [(about, text, role, accepts(text, role)) for about, text, role in changed_sdps()]


def accepts(text: str, role: sdp.Role) -> bool:
    with suppress(Malformed):
        sdp.check_sdp(text, role)
        return True
    return False


CANDIDATES = (
    *(HOST, RELAY, HOST.replace("192.0.2.7", "4f1a2b3c-0000-4000-8000-000000000000.local")),
    "candidate:842163049 1 tcp 1677729535 2001:db8::7 9 typ srflx raddr :: rport 0 tcptype active",
    *(
        HOST.replace("typ host", "typ other"),
        HOST.replace("typ", "type"),
        "",
        "candidate:",
        "x" * 301,
        HOST + "\r\na=x",
    ),
    "candidate:1 1 udp 1 192.0.2.7 1 typ host" + " " + "x" * 259,
    "candidate:1 1 udp 1 192.0.2.7 1 typ host" + " " + "x" * 260,
)


def candidate_cases() -> list[tuple[str, str | None]]:
    """A candidate and its type; None where it is refused."""
    cases: list[tuple[str, str | None]] = []
    for candidate in CANDIDATES:
        found = None
        with suppress(Malformed):
            found = sdp.find_type(candidate)
        cases.append((candidate, found))
    return cases


def hidden_cases() -> list[tuple[str, str | None]]:
    """Our own SDP, and what leaves the device under the relay policy; None where nothing does."""
    cases: list[tuple[str, str | None]] = []
    for text in (OFFER, OFFER + f"a={RELAY}\r\n", OFFER + f"a={RELAY}\r\na={HOST}\r\n"):
        hidden = None
        with suppress(Malformed):
            hidden = sdp.hide_addresses(text)
        cases.append((text, hidden))
    return cases
