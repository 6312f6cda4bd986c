"""Every probe: what an active prober sends to a server that it suspects. One line each, grouped by what is odd.

The list follows design/reach.md section 16 and what censors are known to send: replays, malformed requests, other
protocols, and half-open connections. All bytes are fixed before any server is asked, so both servers get the same.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from zajil.bridges.edge.probes.hpack import encode_block
from zajil.bridges.edge.probes.wire import Close, Step, Tls

_KEY: Final = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
_UPGRADE: Final = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
_SOCKET: Final = (*_UPGRADE, _KEY)
_BROWSER: Final = ("User-Agent: Mozilla/5.0", "Accept: */*", "Accept-Encoding: gzip, deflate, br")
_GARBAGE: Final = bytes(range(128, 256)) * 2
_STUN: Final = bytes.fromhex("000100002112a442") + bytes(range(12))
_CLIENT_HELLO: Final = bytes.fromhex("16030100c8010000c40303") + bytes(193)
_FRAME: Final = bytes.fromhex("82851234567841414141ff")
"""A masked binary WebSocket frame of five bytes."""
_H2: Final = Tls(alpn=("h2", "http/1.1"))
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS: Final = bytes.fromhex("000000040000000000")
_SETTINGS_ACK: Final = bytes.fromhex("000000040100000000")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Probe:
    """What to send. methods: of the HTTP/1 requests, so that the answers can be told apart. tls: None for bare TCP."""

    name: str
    steps: tuple[Step, ...]
    methods: tuple[str, ...] = ("GET",)
    tls: Tls | None = Tls()  # noqa: RUF009  # frozen


@dataclass(frozen=True, slots=True)
class Places:
    """Where requests go on both servers. name: the site's. dir: the bridge's folder. file: a page of the site.

    wrong: of the form of a secret path, made with another token. expired, replayed: made with the right one, None where
    it is not known.
    """

    name: str
    dir: str
    wrong: str
    file: str
    expired: str | None = None
    replayed: str | None = None


def list_probes(places: Places, *, silence_s: float) -> tuple[Probe, ...]:
    """All probes. silence_s: how long the silent ones say nothing before a late request."""
    talk = _Talk(places)
    return (
        *talk.secret_paths(),
        *talk.upgrades(),
        *talk.methods(),
        *talk.bodies(),
        *talk.targets(),
        *talk.heads(),
        *talk.versions(),
        *talk.endings(silence_s),
        *talk.strangers(silence_s),
        *talk.handshakes(),
        *talk.http2(silence_s),
    )


class _Talk:
    def __init__(self, places: Places) -> None:
        self._places = places

    def _ask(
        self, method: str, path: str, *lines: str, body: bytes = b"", version: str = "HTTP/1.1", host: str | None = None
    ) -> bytes:
        """A request; host: empty for none."""
        name = self._places.name if host is None else host
        head = [f"{method} {path} {version}", *([f"Host: {name}"] if name else []), *lines, "", ""]
        return "\r\n".join(head).encode("latin-1") + body

    def _get(self, name: str, path: str, *lines: str, method: str = "GET", host: str | None = None) -> Probe:
        return Probe(name, (self._ask(method, path, *lines, host=host),), (method,))

    def secret_paths(self) -> Iterator[Probe]:
        p = self._places
        yield self._get("home page", "/", *_BROWSER)
        yield self._get("page of the site", p.file, *_BROWSER)
        yield self._get("unknown path", "/no-such-page-4711", *_BROWSER)
        yield self._get("wrong token", p.wrong, *_BROWSER)
        yield self._get("wrong token, r", f"{p.wrong}?r=0a1b")
        yield self._get("wrong token, another query", f"{p.wrong}?url=https://example.com/")
        yield self._get("path one character short", p.wrong[:-1])
        yield self._get("path one character long", f"{p.wrong}A")
        yield self._get("path in another folder", p.wrong.replace(p.dir, f"{p.dir}x", 1))
        yield self._get("folder", f"/{p.dir}")
        yield self._get("folder, slash", f"/{p.dir}/")
        yield self._get("origin's own path", "/v1/sealed")
        if p.expired is not None:
            yield self._get("expired token", p.expired, *_SOCKET)
            yield Probe(
                "expired token, POST", (self._ask("POST", p.expired, "Content-Length: 20", body=bytes(20)),), ("POST",)
            )
        if p.replayed is not None:
            yield self._get("replayed token", p.replayed, *_SOCKET)
            yield self._get("replayed token, no upgrade", p.replayed)
            yield Probe(
                "replayed token, POST",
                (self._ask("POST", p.replayed, "Content-Length: 20", body=bytes(20)),),
                ("POST",),
            )

    def upgrades(self) -> Iterator[Probe]:
        wrong = self._places.wrong
        yield self._get("upgrade, unknown path", "/no-such-page-4711", *_SOCKET)
        yield self._get("upgrade, home page", "/", *_SOCKET)
        yield self._get("upgrade, wrong token", wrong, *_SOCKET)
        yield self._get("upgrade, wrong token, foreign origin", wrong, *_SOCKET, "Origin: https://evil.example")
        yield self._get("upgrade without key", wrong, *_UPGRADE)
        yield self._get("upgrade, subprotocol and extensions", wrong, *_SOCKET, "Sec-WebSocket-Protocol: a, b")
        yield self._get("upgrade to nothing known", wrong, "Connection: Upgrade", "Upgrade: zajil")
        yield self._get(
            "upgrade to h2c", "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"
        )
        yield Probe("frames right behind an upgrade", (self._ask("GET", wrong, *_SOCKET) + _FRAME,))
        yield Probe("frames without upgrade", (_FRAME,))
        yield Probe("frames behind a plain request", (self._ask("GET", wrong) + _FRAME,))

    def methods(self) -> Iterator[Probe]:
        wrong = self._places.wrong
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW", "get"):
            yield self._get(f"{method}, wrong token", wrong, method=method)
        for method in ("HEAD", "OPTIONS", "PUT", "DELETE"):
            yield self._get(f"{method}, home page", "/", method=method)
        yield self._get(
            "preflight", wrong, "Origin: https://a.example", "Access-Control-Request-Method: POST", method="OPTIONS"
        )
        yield self._get("OPTIONS of all", "*", method="OPTIONS")
        yield self._get("CONNECT elsewhere", "example.com:443", method="CONNECT")
        yield self._get("CONNECT here", f"{self._places.name}:443", method="CONNECT")

    def bodies(self) -> Iterator[Probe]:
        p = self._places
        for place, path in (("unknown path", "/no-such-page-4711"), ("wrong token", p.wrong), ("home page", "/")):
            yield self._post(f"POST, {place}", path, "Content-Length: 5", body=b"hello")
        post, chunked, five = self._post, "Transfer-Encoding: chunked", "Content-Length: 5"
        yield post("POST, no body comes", p.wrong, "Content-Length: 100")
        yield post("POST, half a body", p.wrong, "Content-Length: 100", body=bytes(50))
        yield Probe("POST, a late body", (self._ask("POST", p.wrong, five), 0.3, b"hello"), ("POST",))
        yield post("POST, no length", p.wrong)
        yield post("POST, 200 KiB", p.wrong, f"Content-Length: {200 << 10}", body=bytes(200 << 10))
        yield post("POST, 2 MiB announced", p.wrong, f"Content-Length: {2 * _MIB}")
        yield post("POST, chunks", p.wrong, chunked, body=b"5\r\nhello\r\n0\r\n\r\n")
        yield post("POST, unfinished chunks", p.wrong, chunked, body=b"5\r\nhello\r\n")
        yield post("POST, a bad chunk", p.wrong, chunked, body=b"zz\r\nhello\r\n")
        yield post("POST, other coding", p.wrong, "Transfer-Encoding: gzip", body=b"hello")
        yield post("POST, length and chunks", p.wrong, five, chunked, body=b"0\r\n\r\n")
        yield post("POST, two lengths", p.wrong, five, "Content-Length: 6", body=b"hello!")
        yield post("POST, negative length", p.wrong, "Content-Length: -5")
        yield post("POST, expects to continue", p.wrong, five, "Expect: 100-continue")
        yield post("POST, expects to continue, with body", p.wrong, five, "Expect: 100-continue", body=b"hello")
        yield post("POST, expects something else", p.wrong, five, "Expect: 200-ok", body=b"hello")
        yield Probe("GET with a body", (self._ask("GET", p.wrong, five, body=b"hello"),))
        yield Probe("GET, no body comes", (self._ask("GET", p.wrong, "Content-Length: 100"),))

    def _post(self, name: str, path: str, *lines: str, body: bytes = b"") -> Probe:
        return Probe(name, (self._ask("POST", path, *lines, body=body),), ("POST",))

    def targets(self) -> Iterator[Probe]:
        p = self._places
        yield self._get("absolute URI, here", f"https://{p.name}/")
        yield self._get("absolute URI, wrong token", f"https://{p.name}{p.wrong}", *_SOCKET)
        yield self._get("absolute URI, elsewhere", "http://example.com/")
        yield self._get("two slashes", f"/{p.wrong}")
        yield self._get("dots in the path", f"/{p.dir}/../{p.wrong[1:]}")
        yield self._get("dots beyond the root", "/../../etc/passwd")
        yield self._get("escaped path", p.wrong.replace("/", "/%61%2e%2f", 1))
        yield self._get("NUL in the path", f"{p.wrong}%00")
        yield self._get("no slash", "no-slash")
        yield self._get("bytes beyond ASCII", "/caf\xe9")
        yield self._get("long path", "/" + "a" * 3000)
        yield self._get("longer path than a server reads", "/" + "a" * 40_000)
        yield self._get("fragment", f"{p.wrong}#top")

    def heads(self) -> Iterator[Probe]:
        p = self._places
        yield self._get("header of 16 KiB", p.wrong, "X-A: " + "a" * (16 << 10))
        yield self._get("three headers of 6 KiB", p.wrong, *[f"X-{n}: " + "a" * (6 << 10) for n in range(3)])
        yield self._get("two hundred headers", p.wrong, *[f"X-{n}: 1" for n in range(200)])
        yield self._get("no host", p.wrong, host="")
        yield self._get("other host", p.wrong, host="example.com")
        yield self._get("bad host", p.wrong, host="a b/c")
        yield self._get("two hosts", p.wrong, "Host: example.com")
        yield self._get("host by address", "/", host="127.0.0.1")
        yield self._get("proxy headers", p.wrong, "X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.1", "Via: 1.1 a")
        yield self._get("credentials", p.wrong, "Authorization: Bridge AAAA", "Cookie: a=b", *_SOCKET)
        yield self._get("forged marks of the edge", p.wrong, f"X-Path: {p.wrong}", "X-Method: GET", *_SOCKET)
        yield self._get("rewritten path", "/", f"X-Original-URL: {p.wrong}", f"X-Accel-Redirect: {p.wrong}")
        yield self._get("header with a blank in its name", p.wrong, "X A: b")
        yield self._get("folded header", p.wrong, "X-A: b", " c")
        yield self._get("control character", p.wrong, "X-A: \x01")
        yield self._get("bytes beyond ASCII in a header", p.wrong, "Origin: \xe9\xff")
        yield self._get("range of the home page", "/", "Range: bytes=0-9")
        yield self._get("range, wrong token", p.wrong, "Range: bytes=0-9")
        yield self._get("any version of the home page", "/", "If-None-Match: *")
        yield self._get("any version, wrong token", p.wrong, "If-None-Match: *")
        yield self._get("modified since, wrong token", p.wrong, "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT")
        yield Probe("bare line feeds", (f"GET {p.wrong} HTTP/1.1\nHost: {p.name}\n\n".encode(),))

    def versions(self) -> Iterator[Probe]:
        wrong = self._places.wrong
        for version in ("HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTPS/1.1"):
            yield Probe(f"{version}, wrong token", (self._ask("GET", wrong, version=version),))
        yield Probe("HTTP/1.0, kept alive", (self._ask("GET", wrong, "Connection: keep-alive", version="HTTP/1.0"),))
        yield Probe("HTTP/0.9", (f"GET {wrong}\r\n".encode(),))
        yield self._get("connection to be closed", wrong, "Connection: close")
        get, post = self._ask("GET", wrong), self._ask("POST", wrong, "Content-Length: 5", body=b"hello")
        yield Probe("pipeline of three", (get + self._ask("GET", "/") + get,), ("GET",) * 3)
        yield Probe("pipeline behind a POST", (post + self._ask("GET", "/") + post,), ("POST", "GET", "POST"))
        yield Probe("one by one", (get, 0.2, get, 0.2, self._ask("GET", "/")), ("GET",) * 3)

    def endings(self, silence_s: float) -> Iterator[Probe]:
        get = self._ask("GET", self._places.wrong, *_SOCKET)
        post = self._ask("POST", self._places.wrong, "Content-Length: 100")
        for close in Close:
            yield Probe(f"{close.value} at once", (close,))
            yield Probe(f"{close.value} in the head", (get[:30], close))
            yield Probe(f"{close.value} behind a request", (get, close))
            yield Probe(f"{close.value} behind a POST without body", (post, close), ("POST",))
            yield Probe(f"{close.value} in a body", (post + bytes(40), close), ("POST",))
            yield Probe(f"{close.value} after the answer", (get, 0.3, close))
        yield Probe("silence", (silence_s,))
        yield Probe("silence in the head", (get[:30], silence_s, get[30:]))
        yield Probe("silence, then a request", (silence_s, get))
        slow: list[Step] = [part for each in get[:24] for part in (bytes([each]), 0.005)]
        yield Probe("byte by byte", (*slow, get[24:]))

    def strangers(self, silence_s: float) -> Iterator[Probe]:
        for name, data in (("garbage", _GARBAGE), ("STUN", _STUN), ("TLS", _CLIENT_HELLO), ("SSH", b"SSH-2.0-a\r\n")):
            yield Probe(f"{name} in TLS", (data,))
            yield Probe(f"{name} without TLS", (data,), tls=None)
        yield Probe("line feeds in TLS", (b"\r\n\r\n",))
        yield Probe("NULs in TLS", (bytes(300),))
        yield Probe("HTTP without TLS", (self._ask("GET", "/"),), tls=None)
        yield Probe("HTTP without TLS, wrong token", (self._ask("GET", self._places.wrong, *_SOCKET),), tls=None)
        yield Probe("silence without TLS", (silence_s,), tls=None)
        yield Probe("FIN without TLS", (Close.FIN,), tls=None)

    def handshakes(self) -> Iterator[Probe]:
        get = (self._ask("GET", self._places.wrong),)
        yield Probe("no SNI", get, tls=Tls(sni=""))
        yield Probe("other SNI", get, tls=Tls(sni="example.com"))
        yield Probe("no ALPN", get, tls=Tls(alpn=()))
        yield Probe("unknown ALPN", get, tls=Tls(alpn=("zajil",)))
        yield Probe("ALPN http/1.0", get, tls=Tls(alpn=("http/1.0",)))
        yield Probe("TLS 1.2", get, tls=Tls(newest=ssl.TLSVersion.TLSv1_2))
        yield Probe("TLS 1.2, h2", (), tls=Tls(alpn=("h2",), newest=ssl.TLSVersion.TLSv1_2))

    def http2(self, silence_s: float) -> Iterator[Probe]:
        wrong, hello = self._places.wrong, _PREFACE + _SETTINGS + _SETTINGS_ACK
        for method, path in (
            ("GET", "/"),
            ("GET", "/no-such-page-4711"),
            ("GET", wrong),
            *(("GET", each) for each in (self._places.expired, self._places.replayed) if each is not None),
            *((method, wrong) for method in ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "BREW")),
            ("POST", "/"),
        ):
            yield Probe(f"h2 {method} {_kind(path, self._places)}", (hello + self._stream(1, method, path),), tls=_H2)
        ask = self._stream
        body = _frame(0, 1, 1, b"hello")
        yield Probe("h2 POST with a body", (hello + ask(1, "POST", wrong, end=False) + body,), tls=_H2)
        yield Probe("h2 POST, no body comes", (hello + ask(1, "POST", wrong, end=False),), tls=_H2)
        yield Probe("h2 POST, a late body", (hello + ask(1, "POST", wrong, end=False), 0.3, body), tls=_H2)
        yield Probe(
            "h2 POST, half a length",
            (hello + ask(1, "POST", wrong, ("content-length", "9"), end=False) + body,),
            tls=_H2,
        )
        yield Probe("h2 socket", (hello + ask(1, "CONNECT", wrong, (":protocol", "websocket"), end=False),), tls=_H2)
        yield Probe("h2 CONNECT", (hello + ask(1, "CONNECT", "", end=False),), tls=_H2)
        yield Probe("h2 upgrade", (hello + ask(1, "GET", wrong, ("upgrade", "websocket")),), tls=_H2)
        yield Probe("h2 origin", (hello + ask(1, "GET", wrong, ("origin", "https://evil.example")),), tls=_H2)
        yield Probe("h2 two streams", (hello + ask(1, "GET", wrong) + ask(3, "GET", "/"),), tls=_H2)
        yield Probe("h2 one by one", (hello + ask(1, "GET", wrong), 0.3, ask(3, "GET", wrong)), tls=_H2)
        yield Probe("h2 reset by us", (hello + ask(1, "GET", wrong) + _frame(3, 0, 1, bytes(4)),), tls=_H2)
        yield Probe("h2 FIN behind a request", (hello + ask(1, "GET", wrong), Close.FIN), tls=_H2)
        yield Probe("h2 preface alone", (_PREFACE, silence_s), tls=_H2)
        yield Probe("h2 silence", (silence_s,), tls=_H2)
        yield Probe("h2 garbage", (_GARBAGE,), tls=_H2)
        yield Probe("h2 frame too large", (hello + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",), tls=_H2)
        yield Probe("HTTP/1.1 where h2 was agreed", (self._ask("GET", wrong),), tls=_H2)
        yield Probe("h2 where HTTP/1.1 was agreed", (hello + ask(1, "GET", wrong),))

    def _stream(self, number: int, method: str, path: str, *more: tuple[str, str], end: bool = True) -> bytes:
        """A HEADERS frame. Path empty: none, as CONNECT has it."""
        place = [(":scheme", "https"), (":path", path)] if path else []
        block = encode_block([(":method", method), *place, (":authority", self._places.name), *more])
        return _frame(1, 4 | end, number, block)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def _kind(path: str, places: Places) -> str:
    names = {
        "/": "home page",
        places.wrong: "wrong token",
        places.expired: "expired token",
        places.replayed: "replayed token",
    }
    return names.get(path, "unknown path")
