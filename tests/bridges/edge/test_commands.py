"""`zajil bridge`, as a volunteer runs it: init says the danger, up serves, check finds what differs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from tests.bridges.edge.test_edges import EDGES, EveryEdge
from tests.bridges.edge.world import (
    DOMAIN,
    ZAJIL,
    Joined,
    Way,
    guest_bundle,
    make_config,
    operator_code,
    running_edge,
)
from tests.transports.authority import Authority

from zajil.bridges.edge import check
from zajil.bridges.edge.config import EdgeConfig, EdgeKind, load_config, write_config
from zajil.bridges.edge.home import CREDENTIAL_FILE
from zajil.bridges.edge.prepare import FOLDER
from zajil.cli.failures import DIFFERENT, REFUSED, UNREACHABLE, USAGE
from zajil.cli.main import run_command
from zajil.server.app import Server

pytestmark = pytest.mark.reach

CODE = "4GZ2M-AAAAA-BBBBB-CCCCC"
INIT = ["bridge", "init", "--domain", DOMAIN, "--origin", "https://chat.example"]


@pytest.fixture(autouse=True)
def code_on_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's code comes by stdin: there is no terminal in a test."""
    typed(monkeypatch, CODE)


def typed(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Every command from now on finds this on its stdin."""

    class Typed:
        def isatty(self) -> bool:
            return False

        def readline(self, most: int) -> str:
            return f"{code}\n"[:most]

    monkeypatch.setattr("sys.stdin", Typed())


@pytest.fixture(autouse=True)
def logging_goes_on() -> Iterator[None]:
    """`bridge up` switches it off for its process, which here is that of all later tests too."""
    yield
    logging.disable(logging.NOTSET)


def test_init_says_the_danger_first_and_does_nothing_without_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "bridge"
    assert run_command([*INIT, "--out", str(out)]) == REFUSED
    said = capsys.readouterr()
    assert "dangerous" in said.err
    assert "forbidden" in said.out
    assert not out.exists()
    for edge in ("nginx", "caddy"):
        folder = out / edge
        assert run_command([*INIT, "--edge", edge, "--out", str(folder), "--yes"]) == 0
        said = capsys.readouterr()
        assert said.out.index("forbidden") < said.out.index("Written")
        assert "made up" in said.out
        made = load_config(folder / "bridge.toml")
        assert (made.edge, made.join) == (edge, CODE)
        assert run_command([*INIT, "--edge", edge, "--out", str(folder), "--yes"]) == REFUSED
        assert "exists already" in capsys.readouterr().err
    assert run_command([*INIT[:3], "a/b", *INIT[4:], "--out", str(out / "x"), "--yes"]) == USAGE
    capsys.readouterr()
    for code in ("", "4GZ2M", CODE[:-1] + "U", CODE + "0", "\udcff" * 20):
        typed(monkeypatch, code)
        assert run_command([*INIT, "--out", str(out / "x"), "--yes"]) == USAGE
        assert capsys.readouterr().err.startswith("error: bad-join: ")
    typed(monkeypatch, CODE)
    assert run_command([*INIT, "--site", str(tmp_path), "--out", str(out / "x"), "--yes"]) == REFUSED
    assert "index.html" in capsys.readouterr().err


def test_the_code_is_no_argument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is on the machine can list the arguments of its programs, and the shell writes them down."""
    out, kept = tmp_path / "bridge", tmp_path / "code"
    typed(monkeypatch, "nobody reads stdin")
    for shown in (CODE, CODE.lower().replace("-", "")):
        assert run_command([*INIT, "--join", shown, "--out", str(out), "--yes"]) == USAGE
        said = capsys.readouterr()
        assert said.err.startswith("error: join-shown: ")
        assert shown not in said.out + said.err
    kept.write_text(f"  {CODE}\nanything\n")
    kept.chmod(0o640)
    assert run_command([*INIT, "--join", str(kept), "--out", str(out), "--yes"]) == REFUSED
    assert "chmod 600" in capsys.readouterr().err
    for content in (b"", b"\n", b"\xff\xfe", b"x" * 10_000):
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").chmod(0o600)
        assert run_command([*INIT, "--join", str(tmp_path / "other"), "--out", str(out), "--yes"]) == USAGE
        assert capsys.readouterr().err.startswith("error: bad-join: ")
    assert run_command([*INIT, "--join", str(tmp_path / "none"), "--out", str(out), "--yes"]) == REFUSED
    assert str(tmp_path / "none") in capsys.readouterr().err
    assert not out.exists()
    kept.chmod(0o600)
    assert run_command([*INIT, "--join", str(kept), "--out", str(out), "--yes"]) == 0
    assert load_config(out / "bridge.toml").join == CODE
    assert CODE not in capsys.readouterr().out
    typed(monkeypatch, CODE)
    assert run_command([*INIT, "--join", "-", "--out", str(tmp_path / "second"), "--yes"]) == 0
    assert load_config(tmp_path / "second" / "bridge.toml").join == CODE


def test_no_command_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """As the docs have them: without --out and --config, in the folder that everybody uses."""
    if Path(FOLDER).exists():
        pytest.skip("a bridge lives on this machine")
    assert run_command([*INIT[:5], "chat.example", *INIT[6:], "--yes"]) == REFUSED
    assert "origin" in capsys.readouterr().err
    for command in ("up", "check"):
        assert run_command(["bridge", command]) == REFUSED
        assert f"{FOLDER}/bridge.toml" in capsys.readouterr().err
    assert not Path(FOLDER).exists()


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = str(tmp_path / "bridge.toml")
    for command in ("up", "check"):
        assert run_command(["bridge", command, "--config", settings]) == REFUSED
        assert settings in capsys.readouterr().err
        assert run_command(["bridge", command, "--config", str(tmp_path)]) == REFUSED
        said = capsys.readouterr().err
        assert said.endswith(f"This is a folder; name the file in it:  --config {settings}\n")
        assert "chmod" not in said
        (tmp_path / "empty").write_text("\n")
        assert run_command(["bridge", command, "--config", str(tmp_path / "empty")]) == REFUSED
        assert (
            "error: bridge-settings: The bridge's settings cannot be used. (empty is empty)" in capsys.readouterr().err
        )
    write_config(Path(settings), make_config(tmp_path, "http://127.0.0.1:1", join=CODE))
    assert run_command(["bridge", "up", "--config", settings]) == UNREACHABLE
    said = capsys.readouterr().err
    assert "home server at http://127.0.0.1:1 " in said
    assert "--queue" not in said
    assert run_command(["bridge", "check", "http://127.0.0.1", "--config", settings]) == USAGE
    assert run_command(["bridge", "check", "https://127.0.0.1:1", "--config", settings]) == UNREACHABLE
    said = capsys.readouterr().err
    assert "127.0.0.1:1, the address of the bridge's own site: nginx must be running" in said
    assert "zajil bridge check https://127.0.0.1\n" in said
    Path(settings).chmod(0o644)
    assert run_command(["bridge", "up", "--config", settings]) == REFUSED
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.slow
async def test_a_code_that_is_used_or_none_is_said_to_be_so(tmp_path: Path, server: Server) -> None:
    origin, used = f"http://127.0.0.1:{server.port}", operator_code(tmp_path / "home")
    first = tmp_path / "first"
    first.mkdir()
    config = make_config(tmp_path, origin, join=used)
    write_config(first / "bridge.toml", config)
    await serve_until_stopped(first, config)
    for number, code in enumerate((used, CODE, "x", "x" * 5000)):
        folder = tmp_path / f"second-{number}"
        folder.mkdir()
        write_config(folder / "bridge.toml", make_config(tmp_path, origin, join=code, domain="other.test"))
        ended, said = await refused(folder)
        assert ended == REFUSED
        assert f"error: join-refused: The home server does not take the code in {folder}/bridge.toml" in said
        assert "zajil admin bridges invite" in said
        assert {path.name for path in folder.iterdir()} == {"bridge.toml"}


async def refused(folder: Path) -> tuple[int | None, str]:
    """The exit code of a bridge that does not start, and what it said."""
    process = await launched(folder)
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, said.decode()


@pytest.mark.slow
async def test_up_joins_once_serves_and_leaves_counters_alone(tmp_path: Path, server: Server) -> None:
    folder = tmp_path / "bridge"
    folder.mkdir()
    origin = f"http://127.0.0.1:{server.port}"
    config = make_config(tmp_path, origin, join=operator_code(tmp_path / "home"))
    write_config(folder / "bridge.toml", config)
    said = await serve_until_stopped(folder, config)
    assert "joined" in said
    private = guest_bundle(tmp_path / "home")
    assert private.bridges == ((DOMAIN, 443, config.dir),)
    process, said = await started(folder)
    assert "joined" not in said
    ended, said = await refused(folder)
    assert ended == REFUSED
    assert f"error: bridge-busy: The bridge in {folder} is already running." in said
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(config.socket)) as client:
        joined = Joined(config, folder, None, None, origin, private)  # type: ignore[arg-type]  # they run elsewhere
        way = Way(joined, client, "http://bridge.test")
        async with asyncio.timeout(20):
            while True:
                try:
                    await way.session_key()
                    break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0.05)  # it asks the home server for its tokens first
    rest = await stopped(process)
    assert rest == ""
    names = {path.name for path in folder.iterdir()}
    assert names == {"bridge.toml", CREDENTIAL_FILE, "counters.json"}
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path.name
        assert DOMAIN not in path.read_text() or path.name == "bridge.toml"


async def launched(folder: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(*ZAJIL, "bridge", "up", "--config", str(folder / "bridge.toml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "ZAJIL_LANG": "en"},
    )


async def started(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """A bridge that says it is up, and what it said."""
    process = await launched(folder)
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while "up" not in said:
            line = (await process.stdout.readline()).decode()
            assert line, said
            said += line
    return process, said


async def stopped(process: asyncio.subprocess.Process) -> str:
    """What it said after it was up."""
    assert process.stdout is not None
    process.send_signal(signal.SIGTERM)
    rest = (await process.stdout.read()).decode()
    assert await process.wait() == 0
    return rest


async def serve_until_stopped(folder: Path, config: EdgeConfig) -> str:
    process, said = await started(folder)
    assert os.stat(config.socket).st_mode & 0o777 == 0o660  # noqa: PTH116
    return said + await stopped(process)


# Check


@pytest.fixture
async def edge_port(
    kind: EdgeKind, tmp_path: Path, authority: Authority, joined: Joined, site: Path
) -> AsyncIterator[int]:
    async with running_edge(tmp_path, kind, authority, site=site, socket_path=joined.config.socket) as port:
        yield port


async def quick(joined: Joined, kind: EdgeKind, port: int) -> check.CheckReport:
    config = msgspec.structs.replace(joined.config, edge=kind)
    return await check.check(config, joined.folder, at=("127.0.0.1", port))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PATIENCE_S", 0.7), ("SILENCE_S", 0.3), ("ROUNDS", 5)):
        monkeypatch.setattr(check, name, value)


@EveryEdge
@pytest.mark.slow
async def test_check_passes_a_bridge_and_measures_it(joined: Joined, edge_port: int, kind: EdgeKind) -> None:
    (joined.folder / CREDENTIAL_FILE).write_text(json.dumps({"credential": joined.credential}))
    report = await quick(joined, kind, edge_port)
    assert report.differences == []
    assert report.with_token
    assert report.probes > 170
    assert {timing.probe for timing in report.timings} >= {"home page", "wrong token", "upgrade, wrong token"}


TAMPERED = {
    "header": ("server_tokens off;", "server_tokens off; add_header X-Powered-By zajil always;"),
    "no question": ("try_files $uri $uri/index.html @ask;", "try_files $uri $uri/index.html @bring;"),
}


@pytest.mark.parametrize("kind", EDGES[:1])
@pytest.mark.slow
async def test_check_names_what_differs(
    joined: Joined, tmp_path: Path, authority: Authority, site: Path, kind: EdgeKind
) -> None:
    async with running_edge(
        tmp_path, kind, authority, site=site, socket_path=joined.config.socket, change=TAMPERED["header"]
    ) as port:
        report = await quick(joined, kind, port)
    assert not report.with_token, "this bridge has no credential on disk"
    found = {each.probe for each in report.differences}
    assert {"home page", "wrong token"} <= found
    assert any("X-Powered-By: zajil" in each.suspect for each in report.differences)


@pytest.mark.parametrize("change", [("", ""), TAMPERED["no question"]], ids=["pass", "differs"])
@pytest.mark.parametrize("kind", EDGES[:1])
@pytest.mark.slow
async def test_check_says_pass_or_what_differs_and_ends_so(
    joined: Joined,
    tmp_path: Path,
    authority: Authority,
    site: Path,
    capsys: pytest.CaptureFixture[str],
    kind: EdgeKind,
    change: tuple[str, str],
) -> None:
    settings = tmp_path / "bridge.toml"
    write_config(settings, joined.config)
    async with running_edge(
        tmp_path, kind, authority, site=site, socket_path=joined.config.socket, change=change
    ) as port:
        command = ["bridge", "check", f"https://127.0.0.1:{port}", "--config", str(settings)]
        code = await asyncio.to_thread(run_command, command)
    said = capsys.readouterr().out
    assert "were left out" in said, "this bridge has no credential on disk"
    if change[0]:
        assert code == DIFFERENT
        assert "POST, no body comes (ending)" in said
    else:
        assert code == 0
        assert said.startswith("Pass:")
