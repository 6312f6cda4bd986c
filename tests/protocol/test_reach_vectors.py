"""vectors/{bridge-path,signed,seal}.json are what this code writes and reads; web/src replays the same files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.protocol import reach_vectors as rv
from tests.protocol.reach_vectors import ListCase, RootCase

from zajil.protocol.errors import HomeError
from zajil.protocol.reach import seal, signed
from zajil.protocol.reach.bridgepath import PathBook


def load(name: str) -> Any:  # JSON of many shapes
    return json.loads((rv.FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", rv.BUILDERS)
def test_the_file_is_what_we_write(name: str) -> None:
    assert (rv.FOLDER / f"{name}.json").read_text(encoding="utf-8") == rv.render(rv.BUILDERS[name]())


@pytest.mark.parametrize("row", load("bridge-path")["paths"], ids=lambda row: row["path"])
def test_a_bridge_lets_the_paths_in(row: dict[str, Any]) -> None:
    book = PathBook(row["host"], row["dir"])
    book.set_tokens({b"token-id": bytes.fromhex(row["token"])})
    assert not book.prepare(row["now_s"])
    proved = book.check(row["path"], now_s=row["now_s"])
    assert (proved.token_id, proved.nonce.hex()) == (b"token-id", row["nonce"])


def stepped(count: int) -> signed.Root | None:
    root = None
    for envelope in rv.ROOTS[:count]:
        root = signed.step_root(root, envelope)
    return root


@pytest.mark.parametrize("case", rv.root_cases(), ids=lambda case: case.about)
def test_a_root_is_taken_or_refused(case: RootCase) -> None:
    held = stepped(case.held)
    if case.code:
        with pytest.raises(HomeError, match=case.code):
            signed.step_root(held, case.envelope, pinned_hash=case.pinned)
        return
    root = signed.step_root(held, case.envelope, pinned_hash=case.pinned)
    assert case.envelope == rv.ROOTS[root.version - 1]


@pytest.mark.parametrize("case", rv.list_cases(), ids=lambda case: case.about)
def test_a_list_is_taken_or_refused(case: ListCase) -> None:
    root = stepped(2)
    assert root is not None
    held = None if case.held is None else signed.check_list(root, case.held, None, now_s=rv.NOW_S)
    if case.code:
        with pytest.raises(HomeError, match=case.code):
            signed.check_list(root, case.envelope, held, now_s=case.now_s)
        return
    taken = signed.check_list(root, case.envelope, held, now_s=case.now_s)
    assert (taken.endpoints, taken.stale) == (rv.ENDPOINTS, case.stale)


@pytest.mark.parametrize("row", load("seal")["seals"], ids=lambda row: row["by"])
def test_the_server_opens_what_either_language_sealed(row: dict[str, Any]) -> None:
    """The answer is always fresh, so the row's client, whose seeds are known, takes it and goes on."""
    servers = rv.server_of(row["by"])
    made = servers.accept(bytes.fromhex(row["new"]), now_ms=row["server_ms"])
    assert isinstance(made, seal.NewSeal)
    assert (made.channel, made.sid.hex()) == (row["channel"], row["sid"])
    client = rv.client_of(row["by"])
    client.new_record = bytes.fromhex(row["new"])
    assert client.take_accept(made.answer, now_ms=row["client_ms"]) == row["offset_ms"]
    codec = client.first()
    assert made.codec.open(codec.seal(b"up")) == b"up"
    assert codec.open(made.codec.seal(b"down")) == b"down"


@pytest.mark.parametrize("row", load("seal")["seals"], ids=lambda row: row["by"])
def test_the_client_opens_the_records_of_a_seal(row: dict[str, Any]) -> None:
    client = rv.client_of(row["by"])
    client.new_record = bytes.fromhex(row["new"])
    client.take_accept(bytes.fromhex(row["accept"]), now_ms=row["client_ms"])
    for carrier in row["carriers"]:
        resume, codec = client.carrier() if carrier["c"] else (b"", client.first())
        assert resume.hex() == carrier["resume"]
        for frame, record in carrier["s2c"]:
            assert codec.open(bytes.fromhex(record)).hex() == frame
