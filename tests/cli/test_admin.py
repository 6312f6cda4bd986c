"""What an operator types: an invite as code, link or QR, and the set-up of a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import segno

from zajil.cli.main import run_command
from zajil.cli.qr import draw_qr
from zajil.protocol.identity.links import parse_contact_link


def told(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.fixture
def data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "data"
    assert run_command(["init", "--domain", "chat.example", "--data", str(folder)]) == 0
    assert "https://chat.example" in told(capsys)
    return folder


@pytest.mark.slow
def test_an_invite_is_a_code_a_link_or_both(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["admin", "invite", "--data", str(data)]
    assert run_command(command) == 0
    code = told(capsys).strip()
    assert len(code) == 23
    assert run_command([*command, "--link"]) == 0
    link = parse_contact_link(told(capsys).strip())
    assert (link.server_name, link.front, link.account_id) == ("chat.example", "https://chat.example", None)
    assert link.code not in {None, code}
    assert run_command([*command, "--link", "--front", "http://127.0.0.1:9"]) == 0
    assert parse_contact_link(told(capsys).strip()).front == "http://127.0.0.1:9"
    for wrong in ("chat.example", "javascript:x", "https://a b", "https://a/#x"):
        assert run_command([*command, "--link", "--front", wrong]) == 1
        assert capsys.readouterr().out == ""
    assert run_command([*command, "--json", "--uses", "3"]) == 0
    answer = json.loads(told(capsys))
    assert answer["uses"] == 3
    assert parse_contact_link(answer["link"]).code == answer["invite"]
    assert run_command([*command, "--qr"]) == 0
    first, *code_lines = told(capsys).splitlines()
    assert code_lines == draw_qr(first, dark_ink=False)


def test_the_drawn_code_is_the_code() -> None:
    """Read back module by module, quiet zone included, in both inks."""
    text = "https://chat.example/i#" + "pAEBAmljaGF0LnRlc3QFGmst6TUId01HQVpFLVdBQjBFLTdR" * 3
    wanted = [[bool(m) for m in row] for row in segno.make(text, error="l", micro=False).matrix_iter(border=4)]
    ink = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
    for dark_ink in (True, False):
        rows: list[list[bool]] = []
        for line in draw_qr(text, dark_ink=dark_ink):
            rows += [[ink[glyph][half] == dark_ink for glyph in line] for half in (0, 1)]
        assert rows[: len(wanted)] == wanted
        assert not any(module for row in rows[len(wanted) :] for module in row)
        assert max(map(len, rows)) <= 80


@pytest.mark.slow
def test_set_up_is_refused_twice_and_for_what_is_no_domain(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["init", "--domain", "other.example", "--data", str(data)]) == 1
    assert capsys.readouterr().err.startswith("error: setup-exists: ")
    assert run_command(["init", "--domain", "https://x", "--data", str(data / "new")]) == 2
    assert capsys.readouterr().err.startswith("error: bad-domain: ")
    assert not (data / "new").exists()
    assert run_command(["init"]) == 2
