"""Private chats cannot reach the moderation pipeline: by imports, by types, and while a server runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType

import aiohttp
import pytest
from sqlalchemy import Connection
from tests.moderators import choose_passphrase, unlock
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_reports import THREAT, post, write
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil import moderation
from zajil.engine.sql.database import METADATA
from zajil.moderation.private import inbox
from zajil.protocol import ids
from zajil.protocol.frames import Role
from zajil.server.app import Server
from zajil.server.config import Settings

ROOT = Path(__file__).resolve().parents[3]
TEXTS = (THREAT, "Send 500 USDT to TQ5p7bLkWm and double your money", "взорвать подстанцию")
CONTRACT = "Moderation reaches no private chat"
PRIVATE_MODULES = ("chat", "identity", "mailbox", "outbox", "roster", "frames", "report.complaint", "report.proofs")
"""Modules of `zajil.protocol` whose types are of the private space."""
PRIVATE_IDS = (ids.AccountId, ids.ClientId, ids.DeviceId, ids.GroupId, ids.MailboxId, ids.MessageId, ids.Mid)


def modules() -> Iterator[ModuleType]:
    """Every module of moderation whose libraries are installed, but for the inbox of reports."""
    for found in pkgutil.walk_packages(moderation.__path__, "zajil.moderation."):
        if not found.name.startswith("zajil.moderation.private") and not found.name.endswith("__main__"):
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


def types_of(function: Callable[..., object]) -> set[object]:
    """Every type in the annotations, however deep. Names that only a type checker sees are the import contract's."""
    try:
        hints = typing.get_type_hints(function)
    except NameError:
        return set()
    found: set[object] = set()
    waiting = list(hints.values())
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif each not in found:
            found.add(each)
            waiting += typing.get_args(each)
    return found


def is_private(kind: object) -> bool:
    home = getattr(kind, "__module__", "")
    private = any(f"{home}.".startswith(f"zajil.protocol.{name}.") for name in PRIVATE_MODULES)
    return private or kind in PRIVATE_IDS


def test_no_function_of_moderation_takes_or_gives_anything_of_a_private_chat() -> None:
    looked_at, found = 0, []
    for module in modules():
        for name, function in functions(module):
            types = types_of(function)
            looked_at += bool(types)
            found += [f"{module.__name__}.{name}: {kind}" for kind in types if is_private(kind)]
    assert found == []
    assert looked_at > 120, "the walk sees the modules"


def test_the_walk_sees_what_it_looks_for() -> None:
    seen = {name for name, function in functions(inbox) if any(is_private(kind) for kind in types_of(function))}
    assert {"take_complaint", "waiting_complaints"} <= seen

    def hidden(_: Callable[[dict[str, tuple[ids.GroupId, ...]]], None]) -> None: ...

    assert any(is_private(kind) for kind in types_of(hidden))
    assert not any(is_private(kind) for kind in types_of(inbox.take_report))


def test_the_import_contract_names_all_of_moderation() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (contract,) = [each for each in contracts if each["name"].startswith(CONTRACT)]
    assert contract["source_modules"] == ["zajil.moderation"]
    ignored = contract["ignore_imports"]
    assert ignored == ["zajil.moderation.private.inbox -> zajil.protocol.report.complaint"]
    for module in ("zajil.auth", "zajil.delivery", "zajil.protocol.chat", "zajil.protocol.report.proofs"):
        assert module in contract["forbidden_modules"]


@pytest.mark.slow
def test_the_pipeline_runs_without_a_module_of_private_chats() -> None:
    """What is loaded where every module of moderation but the inbox is."""
    program = (
        "import importlib, pkgutil, sys\n"
        "from zajil import moderation\n"
        "for found in pkgutil.walk_packages(moderation.__path__, 'zajil.moderation.'):\n"
        "    if '.private' not in found.name and not found.name.endswith('__main__'):\n"
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
        choose_passphrase(tmp_path / "data")
        running = await Server.start(tmp_path / "data", settings)
        unlock(running)
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
                for text in TEXTS:
                    await post(s, group, write(omar, group.gid, text))
        after = await rows(server)
        grown = {name for name in after if len(after[name]) > len(before[name])}
        assert {"message", "mailbox_item"} <= grown
        assert not grown & WATCHED
        ours = [name for name in after if name.startswith(("pub_", "mod_"))]
        assert len(ours) > 5
        secrets = [group.gid, omar.account_id, rita.account_id, *(text.encode() for text in TEXTS)]
        for name in ours:
            for row in after[name]:
                held = b"|".join(value.encode() if isinstance(value, str) else bytes(value) for value in row)
                assert not [secret for secret in secrets if secret in held], name


WATCHED = {"pub_outbox", "pub_post", "pub_post_version", "mod_verdict", "mod_decision", "mod_item", "mod_report"}
"""What a post that moderation looks at leaves behind, and a report."""


async def rows(server: Server) -> dict[str, list[tuple[str | bytes, ...]]]:
    """The texts and bytes of every row of every table."""

    def read(db: Connection) -> dict[str, list[tuple[str | bytes, ...]]]:
        found = {}
        for name in METADATA.tables:
            every = db.exec_driver_sql(f'SELECT * FROM "{name}"').all()
            found[name] = [tuple(value for value in row if isinstance(value, str | bytes)) for row in every]
        return found

    return await server._db.read(read)
