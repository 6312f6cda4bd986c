"""The key file and what it seals: modes, damage, rows, days and rotation."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from zajil.engine.keys import KeyFileError, Keys, SealBroken, rotate
from zajil.protocol.ids import GroupId

DAY = 86_400


def test_a_new_key_file_is_private_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "zajil.key"
    with pytest.raises(KeyFileError, match="missing"):
        Keys.load(path)
    first = Keys.load(path, create=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["zajil.key"]
    sealed = first.seal("message", b"text", aad=b"row", now_s=0)
    assert Keys.load(path, create=True).unseal("message", sealed, aad=b"row") == b"text"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "zajil.key"
    Keys.load(path, create=True)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="0600"):
        Keys.load(path)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"version":1,"storage":{},"ref":{}}', '{"version":1,"storage":{"1":"00"},"ref":{"1":"00"}}']
)
def test_a_damaged_key_file_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "zajil.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a key file") as caught:
        Keys.load(path)
    assert caught.value.__cause__ is None


def test_sealed_bytes_open_in_their_row_and_table_only() -> None:
    keys = Keys.create()
    sealed = keys.seal("message", b"text", aad=b"row 1", now_s=5 * DAY)
    assert keys.unseal("message", sealed, aad=b"row 1") == b"text"
    wrong = [
        ("message", sealed, b"row 2"),
        ("claim", sealed, b"row 1"),
        *(("message", sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], b"row 1") for at in range(len(sealed))),
        *(("message", sealed[:size], b"row 1") for size in range(len(sealed))),
    ]
    for table, data, aad in wrong:
        with pytest.raises(SealBroken):
            keys.unseal(table, data, aad=aad)
    with pytest.raises(SealBroken):
        Keys.create().unseal("message", sealed, aad=b"row 1")


def test_each_day_and_seal_differs_and_the_day_is_readable() -> None:
    keys = Keys.create()
    a, b, c = (keys.seal("message", b"text", aad=b"", now_s=now) for now in (0, 0, DAY))
    assert len({a, b, c}) == 3
    assert (a[:3], c[:3]) == (bytes([1, 0, 0]), bytes([1, 0, 1]))


def test_an_older_key_still_opens_and_the_newest_seals() -> None:
    old, new = os.urandom(32), os.urandom(32)
    before = Keys(storage={1: old}, ref={1: old}, frank={1: old})
    after = Keys(storage={1: old, 2: new}, ref={1: old, 2: new}, frank={1: old, 2: new})
    sealed = before.seal("message", b"text", aad=b"", now_s=0)
    assert after.unseal("message", sealed, aad=b"") == b"text"
    assert after.seal("message", b"text", aad=b"", now_s=0)[0] == 2


def test_marks_differ_by_tag_group_time_and_key_and_an_older_key_still_proves() -> None:
    keys, gid = Keys.create(), GroupId(bytes(16))
    mark = keys.frank(bytes(32), gid, 5 * DAY * 1000)
    others = [
        keys.frank(b"\1" + bytes(31), gid, 5 * DAY * 1000),
        keys.frank(bytes(32), GroupId(b"\1" + bytes(15)), 5 * DAY * 1000),
        keys.frank(bytes(32), gid, 5 * DAY * 1000 + 1),
        Keys.create().frank(bytes(32), gid, 5 * DAY * 1000),
    ]
    assert mark not in others
    old, new = os.urandom(32), os.urandom(32)
    before = Keys(storage={1: old}, ref={1: old}, frank={1: old})
    after = Keys(storage={1: old}, ref={1: old}, frank={1: old, 2: new})
    assert after.frank_keys(5) == (after.frank_keys(5)[0], *before.frank_keys(5))
    assert after.frank(bytes(32), gid, 0) != before.frank(bytes(32), gid, 0)


def test_a_key_file_from_before_there_were_marks_makes_the_same_ones_at_every_start(tmp_path: Path) -> None:
    path = tmp_path / "zajil.key"
    key = os.urandom(32).hex()
    path.write_text(f'{{"version": 1, "storage": {{"1": "{key}"}}, "ref": {{"1": "{key}"}}}}')
    path.chmod(0o600)
    before = path.read_bytes()
    assert Keys.load(path).frank_keys(5) == Keys.load(path).frank_keys(5)
    assert Keys.load(path).frank_keys(5) != Keys.create().frank_keys(5)
    assert path.read_bytes() == before


def test_a_new_key_seals_and_marks_and_the_old_ones_still_open(tmp_path: Path) -> None:
    path = tmp_path / "zajil.key"
    old = Keys.load(path, create=True)
    gid = GroupId(b"g" * 16)
    sealed, mark = old.seal("t", b"text", aad=b"row", now_s=0), old.frank(b"t" * 32, gid, 5)
    for kind in ("storage", "frank", "calls", "ref", "storage"):
        rotate(path, kind)
    new = Keys.load(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert new.unseal("t", sealed, aad=b"row") == b"text"
    fresh = new.seal("t", b"text", aad=b"row", now_s=0)
    assert (sealed[0], fresh[0], new.newest_ref) == (1, 3, 2)
    with pytest.raises(SealBroken):
        old.unseal("t", fresh, aad=b"row")
    assert new.frank(b"t" * 32, gid, 5) != mark
    assert old.frank_keys(0)[0] in new.frank_keys(0)
    assert new.calls_key("ticket") != old.calls_key("ticket")
    assert new.pseudonym("t", b"x") == old.pseudonym("t", b"x")
    assert set(old.marks()) < set(new.marks()), "a backup from before opens with the keys of now"


def test_what_an_early_file_derived_goes_on_beside_a_new_key(tmp_path: Path) -> None:
    path = tmp_path / "zajil.key"
    Keys.load(path, create=True)
    early = json.loads(path.read_text())
    del early["frank"], early["calls"]
    path.write_text(json.dumps(early))
    old = Keys.load(path)
    assert (rotate(path, "frank"), rotate(path, "calls")) == (2, 2)
    new = Keys.load(path)
    assert old.frank_keys(0)[0] == new.frank_keys(0)[1]
    assert new.calls_key("relay") != old.calls_key("relay")
    early["storage"] = {"255": "00" * 32}
    path.write_text(json.dumps(early))
    with pytest.raises(KeyFileError, match="no number left"):
        rotate(path, "storage")
