"""Attachments at a real server: upload in pieces, resume, fetch by range, and everything an attacker would try."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeAlias

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from obstore.exceptions import BaseError
from sqlalchemy import Connection
from tests import engines
from tests.s3 import BUCKET, KEY_ID, SECRET, S3Server
from tests.server.carriers import until
from tests.server.conftest import NO_LIMITS
from tests.server.people import FakeGroup, Person
from tests.server.wire import Http, Wire

from zajil.delivery import store as delivery_store
from zajil.delivery.attachments import Attachments
from zajil.engine import blobs, blobthreads
from zajil.engine.blobs import DiskBlobs
from zajil.engine.limits import Limit
from zajil.engine.s3blobs import S3Blobs, open_s3
from zajil.protocol import attachments, control, frames
from zajil.protocol.attachments import (
    AddAttachment,
    AddedAttachment,
    UploadOffset,
    make_range,
    padded_bytes,
    padme,
    passes_for,
)
from zajil.protocol.control import B32, parse_json, parse_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.server.app import Server
from zajil.server.config import Settings

MIB = 1 << 20
SIZE = padded_bytes(300_000)
BODY = os.urandom(SIZE)
DAY_S = 86_400
Passes: TypeAlias = tuple[B32, ...]


class Clock:
    """The server's clock, in the test's hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Uploader:
    """Whoever has passes. Every method raises the ZajilError of a refusal."""

    def __init__(self, http: Http, device: str) -> None:
        self.http = http
        self.device = device

    async def take(self, n: int = 1, kind: str = "upload") -> Passes:
        answer = await self.http.call(control.TAKE_PASSES, control.TakePasses(kind, n), auth=self.device)
        return parse_json(answer, control.Passes).passes

    async def add(
        self, body: bytes = BODY, *, size: int | None = None, passes: Passes | None = None, auth: str | None = None
    ) -> AddedAttachment:
        size = len(body) if size is None else size
        spent = await self.take(passes_for(size)) if passes is None else passes
        ask = AddAttachment(size, B32(hashlib.sha256(body).digest()), spent)
        return parse_json(await self.http.call(control.ADD_ATTACHMENT, ask, auth=auth), AddedAttachment)

    async def put(self, made: AddedAttachment, offset: int | str, data: bytes, *, secret: bytes | None = None) -> int:
        answer = await self.http.call(
            control.PUT_ATTACHMENT,
            data,
            auth="Upload " + encode_b64(secret or made.secret),
            query=f"?offset={offset}",
            id=encode_b64(made.id),
        )
        return parse_json(answer, UploadOffset).offset

    async def offset(self, made: AddedAttachment, *, secret: bytes | None = None) -> int:
        auth = "Upload " + encode_b64(secret or made.secret)
        answer = await self.http.call(control.ATTACHMENT_OFFSET, auth=auth, id=encode_b64(made.id))
        return parse_json(answer, UploadOffset).offset

    async def whole(self, body: bytes = BODY, *, part: int = MIB) -> AddedAttachment:
        made = await self.add(body)
        for at in range(0, len(body), part):
            await self.put(made, at, body[at : at + part])
        return made

    async def fetch(self, made: AddedAttachment, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        headers = {} if wanted is None else {"range": wanted}
        return await self.http.raw("GET", f"/v1/attachments/{encode_b64(made.id)}", headers=headers)


def some(n: int) -> Passes:
    """Passes that nobody made."""
    return tuple(B32(os.urandom(32)) for _ in range(n))


@pytest.fixture
async def uploader(http: Http) -> Uploader:
    return Uploader(http, await http.register(Person()))


async def code_of(work: object) -> str:
    try:
        await work  # type: ignore[misc]  # any of the coroutines above
    except ZajilError as reason:
        return reason.code
    return "ok"


def blob_path(data: Path, made: AddedAttachment) -> Path:
    return data / "attachments" / made.id.hex()[:2] / made.id.hex()


async def test_a_file_goes_up_in_pieces_and_down_by_range(uploader: Uploader, tmp_path: Path) -> None:
    made = await uploader.add()
    assert await uploader.offset(made) == 0
    status, _, _ = await uploader.fetch(made, "bytes=0-9")
    assert status == 404, "what is not whole is not given out"
    assert await uploader.put(made, 0, BODY[:100_000]) == 100_000
    assert await uploader.offset(made) == 100_000
    assert await uploader.put(made, 100_000, BODY[100_000:]) == SIZE
    status, found, headers = await uploader.fetch(made, "bytes=0-99999")
    assert (status, found) == (206, BODY[:100_000])
    assert headers["content-range"] == f"bytes 0-99999/{SIZE}"
    assert headers["cache-control"] == "no-store"
    status, found, headers = await uploader.fetch(made, f"bytes={SIZE - 5}-")
    assert (found, headers["content-range"]) == (BODY[-5:], f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}")
    path = blob_path(tmp_path / "data", made)
    assert path.read_bytes() == BODY
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_session_without_an_account_carries_a_whole_upload(
    uploader: Uploader, wire: Callable[[Role], Wire]
) -> None:
    """As behind a bridge: passes, secret and id go over S, and never over R."""
    ask = control.encode_json(AddAttachment(SIZE, B32(hashlib.sha256(BODY).digest()), await uploader.take()))

    async def call(session: Wire, rid: int, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        await session.send(frames.HttpReq(rid, method, path, headers, body))
        found = b""
        while True:
            part = await session.expect(frames.HttpRes)
            assert isinstance(part, frames.HttpRes)
            if part.headers:
                assert part.status < 300, parse_problem(part.status, part.body)
            found += part.body
            if not part.more:
                return found

    async with wire(Role.S) as session:
        answer = await call(session, 1, "POST", "/v1/attachments", {}, ask)
        made = parse_json(answer, AddedAttachment)
        path, upload = f"/v1/attachments/{encode_b64(made.id)}", "Upload " + encode_b64(made.secret)
        for at in range(0, SIZE, attachments.PIECE_BYTES):
            piece = BODY[at : at + attachments.PIECE_BYTES]
            await call(session, 2, "PUT", f"{path}?offset={at}", {"authorization": upload}, piece)
        found = await call(session, 3, "GET", path, {"range": make_range(0, SIZE)}, b"")
        assert found == BODY
    async with wire(Role.R) as session:
        await session.send(frames.HttpReq(1, "GET", f"{path}/offset", {"authorization": upload}, b""))
        refused = await session.expect(frames.HttpRes)
        assert isinstance(refused, frames.HttpRes)
        assert parse_problem(refused.status, refused.body).code == "mixed-auth"
        await session.send(frames.HttpReq(2, "POST", "/v1/attachments", {}, ask))
        refused = await session.expect(frames.HttpRes)
        assert isinstance(refused, frames.HttpRes)
        assert parse_problem(refused.status, refused.body).code == "mixed-auth"


async def test_a_pass_makes_one_attachment(uploader: Uploader) -> None:
    one = await uploader.take()
    await uploader.add(passes=one)
    assert await code_of(uploader.add(passes=one)) == "pass-spent"
    assert await code_of(uploader.add(passes=some(1))) == "pass-spent"
    assert await code_of(uploader.add(passes=await uploader.take(kind="group"))) == "pass-spent", "of another kind"
    one = await uploader.take()
    assert await code_of(uploader.add(passes=one, auth=uploader.device)) == "mixed-auth", "no account announces"
    assert await code_of(uploader.add(passes=one)) == "ok", "and that spent nothing"


async def test_passes_are_worth_the_size_and_spent_together_or_not_at_all(uploader: Uploader) -> None:
    size = padded_bytes(9 * MIB)
    three = await uploader.take(3)
    others: list[Passes] = [three[:2], (*three, *await uploader.take()), (three[0], *three[:2]), some(0), some(26)]
    for passes in others:
        assert await code_of(uploader.add(size=size, passes=passes)) == "malformed", len(passes)
    assert await code_of(uploader.add(size=4 * MIB, passes=three)) == "malformed", "nobody gives more than it takes"
    for passes in ((*three[:2], *some(1)), (*three[:2], *await uploader.take(kind="group"))):
        assert await code_of(uploader.add(size=size, passes=passes)) == "pass-spent"
    assert await code_of(uploader.add(size=size, passes=three)) == "ok", "a wrong one beside them spent none of them"
    for each in three:
        assert await code_of(uploader.add(passes=(each,))) == "pass-spent"


async def test_of_many_announcements_with_the_same_passes_one_is_taken(uploader: Uploader) -> None:
    """Whoever spends a pass twice at the same time, beside different others, gets one attachment for it."""
    shared = (await uploader.take())[0]
    beside = await uploader.take(8)
    size = padded_bytes(5 * MIB)
    codes = await asyncio.gather(*(code_of(uploader.add(size=size, passes=(shared, each))) for each in beside))
    assert sorted(codes) == ["ok", *["pass-spent"] * 7]
    left = [code_of(uploader.add(passes=(each,))) for each in beside]
    assert sorted(await asyncio.gather(*left)) == [*["ok"] * 7, "pass-spent"], "those beside it that lost are good"


@pytest.mark.parametrize("size", [0, 1, 16, 1023, 1025, 300_001, 100 * MIB - 1, 100 * MIB + 1, 1 << 40])
async def test_a_size_that_tells_the_true_one_is_refused(uploader: Uploader, size: int) -> None:
    wanted = "too-big" if size > 100 * MIB else "malformed"
    passes = await uploader.take(25)
    assert await code_of(uploader.add(size=size, passes=passes)) == wanted
    assert await code_of(uploader.add(size=100 * MIB, passes=passes)) == "ok", "a refusal spends no pass"


async def test_others_ids_and_wrong_secrets_look_like_nothing(uploader: Uploader) -> None:
    mine, other = await uploader.add(), await uploader.add()
    for secret in (other.secret, os.urandom(32)):
        assert await code_of(uploader.put(mine, 0, b"x", secret=secret)) == "gone"
        assert await code_of(uploader.offset(mine, secret=secret)) == "gone"
    unknown = AddedAttachment(control.B16(os.urandom(16)), mine.secret)
    assert await code_of(uploader.put(unknown, 0, b"x")) == "gone"
    assert await code_of(uploader.offset(unknown)) == "gone"
    assert await uploader.offset(mine) == 0


@pytest.mark.parametrize(
    "name", ["..%2F..%2Fkeys", "%2e%2e", "....", "A" * 21, "A" * 23, "A" * 21 + "%00", "..%2F" + "A" * 17]
)
async def test_an_id_that_is_a_path_opens_nothing(uploader: Uploader, name: str, tmp_path: Path) -> None:
    before = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    upload = {"authorization": "Upload " + encode_b64(bytes(32)), "range": "bytes=0-9"}
    for method, path in (("GET", ""), ("PUT", "?offset=0"), ("GET", "/offset")):
        headers = {"range": "bytes=0-9"} if (method, path) == ("GET", "") else upload
        body = b"x" if method == "PUT" else None
        status, found, _ = await uploader.http.raw(method, f"/v1/attachments/{name}{path}", body=body, headers=headers)
        assert status in (400, 404), found
    assert sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file()) == before


async def test_offsets_overlap_beyond_and_nowhere_are_refused(uploader: Uploader) -> None:
    made = await uploader.add()
    await uploader.put(made, 0, BODY[:1000])
    for offset in (0, 999, 1001, SIZE - 1):
        with pytest.raises(ZajilError) as refused:
            await uploader.put(made, offset, b"x")
        assert (refused.value.code, refused.value.detail["offset"]) == ("wrong-offset", 1000)
    for offset in (SIZE, SIZE + 1, 9_999_999_999):
        assert await code_of(uploader.put(made, offset, b"x")) == "malformed"
    assert await code_of(uploader.put(made, 1000, BODY[1000:] + b"x")) == "malformed", "a byte too many"
    for text in ("-1", "", "1e3", "٣", "1" * 11, "0x10", " 1"):
        assert await code_of(uploader.put(made, text, b"x")) == "malformed"
    assert await code_of(uploader.put(made, 1000, bytes(MIB + 1))) == "too-big"
    assert await uploader.offset(made) == 1000
    assert await uploader.put(made, 1000, BODY[1000:]) == SIZE
    assert await code_of(uploader.put(made, 0, b"x")) == "wrong-offset", "what is whole never changes"
    assert await code_of(uploader.put(made, SIZE, b"x")) == "malformed"


async def test_other_bytes_than_announced_are_thrown_away(uploader: Uploader, tmp_path: Path) -> None:
    made = await uploader.add()
    wrong = bytes([BODY[0] ^ 1]) + BODY[1:]
    assert await code_of(uploader.put(made, 0, wrong)) == "hash-mismatch"
    assert await code_of(uploader.offset(made)) == "gone"
    assert not blob_path(tmp_path / "data", made).exists()


@pytest.mark.parametrize("at", ["before-its-bytes", "before-its-row"])
async def test_a_kill_while_other_bytes_are_thrown_away_leaves_nothing_open_and_nothing_behind(
    uploader: Uploader, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    made, wrong = await uploader.add(), bytes([BODY[0] ^ 1]) + BODY[1:]
    with monkeypatch.context() as death:
        if at == "before-its-bytes":
            death.setattr(DiskBlobs, "delete", _die)
        else:
            death.setattr(delivery_store, "drop_attachment", _die)
        assert await code_of(uploader.put(made, 0, wrong)) == "internal"
    assert await code_of(uploader.offset(made)) == "gone", "nobody goes on with what was refused"
    assert await code_of(uploader.put(made, 0, BODY)) == "gone"
    assert (await uploader.fetch(made, "bytes=0-0"))[0] == 404
    await server.run_retention()
    assert not blob_path(tmp_path / "data", made).exists()
    with closing(engines.make(tmp_path / "data")) as database:
        assert database.ask("SELECT count(*) FROM attachment", ()) == [(0,)]


async def test_bytes_that_another_server_found_right_are_not_thrown_away(
    uploader: Uploader, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two gateways that check the same upload one reads it wrong."""
    made = await uploader.add()
    other = Attachments(server._delivery, server._attachments._blobs)
    loop, real = asyncio.get_running_loop(), DiskBlobs.sha256

    def misread(blobs: DiskBlobs, name: bytes) -> bytes:
        monkeypatch.setattr(DiskBlobs, "sha256", real)
        right = other.offset(name, made.secret, prefix=b"other")
        assert asyncio.run_coroutine_threadsafe(right, loop).result(20).offset == SIZE
        return bytes(32)

    monkeypatch.setattr(DiskBlobs, "sha256", misread)
    assert await uploader.put(made, 0, BODY) == SIZE
    assert (await uploader.fetch(made, "bytes=0-0"))[1] == BODY[:1]
    await other.close()


def _die(*_of: object) -> NoReturn:
    raise RuntimeError("the server is killed here")


@pytest.mark.parametrize(
    "wanted",
    [None, "", "bytes=", "bytes=-5", "bytes=5-4", "bytes=0-1,3-4", "lines=0-1", "bytes=0-1, -1", f"bytes={SIZE}-",
     "bytes=99999999999-", "bytes=0x1-2", "bytes=0 - 1", "BYTES=0-" + "9" * 400],
)  # fmt: skip
async def test_a_range_that_is_none_is_refused(uploader: Uploader, wanted: str | None) -> None:
    made = await uploader.whole()
    status, found, _ = await uploader.fetch(made, wanted)
    assert (status, parse_problem(status, found).code) == (400, "malformed")


async def test_a_huge_range_brings_one_piece(uploader: Uploader) -> None:
    body = os.urandom(padded_bytes(3 * MIB))
    made = await uploader.whole(body)
    for wanted in ("bytes=0-9999999999", "bytes=0-"):
        status, found, headers = await uploader.fetch(made, wanted)
        assert (status, len(found)) == (206, MIB)
        assert headers["content-range"] == f"bytes 0-{MIB - 1}/{len(body)}"


async def test_parallel_writers_leave_one_whole_file(uploader: Uploader, tmp_path: Path) -> None:
    made = await uploader.add()
    pieces = [(at, BODY[at : at + 50_000]) for at in range(0, SIZE, 50_000)]

    async def write() -> None:
        """A client that goes on from wherever the server says."""
        offset = 0
        while offset < SIZE:
            at, piece = next(each for each in pieces if each[0] >= offset - 49_999 and each[0] + 50_000 > offset)
            try:
                offset = await uploader.put(made, offset, piece[offset - at :])
            except ZajilError as refused:
                if refused.code != "wrong-offset":
                    raise
                offset = int(refused.detail["offset"])

    await asyncio.gather(*(write() for _ in range(6)))
    assert blob_path(tmp_path / "data", made).read_bytes() == BODY
    status, _, _ = await uploader.fetch(made, "bytes=0-0")
    assert status == 206


async def test_a_slow_writer_that_never_ends_holds_up_nobody(uploader: Uploader, server: Server) -> None:
    made = await uploader.add()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"PUT /v1/attachments/{encode_b64(made.id)}?offset=0 HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
    writer.write(head.encode() + f"authorization: Upload {encode_b64(made.secret)}\r\n\r\n".encode() + b"some")
    await writer.drain()
    assert await uploader.put(made, 0, BODY) == SIZE
    writer.close()
    del reader


async def test_a_full_disk_refuses_and_keeps_what_was_there(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = await uploader.add()
    await uploader.put(made, 0, BODY[:1000])
    real = os.pwrite

    def half(descriptor: int, data: memoryview, offset: int) -> int:
        real(descriptor, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "pwrite", half)
    assert await code_of(uploader.put(made, 1000, BODY[1000:])) == "storage-full"
    monkeypatch.setattr(os, "pwrite", real)
    assert await uploader.offset(made) == 1000
    assert await uploader.put(made, 1000, BODY[1000:]) == SIZE


class TestRoom:
    """The operator's limit for all attachments together."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, attachments_max_bytes=2 * SIZE)

    async def test_beyond_it_nothing_is_taken_until_something_goes(self, uploader: Uploader, server: Server) -> None:
        await uploader.whole()
        hollow = [await uploader.add() for _ in range(5)]
        second = await uploader.whole()
        assert await code_of(uploader.put(hollow[0], 0, b"x")) == "storage-full"
        assert (await uploader.fetch(second, "bytes=0-0"))[0] == 206

    async def test_what_has_no_room_is_refused_at_once_and_spends_nothing(self, uploader: Uploader) -> None:
        one = await uploader.take()
        large = padded_bytes(2 * SIZE)
        assert await code_of(uploader.add(size=large, passes=one)) == "storage-full"
        assert await code_of(uploader.add(size=large, passes=some(1))) == "pass-spent", "a stranger hears nothing of it"
        assert await code_of(uploader.add(passes=one)) == "ok"


class TestLimits:
    """Pieces of an address prefix, and guesses."""

    @pytest.fixture
    def settings(self) -> Settings:
        tight = {"piece_prefix": Limit(3, 1000), "upload_prefix": Limit(2, 1000), "failed_token": Limit(2, 1000)}
        return Settings(port=0, registration="open", limits={**NO_LIMITS, **tight}, drain_s=0)

    async def test_pieces_mebibytes_and_guesses_are_counted(self, uploader: Uploader) -> None:
        made = await uploader.whole()
        assert [(await uploader.fetch(made, "bytes=0-0"))[0] for _ in range(3)] == [206, 206, 429]
        assert await code_of(uploader.add()) == "ok"
        assert await code_of(uploader.add()) == "slow-down", "two MiB announced"

    async def test_whoever_guesses_passes_is_slowed_down(self, uploader: Uploader) -> None:
        assert await code_of(uploader.add(passes=some(1))) == "pass-spent"
        assert await code_of(uploader.add(passes=some(1))) == "pass-spent"
        assert await code_of(uploader.add(passes=some(1))) == "slow-down"


class TestShared:
    """Many people behind one address share what it may announce."""

    @pytest.fixture
    def settings(self) -> Settings:
        tight = {"upload_prefix": Limit(1024, 1000)}
        return Settings(port=0, registration="open", limits={**NO_LIMITS, **tight}, drain_s=0)

    async def test_who_has_no_passes_takes_nothing_of_it(self, uploader: Uploader) -> None:
        for _ in range(11):
            assert await code_of(uploader.add(size=100 * MIB, passes=some(25))) == "pass-spent"
        for _ in range(2):
            assert await code_of(uploader.add(size=1000 * MIB, passes=some(1))) == "too-big"
            assert await code_of(uploader.add(size=100 * MIB, passes=some(1))) == "malformed"
        assert await code_of(uploader.add()) == "ok"


class TestMebibytes:
    """What one account may send in a day, by the limits of every server."""

    @pytest.fixture
    def settings(self) -> Settings:
        free = {name: limit for name, limit in NO_LIMITS.items() if name != "pass_upload"}
        return Settings(port=0, registration="open", limits=free, drain_s=0)

    async def test_an_account_takes_passes_for_a_gibibyte_at_once_and_no_more(
        self, uploader: Uploader, http: Http
    ) -> None:
        files = 0
        while (code := await code_of(uploader.add(size=100 * MIB))) == "ok":
            files += 1
        assert (files, code) == (10, "slow-down")
        assert await code_of(uploader.add()) == "ok", "what is left of it takes small files"
        other = Uploader(http, await http.register(Person()))
        assert await code_of(other.add(size=100 * MIB)) == "ok", "another account has its own"


async def test_passes_do_not_gather(tmp_path: Path, settings: Settings) -> None:
    """A pass is good on its day and the next one: a month of them saved up is no room for a month's files at once."""
    import aiohttp

    clock = Clock()
    running = await Server.start(tmp_path / "data", settings, clock=clock)
    try:
        async with aiohttp.ClientSession() as client:
            person, http = Person(), Http(f"http://127.0.0.1:{running.port}", client)
            uploader = Uploader(http, await http.register(person))
            old, group = await uploader.take(3), await uploader.take(kind="group")
            clock.now += DAY_S
            assert await code_of(uploader.add(passes=old[:1])) == "ok"
            clock.now += DAY_S
            await running.run_retention()
            assert await code_of(uploader.add(passes=old[1:2])) == "pass-spent"
            with closing(engines.make(tmp_path / "data")) as database:
                kept = {bytes(each[0]) for each in database.ask("SELECT hash FROM pass", ())}
            assert kept == {hashlib.sha256(group[0]).digest()}
    finally:
        await running.stop()


async def test_what_expires_goes_with_its_file(tmp_path: Path, settings: Settings) -> None:
    import aiohttp

    clock = Clock()
    running = await Server.start(tmp_path / "data", settings, clock=clock)
    try:
        async with aiohttp.ClientSession() as client:
            http = Http(f"http://127.0.0.1:{running.port}", client)
            uploader = Uploader(http, await http.register(Person()))
            stuck, whole, part, wedged = (
                await uploader.add(),
                await uploader.whole(),
                await uploader.add(),
                await uploader.add(),
            )
            await uploader.put(part, 0, BODY[:10])
            # Whole in a bucket that a living server has too, or with other bytes, but not in this older database.
            since, spoiled = await uploader.add(), await uploader.add()
            for each in (since, spoiled):
                blob_path(tmp_path / "data", each).parent.mkdir(exist_ok=True)
                blob_path(tmp_path / "data", each).write_bytes(BODY if each is since else bytes(SIZE))
            stray = AddedAttachment(control.B16(os.urandom(16)), part.secret)
            blob_path(tmp_path / "data", stray).parent.mkdir(exist_ok=True)
            blob_path(tmp_path / "data", stray).write_bytes(b"of a database that was put back")
            clock.now += DAY_S - 1
            await running.run_retention()
            assert blob_path(tmp_path / "data", part).exists()
            assert not blob_path(tmp_path / "data", stray).exists(), "a file that no row knows is swept"
            clock.now += 1
            assert await code_of(uploader.offset(part)) == "gone", "over before the job ran"
            # What cannot be deleted holds up nothing behind it, and goes when it can.
            for each in (stuck, wedged):
                blob_path(tmp_path / "data", each).parent.mkdir(exist_ok=True)
                blob_path(tmp_path / "data", each).mkdir()
            await running.run_retention()
            assert not blob_path(tmp_path / "data", part).exists()
            assert not blob_path(tmp_path / "data", spoiled).exists()
            assert (await uploader.fetch(since, "bytes=0-0"))[:2] == (206, BODY[:1]), "a retention job finds it whole"
            for each in (stuck, wedged):
                blob_path(tmp_path / "data", each).rmdir()
            await running.run_retention()
            assert (await uploader.fetch(whole, "bytes=0-0"))[0] == 206
            clock.now += 29 * DAY_S
            assert (await uploader.fetch(whole, "bytes=0-0"))[0] == 206, "at least 30 days"
            clock.now += DAY_S
            assert (await uploader.fetch(whole, "bytes=0-0"))[0] == 404
            await running.run_retention()
            assert not blob_path(tmp_path / "data", whole).exists()
            assert blob_path(tmp_path / "data", since).exists()
            clock.now += DAY_S
            await running.run_retention()
            assert not blob_path(tmp_path / "data", since).exists(), "no longer than where its last piece came"
    finally:
        await running.stop()
    with closing(engines.make(tmp_path / "data")) as database:
        assert database.ask("SELECT count(*) FROM attachment", ()) == [(0,)]


async def test_what_becomes_whole_in_its_last_second_stays(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retention job finds an upload that is over while its last piece is being checked."""
    import aiohttp

    clock, checking, found = Clock(), threading.Event(), threading.Event()
    real = DiskBlobs.sha256

    def slow(blobs: DiskBlobs, name: bytes) -> bytes:
        checking.set()
        assert found.wait(20)
        return real(blobs, name)

    running = await Server.start(tmp_path / "data", settings, clock=clock)
    try:
        async with aiohttp.ClientSession() as client:
            http = Http(f"http://127.0.0.1:{running.port}", client)
            uploader = Uploader(http, await http.register(Person()))
            made = await uploader.add()
            monkeypatch.setattr(DiskBlobs, "sha256", slow)
            last = asyncio.create_task(uploader.put(made, 0, BODY))
            await asyncio.to_thread(checking.wait, 20)
            clock.now += 2 * DAY_S
            job = asyncio.create_task(running.run_retention())
            waiting = running._attachments._waiting
            async with asyncio.timeout(20):
                await until(lambda: waiting[bytes(made.id)] == 2)
            found.set()
            assert await last == SIZE
            await job
            assert (await uploader.fetch(made, "bytes=0-0"))[1] == BODY[:1], "acknowledged, and so it stays"
    finally:
        found.set()
        await running.stop()


@pytest.mark.parametrize("late", [False, True], ids=["as-its-bytes-go", "checked-already"])
async def test_no_server_answers_whole_what_another_deletes(
    uploader: Uploader, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    """Two gateways, one with its clock ahead: the last piece comes as the other one finds the upload over and short."""
    made = await uploader.add()
    await uploader.put(made, 0, BODY[:1000])
    ahead, loop = time.time() + 2 * DAY_S, asyncio.get_running_loop()
    other = Attachments(replace(server._delivery, clock=lambda: ahead), server._attachments._blobs)
    heard: list[str] = []
    real_sha256, real_delete = DiskBlobs.sha256, DiskBlobs.delete

    async def finish() -> str:
        return await code_of(uploader.put(made, 1000, BODY[1000:]))

    def sha256(blobs: DiskBlobs, name: bytes) -> bytes:
        # Of the one that takes the last piece: its row was read before the other closed it.
        found = real_sha256(blobs, name)
        if late:
            asyncio.run_coroutine_threadsafe(server._db.write(close), loop).result(20)
        return found

    def close(db: Connection) -> None:
        assert delivery_store.close_attachment(db, made.id, now=int(ahead))

    def delete(blobs: DiskBlobs, name: bytes) -> None:
        if name == made.id and not late:
            heard.append(asyncio.run_coroutine_threadsafe(finish(), loop).result(20))
        real_delete(blobs, name)

    monkeypatch.setattr(DiskBlobs, "sha256", sha256)
    monkeypatch.setattr(DiskBlobs, "delete", delete)
    if late:
        heard.append(await finish())
    await other.run_retention()
    assert heard == ["gone"]
    assert not blob_path(tmp_path / "data", made).exists()
    await other.close()


async def test_a_whole_upload_whose_file_is_missing_is_begun_anew(uploader: Uploader, tmp_path: Path) -> None:
    """A database that was put back without its files: nobody is told that the server holds them."""
    made = await uploader.whole()
    blob_path(tmp_path / "data", made).unlink()
    assert await code_of(uploader.offset(made)) == "gone"
    assert await code_of(uploader.put(made, 0, BODY)) == "gone"


async def test_a_file_tells_no_time(uploader: Uploader, tmp_path: Path) -> None:
    """When it was written, and when it was last fetched, would join it with the messages of that moment."""
    made = await uploader.whole()
    path = blob_path(tmp_path / "data", made)
    await uploader.fetch(made, "bytes=0-9")
    assert (path.stat().st_mtime, path.stat().st_atime) == (0, 0)


async def test_the_database_keeps_room_of_its_own(
    uploader: Uploader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Files never take the last of the disk: without it no message would be accepted."""
    made = await uploader.add()
    free = [blobs.KEPT_FREE_BYTES + SIZE - 1]
    monkeypatch.setattr(blobs, "_free_bytes", lambda _folder: free[0])
    assert await code_of(uploader.put(made, 0, BODY)) == "storage-full"
    assert not blob_path(tmp_path / "data", made).exists()
    free[0] += 1
    assert await uploader.put(made, 0, BODY) == SIZE


async def test_a_kill_between_the_last_byte_and_the_mark_is_made_good(
    uploader: Uploader, tmp_path: Path, server: Server
) -> None:
    """All bytes are on the disk, and the row does not say so: whoever asks has it checked and marked.

    So does whoever fetches: a database put back from a copy of the time of the upload forgot what its client heard.
    """
    made, second, third, other = [await uploader.add() for _ in range(4)]
    for each in (made, second, third, other):
        path = blob_path(tmp_path / "data", each)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(BODY if each is not other else bytes(SIZE))
    assert await uploader.offset(made) == SIZE
    assert await uploader.put(second, SIZE, b"") == SIZE
    many = await asyncio.gather(*(uploader.fetch(third, "bytes=0-0") for _ in range(5)))
    assert [found for _, found, _ in many] == [BODY[:1]] * 5
    for each in (made, second, third):
        assert (await uploader.fetch(each, "bytes=0-0"))[1] == BODY[:1]
    assert [(await uploader.fetch(other, "bytes=0-0"))[0] for _ in range(2)] == [404, 404]
    assert not blob_path(tmp_path / "data", other).exists(), "the bytes of something else are thrown away"
    with closing(engines.make(tmp_path / "data")) as database:
        assert database.ask("SELECT count(*), min(done) FROM attachment", ()) == [(3, 1)]


async def test_a_row_names_no_account_and_the_disk_holds_only_ciphertext(uploader: Uploader, tmp_path: Path) -> None:
    person = Person()
    uploader.device = await uploader.http.register(person)
    made = await uploader.whole()
    names = ("id", "size", "sha256", "upload_hash", "done", "expires")
    with closing(engines.make(tmp_path / "data")) as database:
        columns = database.columns()
        ((*values,),) = database.ask(f"SELECT {', '.join(names)} FROM attachment", ())
        mailboxes = [bytes(each[0]) for each in database.ask("SELECT mailbox_id FROM device", ())]
        # Names of its own schema.
        named = {table: list(map(repr, database.ask(f'SELECT * FROM "{table}"', ()))) for table, _ in columns}
    row = dict(zip(names, values, strict=True))
    assert {column for table, column in columns if table == "attachment"} == set(names)
    assert isinstance(row["expires"], int)
    assert row["expires"] % DAY_S == 0, "no exact time"
    held = b"\0".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
    for someone in (person.account_id, *mailboxes):
        for form in (someone, encode_b64(someone).encode(), someone.hex().encode()):
            assert form not in held
    for table, rows in named.items():
        if table != "attachment":
            assert not any(repr(bytes(made.id))[2:-1] in each for each in rows), table


def _answer_nothing(_blobs: S3Blobs, **_which: object) -> NoReturn:
    raise BaseError


@pytest.mark.scale
async def test_a_file_in_a_bucket_outlives_the_server_and_goes_with_its_days(
    tmp_path: Path,
    settings: Settings,
    client: aiohttp.ClientSession,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    data = tmp_path / "data"
    data.mkdir()
    (data / "s3.key").write_text(f"{KEY_ID}\n{SECRET}\n")
    settings = msgspec.structs.replace(settings, blobs=f"s3://{BUCKET}/here?endpoint={s3.endpoint}")
    server = await Server.start(data, settings, clock=clock)
    uploader = Uploader(Http(f"http://127.0.0.1:{server.port}", client), "")
    uploader.device = await uploader.http.register(Person())
    made, left = await uploader.add(), await uploader.add()
    assert await uploader.put(made, 0, BODY[:100_000]) == 100_000
    assert await uploader.put(left, 0, BODY[:1000]) == 1000
    await server.stop()
    server = await Server.start(data, settings, clock=clock)
    uploader.http = Http(f"http://127.0.0.1:{server.port}", client)
    assert await uploader.offset(made) == 100_000
    assert await code_of(uploader.put(made, 5, b"late")) == "wrong-offset"
    assert await uploader.put(made, 100_000, BODY[100_000:]) == SIZE
    assert (await uploader.fetch(made, "bytes=99990-100009"))[:2] == (206, BODY[99_990:100_010])
    store = open_s3(settings.blobs, data / "s3.key", most_bytes=0)
    assert set(store.names()) == {bytes(made.id), bytes(left.id)}
    assert not (data / "attachments").exists()
    with monkeypatch.context() as away:
        away.setattr(S3Blobs, "_list_all", _answer_nothing)
        await server.run_retention()  # the next one will do
    for days, kept in ((2, {bytes(made.id)}), (32, set())):
        clock.now += days * DAY_S
        await server.run_retention()
        assert set(store.names()) == kept
    await server.stop()


class DeadStore:
    """A bucket that lets a server start, takes every connection after that and answers none of them."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._first = threading.Thread(target=self._answer_once)
        self._first.start()

    def _answer_once(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            connection.recv(65536)
            body = b'<?xml version="1.0"?><ListBucketResult><Name>b</Name></ListBucketResult>'
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def close(self) -> None:
        """It is gone, and whoever waits hears so."""
        self._first.join()
        self._socket.close()


async def test_a_store_that_hangs_delays_no_message_and_is_busy_beyond_a_bound(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads, waiting = 80, 6  # the half, which one address may have: more than the loop's own on any machine
    monkeypatch.setattr(blobthreads, "THREADS", threads)
    monkeypatch.setattr(blobthreads, "WAITING_MAX", waiting)
    data = tmp_path / "data"
    data.mkdir()
    (data / "s3.key").write_text(f"{KEY_ID}\n{SECRET}\n")
    store = DeadStore()
    settings = msgspec.structs.replace(settings, blobs=f"s3://b?endpoint={store.endpoint}")
    server = await Server.start(data, settings)
    pieces: list[asyncio.Task[str]] = []
    try:
        http = Http(f"http://127.0.0.1:{server.port}", client)
        uploader = Uploader(http, await http.register(Person()))
        group = FakeGroup()
        async with Wire(http.url, Role.S, client) as sender:
            create = group.create(1, await http.group_pass(uploader.device), (await http.refs(uploader.device))[0])
            assert isinstance(await sender.ask(create), frames.Ok)
            made = [await uploader.add(b"x" * 1024) for _ in range((threads + waiting) // 2 + 1)]
            pieces = [asyncio.create_task(code_of(uploader.put(each, 0, b"x"))) for each in made]
            done, _ = await asyncio.wait(pieces, return_when=asyncio.FIRST_COMPLETED)
            assert {task.result() for task in done} == {"busy"}
            large = group.send(2, b"x" * 4000)
            assert len(large.body) > 65_536, "hashed in a thread"
            assert isinstance(await sender.ask(large), frames.Ok)
            # Retention looks into the bucket, too, and may have come before one of them.
            assert sum(task.done() for task in pieces) <= 2
    finally:
        store.close()
        assert set(await asyncio.gather(*pieces)) <= {"busy"}
        await server.stop()


@given(size=st.integers(0, attachments.FILE_BYTES))
def test_padding_grows_little_and_is_a_fixed_point(size: int) -> None:
    padded = padded_bytes(size)
    assert size + 16 <= padded <= max(1024, int((size + 16) * 1.12) + 1)
    assert padme(padded) == padded
    assert padded <= attachments.ATTACHMENT_BYTES
    attachments.check_size(padded)


def test_an_answer_with_an_unknown_field_is_taken() -> None:
    """Clients ignore what later servers add."""
    assert msgspec.json.decode(b'{"offset": 1, "more": 2}', type=UploadOffset).offset == 1
