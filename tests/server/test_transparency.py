"""Reports and the log as everybody gets them: without an account, with an ETag, and verified from outside."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Http

from zajil.cli.main import run_command
from zajil.engine.limits import Limit
from zajil.moderation.audit.entries import hash_record
from zajil.moderation.audit.export import parse_export
from zajil.moderation.audit.log import Draft, record, sign_now
from zajil.moderation.audit.verify import check_log
from zajil.moderation.decide.decide import decide
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.statistics.months import month_of
from zajil.moderation.statistics.pages import POLICY
from zajil.moderation.store import log
from zajil.moderation.store.log import SQLAuditRows
from zajil.protocol.tlog.checkpoint import NoteKey, open_checkpoint, parse_key
from zajil.server.app import Server
from zajil.server.config import ModerationSettings, Settings
from zajil.server.http import transparency
from zajil.server.http.transparency import read_log

NOW = time.time()
MONTH = month_of(NOW).name
REPORTS = "/transparency/v1/reports/"
LOG = "/transparency/v1/log/"
SETTINGS = Settings(
    port=0,
    registration="open",
    limits=NO_LIMITS,
    drain_s=0,
    public_space=True,
    moderation=ModerationSettings(enabled=True, worker="apart", processes=0),
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    running = await Server.start(tmp_path / "data", SETTINGS, clock=lambda: NOW)
    yield running
    await running.stop()


async def act(server: Server, n: int) -> None:
    """So many removals by rule."""
    assert server.moderation is not None
    orders = [
        Order(
            key=order_key("test", target),
            target=target,
            version=1,
            action="remove",
            category="fraud",
            lang="en",
            source="rule",
            automated="fully",
        )
        for target in (os.urandom(16) for _ in range(n))
    ]
    await decide(server.moderation.decisions, orders)


async def sign(server: Server) -> None:
    moderation = server.moderation
    assert moderation is not None
    await server._db.write(
        lambda db: sign_now(SQLAuditRows(db, now=NOW), moderation._signing, origin=moderation.origin)
    )


@pytest.mark.slow
async def test_a_report_is_public_in_three_forms_and_agrees_with_what_was_decided(server: Server, http: Http) -> None:
    await act(server, 7)
    status, body, headers = await http.raw("GET", f"{REPORTS}{MONTH}.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    told = json.loads(body)
    assert (told["month"], told["state"], told["server"]) == (MONTH, "running", "localhost")
    assert told["restrictions"]["by_category"]["fraud"] == {"ar": "<5", "en": 7, "ru": "<5", "und": "<5", "total": 7}
    status, body, headers = await http.raw("GET", f"{REPORTS}{MONTH}.csv")
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert b"restrictions by category,fraud,en,7,," in body
    for asked, wanted, direction in (("?lang=ar", "ar", "rtl"), ("?lang=ru", "ru", "ltr"), ("?lang=xx", "en", "ltr")):
        status, body, headers = await http.raw("GET", f"{REPORTS}{MONTH}.html{asked}")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f'<html lang="{wanted}" dir="{direction}">'.encode() in body
    status, body, _ = await http.raw("GET", f"{REPORTS}{MONTH}.html", headers={"accept-language": "ru, en"})
    assert b'lang="ru"' in body


@pytest.mark.slow
async def test_what_every_answer_tells_a_browser(server: Server, http: Http) -> None:
    await act(server, 1)
    await sign(server)
    for path in (f"{REPORTS}{MONTH}.html", f"{REPORTS}{MONTH}.json", f"{LOG}checkpoint", f"{LOG}entries", f"{LOG}key"):
        status, body, headers = await http.raw("GET", path)
        assert status == 200, path
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["access-control-allow-origin"] == "*"
        again, empty, same = await http.raw("GET", path, headers={"if-none-match": headers["etag"]})
        assert (again, empty, same["etag"]) == (304, b"", headers["etag"])
        assert (await http.raw("HEAD", path))[:2] == (200, b"")
        assert (await http.raw("POST", path, body=b"{}"))[0] == 405
        assert body


@pytest.mark.slow
async def test_what_is_not_there_is_refused(server: Server, http: Http) -> None:
    gone = ("2001-01.json", "2999-01.json", f"{MONTH}.xml", f"{MONTH}", f"{MONTH}.json/x")
    for name in gone:
        assert (await http.raw("GET", REPORTS + name))[0] == 404, name
    for query in ("?from=-1", "?from=x", "?from=1&from=2", "?to=3", "?from=0x1", "?from=9999999999999999"):
        assert (await http.raw("GET", f"{LOG}entries{query}"))[0] == 400, query
    assert (await http.raw("GET", f"{LOG}checkpoint"))[0] == 404
    assert (await http.raw("GET", f"{LOG}entries?from=1"))[0] == 404
    assert (await http.raw("GET", f"{REPORTS}{MONTH}.json?lang=en&x=1"))[0] == 400
    assert (await http.raw("GET", "/transparency/" + "x" * 300))[0] == 404


@pytest.mark.slow
async def test_a_server_that_moderates_nothing_has_no_such_pages(tmp_path: Path) -> None:
    settings = Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0)
    plain = await Server.start(tmp_path / "plain", settings, clock=lambda: NOW)
    try:
        async with aiohttp.ClientSession() as client:
            http = Http(f"http://127.0.0.1:{plain.port}", client)
            assert (await http.raw("GET", f"{LOG}key"))[0] == 404
    finally:
        await plain.stop()


@pytest.mark.slow
async def test_asking_too_often_is_slowed_down(tmp_path: Path) -> None:
    settings = Settings(
        port=0,
        drain_s=0,
        public_space=True,
        moderation=SETTINGS.moderation,
        limits={**NO_LIMITS, "public_read": Limit(2, 3600)},
    )
    running = await Server.start(tmp_path / "slow", settings, clock=lambda: NOW)
    try:
        async with aiohttp.ClientSession() as client:
            http = Http(f"http://127.0.0.1:{running.port}", client)
            assert [(await http.raw("GET", f"{LOG}key"))[0] for _ in range(3)] == [200, 200, 429]
    finally:
        await running.stop()


@pytest.mark.slow
async def test_the_log_is_read_in_pieces_and_verified_with_nothing_but_its_key(
    server: Server, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transparency, "ENTRIES", 4)
    for n in (3, 6, 2):
        await act(server, n)
        await sign(server)
    await act(server, 1)
    key = parse_key((await http.raw("GET", f"{LOG}key"))[1].decode().strip())
    entries: list[bytes] = []
    notes: list[bytes] = []
    while True:
        status, body, _ = await http.raw("GET", f"{LOG}entries?from={len(entries)}")
        assert status == 200
        piece = parse_export(body)
        assert len(piece.entries) <= 4
        entries += piece.entries
        notes += piece.notes
        if not piece.entries:
            break
    found = check_log(entries, notes, keys=[key], origin="localhost/moderation")
    # The twelfth entry is not signed yet, so it is not given out either.
    assert (found.size, found.checkpoints) == (11, 3)
    newest = (await http.raw("GET", f"{LOG}checkpoint"))[1]
    assert newest == notes[-1]
    assert open_checkpoint(newest, [key], origin="localhost/moderation").root == found.root


@pytest.mark.slow
async def test_an_outsider_verifies_by_address(
    server: Server, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await act(server, 9)
    await sign(server)
    key = (await http.raw("GET", f"{LOG}key"))[1].decode().strip()
    seen = tmp_path / "checkpoint"
    seen.write_bytes((await http.raw("GET", f"{LOG}checkpoint"))[1])

    async def verify(*more: str) -> int:
        return await asyncio.to_thread(run_command, ["moderation", "log", "verify", http.url, *more])

    assert await verify("--json") == 0
    assert json.loads(capsys.readouterr().out)["size"] == 9
    assert await verify("--key", key, "--checkpoint", str(seen)) == 0
    assert "9" in capsys.readouterr().out
    other = NoteKey("localhost/moderation", Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert await verify("--key", other.text()) == 4
    assert capsys.readouterr().err.startswith("error: log-broken: ")
    # The operator rewrites an entry that somebody saw signed, with the true key.
    await server._db.write(lambda db: db.exec_driver_sql("DELETE FROM mod_checkpoint"))
    await server._db.write(lambda db: db.exec_driver_sql("DELETE FROM mod_audit_entry"))
    await server._db.write(lambda db: db.exec_driver_sql("DELETE FROM mod_audit_head"))
    draft = Draft("list", hash_record(bytes(16), b"another history"))
    await server._db.write(lambda db: record(SQLAuditRows(db, now=NOW), [draft] * 9, now=NOW))
    await sign(server)
    assert await verify("--key", key) == 0
    capsys.readouterr()
    assert await verify("--key", key, "--checkpoint", str(seen)) == 4
    assert "behind" in capsys.readouterr().err
    assert await asyncio.to_thread(run_command, ["moderation", "log", "verify", "http://127.0.0.1:1"]) == 3
    assert await asyncio.to_thread(run_command, ["moderation", "log", "verify", str(tmp_path / "none")]) == 1
    capsys.readouterr()


@pytest.mark.slow
async def test_the_operator_prints_and_checks_a_report(
    server: Server, http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await act(server, 8)
    # Of the command line as of the server: a month that is over meanwhile would have another state.
    monkeypatch.setattr("zajil.server.accounting.report.time", SimpleNamespace(time=lambda: NOW))
    data = ["--data", str(tmp_path / "data")]

    async def report(*more: str) -> int:
        return await asyncio.to_thread(run_command, ["moderation", "report", *more])

    assert await report(MONTH, *data, "--check") == 0
    assert "8" in capsys.readouterr().out
    for shape in ("json", "csv", "html"):
        assert await report(MONTH, *data, "--format", shape) == 0
        printed = capsys.readouterr().out.replace("\r\n", "\n")
        assert printed == (await http.raw("GET", f"{REPORTS}{MONTH}.{shape}?lang=en"))[1].decode().replace("\r\n", "\n")
        assert await report(MONTH, "--server", http.url, "--format", shape) == 0
        assert capsys.readouterr().out == printed
    assert await report(MONTH, "--server", http.url) == 0
    assert MONTH in capsys.readouterr().out
    await server._db.write(lambda db: db.exec_driver_sql("DELETE FROM mod_decision WHERE entry = 2"))
    assert await report(MONTH, *data, "--check") == 4
    captured = capsys.readouterr()
    assert "entry 2" in captured.err
    assert "error: no-agreement: " in captured.err
    assert await report("2999-01", *data) == 1
    assert await report("November", *data) == 2
    assert await report(MONTH, "--server", http.url, "--check") == 2
    capsys.readouterr()


@pytest.mark.slow
async def test_nothing_is_given_out_that_is_not_signed(server: Server) -> None:
    await act(server, 2)
    body = server._db.read_sync(lambda db: read_log(db, 0))
    assert parse_export(body) == ((), ())
    assert server._db.read_sync(log.count_entries) == 2
