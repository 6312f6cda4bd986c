"""The moderators' key: made once, sealing without the private half, and what does not open."""

from __future__ import annotations

from pathlib import Path

import pytest

from zajil.engine.keys import KeyFileError, SealBroken
from zajil.moderation.private.keys import PRIVATE_FILE, PUBLIC_FILE, ModeratorKeys


def test_both_halves_are_made_once_and_are_private(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="missing"):
        ModeratorKeys.load(tmp_path, create=False)
    first = ModeratorKeys.load(tmp_path, create=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [PRIVATE_FILE, PUBLIC_FILE]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    sealed = first.seal(b"text", context=b"row")
    assert ModeratorKeys.load(tmp_path, create=True).open(sealed, context=b"row") == b"text"


def test_a_server_without_the_private_half_seals_and_cannot_read(tmp_path: Path) -> None:
    ModeratorKeys.load(tmp_path, create=True)
    worker = tmp_path / "worker"
    worker.mkdir()
    (tmp_path / PRIVATE_FILE).rename(worker / PRIVATE_FILE)
    server = ModeratorKeys.load(tmp_path, create=True)
    assert (server.opens, (tmp_path / PRIVATE_FILE).exists()) == (False, False)
    sealed = server.seal("سري".encode(), context=b"row")
    with pytest.raises(SealBroken):
        server.open(sealed, context=b"row")
    moderators = ModeratorKeys.load(worker, create=False)
    assert moderators.opens
    assert moderators.open(sealed, context=b"row").decode() == "سري"


def test_a_start_killed_between_the_two_files_leaves_one_key(tmp_path: Path) -> None:
    keys = ModeratorKeys.load(tmp_path, create=True)
    sealed = keys.seal(b"text", context=b"row")
    (tmp_path / PUBLIC_FILE).unlink()
    assert ModeratorKeys.load(tmp_path, create=True).open(sealed, context=b"row") == b"text"


@pytest.mark.parametrize("name", [PUBLIC_FILE, PRIVATE_FILE])
def test_a_readable_or_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    ModeratorKeys.load(tmp_path, create=True)
    (tmp_path / name).chmod(0o644)
    with pytest.raises(KeyFileError, match=name):
        ModeratorKeys.load(tmp_path, create=False)
    (tmp_path / name).chmod(0o600)
    for keys in ("{}", '{"1":"00"}', '{"1":""}', '{"-1":"00"}', "7"):
        (tmp_path / name).write_text(f'{{"version":1,"keys":{keys}}}')
        with pytest.raises(KeyFileError, match=name):
            ModeratorKeys.load(tmp_path, create=False)


def test_sealed_bytes_open_in_their_row_only_and_tell_little_of_their_length(tmp_path: Path) -> None:
    keys = ModeratorKeys.load(tmp_path, create=True)
    sealed = keys.seal(b"text", context=b"\1row")
    assert len(sealed) == len(keys.seal(b"t" * 1020, context=b"\1row")) == 1 + 32 + 1024 + 16
    assert len(keys.seal(b"t" * 1021, context=b"")) == 1 + 32 + 2048 + 16
    wrong = [sealed[:size] for size in (0, 1, 33, len(sealed) - 1)]
    wrong += [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in (0, 1, 20, 40, len(sealed) - 1)]
    for each in wrong:
        with pytest.raises(SealBroken):
            keys.open(each, context=b"\1row")
    with pytest.raises(SealBroken):
        keys.open(sealed, context=b"\2row")
