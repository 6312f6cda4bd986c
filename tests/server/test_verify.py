"""`zajil verify-web`: the same client is the same, and one changed byte, one file too many or too few is found."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from tests.server.test_site import FILES, build

from zajil.cli.main import run_command
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.site.verify import Difference, Unreachable, verify

INDEX = b"""<!doctype html><html><head><script src="./boot.js"></script>
<link rel="stylesheet" href="./assets/index-3f2a.css"><link rel=manifest href=./app.webmanifest>
<script type="module" crossorigin src="./assets/index-3f2a.js"></script><link rel="icon" href="data:,"></head></html>"""
RELEASE = {**FILES, "index.html": INDEX, "sw.js": b'precache([{url:"index.html"},{url:"assets/index-3f2a.js"}]);'}
PAGES = {**dict.fromkeys(("", "i", "l", "g", "b"), INDEX), "review": FILES["review.html"]}
SAME: tuple[Difference, ...] = ()


def manifest_of(folder: Path) -> bytes:
    return (folder / "web-manifest.json").read_bytes()


@asynccontextmanager
async def serving(tmp_path: Path, web_client: Path) -> AsyncIterator[str]:
    server = await Server.start(tmp_path / "data", Settings(port=0), web_client=web_client)
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


@pytest.fixture
def release(tmp_path: Path) -> bytes:
    """A release's manifest; what the tests serve is another build of it."""
    build(tmp_path / "release", RELEASE)
    return manifest_of(tmp_path / "release")


async def test_the_release_itself_is_the_same(tmp_path: Path, release: bytes) -> None:
    build(tmp_path / "web", RELEASE)
    async with serving(tmp_path, tmp_path / "web") as url:
        for address in (url, url + "/"):
            report = await verify(address, release)
            assert (report.files, report.differences) == (len(RELEASE), SAME)
            assert len(report.build_id) == 64


@pytest.mark.parametrize("name", sorted(RELEASE))
async def test_one_changed_byte_is_found_in_every_file(tmp_path: Path, release: bytes, name: str) -> None:
    changed = bytearray(RELEASE[name])
    changed[-1] ^= 1
    build(tmp_path / "web", {**RELEASE, name: bytes(changed)})
    async with serving(tmp_path, tmp_path / "web") as url:
        report = await verify(url, release)
    pages = {"index.html": {"/", "i", "l", "g", "b"}, "review.html": {"review"}}.get(name, set())
    assert {each.path for each in report.differences} == {name, "web-manifest.json", *pages}
    assert {each.finding for each in report.differences} == {"differs"}


async def test_a_changed_packed_copy_is_found(tmp_path: Path, release: bytes) -> None:
    build(tmp_path / "web", RELEASE)
    (tmp_path / "web" / "sw.js.gz").write_bytes(gzip.compress(b"evil()", mtime=0))
    async with serving(tmp_path, tmp_path / "web") as url:
        assert (await verify(url, release)).differences == (Difference("sw.js", "differs"),)


async def test_a_missing_file_and_one_too_many_are_found(tmp_path: Path, release: bytes) -> None:
    evil = INDEX.replace(b"</head>", b'<script src="./assets/evil-1.js"></script></head>')
    files = {**RELEASE, "index.html": evil, "assets/evil-1.js": b"evil()"}
    del files["boot.js"]
    build(tmp_path / "web", files)
    async with serving(tmp_path, tmp_path / "web") as url:
        found = (await verify(url, release)).differences
    assert Difference("boot.js", "missing") in found
    assert Difference("./assets/evil-1.js", "extra") in found


@asynccontextmanager
async def hostile(answers: dict[str, tuple[int, dict[str, str], bytes]]) -> AsyncIterator[str]:
    """A server that answers so, and with 404 otherwise."""

    async def answer(request: web.Request) -> web.Response:
        status, headers, body = answers.get(request.path.removeprefix("/"), (404, {}, b""))
        return web.Response(status=status, headers=headers, body=body)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def honest(release: bytes) -> dict[str, tuple[int, dict[str, str], bytes]]:
    files = {**RELEASE, "web-manifest.json": release, **PAGES}
    return {name: (200, {}, body) for name, body in files.items()}


async def test_a_page_that_only_the_root_shows_a_redirect_and_a_bomb_are_differences(release: bytes) -> None:
    evil = INDEX.replace(b"</head>", b'<script src="//evil.example/x.js"></script></head>')
    bomb = gzip.compress(bytes(50_000_000))
    for name, answer in (
        ("", (200, {}, evil)),
        ("i", (200, {}, INDEX + b" ")),
        ("l", (302, {"location": "/"}, b"")),
        ("review", (200, {}, INDEX)),
        ("sw.js", (302, {"location": "/sw.js?x"}, b"")),
        ("boot.js", (200, {"content-encoding": "gzip"}, bomb)),
        ("boot.js", (200, {"content-encoding": "gzip"}, b"no gzip")),
        ("boot.js", (200, {"content-encoding": "br"}, FILES["boot.js"])),
        ("boot.js", (500, {}, b"")),
        ("boot.js", (200, {"content-encoding": "gzip"}, gzip.compress(FILES["boot.js"]) + gzip.compress(b"evil()"))),
        ("boot.js", (200, {"content-encoding": "gzip"}, gzip.compress(FILES["boot.js"])[:-8])),
        ("", (200, {"refresh": "0; url=/evil.html"}, INDEX)),
        ("i", (200, {"link": "<evil.css>; rel=stylesheet"}, INDEX)),
    ):
        async with hostile(honest(release)) as url:
            assert (await verify(url, release)).differences == SAME
        async with hostile({**honest(release), name: answer}) as url:
            assert (await verify(url, release)).differences == (Difference(name or "/", "differs"),)


@pytest.mark.parametrize("seen_by", [lambda agent: "Mozilla" in agent, lambda agent: "Mozilla" not in agent])
async def test_another_answer_to_browsers_is_found(release: bytes, seen_by: Callable[[str], bool]) -> None:
    """By the name alone; a server that looks closer can still tell us from a browser (web.md 11, residual risk)."""
    files = {**RELEASE, "web-manifest.json": release, **PAGES}

    async def answer(request: web.Request) -> web.Response:
        name = request.path.removeprefix("/")
        lie = name == "boot.js" and seen_by(request.headers.get("user-agent", ""))
        return web.Response(body=b"evil()" if lie else files[name])

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = await verify(f"http://127.0.0.1:{runner.addresses[0][1]}", release)
    await runner.cleanup()
    assert found.differences == (Difference("boot.js", "differs"),)


@pytest.mark.parametrize(
    "reference",
    [
        '<script src="//evil.example/x.js"></script>',
        "<script src='https://evil.example/x.js'></script>",
        "<script src=x.js></script>",
        "<SCRIPT\nSRC = x.js ></SCRIPT>",
        '<script async/src="x.js"></script>',
        '<link rel="modulepreload" href="/assets/x.js">',
        '<base href="https://evil.example/">',
        '<iframe src="../x.html"></iframe>',
    ],
)
async def test_whatever_an_index_refers_to_must_be_listed(release: bytes, reference: str) -> None:
    evil = INDEX.replace(b"</head>", reference.encode() + b"</head>")
    async with hostile({**honest(release), "index.html": (200, {}, evil)}) as url:
        findings = {each.finding for each in (await verify(url, release)).differences}
    assert findings == {"differs", "extra"}
    async with hostile({**honest(release), "review.html": (200, {}, evil)}) as url:
        findings = {each.finding for each in (await verify(url, release)).differences}
    assert findings == {"differs", "extra"}


@pytest.mark.parametrize("script", [b'importScripts("evil.js")', b"fetch(`https://evil.example/a.js?b`)"])
async def test_whatever_a_service_worker_refers_to_must_be_listed(release: bytes, script: bytes) -> None:
    async with hostile({**honest(release), "sw.js": (200, {}, script)}) as url:
        found = (await verify(url, release)).differences
    assert [each.finding for each in found] == ["extra", "differs"] or {e.finding for e in found} == {
        "extra",
        "differs",
    }


async def test_a_service_worker_that_is_made_to_be_slow_is_read_at_once(release: bytes) -> None:
    async with hostile({**honest(release), "sw.js": (200, {}, b'"//' + b"a.js" * 500_000)}) as url:
        found = (await verify(url, release)).differences
    assert {each.finding for each in found} == {"differs"}


async def test_nobody_there_is_neither_the_same_nor_different(release: bytes, unused_tcp_port: int) -> None:
    with pytest.raises(Unreachable):
        await verify(f"http://127.0.0.1:{unused_tcp_port}", release)
    with pytest.raises(ValueError, match="manifest"):
        await verify("http://127.0.0.1:1", b"{}")


@pytest.mark.slow
async def test_the_command_ends_with_0_4_or_3(
    tmp_path: Path, release: bytes, unused_tcp_port: int, capfd: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    manifest = str(tmp_path / "release" / "web-manifest.json")
    build(tmp_path / "web", RELEASE)
    async with serving(tmp_path, tmp_path / "web") as url:

        async def run(*arguments: str) -> tuple[int, str]:
            code = await asyncio.to_thread(run_command, ["verify-web", *arguments])
            return code, "".join(capfd.readouterr())

        code, told = await run(url, "--manifest", manifest, "--json")
        assert (code, json.loads(told)["differences"]) == (0, [])
        build(tmp_path / "web", {**RELEASE, "boot.js": b"/* boot! */"})
        code, told = await run(url, "--manifest", manifest)
        assert code == 4
        assert "boot.js" in told
        code, told = await run(f"http://127.0.0.1:{unused_tcp_port}", "--manifest", manifest)
        assert (code, "unreachable" in told) == (3, True)
        assert (await run("chat.example"))[0] == 2
        assert (await run(url, "--manifest", str(tmp_path / "nothing")))[0] == 1
