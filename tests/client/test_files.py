"""Files at the SDK: sealing and opening, names, an upload and a download that meet every kind of trouble."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.client import serving
from tests.client.people import befriend, register

from zajil.client import Chat, Client, Message, Progress
from zajil.client.core import messages
from zajil.client.files import crypt, drafts, fetching, jobs
from zajil.client.files.names import safe_name
from zajil.client.files.patience import Patience
from zajil.client.files.uploading import Uploads
from zajil.client.shell.calls import Calls
from zajil.client.state import rows
from zajil.client.storage.store import ORDERED, SCHEMA, Store
from zajil.protocol import control
from zajil.protocol.attachments import FILE_BYTES, padded_bytes
from zajil.protocol.chat import forms
from zajil.protocol.chat.content import MimiContent, NullPart, SinglePart, encode_content
from zajil.protocol.chat.files import File
from zajil.protocol.control import Route
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import parse_b64

MIB = 1 << 20


class Pair(NamedTuple):
    """Two people who know each other, and their server."""

    amina: Client
    boris: Client
    server: serving.Served
    home: Path

    @property
    def chat(self) -> Chat:
        return self.amina.find_chat("Boris")

    def blobs(self) -> list[Path]:
        return [path for path in (self.server.data / "attachments").rglob("*") if path.is_file()]


@pytest.fixture
async def pair(homes: Path, server: serving.Served) -> AsyncIterator[Pair]:
    amina, boris = await register(homes, "Amina", server.url), await register(homes, "Boris", server.url)
    async with amina, boris:
        await befriend(amina, boris)
        yield Pair(amina, boris, server, homes)


def seal(folder: Path, data: bytes) -> tuple[Path, File]:
    """The ciphertext of some bytes, and what opens it."""
    plain, sealed = folder / os.urandom(4).hex(), folder / os.urandom(4).hex()
    plain.write_bytes(data)
    made = crypt.seal_file(plain, sealed)
    return sealed, File(bytes(16), "n", "t/t", made.size, made.key, made.nonce, made.sha256)


async def code_of(work: object) -> str:
    try:
        await work  # type: ignore[misc]  # any coroutine
    except ZajilError as reason:
        return reason.code
    return "ok"


@given(size=st.integers(0, 70_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_was_sealed_opens_and_its_size_tells_little(size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    sealed, file = seal(tmp_path, data)
    assert sealed.stat().st_size == padded_bytes(size)
    assert sealed.stat().st_mode & 0o777 == 0o600
    target = tmp_path / os.urandom(4).hex()
    crypt.open_file(sealed, target, file)
    assert target.read_bytes() == data
    assert target.stat().st_mode & 0o777 == 0o600


def test_two_sealings_of_a_file_share_nothing(tmp_path: Path) -> None:
    (one, first), (two, second) = seal(tmp_path, b"x" * 5000), seal(tmp_path, b"x" * 5000)
    assert first.key != second.key
    assert first.nonce != second.nonce
    assert one.read_bytes() != two.read_bytes()


@pytest.mark.parametrize("change", ["bit", "tag", "short", "long", "key", "nonce", "hash"])
def test_what_is_not_as_announced_is_never_opened(change: str, tmp_path: Path) -> None:
    sealed, file = seal(tmp_path, os.urandom(5000))
    data = bytearray(sealed.read_bytes())
    wrong = file
    if change in ("bit", "tag"):
        data[0 if change == "bit" else -1] ^= 1
    elif change == "short":
        del data[-1]
    elif change == "long":
        data += b"x"
    elif change == "hash":
        wrong = File(file.attachment_id, "n", "t/t", file.size, file.key, file.nonce, bytes(32))
    else:
        key, nonce = (bytes(32), file.nonce) if change == "key" else (file.key, bytes(12))
        wrong = File(file.attachment_id, "n", "t/t", file.size, key, nonce, file.sha256)
    sealed.write_bytes(bytes(data))
    target = tmp_path / "target"
    with pytest.raises(ZajilError, match="hash-mismatch"):
        crypt.open_file(sealed, target, wrong)
    assert not target.exists(), "nothing is left of it"


def test_bytes_with_the_right_hash_and_a_wrong_tag_leave_nothing(tmp_path: Path) -> None:
    """A sender who announces the hash of what does not open."""
    sealed, file = seal(tmp_path, os.urandom(5000))
    data = bytearray(sealed.read_bytes())
    data[7] ^= 1
    sealed.write_bytes(bytes(data))
    told = File(bytes(16), "n", "t/t", file.size, file.key, file.nonce, hashlib.sha256(data).digest())
    with pytest.raises(ZajilError, match="hash-mismatch"):
        crypt.open_file(sealed, tmp_path / "target", told)
    assert not (tmp_path / "target").exists()


@pytest.mark.slow
def test_the_largest_file_takes_a_few_mebibytes_of_memory(tmp_path: Path) -> None:
    plain, sealed, target = tmp_path / "plain", tmp_path / "sealed", tmp_path / "target"
    with plain.open("wb") as file:
        file.truncate(FILE_BYTES)
    tracemalloc.start()
    try:
        made = crypt.seal_file(plain, sealed)
        crypt.open_file(sealed, target, File(bytes(16), "n", "t/t", made.size, made.key, made.nonce, made.sha256))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * MIB
    assert sealed.stat().st_size == 100 * MIB
    assert target.stat().st_size == FILE_BYTES
    with plain.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ZajilError, match="file-too-big"):
        crypt.seal_file(plain, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("given_name", "made"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "_._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows\\a.txt", "C__Windows_a.txt"),
        (".bashrc", "bashrc"),
        ("..", "file"),
        ("", "file"),
        ("\x00\x1b[31m\n", "[31m"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("a\u2028b\u200f", "ab"),
        ("con.txt", "_con.txt"),
        ("  صورة  .png ", "صورة.png"),
        ("x" * 300 + ".jpeg", "x" * 175 + ".jpeg"),
        ("я" * 200, "я" * 90),
        ("-rf", "_-rf"),
        ("--checkpoint-action=exec=sh a.sh", "_--checkpoint-action=exec=sh a.sh"),
        ("~", "_~"),
        ("a." + "b" * 40, "a." + "b" * 40),
    ],
)
def test_names_of_others_are_made_harmless(given_name: str, made: str) -> None:
    assert safe_name(given_name) == made


@given(name=st.text(max_size=300))
def test_no_name_leads_anywhere(name: str) -> None:
    made = safe_name(name)
    assert made == Path(made).name
    assert 0 < len(made.encode()) <= 200
    assert not made.startswith(".")
    assert made.isprintable() or " " in made
    assert safe_name(made) == made or len(made.encode()) > 170


def test_a_home_of_the_version_before_gets_its_new_table(tmp_path: Path) -> None:
    store = Store(tmp_path, bytes(32))
    store.db.execute("DROP TABLE upload")
    store.db.execute("DROP TABLE deadline")
    store.db.execute("PRAGMA user_version=1")
    store.close()
    again = Store(tmp_path, bytes(32))
    with again.look() as tx:
        assert [tx.count(table) for table in (*ORDERED, "deadline")] == [0] * (len(ORDERED) + 1)
    assert again.db.execute("PRAGMA user_version").fetchone() == (SCHEMA,)
    again.close()


@pytest.mark.slow
async def test_a_message_with_files_reaches_every_device_of_both(pair: Pair) -> None:
    (pair.home / "a.txt").write_bytes(b"one")
    (pair.home / "b.bin").write_bytes(os.urandom(600_000))
    files = [pair.home / "a.txt", pair.home / "b.bin"]
    progress: list[tuple[int, int]] = []
    identity = await pair.amina.send_files(pair.chat, files, "two", tell=lambda *told: progress.append(told))
    whole = sum(padded_bytes(path.stat().st_size) for path in files)
    assert progress[-1] == (whole, whole)
    assert progress == sorted(progress)
    await pair.boris.sync()
    (message,) = pair.boris.read(pair.boris.find_chat("Amina"))
    assert [(one.name, one.type, one.size) for one in message.attachments] == [
        ("a.txt", "text/plain", 3),
        ("b.bin", "application/octet-stream", 600_000),
    ]
    for client, chat in ((pair.boris, "Amina"), (pair.amina, "Boris")):
        for n, path in enumerate(files):
            target = pair.home / f"{chat}-{n}"
            await client.save_file(client.find_chat(chat), identity, n, target)
            assert target.read_bytes() == path.read_bytes()
    with pytest.raises(FileExistsError):
        await pair.boris.save_file(pair.boris.find_chat("Amina"), identity, 0, target)
    await pair.boris.save_file(pair.boris.find_chat("Amina"), identity, 0, target, replace=True)
    assert target.read_bytes() == b"one"


@pytest.mark.slow
async def test_a_download_goes_on_where_it_stood_and_does_not_trust_what_it_finds(pair: Pair) -> None:
    path, target = pair.home / "f", pair.home / "got"
    path.write_bytes(os.urandom(900_000))
    identity = await pair.amina.send_files(pair.chat, [path])
    await pair.boris.sync()
    chat = pair.boris.find_chat("Amina")
    (blob,) = [one for one in pair.blobs() if one.stat().st_size == padded_bytes(900_000)]
    begun = pair.home / "Boris" / "downloads"
    begun.mkdir()
    with pair.boris._core.look() as step:
        row = rows.parse_row(step.tx.rows("message")[-1][1], rows.StoredMessage).files[0]
    part = begun / pair.boris._device.store.hash_id("download", row.attachment_id).hex()
    part.write_bytes(blob.read_bytes()[:700_000])
    told: list[int] = []
    await pair.boris.save_file(chat, identity, 0, target, tell=lambda done, _whole: told.append(done))
    assert told[0] == 700_000
    assert target.read_bytes() == path.read_bytes()
    assert not part.exists()

    part.write_bytes(bytes(300_000))
    assert await code_of(pair.boris.save_file(chat, identity, 0, pair.home / "bad")) == "hash-mismatch"
    assert not (pair.home / "bad").exists()
    assert not part.exists(), "the next attempt begins anew"
    await pair.boris.save_file(chat, identity, 0, pair.home / "bad")

    original = blob.read_bytes()
    blob.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    assert await code_of(pair.boris.save_file(chat, identity, 0, pair.home / "evil")) == "hash-mismatch"
    blob.unlink()
    assert await code_of(pair.boris.save_file(chat, identity, 0, pair.home / "evil")) == "gone"
    assert not (pair.home / "evil").exists()
    assert not list(pair.home.glob(".*.part"))


@pytest.mark.slow
async def test_an_upload_that_the_server_lost_is_begun_anew(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pair.home / "f"
    path.write_bytes(os.urandom(600_000))
    real, losses = Uploads._send_pieces, [0]

    async def lose(uploads: Uploads, job: bytes, n: int, before: int, patience: object) -> bool:
        part = uploads._part(job, n)
        if losses[0] < 2 and part is not None:
            losses[0] += 1
            uploads._keep(job, n, jobs.Part(part.blob, part.file, os.urandom(32)))
        return await real(uploads, job, n, before, patience)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Uploads, "_send_pieces", lose)
    identity = await pair.amina.send_files(pair.chat, [path])
    assert losses == [2]
    await pair.boris.sync()
    await pair.boris.save_file(pair.boris.find_chat("Amina"), identity, 0, pair.home / "got")
    assert (pair.home / "got").read_bytes() == path.read_bytes()


@pytest.mark.slow
async def test_a_page_that_something_on_the_way_has_for_404_loses_no_message(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that has lost its server says 404 with a page of its own, for every call of files."""
    path = pair.home / "f"
    path.write_bytes(os.urandom(300_000))
    monkeypatch.setattr("zajil.client.files.patience.PAUSES_S", (0.0, 0.0))
    real, away = Calls.call, [True]

    async def call(calls: Calls, route: Route, *args: object, **named: object) -> object:
        if away[0] and route in (control.ADD_ATTACHMENT, control.ATTACHMENT_OFFSET, control.PUT_ATTACHMENT):
            raise control.parse_problem(404, b"<h1>Not Found</h1>")
        return await real(calls, route, *args, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Calls, "call", call)
    assert await code_of(pair.amina.send_files(pair.chat, [path], "kept")) == "busy"
    assert pair.amina.waiting_uploads() == 1
    away[0] = False
    await pair.amina.sync()
    (message,) = pair.amina.read(pair.chat)
    assert (message.text, message.state) == ("kept", "sent")


@pytest.mark.slow
async def test_a_bad_line_takes_no_passes_in_vain(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an account takes is counted: the announcement is tried again with the same ones, in later commands too."""
    path = pair.home / "f"
    path.write_bytes(os.urandom(5 * MIB))
    monkeypatch.setattr("zajil.client.files.patience.PAUSES_S", (0.0, 0.0))
    real, taken, away = Calls.call, [0], [error("busy")] * 5 + [error("storage-full", retry_ms=60_000)]
    lost = [True]

    async def call(calls: Calls, route: Route, *args: object, **named: object) -> object:
        if route is control.ADD_ATTACHMENT and away:
            raise away.pop()
        answer: object = await real(calls, route, *args, **named)  # type: ignore[arg-type]  # passed through
        if route is control.TAKE_PASSES:
            taken[0] += named["request"].n  # type: ignore[attr-defined]  # a TakePasses
        if route is control.ADD_ATTACHMENT and lost:
            lost.pop()
            raise error("busy")  # the answer is lost, and what was spent with it
        return answer

    monkeypatch.setattr(Calls, "call", call)
    assert await code_of(pair.amina.send_files(pair.chat, [path], "kept")) == "storage-full"
    assert await code_of(pair.amina.finish_uploads()) == "busy"
    while away:
        assert await code_of(pair.amina.finish_uploads()) == "busy"
    assert taken == [2]
    await pair.amina.finish_uploads()
    assert taken == [4], "and only a lost answer cost others"
    assert pair.amina.read(pair.chat)[-1].progress is None


@pytest.mark.slow
async def test_what_waits_stands_in_its_chat_and_can_be_withdrawn(pair: Pair) -> None:
    path = pair.home / "photo.jpg"
    path.write_bytes(os.urandom(300_000))
    first = await pair.amina.send(pair.chat, "before")
    await pair.amina.queue_files(pair.chat, [path], "not this", reply_to=first)
    await pair.amina.queue_files(pair.chat, [path], "this")
    before, one, two = pair.amina.read(pair.chat)
    assert (before.id, before.progress) == (first, None)
    assert (one.text, one.state, one.own, one.reply_to) == ("not this", "sending", True, first)
    assert [each.name for each in one.attachments] == ["photo.jpg"]
    assert one.progress == Progress(0, padded_bytes(300_000))
    assert [m.text for m in pair.amina.read(pair.chat, limit=1)] == ["this"]
    assert one.id not in (first, two.id)
    assert await code_of(pair.amina.react(pair.chat, one.id, "👍")) == "gone", "it is no message yet"
    assert await code_of(pair.amina.delete(pair.amina.find_chat("Note to self"), one.id)) == "gone", "in its chat alone"
    await pair.amina.delete(pair.chat, one.id)
    assert await code_of(pair.amina.delete(pair.chat, one.id)) == "gone"
    assert len(list((pair.home / "Amina" / "uploads").iterdir())) == 1
    await pair.amina.sync()
    assert [m.text for m in pair.amina.read(pair.chat)] == ["before", "this"]
    await pair.boris.sync()
    assert [m.text for m in pair.boris.read(pair.boris.find_chat("Amina"))] == ["before", "this"]
    assert not list((pair.home / "Amina" / "uploads").iterdir())
    await pair.amina.delete(pair.chat, two.id)
    assert pair.amina.read(pair.chat)[-1].deleted, "it went out meanwhile: the old id deletes it for all"


@pytest.mark.slow
async def test_what_is_withdrawn_while_it_goes_out_stops_there(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pair.home / "f"
    path.write_bytes(os.urandom(3 * MIB))
    real, pieces, seen = Calls.call, [0], list[Message]()

    async def call(calls: Calls, route: Route, *args: object, **named: object) -> object:
        answer: object = await real(calls, route, *args, **named)  # type: ignore[arg-type]  # passed through
        if route is control.PUT_ATTACHMENT:
            pieces[0] += 1
            if pieces[0] == 6:
                seen.extend(pair.amina.read(pair.chat))
                await pair.amina.delete(pair.chat, seen[-1].id)
        return answer

    monkeypatch.setattr(Calls, "call", call)
    assert await code_of(pair.amina.send_files(pair.chat, [path], "no")) == "gone"
    assert pieces == [6]
    assert seen[-1].progress == Progress(5 * 256 * 1024, padded_bytes(3 * MIB))
    assert not list((pair.home / "Amina" / "uploads").iterdir())
    assert pair.amina.read(pair.chat) == []
    assert pair.amina.waiting_uploads() == 0


@pytest.mark.slow
async def test_how_far_an_upload_is_stands_in_the_home(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the other processes, and after this one has ended."""
    path = pair.home / "f"
    path.write_bytes(os.urandom(3 * MIB))
    monkeypatch.setattr("zajil.client.files.patience.PAUSES_S", (0.0,))
    real, left = Calls.call, [7]

    async def call(calls: Calls, route: Route, *args: object, **named: object) -> object:
        if route is control.PUT_ATTACHMENT:
            left[0] -= 1
            if left[0] < 0:
                raise error("busy")
        return await real(calls, route, *args, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Calls, "call", call)
    assert await code_of(pair.amina.send_files(pair.chat, [path])) == "busy"
    pair.amina._device.runner.uploads.sent_bytes.clear()
    (message,) = pair.amina.read(pair.chat)
    assert message.progress is not None
    assert message.progress.done == MIB


@pytest.mark.slow
async def test_one_that_has_no_room_lets_the_next_ones_pass(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = pair.home / "large", pair.home / "small"
    large.write_bytes(os.urandom(400_000))
    small.write_bytes(b"x")
    real, room, asked = Calls.call, [0], list[int]()

    async def call(calls: Calls, route: Route, *args: object, **named: object) -> object:
        if route is control.ADD_ATTACHMENT:
            size = named["request"].size  # type: ignore[attr-defined]  # an AddAttachment
            asked.append(size)
            if size > room[0]:
                raise error("storage-full", retry_ms=60_000)
        return await real(calls, route, *args, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(Calls, "call", call)
    room[0] = 1024
    for path, text in ((large, "large"), (small, "one"), (large, "large too"), (small, "two")):
        await pair.amina.queue_files(pair.chat, [path], text)
    assert await code_of(pair.amina.sync()) == "storage-full", "said in the end"
    told = [(m.text, m.state == "sending") for m in pair.amina.read(pair.chat)]
    assert told == [("one", False), ("two", False), ("large", True), ("large too", True)]
    assert asked[:4] == [401408, 1024, 401408, 1024], "each had its turn"
    assert await code_of(pair.amina.send_files(pair.chat, [small], "three")) == "ok"
    room[0] = 1 << 30
    await pair.amina.sync()
    assert [m.text for m in pair.amina.read(pair.chat)] == ["one", "two", "three", "large", "large too"]


@pytest.mark.slow
async def test_a_ciphertext_that_was_damaged_here_fails_its_message_and_nothing_else(pair: Pair) -> None:
    path = pair.home / "f"
    path.write_bytes(os.urandom(300_000))
    await pair.amina.queue_files(pair.chat, [path], "lost")
    (sealed,) = (pair.home / "Amina" / "uploads").iterdir()
    sealed.write_bytes(bytes(sealed.stat().st_size))
    await pair.amina.sync()
    (message,) = pair.amina.read(pair.chat)
    assert (message.text, message.state, message.reason) == ("lost", "failed", "hash-mismatch")
    assert await code_of(pair.amina.retry(pair.chat, message.id)) == "not-permitted"
    assert await code_of(pair.amina.save_file(pair.chat, message.id, 0, pair.home / "x")) == "no-attachment"
    await pair.amina.send(pair.chat, "the next one goes out")
    assert not list((pair.home / "Amina" / "uploads").iterdir())
    await pair.boris.sync()
    assert [one.text for one in pair.boris.read(pair.boris.find_chat("Amina"))] == ["the next one goes out"]
    await pair.amina.delete(pair.chat, message.id)
    assert len(pair.amina.read(pair.chat)) == 1


@pytest.mark.slow
async def test_what_may_not_be_sent_is_refused_before_anything_is_kept(pair: Pair) -> None:
    path = pair.home / "f"
    path.write_bytes(b"x")
    missing = pair.home / "none"
    with pytest.raises(OSError, match="none"):
        await pair.amina.send_files(pair.chat, [path, missing])
    assert await code_of(pair.amina.send_files(pair.chat, [])) == "too-many-files"
    assert await code_of(pair.amina.send_files(pair.chat, [path], "x" * 40_000)) == "text-too-long"
    assert await code_of(pair.amina.send_files(pair.chat, [path], reply_to="A" * 43)) == "gone"
    assert pair.amina.waiting_uploads() == 0
    assert not list((pair.home / "Amina").glob("uploads/*"))


@pytest.mark.slow
async def test_an_answer_with_files_follows_the_message_that_it_answers(pair: Pair) -> None:
    """A message that moved into another chat has another id there; files may take days to go out."""
    path = pair.home / "f"
    path.write_bytes(b"x")
    first, second = await pair.amina.send(pair.chat, "one"), await pair.amina.send(pair.chat, "two")
    await pair.amina.queue_files(pair.chat, [path], reply_to=first)
    with pair.amina._core.step("moved") as step:
        step.tx.put("known", parse_b64(first), parse_b64(second))
    await pair.amina.sync()
    assert pair.amina.read(pair.chat)[-1].reply_to == second


@pytest.mark.slow
async def test_a_stray_ciphertext_is_swept_and_one_being_made_is_not(pair: Pair) -> None:
    folder = pair.home / "Amina" / "uploads"
    folder.mkdir()
    for name in ("a" * 32, f"{'b' * 32}.new", f"{'c' * 32}.new"):
        (folder / name).write_bytes(b"x")
    os.utime(folder / f"{'c' * 32}.new", (0, 0))
    path = pair.home / "f"
    path.write_bytes(b"x")
    await pair.amina.send_files(pair.chat, [path])
    assert [one.name for one in folder.iterdir()] == [f"{'b' * 32}.new"]


async def test_a_line_that_fails_is_borne_with_in_smaller_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("zajil.client.files.patience.asyncio.sleep", sleep)
    patience, sizes = Patience(), []
    for _ in range(6):
        await patience.bear(error("busy"))
        sizes.append(patience.piece_bytes)
    assert sizes == [128 << 10, 64 << 10, 32 << 10, 16 << 10, 8 << 10, 8 << 10]
    assert slept == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0]
    assert await code_of(patience.bear(error("busy"))) == "busy", "six times without a byte"
    patience.moved()
    assert patience.piece_bytes == 16 << 10
    await patience.bear(error("slow-down", retry_ms=3000))
    assert slept[-1] == 3.0
    assert await code_of(patience.bear(error("storage-full", retry_ms=60_000))) == "storage-full", "not in this command"
    assert await code_of(patience.bear(error("gone"))) == "gone"


async def test_a_disk_that_takes_half_of_a_piece_leaves_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short writes: the next attempt goes on where the bytes end."""
    sealed, file = seal(tmp_path, os.urandom(5000))
    data, real = sealed.read_bytes(), os.pwrite

    class Whole:
        """Gives out what is asked for."""

        async def call(self, _route: object, _answer: object, *, wanted: str, id: str) -> bytes:  # noqa: A002  # its name
            first, last = wanted.removeprefix("bytes=").split("-")
            return data[int(first) : int(last) + 1]

    monkeypatch.setattr(os, "pwrite", lambda descriptor, part, offset: real(descriptor, part[:1000], offset))
    with fetching.held_open(tmp_path / "downloads" / "f") as descriptor:
        await fetching.fetch(Whole(), file, descriptor, tell=lambda _done, _whole: None)  # type: ignore[arg-type]  # stands in for Calls
    assert (tmp_path / "downloads" / "f").read_bytes() == data


def test_a_process_that_comes_as_another_ends_does_not_write_where_nobody_looks(tmp_path: Path) -> None:
    path = tmp_path / "downloads" / "f"
    real = fcntl.flock

    def late(descriptor: int, operation: int) -> None:
        path.unlink()
        real(descriptor, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zajil.client.files.fetching.fcntl.flock", late)
        with pytest.raises(ZajilError, match="home-busy"), fetching.held_open(path):
            pass
    with fetching.held_open(path):
        pass


def test_what_was_begun_long_ago_is_swept(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    fetching.sweep(tmp_path, now_s=new.stat().st_mtime)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    fetching.sweep(tmp_path / "none", now_s=0)


@pytest.mark.parametrize("nameless", [True, False])
def test_a_draft_gets_its_name_when_it_is_complete(
    nameless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not nameless:
        monkeypatch.delattr("os.O_TMPFILE")
    target = tmp_path / "got"
    with drafts.draft_for(target) as draft:
        os.write(draft.descriptor, b"one")
        assert not target.exists()
        draft.settle()
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"one", 0o600)
    with drafts.draft_for(target) as draft, pytest.raises(FileExistsError):
        draft.settle()
    with drafts.draft_for(target) as draft:
        os.write(draft.descriptor, b"two")
        draft.replace()
    with drafts.draft_for(target):
        pass
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(FileNotFoundError), drafts.draft_for(tmp_path / "none" / "got"):
        pass


@pytest.mark.parametrize("nameless", [True, False])
def test_a_draft_gets_its_name_where_no_links_are_made(
    nameless: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a telephone, whose rules forbid links, and on a disk that knows none."""

    def forbid(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", forbid)
    if not nameless:
        monkeypatch.delattr("os.O_TMPFILE")
    target = tmp_path / "got"
    for data, end in ((b"one" * 1_000_000, drafts.Draft.settle), (b"two", drafts.Draft.replace)):
        with drafts.draft_for(target) as draft:
            os.write(draft.descriptor, data)
            end(draft)
        assert (target.read_bytes(), target.stat().st_mode & 0o777) == (data, 0o600)
    with drafts.draft_for(target) as draft, pytest.raises(FileExistsError):
        draft.settle()
    assert list(tmp_path.iterdir()) == [target]


HALF_OPENED = """
import os, sys
from pathlib import Path
from zajil.client.files import crypt
from zajil.protocol.chat import forms
from zajil.protocol.chat.content import MimiContent, NullPart, SinglePart, encode_content
from zajil.protocol.chat.files import File

def stop(data):
    os.write(2, b"x")
    sys.stdin.read()

sealed, target, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
key, nonce, sha256 = (bytes.fromhex(each) for each in sys.argv[4:])
os.fsync = stop
crypt.open_file(sealed, target, File(bytes(16), "n", "t/t", size, key, nonce, sha256))
"""


@pytest.mark.kill
def test_a_kill_while_a_file_is_opened_leaves_nothing_of_it(tmp_path: Path) -> None:
    """All of the plaintext is written, and the process ends before the file has its name."""
    with drafts.draft_for(tmp_path / "x") as draft:
        if draft._path is not None:
            pytest.skip("this file system gives files without a name to nobody")
    sealed, file = seal(tmp_path, b"secret" * 200_000)
    folder = tmp_path / "saved"
    folder.mkdir()
    arguments = [str(sealed), str(folder / "f"), str(file.size), file.key.hex(), file.nonce.hex(), file.sha256.hex()]
    command = [sys.executable, "-c", HALF_OPENED, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.read(1) == b"x"
        process.kill()
        process.wait()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
async def test_what_an_older_version_kept_is_shown_by_this_one(pair: Pair) -> None:
    path = pair.home / "f"
    path.write_bytes(b"one")
    identity = await pair.amina.send_files(pair.chat, [path], "look")
    await pair.boris.sync()
    chat = pair.boris.find_chat("Amina")
    with pair.boris._core.step("as it was") as step:
        n, data = step.tx.rows("message")[-1]
        row = rows.parse_row(data, rows.StoredMessage)
        blank = MimiContent(step.rng(16), NullPart(), extensions=messages.extensions(step, row.gid))
        form = forms.Files((row.files[0].file(),), row.text)
        kept = encode_content(forms.encode_form(form, blank))
        step.tx.replace("message", n, rows.encode_row(rows.changed(row, text="", files=(), kept=kept)))
        later = encode_content(replace(blank, body=SinglePart("text/later", b"x")))
        messages.show(step, rows.changed(row, message_id=step.rng(32), text="", files=(), kept=later))
        step.tx.put("meta", b"forms", b"of an older version")
    assert [message.supported for message in pair.boris.read(chat)] == [False, False]
    pair.boris._core.show_kept()
    old, unknown = pair.boris.read(chat)
    assert (old.id, old.text, old.supported) == (identity, "look", True)
    assert not unknown.supported
    await pair.boris.save_file(chat, identity, 0, pair.home / "got")
    assert (pair.home / "got").read_bytes() == b"one"
