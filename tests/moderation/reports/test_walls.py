"""Private chats cannot reach the moderation pipeline: by imports, by types, and while a server runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_reports import THREAT, post, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil import moderation
from zajil.engine.sql.database import METADATA
from zajil.moderation.reports import inbox
from zajil.protocol.frames import Role
from zajil.server.app import Server
from zajil.server.config import Settings

ROOT = Path(__file__).resolve().parents[3]
CONTRACT = "Moderation reaches no private chat"
PRIVATE_WORDS = ("Complaint", "MimiContent", "GroupId", "AccountId", "MailboxId", "DeviceId", "MessageId", "Proof")
"""Types of the private space, as annotations spell them."""


def modules() -> Iterator[ModuleType]:
    """Every module of moderation whose libraries are installed, but for the inbox of reports."""
    for found in pkgutil.walk_packages(moderation.__path__, "zajil.moderation."):
        if not found.name.startswith("zajil.moderation.reports") and not found.name.endswith("__main__"):
            try:
                module = importlib.import_module(found.name)
            except ModuleNotFoundError as missing:
                if str(missing.name).startswith("zajil"):
                    raise
                continue
            yield module


def functions(module: ModuleType) -> Iterator[tuple[str, Callable[..., object]]]:
    """Every function and method that this module defines, public or not."""
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            for inner, method in vars(value).items():
                if inspect.isfunction(method):
                    yield f"{name}.{inner}", method


def test_no_function_of_moderation_takes_or_gives_anything_of_a_private_chat() -> None:
    looked_at, found = 0, []
    for module in modules():
        for name, function in functions(module):
            looked_at += 1
            spelled = " ".join(str(each) for each in function.__annotations__.values())
            found += [f"{module.__name__}.{name}: {word}" for word in PRIVATE_WORDS if word in spelled]
    assert found == []
    assert looked_at > 150, "the walk sees the modules"


def test_the_walk_sees_what_it_looks_for() -> None:
    spelled = [" ".join(map(str, function.__annotations__.values())) for _, function in functions(inbox)]
    assert any("Complaint" in each for each in spelled)


def test_the_import_contract_names_all_of_moderation() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (contract,) = [each for each in contracts if each["name"].startswith(CONTRACT)]
    assert contract["source_modules"] == ["zajil.moderation"]
    ignored = contract["ignore_imports"]
    assert ignored == ["zajil.moderation.reports.inbox -> zajil.protocol.report.complaint"]
    for module in ("zajil.auth", "zajil.delivery", "zajil.protocol.chat", "zajil.protocol.report.proofs"):
        assert module in contract["forbidden_modules"]


@pytest.mark.slow
def test_the_pipeline_runs_without_a_module_of_private_chats() -> None:
    """What is loaded where every module of moderation but the inbox is."""
    program = (
        "import importlib, pkgutil, sys\n"
        "from zajil import moderation\n"
        "for found in pkgutil.walk_packages(moderation.__path__, 'zajil.moderation.'):\n"
        "    if '.reports' not in found.name and not found.name.endswith('__main__'):\n"
        "        try: importlib.import_module(found.name)\n"
        "        except ModuleNotFoundError as missing: assert not missing.name.startswith('zajil'), missing\n"
        "parts = ('auth', 'delivery', 'mls', 'client', 'protocol.chat', 'protocol.report.proofs',"
        " 'protocol.report.complaint')\n"
        "print([n for n in sys.modules if any(n == f'zajil.{p}' or n.startswith(f'zajil.{p}.') for p in parts)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


class TestRunning:
    """A server with everything turned on, and a private chat full of what the policy acts on."""

    @pytest.fixture
    async def server(self, tmp_path: Path) -> AsyncIterator[Server]:
        settings = Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, public_space=True)
        running = await Server.start(tmp_path / "data", settings)
        yield running
        await running.stop()

    async def test_private_messages_leave_no_trace_in_any_table_of_the_public_space_or_of_moderation(
        self, server: Server
    ) -> None:
        url = f"http://127.0.0.1:{server.port}"
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            http = Http(url, session)
            omar, rita = Person(), Person()
            his, hers = await http.register(omar), await http.register(rita)
            before = await rows(server)
            async with Wire(url, Role.S, session) as s:
                group = await group_of_two(http, s, his, hers)
                for text in (THREAT, "Send 500 USDT to TQ5p7bLkWm and double your money", "взорвать подстанцию"):
                    await post(s, group, write(omar, group.gid, text))
        after = await rows(server)
        grown = {name for name, count in after.items() if count > before[name]}
        assert grown <= {"message", "mailbox_item", "grp", "idem", "http_idem", "pass"}
        assert "message" in grown
        ours = [name for name in after if name.startswith(("pub_", "mod_"))]
        assert ours
        assert all(after[name] == 0 for name in ours)


async def rows(server: Server) -> dict[str, int]:
    """Rows of every table."""

    def count(db: object) -> dict[str, int]:
        return {
            name: db.exec_driver_sql(f'SELECT COUNT(*) FROM "{name}"').scalar_one()  # type: ignore[attr-defined]
            for name in METADATA.tables
        }

    return await server._db.read(count)
