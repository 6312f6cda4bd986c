"""An account whose deletion is killed on the way: the next command, whichever it is, finishes it or says how."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.client.people import link
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

from zajil.client import Client
from zajil.protocol.ids import parse_b64

pytestmark = [pytest.mark.flows, pytest.mark.slow]

BEFORE_THE_SERVER = """
async def killed(*_given):
    os.kill(os.getpid(), signal.SIGKILL)

ending._put_last_list = killed
"""
AFTER_THE_SERVER = """
usual = ending._put_last_list

async def killed(*given):
    await usual(*given)
    os.kill(os.getpid(), signal.SIGKILL)

ending._put_last_list = killed
"""
AT_THE_SERVER = """
usual = ending.Calls.call

async def killed(calls, route, *given, **named):
    if route is ending.control.PUT_DEVICE_LIST:
        os.kill(os.getpid(), signal.SIGKILL)
    return await usual(calls, route, *given, **named)

ending.Calls.call = killed
"""
AMONG_THE_KEYS = """
usual = Path.unlink

def killed(path, missing_ok=False):
    if path.name.endswith(".new"):
        os.kill(os.getpid(), signal.SIGKILL)
    usual(path, missing_ok=missing_ok)

Path.unlink = killed
"""
PROGRAM = """
import os, signal, sys
from pathlib import Path
from zajil.cli.main import run_command
from zajil.client.shell import ending
{where}
run_command(["--home", sys.argv[1], "account", "delete", "--yes"])
"""


def delete_killed(home: Path, where: str) -> None:
    """Run `account delete` in a process that kills itself there."""
    program = PROGRAM.format(where=where)
    done = subprocess.run([sys.executable, "-c", program, str(home)], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.fixture
def amina(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    terminal = Terminal(tmp_path / "amina", capsys)
    terminal.register(server, "Amina")
    return terminal


def state_of(server: ServerProcess, account: str) -> object:
    (row,) = [row for row in server.rows()["account"] if row["id"] == parse_b64(account)]
    return row["state"]


def test_before_the_server_was_told_every_command_says_how_to_finish(server: ServerProcess, amina: Terminal) -> None:
    account = amina.json("whoami")["account_id"]
    assert amina.err == ""
    delete_killed(amina.home, BEFORE_THE_SERVER)
    for command in (("whoami",), ("chats", "--json"), ("sync",)):
        amina.ok(*command)
        assert "was cut off" in amina.err
        assert f"--home {amina.home} account delete" in amina.err
    assert state_of(server, account) == 0
    amina.ok("account", "delete", "--yes")
    assert "was cut off" not in amina.err
    assert state_of(server, account) == 2
    amina.refused("no-home", "whoami")


def test_after_the_server_was_told_any_command_empties_the_home(server: ServerProcess, amina: Terminal) -> None:
    account = amina.json("whoami")["account_id"]
    delete_killed(amina.home, AFTER_THE_SERVER)
    assert state_of(server, account) == 2
    server.stop()
    amina.ok("whoami")
    assert "was cut off" in amina.err, "without the server nobody knows yet"
    server.start()
    amina.refused("account-ended", "chats")
    assert not list(amina.home.iterdir())
    amina.refused("no-home", "chats")


def test_a_home_whose_device_was_removed_meanwhile_stays_and_says_so(
    server: ServerProcess, amina: Terminal, tmp_path: Path
) -> None:
    """The last list never came to the server, and somebody with another device's key took the account up again."""

    async def key_of_laptop() -> str:
        async with (
            await Client.open(amina.home) as phone,
            await link(tmp_path, "laptop", phone, server.url) as laptop,
        ):
            key = laptop.show_recovery_key()
            await laptop.sync()
            return key

    async def take_up(key: str) -> None:
        async with await Client.restore(tmp_path / "restored", server=server.url, key=key):
            pass

    key = asyncio.run(key_of_laptop())
    account = amina.json("whoami")["account_id"]
    delete_killed(amina.home, AT_THE_SERVER)
    asyncio.run(take_up(key))
    amina.refused("device-revoked", "whoami")
    assert amina.json("whoami")["account_id"] == account
    assert amina.err == ""
    amina.refused("device-revoked", "account", "delete", "--yes")
    assert state_of(server, account) == 0


def test_a_no_calls_it_off(server: ServerProcess, amina: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    delete_killed(amina.home, BEFORE_THE_SERVER)
    monkeypatch.setattr("zajil.cli.asking.can_ask", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    amina.ok("account", "delete")
    amina.ok("sync")
    assert amina.err == ""
    assert state_of(server, amina.json("whoami")["account_id"]) == 0


def test_a_home_that_was_being_emptied_is_emptied_by_the_next_command(amina: Terminal) -> None:
    """The keys by which it is opened go last of all keys: a kill before them leaves nothing that stays for ever."""
    unfinished = amina.home / "keys.4711.new"
    unfinished.write_bytes((amina.home / "keys").read_bytes())
    delete_killed(amina.home, AMONG_THE_KEYS)
    assert unfinished.exists()
    amina.refused("account-ended", "whoami")
    assert not list(amina.home.iterdir())
