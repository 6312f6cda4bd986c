"""What every place for blobs promises: a disk, and a real S3 server."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Protocol, Self

import obstore
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from obstore.store import S3Store
from tests.s3 import BUCKET, KEY_ID, SECRET, S3Server

from zajil.engine import blobs as disk
from zajil.engine.blobs import Blobs, DiskBlobs
from zajil.engine.room import Room
from zajil.engine.s3blobs import S3Blobs, StoreError, open_s3
from zajil.protocol.errors import ZajilError

MIB = 1 << 20


class Counted(Blobs, Protocol):
    """A place that knows how much it holds."""

    @property
    def used_bytes(self) -> int: ...


class Place:
    """One place that can be opened anew, as by another server."""

    def __init__(self, kind: str, folder: Path, address: str = "") -> None:
        self.kind, self.folder, self.address = kind, folder, address

    def open(self, most_bytes: int = 1 << 40) -> Counted:
        if self.kind == "disk":
            return DiskBlobs(self.folder / "blobs", most_bytes=most_bytes)
        return open_s3(self.address, self.folder / "s3.key", most_bytes=most_bytes)


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.scale)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "disk":
        return Place("disk", tmp_path)
    server: S3Server = request.getfixturevalue("s3")
    (tmp_path / "s3.key").write_text(f"{KEY_ID}\n{SECRET}\n")
    return Place("s3", tmp_path, f"s3://{BUCKET}/{os.urandom(4).hex()}?endpoint={server.endpoint}")


@given(data=st.data())
@hypothesis_settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_offsets_come_a_blob_is_a_prefix_of_what_was_meant(data: st.DataObject, place: Place) -> None:
    """A writer that is cut, doubled and repeated at any place never puts a byte where it does not belong."""
    whole = bytes(i * 7 % 251 for i in range(2000))
    name = os.urandom(16)
    blobs = place.open()
    try:
        size = 0
        for _ in range(data.draw(st.integers(1, 12 if place.kind == "disk" else 5))):
            offset = data.draw(st.integers(0, len(whole)) | st.just(size))
            piece = whole[offset : offset + data.draw(st.integers(0, 700))]
            try:
                size = blobs.append(name, offset, piece)
            except ZajilError as refused:
                told = refused.code, refused.detail["offset"]
                assert (told, offset != size) == (("wrong-offset", size), True)  # only some draws raise
            assert blobs.size(name) == size
            assert blobs.read(name, 0, 5000) == whole[:size]
        assert blobs.sha256(name) == hashlib.sha256(whole[:size]).digest()
        other = place.open(0)
        assert list(other.names()) == [name] * bool(size)
        assert other.used_bytes == blobs.used_bytes == size
    finally:
        blobs.delete(name)
    assert blobs.used_bytes == 0


def test_pieces_of_every_size_make_one_blob_that_is_read_by_range(place: Place) -> None:
    whole, name, blobs = os.urandom(3 * MIB), os.urandom(16), place.open()
    at = 0
    for size in (MIB, 1, 200 << 10, 100 << 10, 7, MIB):
        at = blobs.append(name, at, whole[at : at + size])
    assert blobs.sha256(name) == hashlib.sha256(whole[:at]).digest()
    for start, length in ((0, at), (MIB - 1, 3), (MIB, 300 << 10), (at - 5, 100), (at, 1), (at + 9, 1), (5, 0)):
        assert blobs.read(name, start, length) == whole[:at][start : start + length]
    assert list(blobs.names()) == [name]


def test_what_no_row_knows_is_spared_where_it_may_be_another_servers(place: Place) -> None:
    """A copy of a server that is restored for a drill has the living one's bucket, and knows nothing of its uploads."""
    name, blobs, other = os.urandom(16), place.open(), place.open()
    blobs.append(name, 0, b"x" * 1000)
    is_shared = isinstance(blobs, S3Blobs)
    assert list(other.idle_names()) == ([] if is_shared else [name])
    if is_shared:
        with pytest.MonkeyPatch.context() as later:
            later.setattr("zajil.engine.s3blobs.IDLE_S", -1.0)
            assert list(other.idle_names()) == [name]

        class Ahead(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return super().now(tz) + timedelta(days=400)

        with pytest.MonkeyPatch.context() as wrong:
            wrong.setattr("zajil.engine.s3blobs.datetime", Ahead)
            assert list(other.idle_names()) == [], "the clock of this machine alone deletes nothing"


def test_of_two_servers_at_one_offset_one_goes_on(place: Place) -> None:
    """Also in a short last piece, which a bucket writes anew."""
    name, first, second = os.urandom(16), place.open(), place.open()
    for begun in (b"", b"short"):
        size = first.append(name, first.size(name), begun)
        first.append(name, size, b"one")
        with pytest.raises(ZajilError) as late:
            second.append(name, size, b"another")
        assert (late.value.code, late.value.detail) == ("wrong-offset", {"offset": size + 3})
    assert second.read(name, 0, 99) == first.read(name, 0, 99) == b"oneshortone"


def test_of_two_servers_in_one_folder_at_once_the_later_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lost its connection sends the same piece again, to another server, while the first still writes it."""
    place, name, waits = Place("disk", tmp_path), os.urandom(16), threading.Event()
    one, other = place.open(), place.open()
    write, lock, told, begun = disk._write_all, fcntl.flock, list[Future[int]](), threading.Event()

    def lock_told(descriptor: int, kind: int) -> None:
        if begun.is_set():
            waits.set()
        lock(descriptor, kind)

    with ThreadPoolExecutor(1) as thread:

        def write_late(descriptor: int, offset: int, data: bytes) -> None:
            assert not told, "the other one writes beside it"
            begun.set()
            told.append(thread.submit(other.append, name, 0, b"another"))
            assert waits.wait(30)
            write(descriptor, offset, data)

        monkeypatch.setattr(fcntl, "flock", lock_told)
        monkeypatch.setattr(disk, "_write_all", write_late)
        assert one.append(name, 0, b"one") == 3
        with pytest.raises(ZajilError) as late:
            told[0].result(30)
    assert (late.value.code, late.value.detail) == ("wrong-offset", {"offset": 3})
    assert (one.read(name, 0, 99), other.used_bytes) == (b"one", 0)


def test_what_another_server_deleted_is_gone_here_too(place: Place) -> None:
    name, first, second = os.urandom(16), place.open(), place.open()
    first.append(name, 0, b"something")
    assert second.read(name, 0, 4) == b"some"
    first.delete(name)
    assert second.read(name, 0, 4) == b""
    assert second.size(name) == 0
    second.delete(name)
    assert not list(second.names())


def test_there_is_a_most_of_all_together(place: Place) -> None:
    blobs, name = place.open(10), os.urandom(16)
    blobs.append(name, 0, b"12345678")
    for refused in (lambda: blobs.append(name, 8, b"123"), lambda: blobs.check_room(3)):
        with pytest.raises(ZajilError) as full:
            refused()
        assert full.value.code == "storage-full"
    assert blobs.size(name) == blobs.used_bytes == 8


def test_what_others_took_and_freed_is_known_after_a_count(place: Place) -> None:
    """Two servers in one place: one took the room that the other frees, and neither may drift off for ever."""
    one, other, name = place.open(100), place.open(100), os.urandom(16)
    one.append(name, 0, bytes(60))
    assert list(other.names()) == [name]
    assert other.used_bytes == 60
    with pytest.raises(ZajilError):
        other.append(os.urandom(16), 0, bytes(41))
    other.delete(name)
    assert (one.used_bytes, other.used_bytes) == (60, 0)
    assert list(one.idle_names()) == []
    assert one.used_bytes == 0
    one.append(name, 0, bytes(100))


def test_a_count_leaves_out_nothing_that_comes_meanwhile(place: Place) -> None:
    blobs, before, after, later = place.open(), b"a" * 16, b"b" * 16, b"c" * 16
    blobs.append(before, 0, bytes(10))
    blobs.append(later, 0, bytes(1))
    counting = blobs.names()
    assert next(counting) == before
    blobs.append(before, 10, bytes(5))
    blobs.append(after, 0, bytes(20))
    blobs.append(later, 1, bytes(2))
    for _ in counting:
        pass
    most = 38 if place.kind == "disk" else 60  # a bucket's own list does not tell of which moment it is
    assert 38 <= blobs.used_bytes <= most, "what came meanwhile may be counted twice until the next"
    assert set(blobs.names()) == {before, after, later}
    assert blobs.used_bytes == 38
    counting = blobs.names()
    next(counting)
    del counting  # given up
    blobs.delete(after)
    assert blobs.used_bytes == 18


def test_a_piece_that_is_being_written_is_counted_once_or_not_at_all() -> None:
    """Whether the count comes to its blob before it, meanwhile or after, and whether it is written or not."""
    for comes in range(3):
        for fails in (False, True):
            room, name, size = Room(100), b"a" * 16, [10]
            counting = room.counting()
            count = counting.__enter__()
            with contextlib.suppress(OSError):
                if comes == 0:
                    room.see(count, name, lambda: size[0])  # noqa: B023  # called at once
                with room.reserved(name, 10, 5, room.check):
                    if comes == 1:
                        room.see(count, name, lambda: size[0])  # noqa: B023  # as above
                    if fails:
                        raise OSError
                    size[0] = 15
            if comes == 2:
                room.see(count, name, lambda: size[0])  # noqa: B023  # as above
            counting.__exit__(None, None, None)
            assert room.used_bytes == size[0], (comes, fails)


def test_a_name_that_is_none_leads_nowhere(place: Place) -> None:
    with pytest.raises(ZajilError):
        place.open().size(b"../../../etc")


def bucket_of(server: S3Server, prefix: str) -> S3Store:
    return S3Store(
        BUCKET,
        prefix=prefix,
        endpoint=server.endpoint,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True},
    )


@pytest.mark.scale
def test_two_who_write_at_once_to_a_bucket_leave_one_of_both(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both saw the same blob before either wrote: the store itself says who was first."""
    store = bucket_of(s3, os.urandom(4).hex())
    name, first, second = os.urandom(16), S3Blobs(store, most_bytes=MIB), S3Blobs(store, most_bytes=MIB)
    for begun in (b"", b"a short piece"):
        size = first.append(name, first.size(name), begun)
        seen = second._find(name)
        first.append(name, size, b"one")
        find, views = second._find, [seen]

        def see(name: bytes, find: Any = find, views: list[Any] = views) -> Any:
            """What it saw before, once; then what there is."""
            return views.pop() if views else find(name)

        with monkeypatch.context() as patch, pytest.raises(ZajilError) as late:
            patch.setattr(second, "_find", see)
            second.append(name, size, b"another")
        assert (late.value.code, late.value.detail) == ("wrong-offset", {"offset": size + 3})
    assert second.used_bytes == 0


@pytest.mark.scale
def test_tiny_pieces_make_few_objects_and_foreign_ones_are_left_alone(s3: S3Server) -> None:
    store = bucket_of(s3, os.urandom(4).hex())
    blobs, name = S3Blobs(store, most_bytes=MIB), os.urandom(16)
    obstore.put(store, "notes.txt", b"of the operator")
    for at in range(40):
        blobs.append(name, at, b"x")
    assert len(obstore.list(store).collect()) == 2
    assert list(blobs.names()) == [name]
    blobs.delete(name)
    assert [each["path"] for each in obstore.list(store).collect()] == ["notes.txt"]


@pytest.mark.scale
def test_a_gap_or_an_overlap_in_a_bucket_is_what_did_not_come(s3: S3Server) -> None:
    store = bucket_of(s3, os.urandom(4).hex())
    blobs, name = S3Blobs(store, most_bytes=MIB), os.urandom(16)
    text = name.hex()
    for at in (0, 3, 5, 50):
        obstore.put(store, f"{text[:2]}/{text}/{at:010x}", b"12345")
    assert blobs.size(name) == 10, "the one at 3 lies over another, the one at 50 beyond a gap"
    blobs.delete(name)
    assert not obstore.list(store).collect()


@pytest.mark.scale
def test_a_bucket_without_a_way_in_is_said_at_once_and_later_is_busy(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, address = tmp_path / "s3.key", f"s3://{BUCKET}/x?endpoint={s3.endpoint}"
    keys.write_text(f"{KEY_ID}\nwrong\n")
    with pytest.raises(StoreError, match="403") as refused:
        open_s3(address, keys, most_bytes=1)
    assert KEY_ID not in str(refused.value)
    with pytest.raises(StoreError, match="address alone"):
        open_s3(address.replace("://127", "://user:word@127"), keys, most_bytes=1)
    keys.write_text(f"{KEY_ID}\n{SECRET}\n")
    with monkeypatch.context() as others:
        others.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
        assert open_s3(address, keys, most_bytes=MIB).append(bytes(16), 0, b"1") == 1, "no variable counts"
        assert os.environ["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == "true"
    for wrong in ("s3://", f"s3://nothing-here?endpoint={s3.endpoint}", f"{address}&key=mine", "https://x/y"):
        with pytest.raises(StoreError):
            open_s3(wrong, keys, most_bytes=1)
    keys.write_text("one")
    with pytest.raises(StoreError, match="a line each"):
        open_s3(address, keys, most_bytes=1)
    away = S3Store(
        "none",
        endpoint=s3.endpoint,
        access_key_id=KEY_ID,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    blobs = S3Blobs.__new__(S3Blobs)
    blobs.__dict__ |= S3Blobs(bucket_of(s3, "x"), most_bytes=MIB).__dict__ | {"_store": away}
    for call in (lambda: blobs.size(bytes(16)), lambda: blobs.append(bytes(16), 0, b"1"), lambda: list(blobs.names())):
        with pytest.raises(ZajilError) as busy:
            call()
        assert busy.value.code == "busy"


def test_what_is_under_way_when_a_count_begins_is_in_it_and_its_failure_takes_nothing_of_others() -> None:
    room = Room(1000)
    with pytest.raises(StoreError), room.reserved(b"", 0, 100, room.check):
        with room.counting() as count:
            count.found = 40  # it has gone past where those 100 will lie
        assert room.used_bytes == 140
        raise StoreError
    assert room.used_bytes == 40
    with pytest.raises(StoreError), room.reserved(b"", 0, 100, room.check), room.counting() as count:
        count.found = 40
        raise StoreError
    assert room.used_bytes == 40


def test_a_part_of_a_blob_in_memory_is_open_and_stays_what_it_was(place: Place) -> None:
    blobs, name, body = place.open(), os.urandom(16), os.urandom(300_000)
    assert blobs.find_part(name, 0, 1) is None, "none begun"
    blobs.append(name, 0, body)
    part = blobs.find_part(name, 100, 200_000)
    if place.kind == "s3":
        assert part is None
        return
    assert part is not None
    with part:
        blobs.delete(name)
        assert len(part) == 200_000
        assert part.read(199_990, 100) == body[200_090:200_100]
        assert part.is_near(0, 200_000)


@pytest.mark.skipif(tuple(int(each) for each in os.uname().release.split(".")[:2]) < (5, 12), reason="needs Linux 5.12")
def test_whether_a_file_is_there_is_not_asked_of_the_disk_to_open_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system has not looked for a name that nobody named before."""
    path = tmp_path / "blobs" / "00" / "unheard-of"
    path.parent.mkdir(parents=True)
    with pytest.raises(BlockingIOError):
        disk._open_at_hand(str(path))
    path.write_bytes(b"there")
    os.close(disk._open_at_hand(str(path)))
    path.unlink()
    with pytest.raises((FileNotFoundError, BlockingIOError)):
        disk._open_at_hand(str(path))
    blobs, name = DiskBlobs(tmp_path / "blobs", most_bytes=MIB), os.urandom(16)
    blobs.append(name, 0, os.urandom(3))

    def far(*_: object) -> int:
        raise BlockingIOError

    with monkeypatch.context() as patch:
        patch.setattr(disk, "_open_at_hand", far)
        assert blobs.find_part(name, 0, 3) is None
    part = blobs.find_part(name, 0, 3)
    assert part is not None
    part.close()


@pytest.mark.parametrize("reason", [errno.ENOSYS, errno.EINVAL, errno.EPERM])
def test_a_system_that_cannot_tell_whether_it_would_ask_its_disk_opens_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    def refuse(*_: object) -> int:
        ctypes.set_errno(reason)
        return -1

    monkeypatch.setattr(disk, "_call", refuse)
    blobs, name = DiskBlobs(tmp_path / "blobs", most_bytes=MIB), os.urandom(16)
    assert blobs.find_part(name, 0, 3) is None
    blobs.append(name, 0, b"abc")
    part = blobs.find_part(name, 0, 3)
    assert part is not None
    with part:
        assert part.read(0, 3) == b"abc"


def test_a_part_that_ends_beyond_its_blob_or_is_not_in_memory_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, name = DiskBlobs(tmp_path / "blobs", most_bytes=MIB), os.urandom(16)
    blobs.append(name, 0, os.urandom(300_000))
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    assert blobs.find_part(name, 299_999, 2) is None

    def read_now(descriptor: int, buffers: list[bytearray], at: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        if at > 200_000:
            raise BlockingIOError
        return read(descriptor, buffers, at, flags)

    read = os.preadv
    monkeypatch.setattr(os, "preadv", read_now)
    assert blobs.find_part(name, 0, 300_000) is None
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    part = blobs.find_part(name, 0, 200_000)
    assert part is not None
    part.close()
