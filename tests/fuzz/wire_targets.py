"""Carriers, seals, signed documents, media of calls, JSON of both ends, and what the programs around them read."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeGuard, get_args

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tests.fuzz.examples import encoded, example
from tests.fuzz.targets import Target, hexes, of_text, texts, vector
from tests.protocol import calls_signals, reach_vectors
from tests.protocol.test_bundle import FILE, KEY
from tests.protocol.tlog import test_checkpoint as notes

from zajil.bridges.edge.probes import answers
from zajil.bridges.edge.probes.hpack import HeaderReader
from zajil.calls import mediaframes, tickets
from zajil.client.calls import record, sframe
from zajil.delivery.refs import RefBook
from zajil.engine.keys import Keys
from zajil.protocol import cbor, control, linktext, records
from zajil.protocol.calls import media, sdp, signals
from zajil.protocol.ids import MailboxId
from zajil.protocol.path import memory
from zajil.protocol.public.routes import PUBLIC_ROUTES
from zajil.protocol.push import message as push
from zajil.protocol.reach import bridgepath, bundle, dsse, endpoints, polling, seal, signed
from zajil.protocol.review.routes import REVIEW_ROUTES
from zajil.protocol.tlog import checkpoint
from zajil.server.http import dispatch
from zajil.server.moderation.beside import words
from zajil.server.push import poster
from zajil.transports import http, pluggable, sockets
from zajil.transports.base import DialError

NOW_S = reach_vectors.NOW_S
SEALED = vector("seal")
REFS = RefBook(Keys.create(random.Random(5).randbytes))


def _is_struct(kind: object) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _packed() -> bytes:
    """What is sealed inside the file of a bundle."""
    head = FILE[: bundle._HEAD]
    return AESGCM(KEY).decrypt(head[-12:], FILE[bundle._HEAD :], head)


ROUTED = (*control.ROUTES, *PUBLIC_ROUTES, *REVIEW_ROUTES)
ASKED = tuple(dict.fromkeys(route.request for route in ROUTED if _is_struct(route.request)))
ANSWERED = tuple(dict.fromkeys(route.answer for route in ROUTED if _is_struct(route.answer)))


def json_of(kinds: Sequence[type[msgspec.Struct]]) -> Target:
    """One target for all of them: the first two bytes say which."""

    def parse(data: bytes) -> object:
        return control.parse_json(data[2:], kinds[int.from_bytes(data[:2]) % len(kinds)])

    return Target(parse, [number.to_bytes(2) + encoded(kind) for number, kind in enumerate(kinds)])


def take_accept(data: bytes) -> int:
    client = reach_vectors.client_of("python")
    client.new_record = bytes.fromhex(ROW["new"])
    return client.take_accept(data, now_ms=reach_vectors.CLIENT_MS)


def accept(data: bytes) -> object:
    return reach_vectors.server_of("python").accept(data, now_ms=reach_vectors.SERVER_MS)


def open_record(data: bytes) -> bytes:
    """The first record from the server, on a carrier of its own each time."""
    keys = [seal._Keys(bytes(32), label=label, c=0, sid=bytes(16)) for label in (b"zajil/c2s/1", b"zajil/s2c/1")]
    return seal.RecordSeal(*keys, first=lambda: None, may_seal=True).open(data)


def step_root(data: bytes) -> object:
    return signed.step_root(None, data)


def check_list(data: bytes) -> object:
    return signed.check_list(ROOT, data, None, now_s=NOW_S)


def find_path(data: bytes) -> object:
    return bridgepath._parse_segment(data.decode("latin-1"), "assets")


def parse_signal(data: bytes) -> object:
    fields = cbor.parse(data)
    return signals.parse_signal(fields) if isinstance(fields, dict) else None  # type: ignore[arg-type]  # any keys


def check_offer(text: str) -> None:
    sdp.check_sdp(text, "offer")
    sdp.hide_addresses(text)


def check_candidate(text: str) -> None:
    sdp.check_candidate(text)
    sdp.hide_candidate(text)


def open_note(data: bytes) -> object:
    return checkpoint.open_checkpoint(data, [notes.PUBLIC], origin=notes.ORIGIN)


def parse_query(text: str) -> object:
    return dispatch.parse_query(text, frozenset({"after", "limit", "q"}))


def decrypt_push(data: bytes) -> bytes:
    return push.decrypt(data, key=PUSH_KEY, auth=bytes(16))


ROOT = signed.step_root(None, reach_vectors.ROOTS[0])
ROW = SEALED["seals"][0]
PUSH_KEY = ec.derive_private_key(7, ec.SECP256R1())
PUSHED = push.encrypt(
    b"text",
    p256dh=push.public_bytes(PUSH_KEY),
    auth=bytes(16),
    key=ec.derive_private_key(9, ec.SECP256R1()),
    salt=bytes(16),
)
RECORDED = seal._Keys(bytes(32), label=b"zajil/s2c/1", c=0, sid=bytes(16)).seal(records.pad(b"frame"))
LIST = reach_vectors.sign_list(reach_vectors.list_body())
HTTP1 = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nok"
HTTP2 = b"\0\0\1\1\4\0\0\0\1\x88" + b"\0\0\2\0\1\0\0\0\1ok"
HELLO = b"\2\0\0\x28" + b"\3\3" + bytes(32) + b"\0\x13\1\0\0\0"
TOLD = [msgspec.json.encode(example(kind)) for kind in get_args(words.Told)]
TICKET = tickets.make_ticket(bytes(32), bytes(16), now_s=NOW_S, random=random.Random(1).randbytes)

TARGETS: dict[str, Target] = {
    "json requests": json_of(ASKED),
    "json answers": json_of(ANSWERED),
    "http query": Target(of_text(parse_query), [b"after=AAAA&limit=5"]),
    "http date": Target(of_text(http.parse_date), [b"Mon, 30 Nov 2026 12:00:00 GMT"]),
    "retry-after": Target(of_text(poster._retry_after_s), [b"120", b"Mon, 30 Nov 2026 12:00:00 GMT"]),
    "transport's address": Target(of_text(pluggable._parse_address), [b"127.0.0.1:9050"], (DialError,)),
    "proxy": Target(of_text(sockets.parse_socks), [b"socks5://user:word@127.0.0.1:1080", b"localhost:9050"]),
    "seal: first record": Target(accept, [bytes.fromhex(ROW["new"]), seal.ROOT_RECORD]),
    "seal: accept": Target(take_accept, [bytes.fromhex(ROW["accept"])]),
    "seal: record": Target(open_record, [RECORDED]),
    "envelope": Target(lambda data: dsse.parse_envelope(data, signed.ROOT_TYPE), [reach_vectors.ROOTS[0]]),
    "root": Target(step_root, list(reach_vectors.ROOTS)),
    "root's body": Target(signed._parse_root, [reach_vectors.FIRST.encode(), reach_vectors.SECOND.encode()]),
    "root answer": Target(signed.parse_root_answer, [signed.encode_root_answer(reach_vectors.ROOTS)]),
    "list of endpoints": Target(check_list, [LIST]),
    "list's body": Target(signed._parse_list, [reach_vectors.list_body()]),
    "private bridges": Target(
        endpoints.parse_private_bridges, [endpoints.encode_private_bridges(reach_vectors.PRIVATE)]
    ),
    "bridge link": Target(of_text(endpoints.parse_bridge_link), texts("service/links")),
    "bridge path": Target(find_path, texts("bridge-path")),
    "link's ends": Target(of_text(lambda text: linktext.split_link(text, "/i")), texts("service/links")),
    "poll": Target(polling.parse_post, [bytes(polling.HEAD_BYTES) + polling.encode_items([b"record", b"x"])]),
    "polled": Target(polling.parse_items, [polling.encode_items([b"record", b"x"])]),
    "bundle": Target(lambda data: bundle.open_bundle(data, [KEY]), [FILE]),
    "bundle's body": Target(bundle._parse, [_packed()]),
    "note": Target(open_note, [checkpoint.sign_checkpoint(notes.HEAD, notes.KEY)]),
    "note key": Target(of_text(checkpoint.parse_key), [notes.PUBLIC.text().encode()]),
    "paths remembered": Target(memory.parse_memory, [b"{}", b'{"networks":{}}']),
    "push": Target(decrypt_push, [PUSHED]),
    "delivery reference": Target(REFS.open_ref, [REFS.make_ref(MailboxId(bytes(16)))]),
    "media frame": Target(media.parse_frame, hexes("calls/media")),
    "media room": Target(media.parse_room, hexes("calls/media")),
    "media preamble": Target(media.parse_preamble, hexes("calls/media")),
    "media control": Target(media.parse_control, hexes("calls/media")),
    "media head": Target(mediaframes.parse_head, hexes("calls/media")),
    "media ticket": Target(lambda data: tickets.open_ticket(bytes(32), data, now_s=NOW_S), [TICKET]),
    "sframe header": Target(sframe.parse_header, hexes("calls/sframe_profile"), (sframe.FrameDropped,)),
    "call signal": Target(parse_signal, hexes("calls/signals")),
    "call record": Target(record.parse_kept, hexes("calls/signals")),
    "sdp": Target(of_text(check_offer), [calls_signals.OFFER.encode()]),
    "candidate": Target(
        of_text(check_candidate), [b"candidate:1 1 udp 2122260223 192.0.2.1 50000 typ relay raddr 0.0.0.0 rport 0"]
    ),
    "worker's line": Target(words.parse_told, TOLD),
    "probe over http/1": Target(lambda data: answers.read_http1(data, ["GET"]), [HTTP1]),
    "probe over http/2": Target(answers.read_http2, [HTTP2]),
    "probe's handshake": Target(answers.read_handshake, [HELLO]),
    "hpack": Target(lambda data: HeaderReader().read(data), [b"\x82\x86\x84\x41\x0fwww.example.com"], (ValueError,)),
}
