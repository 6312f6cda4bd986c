"""Files between two people: sent and saved at the terminal, over a line that is cut, and past kills of both ends."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path

import pytest
from tests.client.test_pictures import PLACE, TURNED, exif, jpeg
from tests.flows.cutting import CuttingLine
from tests.flows.people import People, befriend
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.client import Client
from zajil.client.files.pictures import strip_picture
from zajil.protocol.attachments import padded_bytes

pytestmark = [pytest.mark.flows, pytest.mark.slow]

MIB = 1 << 20
SIZE = 20_000_000
PATIENCE_S = 60.0


@pytest.fixture
def terminals(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Terminal, Terminal]:
    """Amina and Boris, who know each other."""
    made = [Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris")]
    for terminal, name in zip(made, ("Amina", "Boris"), strict=True):
        terminal.register(server, name)
    amina, boris = made
    boris.ok("add", amina.ok("contact-link").strip())
    amina.ok("sync")
    boris.ok("sync")
    return amina, boris


def big_file(folder: Path, size: int = SIZE) -> Path:
    path = folder / "дневник السفر.bin"
    path.write_bytes(os.urandom(size))
    return path


def blobs(server: ServerProcess) -> list[Path]:
    return [path for path in (server.data / "attachments").rglob("*") if path.is_file()]


def stored_bytes(server: ServerProcess) -> int:
    return sum(path.stat().st_size for path in blobs(server))


async def until_stored(server: ServerProcess, more_than: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while stored_bytes(server) <= more_than:
        assert time.monotonic() < deadline, "the upload never moved"
        await asyncio.sleep(0.005)


async def command(home: Path, *arguments: str) -> Process:
    """A process of its own, so that it can be killed."""
    whole = (sys.executable, "-m", "zajil.cli.main", "--home", str(home), *arguments)
    return await asyncio.create_subprocess_exec(*whole, stdout=DEVNULL)


def test_files_are_sent_and_saved_at_the_terminal(
    terminals: tuple[Terminal, Terminal],
    server: ServerProcess,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    amina, boris = terminals
    photo, empty = tmp_path / "کوه.jpg", tmp_path / "..empty"
    photo.write_bytes(b"\xff\xd8\xff\xe1Exif: where it was taken" + os.urandom(70_000))
    empty.write_bytes(b"")
    sent = amina.json("send", "Boris", "two files, @Boris", "--file", str(photo), "--file", str(empty))
    assert sent["state"] == "sent"
    amina.ok("send", "Boris", "and a text")
    shown = boris.ok("read", "Amina")
    dashes = "-- " if sent["id"].startswith("-") else ""
    assert f"save {dashes}Amina {sent['id']}\n" in boris.err, "how to save what came"
    (message, text) = boris.json("read", "Amina")
    assert message["id"] == sent["id"]
    assert (message["text"], len(message["mentions"])) == ("two files, @Boris", 1)
    assert message["attachments"] == [
        {"name": "کوه.jpg", "type": "image/jpeg", "size": photo.stat().st_size},
        {"name": "..empty", "type": "application/octet-stream", "size": 0},
    ]
    assert text["attachments"] == []
    assert boris.ok("read", "Amina") == shown
    assert boris.err == "", "said once"
    assert "کوه.jpg" in shown
    assert "File: ..empty, 0 B" in shown

    monkeypatch.chdir(tmp_path / "Boris")
    boris.ok("save", "Amina", message["id"][:8])
    assert Path("کوه.jpg").read_bytes() == photo.read_bytes(), "as it is, with all that it tells"
    assert Path("empty").read_bytes() == b"", "a name that hides is made one that does not"
    boris.refused("file-exists", "save", "Amina", message["id"], "--number", "1")
    assert "--yes" in boris.err, "what can be done about it"
    Path("کوه.jpg").write_bytes(b"mine")
    boris.refused("file-exists", "save", "Amina", message["id"], "--number", "1")
    assert Path("کوه.jpg").read_bytes() == b"mine"
    boris.ok("save", "Amina", message["id"], "--number", "1", "--yes")
    assert Path("کوه.jpg").read_bytes() == photo.read_bytes()
    told = boris.json("save", "Amina", message["id"], "--number", "1", "-o", "other.jpg")
    assert told == {"file": "other.jpg", "size": photo.stat().st_size}
    amina.ok("save", "Boris", message["id"], "--number", "1", "-o", str(tmp_path / "own.jpg"))
    boris.ok("save", "Amina", message["id"], "-o", str(tmp_path / "Amina"))
    assert (tmp_path / "Amina" / "empty").exists()
    assert not [path for path in Path().iterdir() if path.name.endswith(".part")]
    assert not list((tmp_path / "Boris" / "downloads").iterdir())
    assert not list((tmp_path / "Amina" / "uploads").iterdir())

    boris.refused("no-attachment", "save", "Amina", text["id"])
    boris.refused("no-attachment", "save", "Amina", message["id"], "--number", "3")
    boris.refused_usage("which-file", "save", "Amina", message["id"], "-o", "x")
    amina.refused("file-unreadable", "send", "Boris", "--file", str(tmp_path / "none"))
    assert "bundle" not in amina.err, "that hint is about another command"
    amina.refused_usage("no-text", "send", "Boris")
    assert "--file PATH" in amina.err
    amina.refused("too-many-files", "send", "Boris", *(["--file", str(empty)] * 11))
    amina.refused("edit-file", "edit", "Boris", message["id"], "another caption")
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(100 * MIB)
    amina.refused("file-too-big", "send", "Boris", "--file", str(huge))

    amina.ok("delete", "Boris", message["id"])
    (gone, _) = boris.json("read", "Amina")
    assert (gone["deleted"], gone["attachments"], gone["text"]) == (True, [], "")
    boris.refused("no-attachment", "save", "Amina", message["id"])


def test_what_is_queued_without_a_connection_goes_out_later(
    terminals: tuple[Terminal, Terminal], tmp_path: Path
) -> None:
    amina, boris = terminals
    note = tmp_path / "note.txt"
    note.write_text("queued")
    told = amina.json("send", "Boris", "--file", str(note), "--queue")
    assert told["state"] == "queued"
    dropped = amina.json("send", "Boris", "--file", str(note), "--queue")["id"]
    assert "Withdrawn" in amina.ok("delete", "Boris", dropped), "the id names it until it is out"
    note.write_text("changed meanwhile")
    amina.ok("sync")
    (message,) = amina.json("read", "Boris")
    boris.ok("save", "Amina", message["id"], "-o", str(tmp_path / "got.txt"))  # it fetches what has not come yet
    assert (tmp_path / "got.txt").read_text() == "queued", "sealed when it was queued"


async def test_a_file_of_20_mb_arrives_over_a_line_cut_five_times_each_way(
    server: ServerProcess, tmp_path: Path
) -> None:
    path = big_file(tmp_path)
    before = stored_bytes(server)
    progress: list[int] = []
    async with (
        CuttingLine(server.url, every_bytes=3_500_000, times=5) as up,
        CuttingLine(server.url, every_bytes=3_500_000, times=5) as down,
        await Client.register(tmp_path / "a", server=up.url, name="Amina", invite=server.invite()) as amina,
        await Client.register(tmp_path / "b", server=down.url, name="Boris", invite=server.invite()) as boris,
    ):
        chat = await befriend(amina, boris)
        identity = await amina.send_files(chat, [path], "20 MB", tell=lambda done, _whole: progress.append(done))
        assert up.cuts == 5
        assert progress == sorted(progress), "nothing was sent twice"
        assert progress[-1] == padded_bytes(SIZE)
        await boris.sync()
        (message,) = boris.read(boris.find_chat("Amina"))
        assert (message.id, message.text, message.attachments[0].size) == (identity, "20 MB", SIZE)
        fetched: list[int] = []
        tell = fetched.append
        await boris.save_file(
            boris.find_chat("Amina"), identity, 0, tmp_path / "got", tell=lambda done, _whole: tell(done)
        )
        assert down.cuts == 5
        assert fetched == sorted(fetched)
        assert (tmp_path / "got").read_bytes() == path.read_bytes()
        await amina.sync()
        assert amina.message(chat, identity).message.state == "delivered"
    assert stored_bytes(server) - before == padded_bytes(SIZE)
    held = max(blobs(server), key=lambda one: one.stat().st_mtime).read_bytes()
    plain = path.read_bytes()
    assert not any(plain[at : at + 32] in held for at in range(0, SIZE, MIB)), "the server holds ciphertext"
    rows = {bytes(row["sha256"]) for row in server.rows()["attachment"] if row["done"]}  # type: ignore[call-overload]  # a BLOB
    assert hashlib.sha256(held).digest() in rows


class Typist(io.StringIO):
    """What a person types at a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_picture_goes_without_its_place_where_that_is_wanted(
    terminals: tuple[Terminal, Terminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    amina, boris = terminals
    photo, text = tmp_path / "home.jpg", tmp_path / "text.pdf"
    photo.write_bytes(jpeg(exif(TURNED, PLACE)))
    text.write_bytes(b"%PDF-1.7")
    amina.refused("not-stripped", "send", "Boris", "--strip", "--file", str(photo), "--file", str(text))
    amina.refused_usage("place-unasked", "send", "Boris", "--file", str(text), "--file", str(photo))
    assert "home.jpg tells where it was taken" in amina.err
    assert boris.json("read", "Amina") == [], "nothing goes before somebody said so"
    amina.ok("send", "Boris", "--keep", "--file", str(photo))
    amina.ok("send", "Boris", "--strip", "--file", str(photo))
    assert amina.err == ""
    for answer in ("y\n", "\n", "no\n", ""):
        monkeypatch.setattr("sys.stdin", Typist(answer))
        asked = amina.ok("send", "Boris", "--file", str(photo), "--file", str(text))
        assert asked.count("Send the place along?") == 1
        assert ("without the place" in amina.err) == (answer != "y\n")
    first, second, *others = boris.json("read", "Amina")
    whole, bare = photo.read_bytes(), strip_picture(photo.read_bytes())
    wants = ((first, whole), (second, bare), (others[0], whole), *((one, bare) for one in others[1:]))
    for message, wanted in wants:
        saved = tmp_path / message["id"]
        boris.ok("save", "Amina", message["id"], "--number", "1", "-o", str(saved))
        assert saved.read_bytes() == wanted


def test_a_file_that_waits_is_seen_and_withdrawn_without_a_server(
    terminals: tuple[Terminal, Terminal], server: ServerProcess, tmp_path: Path
) -> None:
    amina, boris = terminals
    photo = tmp_path / "a.jpg"
    photo.write_bytes(os.urandom(70_000))
    server.stop()
    for text in ("this one", "not this one"):
        amina.ok("send", "Boris", text, "--file", str(photo), "--queue")
    lines = amina.ok("read", "Boris")
    assert lines.count("sending, 0 B of 71.7 KB") == 2
    (one, other) = amina.json("read", "Boris")
    assert (one["text"], one["progress"]) == ("this one", {"done": 0, "whole": padded_bytes(70_000)})
    assert "Withdrawn" in amina.ok("delete", "Boris", other["id"][:8])
    assert len(list((amina.home / "uploads").iterdir())) == 1
    server.start()
    lines = amina.ok("read", "Boris")
    assert "Sent: 1" in lines
    assert "sending" not in lines
    assert "Sent:" not in amina.ok("read", "Boris")
    assert amina.json("sync")["queued"] == 0
    (message,) = boris.json("read", "Amina")
    assert message["text"] == "this one"


@pytest.mark.kill
async def test_a_command_killed_in_the_middle_goes_on_with_the_next(
    people: People, server: ServerProcess, tmp_path: Path
) -> None:
    amina, boris = await people.register("Amina"), await people.register("Boris")
    await befriend(amina, boris)
    path, before = big_file(tmp_path), stored_bytes(server)
    home = await people.switch_off(amina)
    sending = await command(home, "send", "Boris", "kept", "--file", str(path))
    await until_stored(server, before + 2 * MIB)
    sending.kill()
    await sending.wait()
    stood = stored_bytes(server)
    assert stood - before < padded_bytes(SIZE), "killed in the middle"
    path.unlink()
    await boris.sync()
    assert boris.read(boris.find_chat("Amina")) == [], "nothing is said before all of it is there"
    assert await (await command(home, "sync")).wait() == 0
    assert stored_bytes(server) - before == padded_bytes(SIZE), "it went on where it stood"
    await boris.sync()
    (message,) = boris.read(boris.find_chat("Amina"))
    assert (message.text, message.attachments[0].size) == ("kept", SIZE)
    await boris.save_file(boris.find_chat("Amina"), message.id, 0, tmp_path / "got")
    assert (tmp_path / "got").stat().st_size == SIZE
    assert not list((home / "uploads").iterdir())


@pytest.mark.kill
async def test_a_server_killed_in_the_middle_of_an_upload_has_what_it_acknowledged(
    people: People, server: ServerProcess, tmp_path: Path
) -> None:
    amina, boris = await people.register("Amina"), await people.register("Boris")
    chat = await befriend(amina, boris)
    path, before = big_file(tmp_path), stored_bytes(server)
    progress: list[int] = []
    sending = asyncio.ensure_future(amina.send_files(chat, [path], tell=lambda done, _whole: progress.append(done)))
    await until_stored(server, before + 4 * MIB)
    server.kill()
    acknowledged = progress[-1]
    assert acknowledged <= stored_bytes(server) - before < padded_bytes(SIZE)
    await asyncio.to_thread(server.start)
    identity = await sending
    assert progress == sorted(progress)
    await boris.sync()
    await boris.save_file(boris.find_chat("Amina"), identity, 0, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == path.read_bytes()
    assert stored_bytes(server) - before == padded_bytes(SIZE)
