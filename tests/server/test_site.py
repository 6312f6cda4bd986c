"""The web client as served: exact types, caching, compression, headers on every answer; nothing besides the build."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.server.people import Person
from tests.server.wire import Http, Wire

from zajil.protocol import control
from zajil.protocol.control import B16, encode_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.shell.peers import PeerRules
from zajil.server.site.client import ClientFile, parse_manifest
from zajil.server.site.site import Site, decide_coding
from zajil.server.site.texts import WORDS
from zajil.server.site.waiting import decide_language

FILES = {
    "index.html": b"<!doctype html><title>client</title>",
    "review.html": b"<!doctype html><title>console</title>",
    "boot.js": b"/* boot */",
    "sw.js": b"/* worker */" * 40,
    "app.webmanifest": b"{}",
    "icons/icon-192.png": b"\x89PNG",
    "assets/index-3f2a.js": b"export {};" * 99,
    "assets/index-3f2a.css": b"body{}",
    "assets/sprite-77.svg": b"<svg/>",
}
TYPES = {
    "index.html": "text/html; charset=utf-8",
    "review.html": "text/html; charset=utf-8",
    "boot.js": "text/javascript; charset=utf-8",
    "sw.js": "text/javascript; charset=utf-8",
    "app.webmanifest": "application/manifest+json",
    "icons/icon-192.png": "image/png",
    "assets/index-3f2a.js": "text/javascript; charset=utf-8",
    "assets/index-3f2a.css": "text/css; charset=utf-8",
    "assets/sprite-77.svg": "image/svg+xml",
    "web-manifest.json": "application/json",
}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self' https: wss:; "
        "manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types zajil svelte-trusted-html"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}


def build(web: Path, files: dict[str, bytes] = FILES) -> None:
    """A build as `hatch_build.py` leaves it: packed copies of text beside it, the manifest last."""
    rows = []
    for name, content in sorted(files.items()):
        path = web / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        rows.append({"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()})
        if path.suffix in {".html", ".js"}:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
            path.with_name(path.name + ".br").write_bytes(b"brotli of " + content)
    (web / "web-manifest.json").write_text(json.dumps({"files": rows}))


@pytest.fixture
def web(tmp_path: Path) -> Path:
    folder = tmp_path / "server" / "web"
    build(folder)
    return folder


@pytest.fixture
async def http(tmp_path: Path, web: Path, client: aiohttp.ClientSession) -> AsyncIterator[Http]:
    server = await Server.start(tmp_path / "data", Settings(port=0, registration="open"), web_client=web)
    yield Http(f"http://127.0.0.1:{server.port}", client)
    await server.stop()


PLAIN = {"accept-encoding": "identity"}


async def test_every_file_has_its_exact_type_and_is_cached_by_its_name(http: Http) -> None:
    for name, kind in TYPES.items():
        status, body, headers = await http.raw("GET", f"/{name}", headers=PLAIN)
        assert (status, headers["content-type"]) == (200, kind), name
        assert name not in FILES or body == FILES[name]
        kept = "public, max-age=31536000, immutable" if name.startswith("assets/") else "no-cache"
        assert headers["cache-control"] == kept, name
        assert {key: headers.get(key) for key in HEADERS} == HEADERS, name
        again = await http.raw("GET", f"/{name}", headers={**PLAIN, "if-none-match": headers["etag"]})
        assert (again[0], again[1], again[2]["etag"]) == (304, b"", headers["etag"]), name
        assert {key: again[2].get(key) for key in HEADERS} == HEADERS, name


async def test_only_the_root_an_invite_and_a_link_code_are_the_index_and_review_is_the_console(http: Http) -> None:
    for path in ("/", "/i", "/g", "/l", "/b", "/index.html", "/?scene=1", "/i?x"):
        status, body, headers = await http.raw("GET", path, headers=PLAIN)
        assert (status, body, headers["cache-control"]) == (200, FILES["index.html"], "no-cache"), path
    for path in ("/review", "/review.html", "/review?x"):
        status, body, headers = await http.raw("GET", path, headers=PLAIN)
        assert (status, body, headers["cache-control"]) == (200, FILES["review.html"], "no-cache"), path
        assert {key: headers.get(key) for key in HEADERS} == HEADERS, path
    for path in (
        "/review/",
        "/review/x",
        "/i/",
        "/l/x",
        "/ix",
        "/c/x",
        "/assets",
        "/assets/",
        "/icons/",
        "/nothing.js",
        "//",
        "//i",
    ):
        status, body, headers = await http.raw("GET", path, headers=PLAIN)
        assert (status, body, headers["cache-control"]) == (404, b"Not found.\n", "no-store"), path
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert {key: headers.get(key) for key in HEADERS} == HEADERS, path


async def test_head_tells_the_same_without_the_body(http: Http) -> None:
    for path in ("/", "/sw.js", "/nothing"):
        got, head = await http.raw("GET", path, headers=PLAIN), await http.raw("HEAD", path, headers=PLAIN)
        for volatile in (got[2], head[2]):
            volatile.pop("date", None)
        assert (head[0], head[1]) == (got[0], b"")
        assert head[2] == got[2]
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        status, _, headers = await http.raw(method, "/sw.js")
        assert status == 405, method
        assert headers["allow"] == "GET, HEAD"
        assert {key: headers.get(key) for key in HEADERS} == HEADERS, method


async def test_packed_copies_are_chosen_by_what_the_browser_takes(http: Http) -> None:
    wanted = {
        "gzip, deflate, br, zstd": "br",
        "gzip": "gzip",
        "br;q=0, gzip;q=0.5": "gzip",
        "identity": None,
        "br;q=0": None,
        "*": None,
        "GZIP": "gzip",
        "br;q=nonsense": None,
    }
    tags = set()
    for accepted, coding in wanted.items():
        _, body, headers = await http.raw("GET", "/sw.js", headers={"accept-encoding": accepted})
        assert headers.get("content-encoding") == coding, accepted
        assert headers["vary"] == "Accept-Encoding"
        assert int(headers["content-length"]) == len(body)
        tags.add((coding, headers["etag"]))
        plain = {"br": b"brotli of " + FILES["sw.js"], "gzip": gzip.compress(FILES["sw.js"], mtime=0)}
        assert body == plain.get(coding or "", FILES["sw.js"])
    assert len(tags) == len({tag for _, tag in tags}) == 3
    _, _, headers = await http.raw("GET", "/icons/icon-192.png", headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in headers
    assert "vary" not in headers


async def raw_target(url: str, target: bytes) -> bytes:
    """What a server says to a target no decent client would send."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer


ATTACKS = (
    b"/../secret.txt",
    b"/assets/../../secret.txt",
    b"/assets/../index.html",
    b"/%2e%2e/secret.txt",
    b"/..%2fsecret.txt",
    b"/%2e%2e%2fsecret.txt",
    b"/..\\secret.txt",
    b"/..%5csecret.txt",
    b"/%252e%252e%252fsecret.txt",
    b"/assets/%2e%2e/%2e%2e/secret.txt",
    b"/./index.html",
    b"/%69ndex.html",
    b"/index.html%00.js",
    b"/index.html/",
    b"//index.html",
    b"/.env",
    b"/.well-known/x",
    b"/assets/.hidden",
    b"/.hidden",
    b"/secret.txt",
    b"/link.txt",
    b"/unlisted.js",
    b"/sw.js.gz",
    b"/sw.js.br",
    b"/web.building",
    b"/C:/secret.txt",
    b"/file:///etc/passwd",
    b"/etc/passwd",
    b"//etc/passwd",
    b"http://evil.example/index.html",
    b"*",
    b"/" + b"a" * 6000,
    "/\u202eexe".encode(),
)


@pytest.mark.parametrize("target", ATTACKS)
async def test_nothing_but_the_build_is_reachable(http: Http, web: Path, target: bytes) -> None:
    secret = b"secret of the operator"
    for place in (web.parent / "secret.txt", web / ".hidden", web / "unlisted.js", web / "assets" / ".hidden"):
        place.write_bytes(secret)
    (web / "link.txt").symlink_to(web.parent / "secret.txt")
    answer = await raw_target(http.url, target)
    assert secret not in answer
    assert FILES["index.html"] not in answer
    assert b"root:" not in answer
    assert answer.split()[1] in {b"404", b"400"}, answer[:80]


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "a//b", ".env", "a/.b", "a/../b", "", "a\\b", "a b"])
def test_a_manifest_that_points_elsewhere_is_no_manifest(path: str) -> None:
    row = {"path": path, "size": 1, "sha256": "0" * 64}
    with pytest.raises(ValueError, match="manifest"):
        parse_manifest(json.dumps({"files": [row]}).encode())
    with pytest.raises(ValueError, match="manifest"):
        parse_manifest(b"[" * 100_000)


async def test_a_new_build_is_taken_whole_and_a_half_written_one_is_not(web: Path) -> None:
    site = Site(web)
    assert site.answer("GET", "/", {}, now=0).body == FILES["index.html"]
    (web / "web-manifest.json").unlink()
    (web / "index.html").write_bytes(b"half")
    assert site.answer("GET", "/", {}, now=0).body == FILES["index.html"]
    build(web, {"index.html": b"second", "assets/new-1.js": b"1"})
    assert site.answer("GET", "/", {}, now=0).body == b"second"
    assert site.answer("GET", "/assets/new-1.js", {}, now=0).status == 200
    assert site.answer("GET", "/boot.js", {}, now=0).status == 404


async def test_without_a_build_the_page_says_what_to_do_in_three_languages(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    server = await Server.start(tmp_path / "data", Settings(port=0), web_client=tmp_path / "nowhere" / "web")
    try:
        http = Http(f"http://127.0.0.1:{server.port}", client)
        for asked, language in (("ar-EG,en;q=0.5", "ar"), ("ru", "ru"), ("de, en", "en"), ("fr", "en"), ("", "en")):
            status, body, headers = await http.raw("GET", "/i", headers={"accept-language": asked})
            page = body.decode()
            assert status == 200
            assert f'<html lang="{language}" dir="{WORDS[language].direction}">' in page
            assert "<script" not in page
            assert len(re.findall("<li>", page)) == 3
            assert {key: headers.get(key) for key in HEADERS} == HEADERS
            assert headers["vary"] == "Accept-Language"
        assert (await http.raw("GET", "/waiting.js"))[0] == 200
        assert (await http.raw("GET", "/sw.js"))[0] == 404
    finally:
        await server.stop()


def test_while_a_build_runs_the_page_shows_its_progress_and_then_is_the_client(tmp_path: Path) -> None:
    web = tmp_path / "web"
    site = Site(web)
    state = tmp_path / "web.building"
    for step in (1, 2, 3):
        state.write_text(json.dumps({"step": "name", "number": step, "steps": 3, "started": 1000.0}))
        page = site.answer("GET", "/i", {}, now=1060).body.decode()
        assert f"Step {step} of 3" in page
        assert '<script src="./waiting.js" defer></script>' in page
        assert "npm" not in page
    script = site.answer("GET", "/waiting.js", {}, now=1060)
    assert script.headers["content-type"].startswith("text/javascript")
    for broken in (
        "",
        "{",
        "[]",
        '{"number": 9, "steps": 3, "started": 1000}',
        '{"number": 1, "steps": 3, "started": 1}',
    ):
        state.write_text(broken)
        assert b"<script" not in site.answer("GET", "/", {}, now=1060).body, broken
    build(web)
    assert site.answer("GET", "/i", {}, now=1061).body == FILES["index.html"]
    # A page given out a moment before still needs it.
    assert site.answer("GET", "/waiting.js", {}, now=1061).body == script.body


def test_languages_and_codings_of_hostile_headers_are_read_in_bounded_time() -> None:
    file = ClientFile("text/html", "t", {"": b"", "gzip": b""}, False)
    assert decide_language("," * 1_000_000 + "ru") == "en"
    assert decide_coding("," * 1_000_000 + "gzip", file) == ""


def test_only_dev_opens_the_ports_of_this_machine(tmp_path: Path) -> None:
    plain, dev = (Site(tmp_path, dev=dev).answer("GET", "/", {}, now=0) for dev in (False, True))
    assert "127.0.0.1" not in plain.headers["content-security-policy"]
    connect = "connect-src 'self' https: wss: http://127.0.0.1:* ws://127.0.0.1:*;"
    assert connect in dev.headers["content-security-policy"]


async def test_the_served_page_may_call_its_server_and_no_other_page_may(
    http: Http, client: aiohttp.ClientSession
) -> None:
    body = encode_json(control.Challenge(B16(Person().account_id), 1))
    upgrade = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    upgrade["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    authority = http.url.removeprefix("http://")
    port = authority.split(":")[1]
    foreign = ["null", "", "http://evil.example", f"http://localhost:{port}", "http://127.0.0.1", f"{http.url}.evil"]
    foreign += [f"{http.url}/", f"ftp://{authority}", f"http://x@{authority}", authority]
    for origin in foreign:
        status, _, _ = await http.raw("POST", control.CHALLENGE.url(), body=body, headers={"origin": origin})
        assert status == 403, origin
        for role in Role:
            assert (await http.raw("GET", role.path, headers={**upgrade, "origin": origin}))[0] == 403, origin
    for origin in (http.url, f"https://{authority}"):
        headers = {"origin": origin}
        assert (await http.raw("POST", control.CHALLENGE.url(), body=body, headers=headers))[0] == 200
        for role in Role:
            async with client.ws_connect(http.url.replace("http", "ws") + role.path, headers=headers):
                pass


def test_a_trusted_proxy_says_which_scheme_the_page_has() -> None:
    peers = PeerRules(origins=[], trusted_proxies=["127.0.0.1"])
    scheme = peers.scheme_of("127.0.0.1", "http, HTTPS")
    assert scheme == "https"
    peers.check_origin("https://chat.example", host="Chat.Example", scheme=scheme)
    with pytest.raises(ZajilError, match="not-allowed"):
        peers.check_origin("http://chat.example", host="chat.example", scheme=scheme)
    assert peers.scheme_of("192.0.2.1", "https") is None
    with pytest.raises(ZajilError, match="not-allowed"):
        peers.check_origin("https://chat.example", host=None, scheme=None)


async def test_a_session_of_the_page_works_from_end_to_end(http: Http, client: aiohttp.ClientSession) -> None:
    auth = await http.register(Person())
    async with aiohttp.ClientSession(headers={"origin": http.url}) as page, Wire(http.url, Role.R, page) as r:
        await r.hello(auth)
        assert await r.messages() == []
