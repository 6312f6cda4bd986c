"""The supervisor of `zajil run`: the web client's build, the server, Echo, then what to do next.

Ends everything on Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import ipaddress
import os
import shlex
import shutil
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

from zajil.cli.failures import Failed
from zajil.cli.hints import command_line
from zajil.cli.output import console
from zajil.cli.qr import print_qr
from zajil.cli.resident.builder import ClientBuild, find_clone
from zajil.cli.resident.child import Child
from zajil.cli.resident.echo import LINK_PREFIX
from zajil.cli.texts import general, server
from zajil.cli.texts.people import strangers
from zajil.cli.untrusted import clean_name, clean_text
from zajil.protocol.identity.links import encode_contact_link, parse_contact_link

LISTENING = "listening on "
_ECHO_FALLS_MAX = 5


class Residence:
    """A server and Echo on one data folder. Start, then wait; stop ends Echo before the server."""

    def __init__(self, data: Path, *, host: str, port: int) -> None:
        self.data = data
        self.host = host
        self.port = port
        self.url = ""
        self.echo_link = ""
        self.server = Child(
            general.SERVER_COMMANDS(),
            ["serve", "--data", str(data), "--host", host, "--port", str(port), "--dev", "--with-parent"],
            # `zajil doctor` alone looks at a device, which whoever runs a server here need not have.
            hint=server.RUN_LOOK(command=command_line("doctor", "--data", str(data))),
        )
        self.echo: Child | None = None
        clone = find_clone(os.environ)
        self.build = ClientBuild(clone) if clone is not None else None

    async def start(self) -> None:
        """Both are up and `url` and `echo_link` set. Raises Failed `port-busy`, `no-start`."""
        check_port(self.host, self.port)
        console().print(f"{server.RUN_STARTING()} …", style="dim")
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The build first: whoever opens the page as soon as the server listens sees how far it is.
        if self.build is not None:
            await self.build.start()
        self.url = await self.server.start(LISTENING)
        console().print(f"{server.RUN_ECHO()} …", style="dim")
        self.echo_link = await self._start_echo()

    async def _start_echo(self) -> str:
        from zajil.server.admin import create_invite

        home = self.data / "echo"
        # The invite travels in the environment: an argument would show in the process list.
        environ = {} if home.exists() else {"ZAJIL_ECHO_INVITE": create_invite(self.data, 1)}
        self.echo = Child("Echo", ["--home", str(home), "echo", "--server", self.url, "--with-parent"], environ=environ)
        return await self.echo.start(LINK_PREFIX)

    async def wait(self) -> None:
        """Until cancelled. Wakes Echo a few times; raises Failed `no-start` if the server ends or Echo gives up."""
        server_end = asyncio.ensure_future(self.server.ended())
        try:
            for _ in range(_ECHO_FALLS_MAX):
                if self.echo is None:
                    break
                echo_end = asyncio.ensure_future(self.echo.ended())
                await asyncio.wait({server_end, echo_end}, return_when=asyncio.FIRST_COMPLETED)
                if server_end.done():
                    echo_end.cancel()
                    raise Failed("no-start", part=self.server.name, hint=self.server.hint)
                await self._start_echo()
                console().print(server.RUN_ECHO_AGAIN(), style="dim")
            raise Failed("no-start", part="Echo")
        finally:
            server_end.cancel()

    async def stop(self) -> None:
        """The build, Echo, then the server; what they hold is on disk already."""
        if self.build is not None:
            await self.build.stop()
        if self.echo is not None:
            await self.echo.stop()
        await self.server.stop()


def check_port(host: str, port: int) -> None:
    """Raises Failed `port-busy` if something listens there."""
    if port == 0:
        return
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failed("port-busy", port=str(port)) from error


def path_line() -> str:
    """What a second terminal must run first so that `zajil`, which every hint names, is this one; empty if it is."""
    folder = Path(sys.executable).parent
    found = shutil.which("zajil")
    if not (folder / "zajil").exists() or (found and Path(found).resolve() == (folder / "zajil").resolve()):
        return ""
    return f'export PATH={shlex.quote(str(folder))}:"$PATH"'


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def link_with_echo(residence: Residence, code: str) -> str:
    """The invite of a person who then has someone to talk to: Echo invites, and the code registers the guest."""
    return encode_contact_link(replace(parse_contact_link(residence.echo_link), code=code, front=residence.url))


def own_name() -> str:
    """The name of who runs this, as people write one; any name where the machine has none, as in many containers."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        user = "amina"
    return clean_name(user).capitalize()


def print_next_steps(residence: Residence, *, link: str, invite: str) -> None:
    """The address, the way in by a browser, and by commands to paste, each alone on its line, unwrapped.

    link: an invite of its own. invite: the code of the command line.
    """
    screen = console()
    person = own_name()
    screen.print()
    screen.print(server.RUN_READY(url=residence.url), style="bold green")
    screen.print()
    screen.print(server.RUN_OPEN())
    screen.print()
    screen.print(f"  {link}", style="cyan")
    screen.print()
    if not is_loopback(residence.host):  # a phone that scans it would call itself
        print_qr(link)
    if residence.build is not None and not residence.build.done:
        screen.print(server.RUN_BUILDING(), style="dim")
    screen.print()
    screen.print(server.RUN_PASTE())
    screen.print()
    if path := path_line():
        screen.print(f"  {path}", style="cyan")
    screen.print(
        f"  zajil register --server {residence.url} --name {shlex.quote(person)} --invite {invite}", style="cyan"
    )
    screen.print(f"  zajil add {shlex.quote(residence.echo_link)}", style="cyan")
    screen.print()
    screen.print(server.RUN_TALK())
    screen.print()
    screen.print(f"  zajil send Echo {shlex.quote(strangers.HELLO_EXAMPLE())}", style="cyan")
    screen.print("  zajil read Echo --follow", style="cyan")
    screen.print()
    more = f"zajil admin invite --link --front {residence.url} --data {shlex.quote(str(residence.data))}"
    screen.print(f"{server.RUN_MORE()}  {more}", style="dim")
    screen.print(server.RUN_STOP(folder=str(residence.data)), style="dim")


async def run(data: Path, *, host: str, port: int) -> None:
    """Start everything, say what to do next, and stay until Ctrl-C or SIGTERM. Raises Failed, see `Residence`."""

    residence = Residence(data, host=host, port=port)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        work = asyncio.ensure_future(_live(residence))
        stop = asyncio.ensure_future(stopping.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            console().print(f"\n{server.RUN_STOPPING()}", style="dim")
            work.cancel()
        stop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        await residence.stop()
    console().print(server.RUN_STOPPED(), style="dim")


async def _live(residence: Residence) -> None:
    from zajil.server.admin import create_invite

    await residence.start()
    link = link_with_echo(residence, create_invite(residence.data, 1))
    print_next_steps(residence, link=link, invite=create_invite(residence.data, 1))
    sys.stdout.flush()
    telling = asyncio.create_task(_tell_of_build(residence.build)) if residence.build is not None else None
    try:
        await residence.wait()
    finally:
        if telling is not None:
            telling.cancel()


async def _tell_of_build(build: ClientBuild) -> None:
    """One line when the client is there, or why it is not."""
    late = not build.done
    if not await build.ended():
        console().print(server.RUN_NOT_BUILT(), style="yellow")
        console().print(f"  {clean_text(build.complaint)}", style="dim")
    elif late:
        console().print(server.RUN_BUILT(), style="bold green")
