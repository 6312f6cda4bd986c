"""Builds vectors/{bridge-path,signed,seal}.json: what Python and TypeScript must agree on to reach a server.

`python -m tests.protocol.reach_vectors` writes them; test_reach_vectors.py compares. Everything derives from fixed
seeds, except that HPKE draws its own randomness: NEW and accept are taken from the file where it has them, and made
where it does not. The seal by TypeScript comes from tests/interop/make_vectors.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace as changed
from tests.protocol.service_vectors import seeded, signer

from zajil.protocol import records
from zajil.protocol.control import B32
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach import dsse, seal, signed
from zajil.protocol.reach.bridgepath import bridge_path
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind, PluggableTransport, PrivateBridges

FOLDER = Path(__file__).resolve().parents[2] / "vectors"
BY = "zajil, tests/protocol/reach_vectors.py"
NOW_S = 1_790_000_000
DAY_S = 86_400
Json = Any  # of many shapes

ROOT_1, ROOT_2, LIST_KEY = (signer(name)[0] for name in ("root 1", "root 2", "list"))
STRANGER = signer("stranger")[0]
ORIGIN = seal.OriginKey.from_seed(seeded("origin", 96))
OLD_ORIGIN = seal.OriginKey.from_seed(seeded("old origin", 96))
TOKEN = seeded("token")
PRIVATE = PrivateBridges(
    seeded("root hash"),
    seeded("token id", 8),
    TOKEN,
    (("a.bridge.example", 443, "assets"), ("10.0.0.7", 8443, "img/x")),
)


def build_bridge_path() -> Json:
    rows = [("bridge.example", "assets", NOW_S), ("Bridge.Example", "assets", NOW_S), ("10.0.0.7", "img/x", 599)]
    rows += [("bridge.example", "assets", NOW_S + 600), ("b", "_", 0)]
    paths = [
        {
            "token": TOKEN.hex(),
            "host": host,
            "dir": dir_,
            "now_s": now_s,
            "nonce": seeded(f"nonce {at}", 8).hex(),
            "path": bridge_path(TOKEN, host, dir_, now_s=now_s, nonce=seeded(f"nonce {at}", 8)),
        }
        for at, (host, dir_, now_s) in enumerate(rows)
    ]
    return {"source": BY, "paths": paths}


def public(key: Ed25519PrivateKey) -> B32:
    return B32(key.public_key().public_bytes_raw())


def role(threshold: int, *keys: Ed25519PrivateKey) -> signed.RoleKeys:
    return signed.RoleKeys(tuple(public(key) for key in keys), threshold)


def session_key(key: seal.OriginKey, not_after: int) -> signed.OriginSessionKey:
    return signed.OriginSessionKey(signed.B4(key.kid), signed.PublicKey(key.public), not_after)


FIRST = signed.RootDocument(
    1,
    NOW_S + 365 * DAY_S,
    signed.Roles(role(1, ROOT_1), role(1, LIST_KEY)),
    (signed.Origin(("home.example",), (session_key(OLD_ORIGIN, NOW_S + DAY_S),)),),
    ("https://home.example",),
)
"""Version 1, one root key."""
SECOND = changed(
    FIRST,
    version=2,
    roles=signed.Roles(role(2, ROOT_1, ROOT_2), role(1, LIST_KEY, STRANGER)),
    origins=(
        signed.Origin(
            ("home.example", "home.example:8443"),
            (session_key(OLD_ORIGIN, NOW_S + DAY_S), session_key(ORIGIN, NOW_S + 400 * DAY_S)),
        ),
    ),
)
"""Version 2, two root keys that must both sign, another session key and another port."""
THIRD = changed(SECOND, version=3, roles=signed.Roles(role(1, ROOT_2), role(1, LIST_KEY)), app_origins=())
"""Version 3 dropped the first root key."""


def sign_root(document: signed.RootDocument, *keys: Ed25519PrivateKey) -> bytes:
    return dsse.sign(signed.ROOT_TYPE, document.encode(), keys)


ROOTS = (sign_root(FIRST, ROOT_1), sign_root(SECOND, ROOT_1, ROOT_2), sign_root(THIRD, ROOT_1, ROOT_2))
ENDPOINTS = (
    Endpoint("origin", EndpointKind.ORIGIN, "home.example"),
    Endpoint("port", EndpointKind.ORIGIN, "home.example", 8443, ips=("192.0.2.1", "2001:db8::1")),
    Endpoint("cdn", EndpointKind.FRONT, "cdn.example", dir="home", weight=100),
    Endpoint("bridge", EndpointKind.BRIDGE, "bridge.example", dir="assets", token=TOKEN, weight=1),
    Endpoint(
        "obfs4",
        EndpointKind.PT,
        "bridge.example",
        dir="assets",
        token=TOKEN,
        pt=PluggableTransport("obfs4", "192.0.2.2", 9001, (("cert", "x+/="), ("iat-mode", "0"))),
    ),
)


def list_body(version: int = 1, *, expires: int = NOW_S + DAY_S, root_version: int = 1) -> bytes:
    return signed.encode_list(ENDPOINTS, version=version, expires=expires, root_version=root_version)


def sign_list(body: bytes, *keys: Ed25519PrivateKey) -> bytes:
    return dsse.sign(signed.LIST_TYPE, body, keys or (LIST_KEY,))


def reworded(body: bytes, old: bytes, new: bytes) -> bytes:
    """A body that no encoder of ours would write."""
    assert body.count(old) >= 1
    return body.replace(old, new)


def foreign_list() -> bytes:
    """With fields and a kind of a later version, spaced, and an origin that no root names."""
    body = json.loads(list_body(3))
    body["later"] = {"deep": [1, None, {}]}
    body["endpoints"][0]["carriers"] = ["ws"]
    body["endpoints"] += [{"kind": "rendezvous", "url": "https://x.example/"}, {"kind": "turn", "id": 5}]
    body["endpoints"] += [{"id": "elsewhere", "kind": "origin", "host": "evil.example"}]
    return json.dumps(body, indent=2).encode()


@dataclass(frozen=True)
class RootCase:
    """What a root document does to those held: `held` of ROOTS were stepped through before, 0 for none."""

    about: str
    held: int
    envelope: bytes
    code: str
    pinned: bytes | None = None


def root_cases() -> list[RootCase]:
    second, both = SECOND.encode(), (ROOT_1, ROOT_2)
    bad = {
        "no version": reworded(second, b'"version":2,', b""),
        "version as text": reworded(second, b'"version":2', b'"version":"2"'),
        "version 0": reworded(second, b'"version":2', b'"version":0'),
        "version beyond JavaScript": reworded(second, b'"version":2', b'"version":9007199254740992'),
        "expires negative": reworded(second, b'"expires":', b'"expires":-'),
        "threshold 0": reworded(second, b'"threshold":2', b'"threshold":0'),
        "threshold of more than there are keys": reworded(second, b'"threshold":2', b'"threshold":3'),
        "kid of another key": reworded(second, encode_b64(ORIGIN.kid).encode(), b"AAAAAA"),
        "host with a path": reworded(second, b'"home.example:8443"', b'"home.example/x"'),
        "host in capitals": reworded(second, b'"home.example:8443"', b'"Home.example"'),
        "host with port 0": reworded(second, b"home.example:8443", b"home.example:0"),
        "host with port 65536": reworded(second, b"home.example:8443", b"home.example:65536"),
        "app origin with a path": reworded(second, b"https://home.example", b"https://home.example/"),
        "app origin of another scheme": reworded(second, b"https://", b"gopher://"),
        "no origins": reworded(second, b'"origins":[', b'"origins":[],"x":['),
        "short key": reworded(second, encode_b64(public(ROOT_2)).encode(), b"AAAA"),
        "a key twice": reworded(second, encode_b64(public(ROOT_2)).encode(), encode_b64(public(ROOT_1)).encode()),
        "not JSON": b"\xff",
        "an array": b"[]",
        "cut": second[:-1],
    }
    cases = [
        RootCase(about, 1, dsse.sign(signed.ROOT_TYPE, body, both), "wrong-signature") for about, body in bad.items()
    ]
    fourth = changed(THIRD, version=4)
    once = json.loads(ROOTS[1])
    doubled = json.dumps({**once, "signatures": [once["signatures"][0]] * 2}).encode()
    cases += [
        RootCase("one of two signatures", 1, sign_root(SECOND, ROOT_1), "wrong-signature"),
        RootCase("one key's signature twice", 1, doubled, "wrong-signature"),
        RootCase("not by the old key", 1, sign_root(SECOND, ROOT_2, STRANGER), "wrong-signature"),
        RootCase("by the new key alone", 2, sign_root(THIRD, ROOT_2), "wrong-signature"),
        RootCase("first root not by itself", 0, sign_root(FIRST, STRANGER), "wrong-signature"),
        RootCase("a step left out", 1, sign_root(changed(THIRD, version=3), *both), "wrong-signature"),
        RootCase("of the type of a list", 1, dsse.sign(signed.LIST_TYPE, second, both), "wrong-signature"),
        RootCase("an older one", 3, sign_root(SECOND, *both), "older-document"),
        RootCase("another of the same version", 3, sign_root(changed(THIRD, expires=1), *both), "older-document"),
        RootCase("a key that was dropped", 3, sign_root(fourth, ROOT_1), "wrong-signature"),
        RootCase("another hash than pinned", 0, ROOTS[0], "not-this-server", bytes(32)),
        RootCase("the next one", 1, ROOTS[1], ""),
        RootCase("the one held", 2, ROOTS[1], ""),
        RootCase("the third", 2, ROOTS[2], ""),
        RootCase("the pinned one", 0, ROOTS[1], "", hashlib.sha256(second).digest()),
    ]
    return cases


@dataclass(frozen=True)
class ListCase:
    """What a list does under the second root to the list held, None for none."""

    about: str
    envelope: bytes
    code: str
    held: bytes | None = None
    now_s: int = NOW_S
    stale: bool = False


def list_cases() -> list[ListCase]:
    body = list_body(2)
    endpoints = json.loads(body)["endpoints"]
    bad = {
        "host in capitals": reworded(body, b"cdn.example", b"CDN.example"),
        "host with a path": reworded(body, b"cdn.example", b"cdn.example/x"),
        "no host": reworded(body, b'"host":"cdn.example",', b""),
        "port 0": reworded(body, b'"port":8443', b'"port":0'),
        "port as text": reworded(body, b'"port":8443', b'"port":"8443"'),
        "weight 0": reworded(body, b'"weight":100', b'"weight":0'),
        "weight 101": reworded(body, b'"weight":100', b'"weight":101'),
        "dir that climbs": reworded(body, b'"dir":"home"', b'"dir":"../home"'),
        "dir with a query": reworded(body, b'"dir":"home"', b'"dir":"home?x"'),
        "dir of the root": reworded(body, b'"dir":"home"', b'"dir":"/home"'),
        "address that is a name": reworded(body, b'"192.0.2.1"', b'"dead.beef"'),
        "bridge without a token": reworded(body, b'"kind":"front"', b'"kind":"bridge"'),
        "bridge without a folder": reworded(body, b'"bridge.example","port":443,"dir":"assets",', b'"bridge.example",'),
        "short token": reworded(body, encode_b64(TOKEN).encode(), b"AAAA"),
        "pt without its program": reworded(body, b'"pt":{', b'"x":{'),
        "pt of another kind": reworded(body, b'"kind":"pt"', b'"kind":"bridge"'),
        "an id twice": reworded(body, b'"id":"cdn"', b'"id":"origin"'),
        "an id of no letters": reworded(body, b'"id":"cdn"', b'"id":""'),
        "no kind": reworded(body, b'"kind":"front",', b""),
        "25 endpoints": json.dumps({**json.loads(body), "endpoints": [{"kind": "later"}] * 25}).encode(),
        "over 16 KiB": json.dumps({**json.loads(body), "x": "x" * 16384}).encode(),
        "endpoints as a map": json.dumps({**json.loads(body), "endpoints": {}}).encode(),
        "an endpoint as text": json.dumps({**json.loads(body), "endpoints": [*endpoints, "x"]}).encode(),
        "version 0": reworded(body, b'"version":2', b'"version":0'),
        "no expiry": reworded(body, b'"expires"', b'"x"'),
    }
    rows = [ListCase(about, sign_list(text), "wrong-signature") for about, text in bad.items()]
    other = sign_list(list_body(2, expires=NOW_S + 2 * DAY_S))
    unsigned = json.dumps({**json.loads(sign_list(body)), "signatures": []}).encode()
    nine = json.loads(sign_list(body))
    nine["signatures"] *= 9
    rows += [
        ListCase("by a root key", sign_list(body, ROOT_1), "wrong-signature"),
        ListCase("unsigned", unsigned, "wrong-signature"),
        ListCase("nine signatures", json.dumps(nine).encode(), "wrong-signature"),
        ListCase("of the type of a root", dsse.sign(signed.ROOT_TYPE, body, [LIST_KEY]), "wrong-signature"),
        ListCase("older than the one held", sign_list(list_body(1)), "older-document", sign_list(body)),
        ListCase("another of the same version", other, "older-document", sign_list(body)),
        ListCase("made under a later root", sign_list(list_body(2, root_version=3)), "older-document"),
        ListCase("the first", sign_list(body), ""),
        ListCase("by the other list key, and a stranger", sign_list(body, ROOT_2, STRANGER), ""),
        ListCase("the same again", sign_list(body, STRANGER), "", sign_list(body)),
        ListCase("a newer one", sign_list(list_body(3)), "", sign_list(body)),
        ListCase("expired", sign_list(list_body(2)), "", sign_list(body), NOW_S + DAY_S, stale=True),
        ListCase("of a later version, with a stray origin", sign_list(foreign_list()), ""),
    ]
    return rows


def shown(endpoint: Endpoint) -> Json:
    pt = endpoint.pt
    return {
        "id": endpoint.id,
        "kind": str(endpoint.kind),
        "host": endpoint.host,
        "port": endpoint.port,
        "dir": endpoint.dir,
        "ips": list(endpoint.ips),
        "token": endpoint.token and endpoint.token.hex(),
        "weight": endpoint.weight,
        "pt": pt and [pt.name, pt.host, pt.port, [list(pair) for pair in pt.args]],
    }


def build_signed() -> Json:
    texts = [("http://example.com/HelloWorld", b"hello world"), ("", b""), ("тип", b"\x00\xff")]
    roots = [
        {
            "about": case.about,
            "held": case.held,
            "pinned": case.pinned and case.pinned.hex(),
            "envelope": case.envelope.decode(),
            "code": case.code,
        }
        for case in root_cases()
    ]
    lists = [
        {
            "about": case.about,
            "held": case.held and case.held.decode(),
            "now_s": case.now_s,
            "envelope": case.envelope.decode(),
            "code": case.code,
            "stale": case.stale,
        }
        for case in list_cases()
    ]
    return {
        "source": f"{BY}; the first pae is the example of DSSE's protocol.md",
        "pae": [[kind, body.hex(), dsse.pae(kind, body).hex()] for kind, body in texts],
        "now_s": NOW_S,
        "roots": [item.decode() for item in ROOTS],
        "root_hashes": [hashlib.sha256(item.encode()).hexdigest() for item in (FIRST, SECOND, THIRD)],
        "root_answer": signed.encode_root_answer(ROOTS).decode(),
        "hosts": [["home.example"], ["home.example", "home.example:8443"], ["home.example", "home.example:8443"]],
        "session_keys": [[NOW_S, OLD_ORIGIN.kid.hex()], [NOW_S + DAY_S, ORIGIN.kid.hex()]],
        "root_cases": roots,
        "endpoints": [shown(item) for item in ENDPOINTS],
        "list_cases": lists,
    }


class Tape:
    """Randomness in the order it is asked for: an ephemeral key's seed, the sid, then s_c."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)

    def __call__(self, size: int) -> bytes:
        part = self._parts.pop(0)
        assert len(part) == size
        return part


CHANNELS = {"python": seal.Channel.R, "typescript": seal.Channel.S}
CLIENT_MS, SERVER_MS = 1_790_000_000_123, 1_790_000_005_000


def tape_of(by: str) -> Tape:
    return Tape(seeded(f"{by} key"), seeded(f"{by} sid", 16), seeded(f"{by} s_c"))


def client_of(by: str) -> seal.ClientSeal:
    """The client of a row, its NEW made anew: only the tape is fixed."""
    key = seal.SessionKey.of(ORIGIN.public)
    return seal.ClientSeal(CHANNELS[by], key, now_ms=CLIENT_MS, random=tape_of(by))


def server_of(by: str) -> seal.ServerSeals:
    return seal.ServerSeals([OLD_ORIGIN, ORIGIN], random=Tape(seeded(f"{by} s_s")))


def frames_of(by: str, way: str, c: int) -> list[bytes]:
    return [records.pad(f"{by} {way} {c} {i}".encode()) for i in range(3)] + [records.pad(seeded("long", 1000))]


def seal_row(by: str, new: bytes, accept: bytes) -> Json:
    """One seal and the records of its carriers 0, 1 and 2, whatever HPKE drew for NEW and accept."""
    client = client_of(by)
    client.new_record = new
    offset = client.take_accept(accept, now_ms=CLIENT_MS)
    carriers = []
    for c in range(3):
        resume, codec = (b"", client.first()) if c == 0 else client.carrier()
        down = seal._Keys(client._prk, label=b"zajil/s2c/1", c=c, sid=client.sid)
        carriers.append(
            {
                "c": c,
                "resume": resume.hex(),
                "c2s": [[frame.hex(), codec.seal(frame).hex()] for frame in frames_of(by, "up", c)],
                "s2c": [[frame.hex(), down.seal(frame).hex()] for frame in frames_of(by, "down", c)],
            }
        )
    return {
        "by": by,
        "channel": int(CHANNELS[by]),
        "key_seed": seeded(f"{by} key").hex(),
        "sid": client.sid.hex(),
        "s_c": seeded(f"{by} s_c").hex(),
        "s_s": seeded(f"{by} s_s").hex(),
        "client_ms": CLIENT_MS,
        "server_ms": SERVER_MS,
        "offset_ms": offset,
        "new": new.hex(),
        "accept": accept.hex(),
        "carriers": carriers,
    }


def build_seal(news: dict[str, bytes] | None = None) -> Json:
    """news: NEW by who made it, where they are not to be those of the file."""
    path = FOLDER / "seal.json"
    held = json.loads(path.read_text(encoding="utf-8"))["seals"] if path.exists() else []
    rows = {row["by"]: (bytes.fromhex(row["new"]), bytes.fromhex(row["accept"])) for row in held}
    fresh = news or ({} if rows else {"python": client_of("python").new_record})
    for by, new in fresh.items():
        made = server_of(by).accept(new, now_ms=SERVER_MS)
        assert isinstance(made, seal.NewSeal)
        rows[by] = new, made.answer
    return {
        "source": f"{BY}; NEW by typescript: tests/interop/make_vectors.py",
        "about": "HPKE base mode: X-Wing 0x647A, HKDF-SHA256, AES-256-GCM; bytes are hex",
        "origin": {
            "seed": seeded("origin", 96).hex(),
            "public": ORIGIN.public.hex(),
            "kid": ORIGIN.kid.hex(),
        },
        "seals": [seal_row(by, *rows[by]) for by in sorted(rows)],
    }


BUILDERS: dict[str, Callable[[], Json]] = {"bridge-path": build_bridge_path, "signed": build_signed, "seal": build_seal}


def render(document: Json) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def write(names: Sequence[str] = tuple(BUILDERS)) -> None:
    for name in names:
        (FOLDER / f"{name}.json").write_text(render(BUILDERS[name]()), encoding="utf-8")


if __name__ == "__main__":
    write()
